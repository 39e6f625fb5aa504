use domain::{
    Decider,
    lots::{Lot, LotEvent},
};
use uuid::Uuid;

use super::FinishLotIfDue;
use crate::{
    engine::{FoldFault, decode_event},
    ports::RecordedEvent,
    process::{ProcessManager, Reaction},
};

/// Finishes consumed lots once the last lot made of them is closed.
///
/// A lot that closes names the lots that it was made from; each of those is asked. A lot that is consumed asks for itself,
/// since its children may all have been closed before its remainder was written off.
#[derive(Debug, Clone, Copy, Default)]
pub struct LotFinisher;

impl ProcessManager for LotFinisher {
    const NAME: &'static str = "lot_finisher";
    const CATEGORIES: &'static [&'static str] = &[Lot::CATEGORY];

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        let lot_ids = match decode_event::<LotEvent>(event)? {
            LotEvent::LotFinished(finished) => finished.parent_ids,
            LotEvent::LotRejected(rejected) => rejected.parent_ids,
            LotEvent::LotConsumed(_) => Uuid::try_parse(&event.stream.id).into_iter().collect(),
            LotEvent::LotCreated(_)
            | LotEvent::LotsLinked(_)
            | LotEvent::WeightBalanceOverridden(_)
            | LotEvent::LotSkuMixed(_)
            | LotEvent::LotUsed(_)
            | LotEvent::LotWeighed(_)
            | LotEvent::LotRegistered(_)
            | LotEvent::LotInspected(_)
            | LotEvent::LotReleased(_)
            | LotEvent::LotHeld(_)
            | LotEvent::TemperatureViolationNoted(_)
            | LotEvent::LotWrittenOff(_)
            | LotEvent::LotShipped(_) => Vec::new(),
        };
        let finish = |lot_id| Reaction::new(format!("finish/{lot_id}"), FinishLotIfDue { lot_id });
        Ok(lot_ids.into_iter().map(finish).collect())
    }
}
