//! The aggregate that both sides are measured with: a lot from which grams are taken.

use std::convert::Infallible;

use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use serde::{Deserialize, Serialize};

/// Fills an event's JSON up to 250 bytes.
pub fn note() -> String {
    "0123456789".repeat(22)[..214].into()
}

/// How much was taken in all, and how often.
#[derive(Default, Serialize, Deserialize)]
pub struct Lot {
    pub used_grams: u64,
    pub uses: u64,
}

/// Take some grams.
pub struct UseLot {
    pub grams: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LotEvent {
    LotUsed { grams: u64, note: String },
}

impl DomainEvent for LotEvent {
    fn event_type(&self) -> String {
        "LotUsed".into()
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

impl Aggregate for Lot {
    const TYPE: &'static str = "lot";
    type Command = UseLot;
    type Event = LotEvent;
    type Error = Infallible;
    type Services = ();

    async fn handle(&mut self, command: UseLot, (): &(), sink: &EventSink<Self>) -> Result<(), Infallible> {
        sink.write(LotEvent::LotUsed { grams: command.grams, note: note() }, self).await;
        Ok(())
    }

    fn apply(&mut self, event: LotEvent) {
        let LotEvent::LotUsed { grams, .. } = event;
        self.used_grams += grams;
        self.uses += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_250_bytes_of_json() {
        let event = LotEvent::LotUsed { grams: 1000, note: note() };
        assert_eq!(serde_json::to_string(&event).unwrap().len(), 250);
    }
}
