use super::DeviationStatus;
use crate::{
    Refusal,
    kernel::{Detail, InvalidInput, RefusalKind},
};

/// Why a deviation refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviationRefusal {
    /// A field lies outside its limits.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// No such deviation.
    #[error("there is no such deviation")]
    NotFound,
    /// It has passed the state that the command starts from.
    #[error("the deviation is {}", status.as_str())]
    State {
        /// Where it stands.
        status: DeviationStatus,
    },
    /// It must be decided what becomes of the goods before it is signed off.
    #[error("the deviation has no disposition yet")]
    Open,
    /// Whoever took the reading cannot sign its deviation off.
    #[error("the reading was recorded by the same person")]
    SamePerson,
}

impl Refusal for DeviationRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(invalid) => invalid.code(),
            Self::NotFound => "NOT_FOUND",
            Self::State { .. } => "DEVIATION_STATE",
            Self::Open => "DEVIATION_OPEN",
            Self::SamePerson => "SAME_PERSON",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(invalid) => invalid.kind(),
            Self::NotFound => RefusalKind::NotFound,
            Self::State { .. } | Self::Open | Self::SamePerson => RefusalKind::State,
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid(invalid) => invalid.field(),
            Self::NotFound | Self::State { .. } | Self::Open | Self::SamePerson => None,
        }
    }

    fn details(&self) -> Vec<(&'static str, Detail)> {
        match self {
            Self::Invalid(invalid) => invalid.details(),
            Self::State { status } => vec![("status", Detail::Text(status.as_str().to_owned()))],
            Self::NotFound | Self::Open | Self::SamePerson => Vec::new(),
        }
    }
}
