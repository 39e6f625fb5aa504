use std::collections::HashMap;

use chrono::NaiveDate;
use commands::ports::Position;
use domain::lots::{LotStatus, LotType, Sku};
use uuid::Uuid;

use super::{
    adjacency::{Adjacency, HalfLink},
    code_key::CodeKey,
    lookup::{Lookup, spread, spread_id, spread_text},
};

/// One lot as it is now, with what is needed to say how it was. 96 bytes.
#[derive(Debug, Clone)]
pub(super) struct LotNode {
    pub(super) id: Uuid,
    pub(super) code: CodeKey,
    /// The position of its creation.
    pub(super) born: Position,
    /// The position of the latest change, its links included: at any later position the lot is as it is now.
    pub(super) touched: Position,
    /// The sum of what it was made from.
    pub(super) inputs_grams: i64,
    pub(super) first_weight_grams: u32,
    pub(super) weight_grams: u32,
    pub(super) used_grams: u32,
    pub(super) written_off_grams: u32,
    pub(super) shipped_grams: u32,
    /// Its newest change, index plus one; 0: none.
    pub(super) newest_change: u32,
    /// Index plus one; 0: none.
    pub(super) supplier: u32,
    pub(super) production_day: NaiveDate,
    pub(super) lot_type: LotType,
    pub(super) sku: Option<Sku>,
    pub(super) step_index: u8,
    pub(super) first_status: LotStatus,
    pub(super) status: LotStatus,
}

/// What changed in a lot after its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Status(LotStatus),
    Weight(u32),
    WrittenOff(u32),
    /// The number of the shipment.
    Shipped(u32),
}

/// A change, and the next older one of its lot (index plus one). 24 bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) position: Position,
    pub(super) what: What,
    pub(super) older: u32,
}

/// A partner under the name that it had when the log told of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Party {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) address: String,
}

/// A lot that left the plant.
#[derive(Debug, Clone)]
pub(super) struct Shipment {
    pub(super) grams: u32,
    /// The number of the consignee among the parties.
    pub(super) consignee: u32,
    pub(super) document: String,
    pub(super) dispatch_day: NaiveDate,
}

/// How much of a lot went where, at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) status: LotStatus,
    pub(super) weight: i64,
    pub(super) inputs: i64,
    pub(super) used: i64,
    pub(super) written_off: i64,
    pub(super) shipped: i64,
}

impl Amounts {
    /// Below zero only where a log contradicts itself: then the mass balance still holds to the gram.
    pub(super) fn remaining(&self) -> i64 {
        self.weight - self.used - self.written_off - self.shipped
    }
}

/// Everything that one tenant's log tells of lots and their links. Nodes are numbered by arrival and stay; what happens
/// is added with its position and never changed, so that a position is a snapshot.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// Everything up to here is known.
    pub(super) position: Position,
    pub(super) nodes: Vec<LotNode>,
    pub(super) changes: Vec<Change>,
    pub(super) children: Adjacency,
    pub(super) parents: Adjacency,
    /// Partners by number, as suppliers and as consignees.
    pub(super) parties: Vec<Party>,
    pub(super) shipments: Vec<Shipment>,
    /// Codes that do not follow the pattern.
    pub(super) odd_codes: Vec<String>,
    /// Whether a link was ever accepted that does not lead up the ladder: only then a cycle has to be looked for.
    pub(super) leaves_ladder: bool,
    by_id: Lookup,
    by_code: Lookup,
    by_party: HashMap<Party, u32>,
}

impl Graph {
    pub(super) fn with_room_for(nodes: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(nodes),
            by_id: Lookup::with_room_for(nodes),
            by_code: Lookup::with_room_for(nodes),
            ..Self::default()
        }
    }

    pub(super) fn node(&self, number: u32) -> &LotNode {
        &self.nodes[number as usize]
    }

    pub(super) fn find_id(&self, id: Uuid) -> Option<u32> {
        self.by_id.find(spread_id(id), |node| self.node(node).id == id)
    }

    pub(super) fn find_code(&self, code: &str) -> Option<u32> {
        match CodeKey::of(code) {
            Some(key) => self.by_code.find(spread(key.0), |node| self.node(node).code == key),
            None => self.by_code.find(spread_text(code), |node| {
                self.node(node).code.odd_number().is_some_and(|number| self.odd_codes[number] == code)
            }),
        }
    }

    /// The key of a code; one that does not follow the pattern is kept as text.
    pub(super) fn key_of(&mut self, code: &str) -> CodeKey {
        CodeKey::of(code).unwrap_or_else(|| {
            self.odd_codes.push(code.to_owned());
            CodeKey::odd(self.odd_codes.len() - 1)
        })
    }

    pub(super) fn code_text(&self, key: CodeKey) -> String {
        key.odd_number().map_or_else(|| key.text(), |number| self.odd_codes[number].clone())
    }

    /// Adds a lot whose id is not known yet.
    pub(super) fn add_node(&mut self, node: LotNode) -> u32 {
        let number = self.nodes.len() as u32;
        let (id_hash, code_hash) = (spread_id(node.id), self.code_hash(node.code));
        self.nodes.push(node);
        let mut lookup = std::mem::take(&mut self.by_id);
        lookup.insert(number, id_hash, |known| spread_id(self.node(known).id));
        self.by_id = lookup;
        let mut lookup = std::mem::take(&mut self.by_code);
        lookup.insert(number, code_hash, |known| self.code_hash(self.node(known).code));
        self.by_code = lookup;
        number
    }

    fn code_hash(&self, key: CodeKey) -> u64 {
        key.odd_number().map_or_else(|| spread(key.0), |number| spread_text(&self.odd_codes[number]))
    }

    /// The number of a partner under this name, index only.
    pub(super) fn party(&mut self, party: Party) -> u32 {
        let next = self.parties.len() as u32;
        *self.by_party.entry(party).or_insert_with_key(|party| {
            self.parties.push(party.clone());
            next
        })
    }

    /// Notes a change of a lot; the lot as it is now follows.
    pub(super) fn change(&mut self, number: u32, position: Position, what: What) {
        let shipped_grams = match what {
            What::Shipped(shipment) => self.shipments[shipment as usize].grams,
            What::Status(_) | What::Weight(_) | What::WrittenOff(_) => 0,
        };
        let node = &mut self.nodes[number as usize];
        self.changes.push(Change { position, what, older: node.newest_change });
        node.newest_change = self.changes.len() as u32;
        node.touched = node.touched.max(position);
        match what {
            What::Status(status) => node.status = status,
            What::Weight(grams) => node.weight_grams = grams,
            What::WrittenOff(grams) => node.written_off_grams = node.written_off_grams.saturating_add(grams),
            What::Shipped(_) => node.shipped_grams = node.shipped_grams.saturating_add(shipped_grams),
        }
    }

    /// Links two lots, both known.
    pub(super) fn link(&mut self, parent: u32, child: u32, used_grams: u32, position: Position) {
        self.children.add(parent, HalfLink { position, other: child, used_grams });
        self.parents.add(child, HalfLink { position, other: parent, used_grams });
        self.count_link(parent, child, used_grams, position);
    }

    /// The two ends of a link as they are now.
    pub(super) fn count_link(&mut self, parent: u32, child: u32, used_grams: u32, position: Position) {
        let node = &mut self.nodes[parent as usize];
        node.used_grams += used_grams;
        node.touched = node.touched.max(position);
        let node = &mut self.nodes[child as usize];
        node.inputs_grams += i64::from(used_grams);
        node.touched = node.touched.max(position);
    }

    /// A lot's changes, newest first.
    pub(super) fn changes_of(&self, node: &LotNode) -> impl Iterator<Item = Change> + '_ {
        let mut next = node.newest_change;
        std::iter::from_fn(move || {
            let change = *self.changes.get((next as usize).checked_sub(1)?)?;
            next = change.older;
            Some(change)
        })
    }

    /// How a lot stood at a position at which it existed. Most lots have not changed since, and need no look at their history.
    pub(super) fn amounts(&self, number: u32, at: Position) -> Amounts {
        let node = self.node(number);
        if node.touched <= at {
            return Amounts {
                status: node.status,
                weight: i64::from(node.weight_grams),
                inputs: node.inputs_grams,
                used: i64::from(node.used_grams),
                written_off: i64::from(node.written_off_grams),
                shipped: i64::from(node.shipped_grams),
            };
        }
        let sum = |links: &Adjacency| {
            let known = links.of(number).filter(|link| link.position <= at);
            known.map(|link| i64::from(link.used_grams)).sum::<i64>()
        };
        let mut amounts = Amounts {
            status: node.first_status,
            weight: i64::from(node.first_weight_grams),
            inputs: sum(&self.parents),
            used: sum(&self.children),
            written_off: 0,
            shipped: 0,
        };
        let (mut knows_status, mut knows_weight) = (false, false);
        for change in self.changes_of(node).filter(|change| change.position <= at) {
            match change.what {
                What::Status(status) if !knows_status => (amounts.status, knows_status) = (status, true),
                What::Weight(grams) if !knows_weight => {
                    (amounts.weight, knows_weight) = (i64::from(grams), true);
                }
                What::Status(_) | What::Weight(_) => {}
                What::WrittenOff(grams) => amounts.written_off += i64::from(grams),
                What::Shipped(shipment) => {
                    amounts.shipped += i64::from(self.shipments[shipment as usize].grams);
                }
            }
        }
        amounts
    }
}
