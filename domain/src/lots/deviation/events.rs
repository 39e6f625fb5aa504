use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    enumeration, events,
    lots::{HoldCause, LotCode, Reading, Subject},
};

enumeration! {
    /// What becomes of held goods.
    pub enum Disposition {
        /// They may be used.
        Release = "RELEASE",
        /// They are destroyed.
        Dispose = "DISPOSE",
        /// They go back.
        ReturnToSupplier = "RETURN_TO_SUPPLIER",
    }
}

enumeration! {
    /// Where a deviation stands.
    pub enum DeviationStatus {
        /// Nobody has decided yet.
        Open = "OPEN",
        /// It is decided what becomes of the goods.
        Dispositioned = "DISPOSITIONED",
        /// Its root cause is known and somebody has signed it off.
        Closed = "CLOSED",
    }
}

/// Something was not as it must be; opened in the commit that held the goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviationOpened {
    /// The lot or buffer.
    pub subject: Subject,
    /// The lot's code, when the subject is a lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lot_code: Option<LotCode>,
    /// What put the goods on hold.
    pub cause: HoldCause,
    /// Why, in words.
    pub reason: String,
    /// The reading and the limit that it violated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// The inspection that found it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection_id: Option<Uuid>,
    /// OPEN.
    pub status_after: DeviationStatus,
    /// Whose reading, decision or hold it was.
    pub opened_by: String,
    /// When.
    pub opened_at: DateTime<Utc>,
}

/// It was decided what becomes of the goods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviationDispositioned {
    /// The decision.
    pub disposition: Disposition,
    /// Why it came to this, when that is known already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<String>,
    /// OPEN.
    pub status_before: DeviationStatus,
    /// DISPOSITIONED.
    pub status_after: DeviationStatus,
    /// Who decided.
    pub dispositioned_by: String,
    /// When.
    pub dispositioned_at: DateTime<Utc>,
}

/// The deviation was signed off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviationClosed {
    /// Why it came to this.
    pub root_cause: String,
    /// DISPOSITIONED.
    pub status_before: DeviationStatus,
    /// CLOSED.
    pub status_after: DeviationStatus,
    /// Who signed it off.
    pub closed_by: String,
    /// When.
    pub closed_at: DateTime<Utc>,
}

/// A day has passed and nobody has decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeviationReminded {
    /// Which reminder it is, from 1.
    pub reminder: u32,
    /// When.
    pub reminded_at: DateTime<Utc>,
}

events! {
    /// What happens to a deviation.
    pub enum DeviationEvent {
        DeviationOpened = 1;
        DeviationDispositioned = 1;
        DeviationClosed = 1;
        DeviationReminded = 1;
    }
}
