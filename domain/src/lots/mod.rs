//! Lots, production runs, quality and traceability of a food plant (rules: lots.md).
//!
//! Reading order: [`LotType`] and [`STEPS`] (the tables that everything hangs on), [`lot`] (the heart), then the
//! aggregates around it: [`Inspection`], [`Deviation`], [`TemperatureLog`], [`Partner`], [`CodeSequence`].

mod code_sequence;
mod deviation;
mod genealogy_direction;
mod inspection;
pub mod lot;
mod lot_code;
mod lot_type;
mod partner;
mod process_rules;
#[cfg(test)]
mod properties;
mod quantity;
mod step;
mod temperature_limit;
mod temperature_log;

pub use code_sequence::{
    CodeNumberReserved, CodeNumberTaken, CodeSequence, CodeSequenceCommand, CodeSequenceEvent,
    SequenceExhausted,
};
pub use deviation::{
    Deviation, DeviationClosed, DeviationCommand, DeviationDispositioned, DeviationEvent, DeviationOpened,
    DeviationRefusal, DeviationReminded, DeviationState, DeviationStatus, Disposition, REMINDER_HOURS,
};
pub use genealogy_direction::GenealogyDirection;
pub use inspection::{
    ChecklistAnswer, Inspection, InspectionEvent, InspectionRecorded, InspectionRefusal, RecordInspection,
};
pub use lot::{Decision, HoldCause, Lot, LotCommand, LotEvent, LotRefusal, LotState, LotStatus, ParentLink};
pub use lot_code::{LotCode, Site};
pub use lot_type::{LotType, Sku};
pub use partner::{Partner, PartnerEvent, PartnerRefusal, PartnerRole, PartnerSaved, SavePartner};
pub use process_rules::{MAX_INPUTS, MAX_LINKS, check_made_type};
pub use quantity::{Grams, TenthsC};
pub use step::{CriticalLimit, Gate, GateClass, STEPS, Step};
pub use temperature_limit::{LimitSource, ReadingType, TemperatureLimit};
pub use temperature_log::{
    Reading, RecordTemperature, Subject, TemperatureLog, TemperatureLogEvent, TemperatureRecorded,
};
