use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use commands::ports::TenantId;
use projections::lots::genealogy;

use crate::graphql::{
    kernel::{FromReads, GlobalId, Int64, LocalDate},
    lots::{
        Lot,
        edges::LotById,
        enums::{LotStatus, LotType, Sku},
    },
};

/// Which way a genealogy is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "genealogy::Direction")]
pub enum GenealogyDirection {
    /// To what the lot was made from.
    Backward,
    /// To what was made of it.
    Forward,
    /// Both.
    Both,
}

/// A lot of a genealogy, as it stood at the position of the answer.
pub struct TracedLot {
    pub(super) tenant: TenantId,
    pub(super) facts: genealogy::LotFacts,
    pub(super) depth: u32,
}

/// A lot of a genealogy, as it stood at the position of the answer.
#[Object]
impl TracedLot {
    /// The lot's global id.
    async fn id(&self) -> ID {
        GlobalId::encode("Lot", self.tenant, &self.facts.lot_id.to_string()).into()
    }

    /// The lot as it is now, with everything around it.
    async fn lot(&self, context: &Context<'_>) -> Result<Option<Lot>> {
        Ok(context.find::<LotById>(self.tenant, self.facts.lot_id).await?.map(Lot))
    }

    /// Its code.
    async fn code(&self) -> &str {
        &self.facts.lot_code
    }

    /// Its type.
    #[graphql(name = "type")]
    async fn lot_type(&self) -> LotType {
        self.facts.lot_type.into()
    }

    /// The step that made it, 0 to 10.
    async fn step_index(&self) -> i32 {
        self.facts.step_index.into()
    }

    /// Its SKU.
    async fn sku(&self) -> Option<Sku> {
        self.facts.sku.map(Into::into)
    }

    /// How many steps it is away from the lot asked for, by the shortest way.
    async fn depth(&self) -> u32 {
        self.depth
    }

    /// Where it stood.
    async fn status(&self) -> LotStatus {
        self.facts.status.into()
    }

    /// The local day on which it was made.
    async fn production_day(&self) -> LocalDate {
        LocalDate(self.facts.production_day)
    }

    /// The supplier's name on the day of the receipt, for a RAW lot.
    async fn supplier_name(&self) -> Option<&str> {
        self.facts.supplier.as_ref().map(|supplier| supplier.name.as_str())
    }

    /// Net weight in grams; 0: not yet weighed.
    async fn weight_g(&self) -> i64 {
        self.facts.weight_grams
    }

    /// Grams that were left.
    async fn remaining_g(&self) -> i64 {
        self.facts.remaining_grams
    }

    /// Grams that had left the plant.
    async fn shipped_g(&self) -> i64 {
        self.facts.shipped_grams
    }
}

/// A part of one lot that went into another.
#[derive(Debug, Clone, SimpleObject)]
pub struct GenealogyLink {
    /// The global id of the lot that was used.
    parent: ID,
    /// Its code.
    parent_code: String,
    /// The global id of the lot that was made.
    child: ID,
    /// Its code.
    child_code: String,
    /// How many grams of the parent went in.
    used_g: i64,
    /// Where the log tells of it.
    position: Int64,
}

impl GenealogyLink {
    pub(super) fn of(tenant: TenantId, link: genealogy::LotLink) -> Self {
        let id = |id: uuid::Uuid| ID::from(GlobalId::encode("Lot", tenant, &id.to_string()));
        Self {
            parent: id(link.parent_id),
            parent_code: link.parent_code,
            child: id(link.child_id),
            child_code: link.child_code,
            used_g: link.used_grams,
            position: link.position.into(),
        }
    }
}

/// A lot at the other end of a link.
#[derive(SimpleObject)]
pub struct LinkedLot {
    /// The lot.
    lot: TracedLot,
    /// How many grams of the parent went into the child.
    used_g: i64,
}

/// One step back and one step forward (EU 178/2002, article 18).
#[derive(SimpleObject)]
pub struct Traceability {
    /// The lot asked for.
    central: TracedLot,
    /// What it was made from, by code.
    parents: Vec<LinkedLot>,
    /// What was made of it, by code.
    children: Vec<LinkedLot>,
    /// The position at which this holds.
    position: Int64,
}

impl Traceability {
    pub(super) fn of(tenant: TenantId, answer: genealogy::Traceability) -> Self {
        let linked = |linked: genealogy::LinkedLot| LinkedLot {
            lot: TracedLot { tenant, facts: linked.lot, depth: 1 },
            used_g: linked.used_grams,
        };
        Self {
            central: TracedLot { tenant, facts: answer.central, depth: 0 },
            parents: answer.parents.into_iter().map(linked).collect(),
            children: answer.children.into_iter().map(linked).collect(),
            position: answer.position.into(),
        }
    }
}

/// The lots around one lot, and how they are linked.
#[derive(SimpleObject)]
pub struct Genealogy {
    /// By depth, then code; the lot asked for comes first.
    nodes: Vec<TracedLot>,
    /// By the parent's code, then the child's.
    links: Vec<GenealogyLink>,
    /// The position at which this holds.
    position: Int64,
}

impl Genealogy {
    pub(super) fn of(tenant: TenantId, answer: genealogy::LotGenealogy) -> Self {
        let node = |node: genealogy::GenealogyLot| TracedLot { tenant, facts: node.lot, depth: node.depth };
        Self {
            nodes: answer.nodes.into_iter().map(node).collect(),
            links: answer.links.into_iter().map(|link| GenealogyLink::of(tenant, link)).collect(),
            position: answer.position.into(),
        }
    }
}
