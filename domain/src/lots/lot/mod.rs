//! The lot: one batch of goods from receipt to shipment.
//!
//! Reading order: `events` (they outlive the rest), `state`, `commands`, `refusals`, then `decide`, whose arms call
//! one function each of `making` (created, weighed, linked), `quality` (registered, inspected),
//! `holding` (held, resolved, rejected) and `remainder` (written off, shipped, finished). The rules between lots stand apart in
//! `process_rules`.

mod advice;
mod commands;
mod decide;
mod events;
mod holding;
mod making;
mod quality;
mod refusals;
mod remainder;
mod state;
#[cfg(test)]
mod tests;

pub use advice::{RangeCode, WeightAdvice};
pub use commands::{
    AddLotInput, BalanceOverride, CreateLot, InspectLot, LotCommand, LotInput, ProduceLot, ShipLot, UseLot,
};
pub use events::{
    Dispatcher, HoldCause, LotConsumed, LotCreated, LotEvent, LotFinished, LotHeld, LotInspected,
    LotRegistered, LotRejected, LotReleased, LotShipped, LotSkuMixed, LotUsed, LotWeighed, LotWrittenOff,
    LotsLinked, ShippingParty, TemperatureViolationNoted, WeightBalanceOverridden,
};
pub use quality::READING_VALID_MINUTES;
pub use refusals::LotRefusal;
pub use state::{ChildLink, Decision, Hold, Lot, LotState, LotStatus, ParentLink, Shipment};
