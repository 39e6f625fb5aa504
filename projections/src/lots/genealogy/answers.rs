use commands::ports::Position;
use domain::{
    kernel::{InvalidInput, LocalDay},
    lots::{LotStatus, LotType, Sku},
    refusals,
};
use uuid::Uuid;

/// Which lot is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LotRef<'a> {
    /// By its id.
    Id(Uuid),
    /// By its code, exactly as printed.
    Code(&'a str),
}

refusals! {
    /// Why a question about lots has no answer.
    pub enum GenealogyRefusal holds (
        /// An argument lies outside its limits.
        Invalid: InvalidInput,
    ) {
        /// The tenant has no such lot, or had none at the position asked for.
        NotFound = "NOT_FOUND" as NotFound, "there is no such lot", at "lot";
    }
}

/// The supplier of a RAW lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supplier {
    /// The partner.
    pub partner_id: Uuid,
    /// Its name on the day of receipt.
    pub name: String,
}

/// A lot as it stood at the position that was asked for. All weights in grams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotFacts {
    /// The lot.
    pub lot_id: Uuid,
    /// Its code.
    pub lot_code: String,
    /// Its type.
    pub lot_type: LotType,
    /// The index of the step that made it, 0 to 10.
    pub step_index: u8,
    /// Its SKU.
    pub sku: Option<Sku>,
    /// The local day on which it was made.
    pub production_day: LocalDay,
    /// Where it stood.
    pub status: LotStatus,
    /// Its net weight; 0: not yet weighed.
    pub weight_grams: i64,
    /// The sum of what it was made from.
    pub inputs_grams: i64,
    /// How much went into other lots.
    pub used_grams: i64,
    /// How much was written off.
    pub written_off_grams: i64,
    /// How much left the plant.
    pub shipped_grams: i64,
    /// What was left: weight less used, written off and shipped.
    pub remaining_grams: i64,
    /// Who it came from, for a RAW lot.
    pub supplier: Option<Supplier>,
    /// Where the log tells of its creation.
    pub created_position: Position,
}

/// A part of one lot that went into another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotLink {
    /// The lot that was used.
    pub parent_id: Uuid,
    /// Its code.
    pub parent_code: String,
    /// The lot that was made.
    pub child_id: Uuid,
    /// Its code.
    pub child_code: String,
    /// How much of the parent went in.
    pub used_grams: i64,
    /// Where the log tells of it.
    pub position: Position,
}

/// One step back and one step forward (EU 178/2002, article 18). Both lists by code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traceability {
    /// The lot asked for.
    pub central: LotFacts,
    /// What it was made from, with the grams used of each.
    pub parents: Vec<LinkedLot>,
    /// What was made of it, with the grams that went into each.
    pub children: Vec<LinkedLot>,
    /// The position at which this holds.
    pub position: Position,
}

/// A lot at the other end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedLot {
    /// The lot.
    pub lot: LotFacts,
    /// How much of the parent went into the child.
    pub used_grams: i64,
}

/// A lot and its shortest distance from the one asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenealogyLot {
    /// The lot.
    pub lot: LotFacts,
    /// 0 for the lot asked for, 1 for its parents and children.
    pub depth: u32,
}

/// A descendant in a recall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeLot {
    /// The lot.
    pub lot: LotFacts,
    /// The shortest distance from the recalled lot, from 1.
    pub depth: u32,
    /// The code of the buffer where it lies. None until buffers exist.
    pub place: Option<String>,
}

/// One shipment that carries a part of a recalled lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The shipped lot.
    pub lot_id: Uuid,
    /// Its code.
    pub lot_code: String,
    /// How much left the plant.
    pub shipped_grams: i64,
    /// The number of the transport document.
    pub document: String,
    /// The local day of the dispatch.
    pub dispatch_day: LocalDay,
    /// Where the log tells of it.
    pub position: Position,
}

/// Who must be told of a recall: one receiver with everything that went there, by dispatch day, then code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consignee {
    /// The partner.
    pub partner_id: Uuid,
    /// Its name on the latest dispatch.
    pub name: String,
    /// Its address on the latest dispatch.
    pub address: String,
    /// The sum of the deliveries.
    pub shipped_grams: i64,
    /// What went there.
    pub deliveries: Vec<Delivery>,
}
