//! A genealogy of any size, for tests: the same that `ops/bench` gives to a database.
//!
//! It consists of blocks of 10,000 lots: 1,000 raw ones, then five layers of 1,800 lots with three parents each, so that
//! a block has 27,000 links and its first lot has 9,000 descendants. 100 blocks are 1,000,000 lots and 2,700,000 links.
//! Every lot weighs 3,000 g, every link carries 1,000 g.

use chrono::NaiveDate;
use commands::ports::TenantId;
use domain::lots::{LotStatus, LotType};
use uuid::Uuid;

use super::{
    adjacency::{Adjacency, HalfLink},
    code_key::CodeKey,
    graph::{Graph, LotNode},
    service::{Genealogy, Tenants},
};

/// The lots of a block.
pub const BLOCK_LOTS: u32 = 10_000;
/// The links of a block.
pub const BLOCK_LINKS: u32 = 27_000;
/// The descendants of the first lot of a block.
pub const DESCENDANTS: usize = 9_000;

const RAW_LOTS: u32 = 1_000;
const LAYER_LOTS: u32 = 1_800;
const TYPES: [LotType; 6] =
    [LotType::Raw, LotType::Deb, LotType::Bulk, LotType::Mix, LotType::Skw15, LotType::Frz15];

/// The id of the first lot of a block, which has [`DESCENDANTS`].
pub fn first_lot(block: u32) -> Uuid {
    id_of(block * BLOCK_LOTS)
}

/// The genealogy of one tenant with this many blocks. Nothing keeps it current.
pub fn genealogy(tenant: TenantId, blocks: u32) -> Genealogy {
    let lots = blocks * BLOCK_LOTS;
    let mut graph = Graph::with_room_for(lots as usize);
    for number in 0..lots {
        graph.add_node(lot(number));
    }
    let links = blocks as usize * BLOCK_LINKS as usize;
    let (mut children, mut parents) = (Vec::with_capacity(links), Vec::with_capacity(links));
    for child in (0..lots).filter(|number| number % BLOCK_LOTS >= RAW_LOTS) {
        let position = u64::from(child) * 2 + 2;
        for parent in parents_of(child) {
            children.push((parent, HalfLink { position, other: child, used_grams: 1_000 }));
            parents.push((child, HalfLink { position, other: parent, used_grams: 1_000 }));
            graph.count_link(parent, child, 1_000, position);
        }
    }
    graph.children = Adjacency::settled(lots as usize, &children);
    graph.parents = Adjacency::settled(lots as usize, &parents);
    graph.position = u64::from(lots) * 2;
    let (position, tenants) = (graph.position, Tenants::default());
    tenants.put(tenant, graph);
    Genealogy::standing(tenants, position)
}

fn parents_of(child: u32) -> [u32; 3] {
    let block = child / BLOCK_LOTS * BLOCK_LOTS;
    let (layer, at) = ((child - block - RAW_LOTS) / LAYER_LOTS + 1, (child - block - RAW_LOTS) % LAYER_LOTS);
    if layer == 1 {
        return [block, block + 1 + at % 999, block + 1 + (at + 333) % 999];
    }
    let above = block + RAW_LOTS + (layer - 2) * LAYER_LOTS;
    [above + at, above + (at + 1) % LAYER_LOTS, above + (at + 600) % LAYER_LOTS]
}

fn id_of(number: u32) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

fn lot(number: u32) -> LotNode {
    let within = number % BLOCK_LOTS;
    let layer = if within < RAW_LOTS { 0 } else { (within - RAW_LOTS) / LAYER_LOTS + 1 };
    let lot_type = TYPES[layer as usize];
    let day = NaiveDate::from_num_days_from_ce_opt(738_000 + (number / 9_999) as i32).unwrap_or_default();
    let code = format!("{}-{}-DUNA-{:04}", lot_type.code_prefix(), day.format("%Y%m%d"), number % 9_999 + 1);
    let born = u64::from(number) * 2 + 1;
    LotNode {
        id: id_of(number),
        code: CodeKey::of(&code).unwrap_or(CodeKey::odd(0)),
        born,
        touched: born,
        inputs_grams: 0,
        first_weight_grams: 3_000,
        weight_grams: 3_000,
        used_grams: 0,
        written_off_grams: 0,
        shipped_grams: 0,
        newest_change: 0,
        supplier: 0,
        production_day: day,
        lot_type,
        sku: lot_type.sku(),
        step_index: lot_type.step_index(),
        first_status: LotStatus::Released,
        status: LotStatus::Released,
    }
}
