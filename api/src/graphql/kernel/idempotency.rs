use async_graphql::{Name, Value};
use commands::ports::TenantId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The client's own name for a wish: the same key again gets the first answer. 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// A key outside its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to 128 visible ASCII characters")]
pub struct MalformedKey;

impl IdempotencyKey {
    /// Checks a key given as argument or header.
    pub fn try_new(text: impl Into<String>) -> Result<Self, MalformedKey> {
        let text = text.into();
        if text.is_empty() || text.len() > 128 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(MalformedKey);
        }
        Ok(Self(text))
    }

    /// The id of the command that the key stands for: UUIDv5 over tenant, actor, operation and key, so that no key reveals
    /// another's answer and one key may serve different operations.
    pub fn command_id(&self, tenant: TenantId, actor: &str, operation: &str) -> Uuid {
        // Lengths keep two different triples from running into the same text.
        let name = format!("{}:{actor}|{}:{operation}|{}", actor.len(), operation.len(), self.0);
        Uuid::new_v5(&tenant, name.as_bytes())
    }
}

/// What a repetition of a key is compared by: SHA-256 of canonical JSON of the mutation's input, as the client gave it. Before
/// defaults, so that a release that adds an optional field refuses no honest repetition; whether by variables or in the
/// document, and in whatever order of its fields, since that is the same input. None for what is no JSON.
pub(super) fn input_digest(arguments: Vec<(Name, Value)>) -> Option<[u8; 32]> {
    let mut content = Vec::new();
    let input = arguments.into_iter().filter(|(name, _)| !BESIDE_THE_INPUT.contains(&name.as_str()));
    for (name, value) in input {
        content.push((name.to_string(), value.into_json().ok()?));
    }
    let mut text = Vec::new();
    write_canonical(&serde_json::Value::Object(content.into_iter().collect()), &mut text)?;
    Some(Sha256::digest(&text).into())
}

/// Arguments that do not say what is wanted: the key itself, and on which condition.
const BESIDE_THE_INPUT: [&str; 2] = ["idempotencyKey", "expectedVersion"];

/// Writes JSON without spaces, the fields of its objects by name.
fn write_canonical(value: &serde_json::Value, text: &mut Vec<u8>) -> Option<()> {
    match value {
        serde_json::Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            text.push(b'{');
            for (at, (name, value)) in fields.into_iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                serde_json::to_writer(&mut *text, name).ok()?;
                text.push(b':');
                write_canonical(value, text)?;
            }
            text.push(b'}');
        }
        serde_json::Value::Array(items) => {
            text.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                write_canonical(item, text)?;
            }
            text.push(b']');
        }
        plain => serde_json::to_writer(text, plain).ok()?,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(arguments: serde_json::Value) -> [u8; 32] {
        let serde_json::Value::Object(arguments) = arguments else { panic!("arguments have names") };
        let given = arguments.into_iter();
        input_digest(given.map(|(name, value)| (Name::new(name), Value::from_json(value).unwrap())).collect())
            .unwrap()
    }

    #[test]
    fn an_input_is_the_same_in_any_order_and_under_any_key_or_version() {
        let given = digest(json!({ "input": { "lotId": "7", "weight": { "grams": 5, "by": ["a", "b"] } } }));
        let again = json!({
            "expectedVersion": 3,
            "input": { "weight": { "by": ["a", "b"], "grams": 5 }, "lotId": "7" },
            "idempotencyKey": "k-1",
        });
        assert_eq!(digest(again), given);
        for other in [
            json!({ "input": { "lotId": "7", "weight": { "grams": 6, "by": ["a", "b"] } } }),
            json!({ "input": { "lotId": "7", "weight": { "grams": 5, "by": ["b", "a"] } } }),
            json!({ "input": { "lotId": "7", "weight": { "grams": 5, "by": ["a", "b"] }, "note": "x" } }),
        ] {
            assert_ne!(digest(other), given);
        }
    }

    #[test]
    fn an_enum_is_the_same_by_a_variable_and_in_the_document() {
        let by = |value| input_digest(vec![(Name::new("input"), value)]).unwrap();
        assert_eq!(by(Value::Enum(Name::new("PASS"))), by(Value::String("PASS".to_owned())));
    }

    #[test]
    fn a_key_names_one_command_of_one_actor_in_one_tenant() {
        let key = IdempotencyKey::try_new("k-1").unwrap();
        let id = key.command_id(Uuid::from_u128(1), "ann", "createLot");
        assert_eq!(id, key.command_id(Uuid::from_u128(1), "ann", "createLot"));
        assert_ne!(id, key.command_id(Uuid::from_u128(2), "ann", "createLot"));
        assert_ne!(id, key.command_id(Uuid::from_u128(1), "bob", "createLot"));
        assert_ne!(id, key.command_id(Uuid::from_u128(1), "ann", "weighLot"));
    }

    #[test]
    fn keys_outside_their_limits_are_refused() {
        let long = "x".repeat(129);
        for text in ["", " ", "a b", "ä", "\n", &long] {
            assert_eq!(IdempotencyKey::try_new(text), Err(MalformedKey), "{text}");
        }
    }
}
