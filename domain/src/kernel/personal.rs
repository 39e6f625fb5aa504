//! Personal data: what it is in an event, and how it is found there to be sealed and opened.

use std::{borrow::Cow, cell::Cell, fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

/// Something that tells about a person: in an event, stored sealed under that person's key, and gone with it.
///
/// `Serialize` fails, so that no event, state, answer or log line can carry it away in the open. The engine alone
/// writes it, with [`in_the_open`], for a log that seals what it is given; a store refuses what has stayed open.
/// For the same reason it is no `Display`: a refusal's sentence is kept and published, and nothing is to slip into one.
/// Who may show it says so, by [`Self::shown`].
///
/// ```compile_fail
/// let name = domain::kernel::Personal::of("u-1", "Ann".to_owned());
/// let sentence = format!("{name} has been here");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Personal<T> {
    subject: Arc<str>,
    value: Option<T>,
}

/// What stands in a reader's way, in place of a value that was erased.
pub const ERASED: &str = "ERASED";

impl<T> Personal<T> {
    /// A value that tells about this subject: the id of a user or customer.
    pub fn of(subject: impl Into<Arc<str>>, value: T) -> Self {
        Self { subject: subject.into(), value: Some(value) }
    }

    /// What is left when the subject has been erased.
    pub fn erased(subject: impl Into<Arc<str>>) -> Self {
        Self { subject: subject.into(), value: None }
    }

    /// Whom it tells about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The value; none when the subject has been erased.
    pub const fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

impl<T: fmt::Display> Personal<T> {
    /// What a reader who may see it is shown: the value, or `ERASED` after erasure, never an error (identity.md, section 0).
    pub fn shown(&self) -> String {
        self.value.as_ref().map_or_else(|| ERASED.to_owned(), ToString::to_string)
    }
}

impl<T> fmt::Debug for Personal<T> {
    /// Whom, never what: this is what finds its way into logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Personal(of {})", self.subject)
    }
}

/// The key of an object that holds a value in the open: in memory, on its way to or from a log that seals.
const OPEN: &str = "$open";
/// The key of an object that holds a sealed value: on the log and on every topic.
const SEALED: &str = "$seal";

thread_local! {
    static MAY_WRITE: Cell<bool> = const { Cell::new(false) };
}

/// Lets personal data be written while `write` runs, in a form that [`seal_text`] finds and every store refuses.
pub fn in_the_open<R>(write: impl FnOnce() -> R) -> R {
    struct Closing(bool);
    impl Drop for Closing {
        fn drop(&mut self) {
            MAY_WRITE.set(self.0);
        }
    }
    let _closing = Closing(MAY_WRITE.replace(true));
    write()
}

/// Whether a text that was written [`in_the_open`] holds personal data that nobody has sealed.
pub fn is_open(text: &str) -> bool {
    has_key(text, OPEN)
}

/// Whether a stored text holds sealed personal data.
pub fn is_sealed(text: &str) -> bool {
    has_key(text, SEALED)
}

/// Stands in a stored text wherever it holds something that tells about this subject, and in no other.
pub fn sealed_sign(subject: &str) -> String {
    // As `rewrite` writes it: the subject goes first.
    format!("\"{SEALED}\":{{\"subject\":{}", Value::from(subject))
}

/// Whether an object of a JSON text has this key, without reading the text. A text of that content is no key: a colon
/// follows a key alone, and a quotation mark inside a text is escaped. Every event is looked at, and hardly any holds the
/// sign: looking for one byte first is ten times as fast.
fn has_key(text: &str, key: &str) -> bool {
    text.contains('$')
        && text.match_indices(key).any(|(at, found)| {
            let opened = text[..at].strip_suffix('"').is_some_and(|before| !before.ends_with('\\'));
            let closed = text[at + found.len()..].strip_prefix('"').map(str::trim_ascii_start);
            opened && closed.is_some_and(|behind| behind.starts_with(':'))
        })
}

/// A value on its way between open and sealed.
pub struct Held<'a> {
    /// Whom it tells about.
    pub subject: &'a str,
    /// The names and indices that lead to the value, joined by dots.
    pub path: &'a str,
    /// The value in the open, or what sealing has made of it. Absent when it was erased.
    pub content: Option<&'a Value>,
}

/// Seals every personal value of a text that was written [`in_the_open`]. `seal` answers what takes the value's place.
pub fn seal_text<E>(
    text: &str,
    seal: impl FnMut(Held<'_>) -> Result<Option<Value>, E>,
) -> Result<String, RewriteError<E>> {
    rewrite(text, OPEN, SEALED, seal)
}

/// Opens every personal value of a stored text. `open` answers the value, or nothing where it was erased.
pub fn open_text<E>(
    text: &str,
    open: impl FnMut(Held<'_>) -> Result<Option<Value>, E>,
) -> Result<String, RewriteError<E>> {
    rewrite(text, SEALED, OPEN, open)
}

/// What is shown to whoever may see it: each value in the place of what held it, `ERASED` where there is none any more, and nothing
/// where one is sealed still because it did not open.
pub fn shown(mut value: Value) -> Value {
    show(&mut value);
    value
}

fn show(value: &mut Value) {
    let fields = value.as_object_mut().filter(|fields| fields.len() == 1);
    if let Some((key, held)) = fields.and_then(|fields| fields.iter_mut().next()) {
        let shown = match key.as_str() {
            OPEN => Some(held.get_mut("value").map_or_else(|| ERASED.into(), Value::take)),
            SEALED => Some(held.get("value").map_or_else(|| ERASED.into(), |_sealed| Value::Null)),
            _ => None,
        };
        if let Some(shown) = shown {
            *value = shown;
            return;
        }
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(show),
        Value::Array(items) => items.iter_mut().for_each(show),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The subjects of a text's personal values, open or sealed, in the order of the text; some perhaps twice.
pub fn subjects(text: &str) -> Vec<Arc<str>> {
    let mut subjects = Vec::new();
    for (from, to) in [(OPEN, OPEN), (SEALED, SEALED)] {
        let note = |held: Held<'_>| -> Result<Option<Value>, std::convert::Infallible> {
            subjects.push(Arc::from(held.subject));
            Ok(held.content.cloned())
        };
        rewrite(text, from, to, note).ok();
    }
    subjects
}

/// A value as JSON, for somebody to whom nothing personal is told: whom it is about, as on the log, and nothing more.
pub fn masked(value: &impl Serialize) -> serde_json::Result<Value> {
    let mut tree = in_the_open(|| serde_json::to_value(value))?;
    let mut nothing = |_held: Held<'_>| Ok::<_, std::convert::Infallible>(None);
    match walk(&mut tree, &mut String::new(), OPEN, SEALED, &mut nothing) {
        Ok(()) => Ok(tree),
        Err(RewriteError::Json(error)) => Err(error),
        Err(RewriteError::Value { source, .. }) => match source {},
    }
}

/// A text with personal data could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError<E> {
    /// It is not JSON.
    #[error("the text is not JSON")]
    Json(#[from] serde_json::Error),
    /// A value could not be sealed or opened.
    #[error("the value at {path} cannot be turned")]
    Value {
        /// Where it stands.
        path: String,
        /// Why.
        #[source]
        source: E,
    },
}

fn rewrite<E>(
    text: &str,
    from: &str,
    to: &str,
    mut turn: impl FnMut(Held<'_>) -> Result<Option<Value>, E>,
) -> Result<String, RewriteError<E>> {
    let mut tree = serde_json::from_str(text)?;
    walk(&mut tree, &mut String::new(), from, to, &mut turn)?;
    Ok(serde_json::to_string(&tree)?)
}

fn walk<E>(
    value: &mut Value,
    path: &mut String,
    from: &str,
    to: &str,
    turn: &mut impl FnMut(Held<'_>) -> Result<Option<Value>, E>,
) -> Result<(), RewriteError<E>> {
    if let Some(turned) = turned(value, path, from, to, turn) {
        *value = turned.map_err(|source| RewriteError::Value { path: path.clone(), source })?;
        return Ok(());
    }
    let length = path.len();
    let mut visit = |name: &dyn fmt::Display, inner: &mut Value| {
        path.push_str(&format!("{}{name}", if length == 0 { "" } else { "." }));
        let walked = walk(inner, path, from, to, turn);
        path.truncate(length);
        walked
    };
    match value {
        Value::Object(fields) => fields.iter_mut().try_for_each(|(name, inner)| visit(name, inner)),
        Value::Array(items) => {
            items.iter_mut().enumerate().try_for_each(|(index, inner)| visit(&index, inner))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// What takes the place of an object that holds a personal value; none for anything else.
fn turned<E>(
    value: &Value,
    path: &str,
    from: &str,
    to: &str,
    turn: &mut impl FnMut(Held<'_>) -> Result<Option<Value>, E>,
) -> Option<Result<Value, E>> {
    let held = value.as_object().filter(|fields| fields.len() == 1)?.get(from)?;
    let subject = held.get("subject")?.as_str()?;
    let content = turn(Held { subject, path, content: held.get("value") });
    Some(content.map(|content| {
        let mut fields = Map::new();
        fields.insert("subject".to_owned(), subject.into());
        fields.extend(content.map(|content| ("value".to_owned(), content)));
        Value::Object(Map::from_iter([(to.to_owned(), Value::Object(fields))]))
    }))
}

/// A value in the open, as it is written and read in memory.
#[derive(Serialize, Deserialize)]
struct Open<'a, T> {
    #[serde(rename = "$open")]
    open: OpenValue<'a, T>,
}

#[derive(Serialize, Deserialize)]
struct OpenValue<'a, T> {
    subject: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<T>,
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !MAY_WRITE.get() {
            return Err(serde::ser::Error::custom(
                "personal data is written by the engine alone, to be sealed",
            ));
        }
        let open = OpenValue { subject: Cow::Borrowed(&self.subject), value: self.value.as_ref() };
        Open { open }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    /// Reads what a log that opens has answered. What is sealed still is an error: without its key nobody may say what it is.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Open { open } = Open::<T>::deserialize(deserializer)
            .map_err(|error| de::Error::custom(format_args!("personal data is not open: {error}")))?;
        Ok(Self { subject: Arc::from(open.subject), value: open.value })
    }
}

impl<T> JsonSchema for Personal<T> {
    fn schema_name() -> Cow<'static, str> {
        "Personal".into()
    }

    /// What lies on the log and on topics: whatever the value is, only its ciphertext is published.
    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "Personal data, sealed under the subject's key. Without a value, the subject was erased before it was written.",
            "properties": {
                "$seal": {
                    "type": "object",
                    "properties": {
                        "subject": { "type": "string" },
                        "value": {
                            "type": "object",
                            "properties": {
                                "key": { "type": "integer", "minimum": 1 },
                                "nonce": { "type": "string" },
                                "text": { "type": "string" }
                            },
                            "required": ["key", "nonce", "text"]
                        }
                    },
                    "required": ["subject"]
                }
            },
            "required": ["$seal"]
        })
    }
}

#[cfg(test)]
mod tests;
