use async_graphql::{Value, Variables};

use super::strict_json::StrictJson;

/// A request's parameters, well formed.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    /// The document; none when its hash stands for it.
    pub(super) query: Option<String>,
    pub(super) operation_name: Option<String>,
    pub(super) variables: Variables,
    /// `extensions.persistedQuery.sha256Hash`.
    pub(super) document_hash: Option<String>,
}

/// What a POST carries.
pub(super) enum Body {
    One(Box<Parameters>),
    Batch(Vec<Parameters>),
}

/// A request that is not one, always answered 400.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Malformed {
    fn request(message: impl Into<String>) -> Self {
        Self { code: "BAD_REQUEST", message: message.into() }
    }
}

impl Parameters {
    pub(super) fn from_body(bytes: &[u8], batch_limit: usize) -> Result<Body, Malformed> {
        if bytes.is_empty() {
            return Err(Malformed::request("the body is missing"));
        }
        let StrictJson(value) = serde_json::from_slice(bytes).map_err(|error| Malformed {
            code: "JSON_PARSE_FAILED",
            message: format!("the body is not JSON: {error}"),
        })?;
        match value {
            Value::List(items) if items.len() > batch_limit => Err(Malformed {
                code: "BATCH_TOO_LARGE",
                message: format!("a batch may have {batch_limit} operations, not {}", items.len()),
            }),
            Value::List(items) if items.is_empty() => Err(Malformed::request("the batch is empty")),
            Value::List(items) => {
                Ok(Body::Batch(items.into_iter().map(Self::from_value).collect::<Result<_, _>>()?))
            }
            value => Ok(Body::One(Box::new(Self::from_value(value)?))),
        }
    }

    fn from_value(value: Value) -> Result<Self, Malformed> {
        let Value::Object(mut members) = value else {
            return Err(Malformed::request("a request is a JSON object with the member query"));
        };
        Self::from_members(|name| members.swap_remove(name))
    }

    pub(super) fn from_query(query: &str) -> Result<Self, Malformed> {
        let mut found: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            if !["query", "operationName", "variables", "extensions"].contains(&name.as_str()) {
                continue;
            }
            if found.iter().any(|(known, _)| *known == name) {
                return Err(Malformed::request(format!("the parameter {name} is given twice")));
            }
            found.push((name, decode(value)?));
        }
        let mut json = |name: &str| -> Result<Option<Value>, Malformed> {
            let Some(at) = found.iter().position(|(known, _)| known == name) else { return Ok(None) };
            let text = found.swap_remove(at).1;
            if name == "query" || name == "operationName" {
                return Ok(Some(Value::String(text)));
            }
            let read = serde_json::from_str(&text);
            read.map(|StrictJson(value)| Some(value)).map_err(|error| Malformed {
                code: "JSON_PARSE_FAILED",
                message: format!("the parameter {name} is not JSON: {error}"),
            })
        };
        let members = [
            ("query", json("query")?),
            ("operationName", json("operationName")?),
            ("variables", json("variables")?),
            ("extensions", json("extensions")?),
        ];
        let mut members: Vec<_> = members.into_iter().collect();
        Self::from_members(|name| members.iter_mut().find(|(known, _)| *known == name)?.1.take())
    }

    fn from_members(mut take: impl FnMut(&str) -> Option<Value>) -> Result<Self, Malformed> {
        let query = match take("query") {
            Some(Value::String(query)) => Some(query),
            None => None,
            Some(_) => return Err(Malformed::request("query is a string")),
        };
        let operation_name = match take("operationName") {
            Some(Value::String(name)) if name.is_empty() => None,
            Some(Value::String(name)) => Some(name),
            None | Some(Value::Null) => None,
            Some(_) => return Err(Malformed::request("operationName is a string")),
        };
        let variables = match take("variables") {
            Some(object @ Value::Object(_)) => Variables::from_value(object),
            None | Some(Value::Null) => Variables::default(),
            Some(_) => return Err(Malformed::request("variables is an object")),
        };
        let document_hash = match take("extensions") {
            Some(Value::Object(extensions)) => hash(extensions.get("persistedQuery"))?,
            None | Some(Value::Null) => None,
            Some(_) => return Err(Malformed::request("extensions is an object")),
        };
        if query.is_none() && document_hash.is_none() {
            return Err(Malformed::request("query is missing"));
        }
        Ok(Self { query, operation_name, variables, document_hash })
    }
}

fn hash(persisted: Option<&Value>) -> Result<Option<String>, Malformed> {
    let malformed =
        || Malformed::request("extensions.persistedQuery.sha256Hash is a SHA-256 hash in hexadecimal");
    match persisted {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => match object.get("sha256Hash") {
            Some(Value::String(hash))
                if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                Ok(Some(hash.to_ascii_lowercase()))
            }
            _ => Err(malformed()),
        },
        Some(_) => Err(malformed()),
    }
}

/// `application/x-www-form-urlencoded`, strictly: valid escapes, valid UTF-8.
fn decode(text: &str) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
                    return Err(Malformed::request("the query string has a malformed escape"));
                };
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_error| Malformed::request("the query string is not UTF-8"))
}
