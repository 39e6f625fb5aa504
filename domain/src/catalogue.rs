//! Every event that can lie on the log: what `schema/events/` is generated from.

use crate::{
    Event,
    claims::KeyClaimEvent,
    kernel::EventSchema,
    lots::{CodeSequenceEvent, DeviationEvent, InspectionEvent, LotEvent, PartnerEvent, TemperatureLogEvent},
    reactions::ReactionEvent,
};

/// One category with its events.
pub struct Category {
    /// The category of the streams.
    pub name: &'static str,
    /// Its event types with their schemas.
    pub events: Vec<EventSchema>,
}

/// Every aggregate, in the order of the reading orders.
pub fn categories() -> Vec<Category> {
    vec![
        of::<KeyClaimEvent>("key_claim"),
        of::<ReactionEvent>("reaction"),
        of::<PartnerEvent>("partner"),
        of::<CodeSequenceEvent>("code_sequence"),
        of::<LotEvent>("lot"),
        of::<InspectionEvent>("inspection"),
        of::<DeviationEvent>("deviation"),
        of::<TemperatureLogEvent>("temperature_log"),
    ]
}

fn of<E: Event>(name: &'static str) -> Category {
    Category { name, events: E::schemas() }
}
