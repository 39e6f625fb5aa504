use async_graphql::Value;
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

/// What a repetition of a key is compared by: SHA-256 of canonical JSON of the mutation's input. Of the fields that the
/// client gave, so that a release that adds an optional one refuses no honest repetition; as their types read them, so that
/// it is the same input whether by variables or in the document, in whatever order and spelling. None for what is no JSON.
pub(super) fn input_digest(given: &Value, read: Value) -> Option<[u8; 32]> {
    let mut text = Vec::new();
    write_canonical(&as_given(given, read).into_json().ok()?, &mut text)?;
    Some(Sha256::digest(&text).into())
}

/// What was read, without the fields that were not given. Null is left out: a variable that is left out becomes that.
fn as_given(given: &Value, read: Value) -> Value {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => {
            let known = read.into_iter().filter_map(|(name, read)| {
                let given = given.get(&name).filter(|given| **given != Value::Null)?;
                let read = as_given(given, read);
                Some((name, read))
            });
            Value::Object(known.collect())
        }
        (Value::List(given), Value::List(read)) => {
            Value::List(given.iter().zip(read).map(|(given, read)| as_given(given, read)).collect())
        }
        // One element stands for a list of it.
        (one, Value::List(read)) => Value::List(read.into_iter().map(|read| as_given(one, read)).collect()),
        (_, read) => read,
    }
}

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
    use async_graphql::{ID, InputType, Name};
    use serde_json::json;

    use super::*;
    use crate::graphql::kernel::Int64;

    #[derive(async_graphql::Enum, Clone, Copy, PartialEq, Eq)]
    enum Gate {
        Pass,
        Fail,
    }

    #[derive(async_graphql::InputObject)]
    struct Part {
        grams: Int64,
        by: Vec<String>,
    }

    #[derive(async_graphql::InputObject)]
    struct Wish {
        lot: ID,
        gates: Vec<Gate>,
        part: Option<Part>,
        note: Option<String>,
        #[graphql(default = 60)]
        minutes: i32,
    }

    fn digest_of(given: Value) -> [u8; 32] {
        let Ok(read) = Wish::parse(Some(given.clone())) else { panic!("{given} is no wish") };
        input_digest(&given, read.to_value()).unwrap()
    }

    fn digest(given: serde_json::Value) -> [u8; 32] {
        digest_of(Value::from_json(given).unwrap())
    }

    #[test]
    fn an_input_is_the_same_in_any_order_and_another_one_is_not() {
        let given =
            digest(json!({ "lot": "7", "gates": ["PASS"], "part": { "grams": 5, "by": ["a", "b"] } }));
        let again = json!({ "part": { "by": ["a", "b"], "grams": 5 }, "gates": ["PASS"], "lot": "7" });
        assert_eq!(digest(again), given);
        for other in [
            json!({ "lot": "8", "gates": ["PASS"], "part": { "grams": 5, "by": ["a", "b"] } }),
            json!({ "lot": "7", "gates": ["FAIL"], "part": { "grams": 5, "by": ["a", "b"] } }),
            json!({ "lot": "7", "gates": ["PASS"], "part": { "grams": 6, "by": ["a", "b"] } }),
            json!({ "lot": "7", "gates": ["PASS"], "part": { "grams": 5, "by": ["b", "a"] } }),
            json!({ "lot": "7", "gates": ["PASS"], "part": { "grams": 5, "by": ["a", "b"] }, "note": "x" }),
            json!({ "lot": "7", "gates": ["PASS"], "part": { "grams": 5, "by": ["a", "b"] }, "minutes": 60 }),
        ] {
            assert_ne!(digest(other.clone()), given, "{other}");
        }
    }

    #[test]
    fn an_input_is_the_same_by_a_variable_and_in_the_document() {
        let given = digest(json!({ "lot": "7", "gates": ["PASS"], "part": { "grams": 5, "by": ["a"] } }));
        // A number as its scalar lets it be written, a list of one, and what is left out by a variable.
        for same in [
            json!({ "lot": 7, "gates": "PASS", "part": { "grams": "5", "by": "a" } }),
            json!({ "lot": "7", "gates": ["PASS"], "part": { "grams": "5", "by": ["a"] }, "note": null }),
        ] {
            assert_eq!(digest(same.clone()), given, "{same}");
        }
        let by_name = |gate| {
            let fields = [("lot", Value::from("7")), ("gates", Value::List(vec![gate]))];
            digest_of(Value::Object(
                fields.map(|(name, value)| (Name::new(name), value)).into_iter().collect(),
            ))
        };
        assert_eq!(by_name(Value::Enum(Name::new("PASS"))), by_name(Value::from("PASS")));
        let without = digest(json!({ "lot": "7", "gates": ["PASS"] }));
        assert_eq!(digest(json!({ "lot": "7", "gates": ["PASS"], "part": null })), without);
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
