//! Every event that can lie on the log: what `schema/events/` is generated from.

use crate::{
    Decider, Event,
    claims::KeyClaim,
    kernel::EventSchema,
    lots::{CodeSequence, Deviation, Inspection, Lot, Partner, TemperatureLog},
    reactions::Reaction,
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
        of::<KeyClaim>(),
        of::<Reaction>(),
        of::<Partner>(),
        of::<CodeSequence>(),
        of::<Lot>(),
        of::<Inspection>(),
        of::<Deviation>(),
        of::<TemperatureLog>(),
    ]
}

fn of<A: Decider>() -> Category {
    Category { name: A::CATEGORY, events: A::Event::schemas() }
}
