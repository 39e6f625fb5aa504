use async_graphql::ID;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use commands::ports::TenantId;
use uuid::Uuid;

use super::Named;

/// The id of an entity as clients see it: opaque, and unique over all types and tenants. Inside, it is the type's name,
/// the tenant and the stream's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobalId {
    /// The GraphQL type's name.
    pub type_name: String,
    /// Whose entity it is.
    pub tenant: TenantId,
    /// The id within the stream's category.
    pub stream_id: String,
}

/// An id that leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GlobalIdError {
    /// Not an id of Cairn's making: `VALIDATION_FAILED`.
    #[error("the id is malformed")]
    Malformed,
    /// An id of another type or of another tenant: `NOT_FOUND`, as if there were nothing.
    #[error("there is nothing with this id")]
    Foreign,
}

impl GlobalId {
    /// The id as text, from its parts.
    pub fn encode(type_name: &str, tenant: TenantId, stream_id: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{type_name}:{}:{stream_id}", tenant.simple()))
    }

    /// The id of an entity, by the name of its type.
    pub fn of<T: Named>(tenant: TenantId, id: Uuid) -> ID {
        Self::encode(T::TYPE, tenant, &id.to_string()).into()
    }

    /// Reads any id, whoever it belongs to.
    pub fn decode(text: &str) -> Result<Self, GlobalIdError> {
        const LONGEST: usize = 512;
        if text.len() > LONGEST {
            return Err(GlobalIdError::Malformed);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_error| GlobalIdError::Malformed)?;
        let plain = String::from_utf8(bytes).map_err(|_error| GlobalIdError::Malformed)?;
        let mut parts = plain.splitn(3, ':');
        let (Some(type_name), Some(tenant), Some(stream_id)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(GlobalIdError::Malformed);
        };
        let tenant: TenantId = tenant.parse().map_err(|_error| GlobalIdError::Malformed)?;
        if type_name.is_empty() || stream_id.is_empty() {
            return Err(GlobalIdError::Malformed);
        }
        let id = Self { type_name: type_name.to_owned(), tenant, stream_id: stream_id.to_owned() };
        // A second spelling of an id would be a second key in a client's cache.
        if Self::encode(&id.type_name, tenant, &id.stream_id) != text {
            return Err(GlobalIdError::Malformed);
        }
        Ok(id)
    }

    /// Reads an id of one type, within the caller's tenant, and answers the stream's id.
    pub fn decode_as(text: &str, type_name: &str, tenant: TenantId) -> Result<String, GlobalIdError> {
        let id = Self::decode(text)?;
        if id.type_name != type_name || id.tenant != tenant {
            return Err(GlobalIdError::Foreign);
        }
        Ok(id.stream_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_to_its_entity() {
        let tenant = Uuid::from_u128(7);
        let text = GlobalId::encode("Lot", tenant, "0190-abc:d");
        assert_eq!(GlobalId::decode_as(&text, "Lot", tenant), Ok("0190-abc:d".to_owned()));
    }

    #[test]
    fn an_id_of_another_tenant_or_type_leads_nowhere() {
        let text = GlobalId::encode("Lot", Uuid::from_u128(7), "x");
        assert_eq!(GlobalId::decode_as(&text, "Lot", Uuid::from_u128(8)), Err(GlobalIdError::Foreign));
        assert_eq!(GlobalId::decode_as(&text, "Partner", Uuid::from_u128(7)), Err(GlobalIdError::Foreign));
    }

    #[test]
    fn what_cairn_did_not_make_is_malformed() {
        let respelled =
            BASE64_URL_SAFE_NO_PAD.encode(format!("Lot:{}:x", Uuid::from_u128(0xab).hyphenated()));
        let endless = "A".repeat(100_000);
        for text in ["", "Lot:7:x", "TG90", "TG90OjA6", "\u{0}", &respelled, &endless] {
            assert_eq!(GlobalId::decode(text), Err(GlobalIdError::Malformed), "{text}");
        }
    }
}
