use commands::ports::TenantId;
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

#[cfg(test)]
mod tests {
    use super::*;

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
