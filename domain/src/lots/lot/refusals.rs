use super::LotStatus;
use crate::{
    kernel::LocalDay,
    lots::{Disposition, Gate, Grams, LotCode, LotType, ReadingType, TenthsC, process_rules::MAX_LINKS},
    refusals,
};

/// The least characters of notes and reasons that must explain something.
const MIN: i64 = 10;

refusals! {
    /// Why a lot refuses.
    pub enum LotRefusal {
        /// A lot with this id exists already.
        AlreadyExists = "LOT_EXISTS", "the lot exists already";
        /// Raw material needs somebody who delivered it.
        SupplierRequired = "SUPPLIER_REQUIRED", "a RAW lot needs a partner with the role SUPPLIER", at "supplierId";
        /// The lot is not in a state that the command starts from.
        State { status: LotStatus } = "LOT_STATE", "the lot is {status}", tells { status };
        /// Weight and inputs can no longer change.
        Frozen { status: LotStatus } = "LOT_FROZEN",
            "the lot is {status} and its weight and inputs are fixed", tells { status };
        /// Only the next rung of the ladder can be made.
        TypeLadder { parent_type: LotType, child_type: LotType } = "TYPE_LADDER",
            "{child_type} is not made from {parent_type}", at "inputs", tells { parent_type, child_type };
        /// Rods of 15 and 30 kg do not mix.
        SkuMixed { lot_code: LotCode } = "SKU_MIXED",
            "{lot_code} has another SKU than the lot", at "inputs", tells { lot: lot_code };
        /// A mix is used up on the day it was made.
        MixNotSameDay { lot_code: LotCode, production_day: LocalDay } = "MIX_NOT_SAME_DAY",
            "{lot_code} was mixed on {production_day} and can be used on that day only",
            at "inputs", tells { lot: lot_code, production_day };
        /// Only rods may be left over for another day.
        BacklogNotAllowed { lot_code: LotCode, production_day: LocalDay } = "BACKLOG_NOT_ALLOWED",
            "{lot_code} was made on {production_day} and can be used on that day only",
            at "inputs", tells { lot: lot_code, production_day };
        /// Only what passed its gate may be used.
        ParentNotReleased { lot_code: LotCode, status: LotStatus } = "PARENT_NOT_RELEASED",
            "{lot_code} is {status}, not RELEASED", at "inputs", tells { lot: lot_code, status };
        /// A lot is linked to another one once, and never to itself.
        LinkInvalid { lot_code: LotCode } = "LINK_INVALID",
            "{lot_code} is the lot itself, or is linked to it already", at "inputs", tells { lot: lot_code };
        /// Somebody took it before.
        NotEnoughLeft { lot_code: LotCode, remaining: Grams } = "NOT_ENOUGH_LEFT",
            "{lot_code} has {remaining} left", at "inputs", tells { lot: lot_code, remaining_g: remaining };
        /// The weight cannot come from these inputs.
        WeightBalance { min: Grams, max: Grams } = "WEIGHT_BALANCE",
            "the weight must be {min} to {max}", at "weightGrams", tells { min_g: min, max_g: max };
        /// It must be weighed first.
        WeightMissing = "WEIGHT_MISSING", "the lot has not been weighed";
        /// A PASS at a critical control point rests on a reading of the last hour.
        ReadingMissing { gate: Gate, reading_type: ReadingType } = "READING_MISSING",
            "gate {gate} needs a {reading_type} reading of the last 60 minutes", tells { gate, type: reading_type };
        /// The reading lies outside the critical limit.
        CcpLimitExceeded { value: TenthsC, limit: TenthsC } = "CCP_LIMIT_EXCEEDED",
            "the reading of {value} exceeds the critical limit of {limit}",
            tells { value_tenths_c: value, limit_tenths_c: limit };
        /// HOLD and FAIL must be explained.
        NotesTooShort { found: usize } = "NOTES_TOO_SHORT",
            "notes of at least {MIN} characters must explain the decision, these have {found}",
            at "notes", tells { min_characters: MIN };
        /// The reason must say something.
        ReasonTooShort { field: &'static str, found: usize } = "REASON_TOO_SHORT",
            "the reason must have at least {MIN} characters, it has {found}", at field, tells { min_characters: MIN };
        /// Nobody has decided yet what becomes of the lot.
        DeviationOpen = "DEVIATION_OPEN", "the deviation of the hold has no disposition yet";
        /// The deviation decided otherwise.
        DispositionOther { disposition: Disposition } = "DISPOSITION_OTHER",
            "the deviation of the hold decided otherwise", tells { disposition };
        /// A lot is released only after a PASS.
        QcMissing { gate: Gate } = "QC_MISSING", "the lot has no PASS at gate {gate}", tells { gates: [gate] };
        /// Goods wait for a decision.
        QcPending { lots: Vec<LotCode> } = "QC_PENDING", "the lot waits for a PASS at its gate", tells { lots };
        /// So many links that its end could not be stored in one commit.
        LinkLimit { lot_code: LotCode } = "LINK_LIMIT",
            "{lot_code} is linked to {MAX_LINKS} lots; it takes no further one",
            at "inputs", tells { lot: lot_code };
        /// Nothing was made of it, so that nothing can be left over.
        NoChild = "NO_CHILD", "nothing was made of the lot";
        /// What was made of it is not closed.
        ChildrenOpen { lots: Vec<LotCode> } = "CHILDREN_OPEN",
            "{count} of the lots made of it are not closed", with count = lots.len(), tells { lots };
        /// The dispatch record would have a hole.
        PartnerIncomplete { field: &'static str, missing: &'static str } = "PARTNER_INCOMPLETE",
            "{field} names a partner without {missing}", at field, tells { missing: [*missing] };
    }
}
