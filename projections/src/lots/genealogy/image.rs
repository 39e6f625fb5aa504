//! The index as bytes, so that a start need not read the whole log. An image can be thrown away at any time: what is damaged,
//! of another version, or of another log is not believed, and the index is built from the log instead.
//!
//! `magic, version, event id at the image's position, tenants, checksum`; numbers are little-endian, most of them in
//! seven bits a byte.

use chrono::{Datelike, NaiveDate};
use domain::lots::{LotStatus, LotType, Sku};
use uuid::Uuid;

use super::{
    adjacency::{Adjacency, HalfLink},
    bytes::{Reader, Writer, checksum},
    code_key::CodeKey,
    graph::{Graph, LotNode, Party, Shipment, What},
    service::Tenants,
};

const MAGIC: &[u8; 8] = b"CAIRNGEN";
/// Counts the changes of the format, and of what the index keeps.
const VERSION: u64 = 1;

const STATUSES: [LotStatus; 7] = [
    LotStatus::Created,
    LotStatus::Quarantine,
    LotStatus::Released,
    LotStatus::Hold,
    LotStatus::Rejected,
    LotStatus::Consumed,
    LotStatus::Finished,
];
const LEGACY: [LotType; 3] = [LotType::Skw, LotType::Frz, LotType::Fg];
const SKUS: [Option<Sku>; 3] = [None, Some(Sku::Kg15), Some(Sku::Kg30)];

/// The image of every tenant; `anchor` is the id of the event at `position`.
pub(super) fn encode(tenants: &Tenants, anchor: Uuid) -> Vec<u8> {
    let mut out = Writer::default();
    out.bytes(MAGIC);
    out.number(VERSION);
    out.bytes(anchor.as_bytes());
    let all = tenants.all();
    out.number(all.len() as u64);
    for (tenant, graph) in all {
        out.bytes(tenant.as_bytes());
        graph.read().unwrap_or_else(std::sync::PoisonError::into_inner).write(&mut out);
    }
    let checksum = checksum(&out.0);
    out.bytes(&checksum.to_le_bytes());
    out.0
}

/// The tenants of an image that is whole and of this version, and the id of the event at its position.
pub(super) fn decode(image: &[u8], position: u64) -> Option<(Tenants, Uuid)> {
    let (content, sum) = image.split_at_checked(image.len().checked_sub(8)?)?;
    if sum != checksum(content).to_le_bytes() {
        return None;
    }
    let mut from = Reader(content);
    if from.bytes::<8>()? != *MAGIC || from.number()? != VERSION {
        return None;
    }
    let (anchor, tenants) = (Uuid::from_bytes(from.bytes()?), Tenants::default());
    for _ in 0..from.number()? {
        let tenant = Uuid::from_bytes(from.bytes()?);
        let mut graph = Graph::read(&mut from)?;
        graph.position = position;
        tenants.put(tenant, graph);
    }
    from.0.is_empty().then_some((tenants, anchor))
}

fn place<T: PartialEq>(list: impl IntoIterator<Item = T>, wanted: &T) -> u64 {
    list.into_iter().position(|known| known == *wanted).unwrap_or(0) as u64
}

fn types() -> impl Iterator<Item = LotType> {
    LotType::CURRENT.into_iter().chain(LEGACY)
}

fn day(from: &mut Reader<'_>) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::from_le_bytes(from.bytes()?))
}

impl Graph {
    fn write(&self, out: &mut Writer) {
        out.number(u64::from(self.leaves_ladder));
        out.list(&self.odd_codes, |out, code| out.text(code));
        out.list(&self.parties, |out, party| {
            out.bytes(party.id.as_bytes());
            out.text(&party.name);
            out.text(&party.address);
        });
        out.list(&self.shipments, |out, shipment| {
            out.number(u64::from(shipment.grams));
            out.number(u64::from(shipment.consignee));
            out.text(&shipment.document);
            out.bytes(&shipment.dispatch_day.num_days_from_ce().to_le_bytes());
        });
        out.list(&self.nodes, |out, node| self.write_node(out, node));
        for number in 0..self.nodes.len() as u32 {
            let links: Vec<HalfLink> = self.children.of(number).collect();
            out.list(&links, |out, link| {
                out.number(u64::from(link.other));
                out.number(u64::from(link.used_grams));
                out.number(link.position);
            });
        }
    }

    fn write_node(&self, out: &mut Writer, node: &LotNode) {
        out.bytes(node.id.as_bytes());
        out.bytes(&node.code.0.to_le_bytes());
        out.number(node.born);
        out.number(u64::from(node.first_weight_grams));
        out.number(u64::from(node.supplier));
        out.bytes(&node.production_day.num_days_from_ce().to_le_bytes());
        out.number(place(types(), &node.lot_type));
        out.number(place(SKUS, &node.sku));
        out.number(u64::from(node.step_index));
        out.number(place(STATUSES, &node.first_status));
        let mut changes: Vec<_> = self.changes_of(node).collect();
        changes.reverse();
        out.list(&changes, |out, change| {
            let (kind, value) = match change.what {
                What::Status(status) => (0, place(STATUSES, &status)),
                What::Weight(grams) => (1, u64::from(grams)),
                What::WrittenOff(grams) => (2, u64::from(grams)),
                What::Shipped(shipment) => (3, u64::from(shipment)),
            };
            out.number(change.position - node.born);
            out.number(kind);
            out.number(value);
        });
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let leaves_ladder = from.number()? != 0;
        let odd_codes = from.list(Reader::text)?;
        let parties = from.list(|from| {
            Some(Party { id: Uuid::from_bytes(from.bytes()?), name: from.text()?, address: from.text()? })
        })?;
        let shipments = from.list(|from| {
            let (grams, consignee) = (from.small()?, from.small()?);
            parties.get(consignee as usize)?;
            Some(Shipment { grams, consignee, document: from.text()?, dispatch_day: day(from)? })
        })?;
        let nodes = from.count()?;
        let mut graph = Self::with_room_for(nodes);
        (graph.leaves_ladder, graph.odd_codes, graph.shipments) = (leaves_ladder, odd_codes, shipments);
        for party in parties {
            graph.party(party);
        }
        for _ in 0..nodes {
            graph.read_node(from)?;
        }
        graph.read_links(from)?;
        Some(graph)
    }

    fn read_node(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let id = Uuid::from_bytes(from.bytes()?);
        let code = CodeKey(u64::from_le_bytes(from.bytes()?));
        let (born, weight_grams, supplier) = (from.number()?, from.small()?, from.small()?);
        let is_known = code.odd_number().is_none_or(|number| number < self.odd_codes.len());
        if !is_known || supplier as usize > self.parties.len() {
            return None;
        }
        let production_day = day(from)?;
        let lot_type = types().nth(from.index()?)?;
        let sku = *SKUS.get(from.index()?)?;
        let step_index = u8::try_from(from.number()?).ok()?;
        let status = *STATUSES.get(from.index()?)?;
        let number = self.add_node(LotNode {
            id,
            code,
            born,
            touched: born,
            inputs_grams: 0,
            first_weight_grams: weight_grams,
            weight_grams,
            used_grams: 0,
            written_off_grams: 0,
            shipped_grams: 0,
            newest_change: 0,
            supplier,
            production_day,
            lot_type,
            sku,
            step_index,
            first_status: status,
            status,
        });
        for _ in 0..from.count()? {
            let (position, kind) = (born.checked_add(from.number()?)?, from.number()?);
            let what = match kind {
                0 => What::Status(*STATUSES.get(from.index()?)?),
                1 => What::Weight(from.small()?),
                2 => What::WrittenOff(from.small()?),
                3 => What::Shipped(from.small().filter(|known| (*known as usize) < self.shipments.len())?),
                _ => return None,
            };
            self.change(number, position, what);
        }
        Some(())
    }

    fn read_links(&mut self, from: &mut Reader<'_>) -> Option<()> {
        let (mut children, mut parents) = (Vec::new(), Vec::new());
        for parent in 0..self.nodes.len() as u32 {
            for _ in 0..from.count()? {
                let (child, used_grams, position) = (from.small()?, from.small()?, from.number()?);
                if child as usize >= self.nodes.len() {
                    return None;
                }
                self.node(parent).used_grams.checked_add(used_grams)?;
                self.count_link(parent, child, used_grams, position);
                children.push((parent, HalfLink { position, other: child, used_grams }));
                parents.push((child, HalfLink { position, other: parent, used_grams }));
            }
        }
        self.children = Adjacency::settled(self.nodes.len(), &children);
        self.parents = Adjacency::settled(self.nodes.len(), &parents);
        Some(())
    }
}
