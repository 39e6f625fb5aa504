use super::LotStatus;
use crate::{
    Refusal,
    kernel::{Detail, InvalidInput, LocalDay, RefusalKind},
    lots::{Disposition, Gate, Grams, LotCode, LotType, ReadingType, TenthsC, process_rules::MAX_LINKS},
};

/// Why a lot refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LotRefusal {
    /// A field lies outside its limits.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    /// What an input field names does not exist, or is another tenant's.
    #[error("{field} names nothing that exists")]
    NotFound {
        /// The input field.
        field: &'static str,
    },
    /// A lot with this id exists already.
    #[error("the lot exists already")]
    AlreadyExists,
    /// Raw material needs somebody who delivered it.
    #[error("a RAW lot needs a partner with the role SUPPLIER")]
    SupplierRequired,
    /// The lot is not in a state that the command starts from.
    #[error("the lot is {status}")]
    State {
        /// Where it stands.
        status: LotStatus,
    },
    /// Weight and inputs can no longer change.
    #[error("the lot is {status} and its weight and inputs are fixed")]
    Frozen {
        /// Where it stands.
        status: LotStatus,
    },
    /// Only the next rung of the ladder can be made.
    #[error("{child_type} is not made from {parent_type}")]
    TypeLadder {
        /// The input's type.
        parent_type: LotType,
        /// The type to be made.
        child_type: LotType,
    },
    /// Rods of 15 and 30 kg do not mix.
    #[error("{lot_code} has another SKU than the lot")]
    SkuMixed {
        /// The input that does not fit.
        lot_code: LotCode,
    },
    /// A mix is used up on the day it was made.
    #[error("{lot_code} was mixed on {production_day} and can be used on that day only")]
    MixNotSameDay {
        /// The mix.
        lot_code: LotCode,
        /// Its day.
        production_day: LocalDay,
    },
    /// Only rods may be left over for another day.
    #[error("{lot_code} was made on {production_day} and can be used on that day only")]
    BacklogNotAllowed {
        /// The input.
        lot_code: LotCode,
        /// Its day.
        production_day: LocalDay,
    },
    /// Only what passed its gate may be used.
    #[error("{lot_code} is {status}, not RELEASED")]
    ParentNotReleased {
        /// The input.
        lot_code: LotCode,
        /// Where it stands.
        status: LotStatus,
    },
    /// A lot is linked to another one once, and never to itself.
    #[error("{lot_code} is the lot itself, or is linked to it already")]
    LinkInvalid {
        /// The input.
        lot_code: LotCode,
    },
    /// Somebody took it before.
    #[error("{lot_code} has {remaining} left")]
    NotEnoughLeft {
        /// The input.
        lot_code: LotCode,
        /// What is left of it.
        remaining: Grams,
    },
    /// The weight cannot come from these inputs.
    #[error("the weight must be {min} to {max}")]
    WeightBalance {
        /// The least weight allowed.
        min: Grams,
        /// The greatest.
        max: Grams,
    },
    /// It must be weighed first.
    #[error("the lot has not been weighed")]
    WeightMissing,
    /// A PASS at a critical control point rests on a reading of the last hour.
    #[error("gate {gate} needs a {reading_type} reading of the last 60 minutes")]
    ReadingMissing {
        /// The gate.
        gate: Gate,
        /// Where the thermometer must be held.
        reading_type: ReadingType,
    },
    /// The reading lies outside the critical limit.
    #[error("the reading of {value} exceeds the critical limit of {limit}")]
    CcpLimitExceeded {
        /// What was read.
        value: TenthsC,
        /// The greatest value allowed.
        limit: TenthsC,
    },
    /// HOLD and FAIL must be explained.
    #[error("notes of at least 10 characters must explain the decision, these have {found}")]
    NotesTooShort {
        /// How many characters there are.
        found: usize,
    },
    /// The reason must say something.
    #[error("the reason must have at least 10 characters, it has {found}")]
    ReasonTooShort {
        /// The input field.
        field: &'static str,
        /// How many characters there are.
        found: usize,
    },
    /// Nobody has decided yet what becomes of the lot.
    #[error("the deviation of the hold has no disposition yet")]
    DeviationOpen,
    /// The deviation decided otherwise.
    #[error("the deviation of the hold decided otherwise")]
    DispositionOther {
        /// What it decided.
        disposition: Disposition,
    },
    /// A lot is released only after a PASS.
    #[error("the lot has no PASS at gate {gate}")]
    QcMissing {
        /// The gate.
        gate: Gate,
    },
    /// Goods wait for a decision.
    #[error("the lot waits for a PASS at its gate")]
    QcPending {
        /// The lots that wait.
        lots: Vec<LotCode>,
    },
    /// So many links that its end could not be stored in one commit.
    #[error("{lot_code} is linked to {MAX_LINKS} lots; it takes no further one")]
    LinkLimit {
        /// The lot.
        lot_code: LotCode,
    },
    /// Nothing was made of it, so that nothing can be left over.
    #[error("nothing was made of the lot")]
    NoChild,
    /// What was made of it is not closed.
    #[error("{} of the lots made of it are not closed", lots.len())]
    ChildrenOpen {
        /// Those lots.
        lots: Vec<LotCode>,
    },
    /// The dispatch record would have a hole.
    #[error("{field} names a partner without {missing}")]
    PartnerIncomplete {
        /// The input field.
        field: &'static str,
        /// What is missing.
        missing: &'static str,
    },
}

impl Refusal for LotRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(invalid) => invalid.code(),
            Self::NotFound { .. } => "NOT_FOUND",
            Self::AlreadyExists => "LOT_EXISTS",
            Self::SupplierRequired => "SUPPLIER_REQUIRED",
            Self::State { .. } => "LOT_STATE",
            Self::Frozen { .. } => "LOT_FROZEN",
            Self::TypeLadder { .. } => "TYPE_LADDER",
            Self::SkuMixed { .. } => "SKU_MIXED",
            Self::MixNotSameDay { .. } => "MIX_NOT_SAME_DAY",
            Self::BacklogNotAllowed { .. } => "BACKLOG_NOT_ALLOWED",
            Self::ParentNotReleased { .. } => "PARENT_NOT_RELEASED",
            Self::LinkInvalid { .. } => "LINK_INVALID",
            Self::NotEnoughLeft { .. } => "NOT_ENOUGH_LEFT",
            Self::WeightBalance { .. } => "WEIGHT_BALANCE",
            Self::WeightMissing => "WEIGHT_MISSING",
            Self::ReadingMissing { .. } => "READING_MISSING",
            Self::CcpLimitExceeded { .. } => "CCP_LIMIT_EXCEEDED",
            Self::NotesTooShort { .. } => "NOTES_TOO_SHORT",
            Self::ReasonTooShort { .. } => "REASON_TOO_SHORT",
            Self::DeviationOpen => "DEVIATION_OPEN",
            Self::DispositionOther { .. } => "DISPOSITION_OTHER",
            Self::QcMissing { .. } => "QC_MISSING",
            Self::QcPending { .. } => "QC_PENDING",
            Self::LinkLimit { .. } => "LINK_LIMIT",
            Self::NoChild => "NO_CHILD",
            Self::ChildrenOpen { .. } => "CHILDREN_OPEN",
            Self::PartnerIncomplete { .. } => "PARTNER_INCOMPLETE",
        }
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(invalid) => invalid.kind(),
            Self::NotFound { .. } => RefusalKind::NotFound,
            Self::AlreadyExists
            | Self::SupplierRequired
            | Self::State { .. }
            | Self::Frozen { .. }
            | Self::TypeLadder { .. }
            | Self::SkuMixed { .. }
            | Self::MixNotSameDay { .. }
            | Self::BacklogNotAllowed { .. }
            | Self::ParentNotReleased { .. }
            | Self::LinkInvalid { .. }
            | Self::NotEnoughLeft { .. }
            | Self::WeightBalance { .. }
            | Self::WeightMissing
            | Self::ReadingMissing { .. }
            | Self::CcpLimitExceeded { .. }
            | Self::NotesTooShort { .. }
            | Self::ReasonTooShort { .. }
            | Self::DeviationOpen
            | Self::DispositionOther { .. }
            | Self::QcMissing { .. }
            | Self::QcPending { .. }
            | Self::LinkLimit { .. }
            | Self::NoChild
            | Self::ChildrenOpen { .. }
            | Self::PartnerIncomplete { .. } => RefusalKind::State,
        }
    }

    fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid(invalid) => invalid.field(),
            Self::NotFound { field } => Some(field),
            Self::SupplierRequired => Some("supplierId"),
            Self::TypeLadder { .. }
            | Self::SkuMixed { .. }
            | Self::MixNotSameDay { .. }
            | Self::BacklogNotAllowed { .. }
            | Self::ParentNotReleased { .. }
            | Self::LinkInvalid { .. }
            | Self::LinkLimit { .. }
            | Self::NotEnoughLeft { .. } => Some("inputs"),
            Self::WeightBalance { .. } => Some("weightGrams"),
            Self::NotesTooShort { .. } => Some("notes"),
            Self::ReasonTooShort { field, .. } => Some(field),
            Self::PartnerIncomplete { field, .. } => Some(field),
            Self::AlreadyExists
            | Self::State { .. }
            | Self::Frozen { .. }
            | Self::WeightMissing
            | Self::ReadingMissing { .. }
            | Self::CcpLimitExceeded { .. }
            | Self::DeviationOpen
            | Self::DispositionOther { .. }
            | Self::QcMissing { .. }
            | Self::QcPending { .. }
            | Self::NoChild
            | Self::ChildrenOpen { .. } => None,
        }
    }

    fn details(&self) -> Vec<(&'static str, Detail)> {
        let code = |lot_code: &LotCode| ("lot", Detail::Text(lot_code.to_string()));
        let codes = |lots: &[LotCode]| Detail::List(lots.iter().map(LotCode::to_string).collect());
        let text = |name, value: &dyn ToString| (name, Detail::Text(value.to_string()));
        match self {
            Self::Invalid(invalid) => invalid.details(),
            Self::State { status } | Self::Frozen { status } => vec![text("status", status)],
            Self::TypeLadder { parent_type, child_type } => {
                vec![text("parent_type", parent_type), text("child_type", child_type)]
            }
            Self::SkuMixed { lot_code } | Self::LinkInvalid { lot_code } | Self::LinkLimit { lot_code } => {
                vec![code(lot_code)]
            }
            Self::MixNotSameDay { lot_code, production_day }
            | Self::BacklogNotAllowed { lot_code, production_day } => {
                vec![code(lot_code), text("production_day", production_day)]
            }
            Self::ParentNotReleased { lot_code, status } => vec![code(lot_code), text("status", status)],
            Self::NotEnoughLeft { lot_code, remaining } => {
                vec![code(lot_code), ("remaining_g", Detail::Integer(remaining.0))]
            }
            Self::WeightBalance { min, max } => {
                vec![("min_g", Detail::Integer(min.0)), ("max_g", Detail::Integer(max.0))]
            }
            Self::ReadingMissing { gate, reading_type } => {
                vec![text("gate", gate), text("type", reading_type)]
            }
            Self::CcpLimitExceeded { value, limit } => vec![
                ("value_tenths_c", Detail::Integer(i64::from(value.0))),
                ("limit_tenths_c", Detail::Integer(i64::from(limit.0))),
            ],
            Self::DispositionOther { disposition } => vec![text("disposition", &disposition.as_str())],
            Self::QcMissing { gate } => vec![("gates", Detail::List(vec![gate.to_string()]))],
            Self::QcPending { lots } | Self::ChildrenOpen { lots } => vec![("lots", codes(lots))],
            Self::PartnerIncomplete { missing, .. } => {
                vec![("missing", Detail::List(vec![(*missing).to_owned()]))]
            }
            Self::NotesTooShort { .. } | Self::ReasonTooShort { .. } => {
                vec![("min_characters", Detail::Integer(10))]
            }
            Self::NotFound { .. }
            | Self::AlreadyExists
            | Self::SupplierRequired
            | Self::WeightMissing
            | Self::DeviationOpen
            | Self::NoChild => Vec::new(),
        }
    }
}
