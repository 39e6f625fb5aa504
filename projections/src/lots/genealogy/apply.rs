use commands::ports::{Position, RecordedEvent};
use domain::lots::{
    Grams, LotEvent, LotStatus, ParentLink,
    lot::{LotCreated, LotShipped, LotsLinked},
};
use uuid::Uuid;

use super::{
    graph::{Graph, LotNode, Party, Shipment, What},
    walk::Marks,
};
use crate::{FoldError, decode, stream_uuid};

/// The events that change the index. A lot's use is known from the link that lies in the child's stream.
pub(super) const EVENT_TYPES: [&str; 11] = [
    "LotCreated",
    "LotsLinked",
    "LotWeighed",
    "LotRegistered",
    "LotReleased",
    "LotHeld",
    "LotRejected",
    "LotConsumed",
    "LotWrittenOff",
    "LotFinished",
    "LotShipped",
];

/// Why a part of the log is not in the index.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
    #[error(transparent)]
    Fold(#[from] FoldError),
    #[error("linking {parent} to {child} would close a cycle")]
    Cycle { parent: String, child: String },
}

/// An event of a lot, read.
pub(super) struct LotFact {
    lot_id: Uuid,
    position: Position,
    event: LotEvent,
}

/// Reads an event of a lot; reading needs no lock.
pub(super) fn read(event: &RecordedEvent) -> Result<LotFact, FoldError> {
    Ok(LotFact { lot_id: stream_uuid(event)?, position: event.position, event: decode(event)? })
}

impl Graph {
    /// Adds what happened. What cannot be added is left out whole, or, of several links, link by link.
    pub(super) fn apply(&mut self, fact: LotFact) -> Vec<ApplyError> {
        let LotFact { lot_id, position, event } = fact;
        let applied = match event {
            LotEvent::LotCreated(event) => self.created(lot_id, position, event),
            LotEvent::LotsLinked(event) => return self.linked(lot_id, position, &event),
            LotEvent::LotShipped(event) => self.shipped(lot_id, position, event),
            LotEvent::LotWeighed(event) => {
                let grams = event.new_weight_grams;
                self.changed(lot_id, position, |_| Ok(What::Weight(grams_of_lot("a weight", grams)?)))
            }
            LotEvent::LotWrittenOff(event) => {
                let grams = event.written_off_grams;
                self.changed(lot_id, position, |_| Ok(What::WrittenOff(grams_of_lot("a write-off", grams)?)))
            }
            LotEvent::LotRegistered(event) => self.status(lot_id, position, event.status_after),
            LotEvent::LotReleased(event) => self.status(lot_id, position, event.status_after),
            LotEvent::LotHeld(event) => self.status(lot_id, position, event.status_after),
            LotEvent::LotRejected(event) => self.status(lot_id, position, event.status_after),
            LotEvent::LotConsumed(event) => self.status(lot_id, position, event.status_after),
            LotEvent::LotFinished(event) => self.status(lot_id, position, event.status_after),
            LotEvent::LotUsed(_)
            | LotEvent::LotSkuMixed(_)
            | LotEvent::WeightBalanceOverridden(_)
            | LotEvent::LotInspected(_)
            | LotEvent::TemperatureViolationNoted(_) => Ok(()),
        };
        applied.err().map(ApplyError::from).into_iter().collect()
    }

    fn status(&mut self, lot_id: Uuid, position: Position, status: LotStatus) -> Result<(), FoldError> {
        self.changed(lot_id, position, |_| Ok(What::Status(status)))
    }

    fn changed(
        &mut self,
        lot_id: Uuid,
        position: Position,
        what: impl FnOnce(&mut Self) -> Result<What, FoldError>,
    ) -> Result<(), FoldError> {
        let number = self.known(lot_id)?;
        let what = what(self)?;
        self.change(number, position, what);
        Ok(())
    }

    fn known(&self, lot_id: Uuid) -> Result<u32, FoldError> {
        self.find_id(lot_id)
            .ok_or_else(|| FoldError::RowMissing { table: "genealogy", key: lot_id.to_string() })
    }

    fn created(&mut self, lot_id: Uuid, position: Position, event: LotCreated) -> Result<(), FoldError> {
        if self.find_id(lot_id).is_some() {
            return Err(FoldError::Contradiction(format!("lot {lot_id} was created before")));
        }
        let weight_grams = grams_of_lot("a weight", event.weight_grams)?;
        let supplier = event.supplier_id.map(|id| Party {
            id,
            name: event.supplier_name.unwrap_or_default(),
            address: String::new(),
        });
        let supplier = supplier.map_or(0, |party| self.party(party) + 1);
        let code = self.key_of(event.lot_code.as_str());
        self.add_node(LotNode {
            id: lot_id,
            code,
            born: position,
            touched: position,
            inputs_grams: 0,
            first_weight_grams: weight_grams,
            weight_grams,
            used_grams: 0,
            written_off_grams: 0,
            shipped_grams: 0,
            newest_change: 0,
            supplier,
            production_day: event.production_day.0,
            lot_type: event.lot_type,
            sku: event.sku,
            step_index: event.step_index,
            first_status: event.status_after,
            status: event.status_after,
        });
        Ok(())
    }

    fn shipped(&mut self, lot_id: Uuid, position: Position, event: LotShipped) -> Result<(), FoldError> {
        let grams = grams_of_lot("a shipment", event.shipped_grams)?;
        self.changed(lot_id, position, |graph| {
            let party = event.consignee;
            let party = Party { id: party.partner_id, name: party.name, address: party.address };
            let consignee = graph.party(party);
            graph.shipments.push(Shipment {
                grams,
                consignee,
                document: event.document,
                dispatch_day: event.dispatch_day.0,
            });
            Ok(What::Shipped(graph.shipments.len() as u32 - 1))
        })
    }

    fn linked(&mut self, lot_id: Uuid, position: Position, event: &LotsLinked) -> Vec<ApplyError> {
        let child = match self.known(lot_id) {
            Ok(child) => child,
            Err(error) => return vec![error.into()],
        };
        event.parents.iter().filter_map(|parent| self.try_link(parent, child, position).err()).collect()
    }

    fn try_link(&mut self, link: &ParentLink, child: u32, position: Position) -> Result<(), ApplyError> {
        let parent = self.known(link.lot_id)?;
        let used_grams = grams_of_lot("a use", link.used_grams)?;
        if self.node(parent).used_grams.checked_add(used_grams).is_none() {
            let problem = format!("more than 4,294 tonnes of lot {} were used", link.lot_code);
            return Err(FoldError::Contradiction(problem).into());
        }
        if self.closes_cycle(parent, child) {
            let code = |number| self.code_text(self.node(number).code);
            return Err(ApplyError::Cycle { parent: code(parent), child: code(child) });
        }
        self.link(parent, child, used_grams, position);
        Ok(())
    }

    /// Whether a link would make a lot its own ancestor. The ladder forbids it: as long as every link led up the
    /// ladder, a further one that does cannot close a cycle. Otherwise all that was made of the child is looked at.
    fn closes_cycle(&mut self, parent: u32, child: u32) -> bool {
        let rung = |number: u32| self.node(number).lot_type.rung();
        let leads_up = rung(parent) < rung(child);
        if leads_up && !self.leaves_ladder {
            return false;
        }
        let closes = parent == child || self.descends(parent, child);
        self.leaves_ladder |= !closes && !leads_up;
        closes
    }

    /// Whether a node was made of another, over however many steps.
    fn descends(&self, node: u32, of: u32) -> bool {
        // What has just been made is in nothing else yet: mostly there is nowhere to walk, and nothing to mark.
        if self.children.of(of).next().is_none() {
            return false;
        }
        let mut marks = Marks::for_nodes(self.nodes.len());
        let mut waiting = vec![of];
        while let Some(next) = waiting.pop() {
            for link in self.children.of(next) {
                if link.other == node {
                    return true;
                }
                if marks.mark(link.other) {
                    waiting.push(link.other);
                }
            }
        }
        false
    }
}

/// A weight that one lot can have. Ten tonnes are the most; a log that says more is damaged.
fn grams_of_lot(what: &str, grams: Grams) -> Result<u32, FoldError> {
    u32::try_from(grams.0)
        .ok()
        .filter(|_| grams <= Grams::MAX_LOT)
        .ok_or_else(|| FoldError::Contradiction(format!("{what} of {grams} cannot be")))
}
