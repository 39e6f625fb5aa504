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
    /// Whether a stored payload of this type and version can still be read; the error says why not.
    pub read: fn(event_type: &str, schema_version: u16, payload: &serde_json::Value) -> Result<(), String>,
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
    Category {
        name,
        events: E::schemas(),
        read: |event_type, schema_version, payload| {
            E::deserialize_payload(event_type, schema_version, payload)
                .map(|_event| ())
                .map_err(|error| error.to_string())
        },
    }
}
