//! The lot: one batch of goods from receipt to shipment.
//!
//! Reading order: `events` (they outlive the rest), `state`, `commands`, `refusals`, then `decide`.

mod events;
mod state;

pub use events::{
    HoldCause, LotConsumed, LotCreated, LotEvent, LotFinished, LotHeld, LotInspected, LotRegistered,
    LotRejected, LotReleased, LotShipped, LotUsed, LotWeighed, LotWrittenOff, LotsLinked, ShippingParty,
    TemperatureViolationNoted, WeightBalanceOverridden,
};
pub use state::{ChildLink, Decision, GateSummary, Hold, Lot, LotState, LotStatus, ParentLink};
