use async_graphql::{Context, ID, Object, Result, SimpleObject};
use commands::ports::{Position, TenantId};
use domain::lots::{GenealogyDirection, LotStatus, LotType, Sku};
use projections::lots::genealogy;

use super::slice::{Slice, Sliced};
use crate::graphql::{
    kernel::{E, GlobalId, Int64, LocalDate, Shows},
    lots::Lot,
};

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
        GlobalId::of::<Lot>(self.tenant, self.facts.lot_id)
    }

    /// The lot as it is now, with everything around it.
    async fn lot(&self, context: &Context<'_>) -> Result<Option<Lot>> {
        context.entity(self.facts.lot_id).await
    }

    /// Its code.
    async fn code(&self) -> &str {
        &self.facts.lot_code
    }

    /// Its type.
    #[graphql(name = "type")]
    async fn lot_type(&self) -> E<LotType> {
        E(self.facts.lot_type)
    }

    /// The step that made it, 0 to 10.
    async fn step_index(&self) -> i32 {
        self.facts.step_index.into()
    }

    /// Its SKU.
    async fn sku(&self) -> Option<E<Sku>> {
        self.facts.sku.map(E)
    }

    /// How many steps it is away from the lot asked for, by the shortest way.
    async fn depth(&self) -> u32 {
        self.depth
    }

    /// Where it stood.
    async fn status(&self) -> E<LotStatus> {
        E(self.facts.status)
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
        let id = |id: uuid::Uuid| GlobalId::of::<Lot>(tenant, id);
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
pub struct Traceability {
    pub(super) tenant: TenantId,
    pub(super) answer: genealogy::Traceability,
}

impl Traceability {
    async fn linked(
        &self,
        context: &Context<'_>,
        list: (&str, fn(&genealogy::Traceability) -> &[genealogy::LinkedLot]),
        (first, after): (Option<i32>, Option<String>),
    ) -> Result<Sliced<LinkedLot>> {
        let (tenant, lot, (name, side)) = (self.tenant, self.answer.central.lot_id, list);
        let slice = Slice::read(tenant, &format!("traceability/{lot}/{name}"), first, after)?;
        let again = |index: &genealogy::Genealogy, then| {
            index.traceability(tenant, genealogy::LotRef::Id(lot), Some(then))
        };
        let answer = slice.of(context, &self.answer, self.answer.position, again).await?;
        let linked = |linked: &genealogy::LinkedLot| LinkedLot {
            lot: TracedLot { tenant, facts: linked.lot.clone(), depth: 1 },
            used_g: linked.used_grams,
        };
        let lots = side(&answer);
        slice.connection(lots.len(), answer.position, |offset, limit| {
            lots.iter().skip(offset).take(limit).map(linked).collect()
        })
    }
}

/// One step back and one step forward (EU 178/2002, article 18).
#[Object]
impl Traceability {
    /// The lot asked for.
    async fn central(&self) -> TracedLot {
        TracedLot { tenant: self.tenant, facts: self.answer.central.clone(), depth: 0 }
    }

    /// What it was made from, by code.
    async fn parents(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 1,000.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<Sliced<LinkedLot>> {
        self.linked(context, ("parents", |answer| &answer.parents), (first, after)).await
    }

    /// What was made of it, by code.
    async fn children(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 1,000.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<Sliced<LinkedLot>> {
        self.linked(context, ("children", |answer| &answer.children), (first, after)).await
    }

    /// The position at which this holds.
    async fn position(&self) -> Int64 {
        self.answer.position.into()
    }
}

/// The lots around one lot, and how they are linked.
pub struct Genealogy {
    pub(super) tenant: TenantId,
    pub(super) lot_id: uuid::Uuid,
    pub(super) direction: GenealogyDirection,
    pub(super) depth: Option<i32>,
    pub(super) answer: genealogy::LotGenealogy,
}

impl Genealogy {
    fn slice(&self, list: &str, first: Option<i32>, after: Option<String>) -> Result<Slice> {
        let Self { lot_id, direction, depth, .. } = self;
        Slice::read(self.tenant, &format!("genealogy/{lot_id}/{direction:?}/{depth:?}/{list}"), first, after)
    }

    fn at(
        &self,
        index: &genealogy::Genealogy,
        then: Position,
    ) -> std::result::Result<genealogy::LotGenealogy, genealogy::GenealogyRefusal> {
        let (lot, depth) = (genealogy::LotRef::Id(self.lot_id), self.depth.map(Into::into));
        index.genealogy(self.tenant, lot, self.direction, depth, Some(then))
    }
}

/// The lots around one lot, and how they are linked.
#[Object]
impl Genealogy {
    /// By depth, then code; the lot asked for comes first.
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 1,000.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<Sliced<TracedLot>> {
        let (tenant, slice) = (self.tenant, self.slice("nodes", first, after)?);
        let again = |index: &genealogy::Genealogy, then| self.at(index, then);
        let answer = slice.of(context, &self.answer, self.answer.position, again).await?;
        let node = |node: genealogy::GenealogyLot| TracedLot { tenant, facts: node.lot, depth: node.depth };
        slice.connection(answer.node_count(), answer.position, |offset, limit| {
            answer.nodes(offset, limit).into_iter().map(node).collect()
        })
    }

    /// By the parent's code, then the child's.
    async fn links(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 1,000.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<Sliced<GenealogyLink>> {
        let (tenant, slice) = (self.tenant, self.slice("links", first, after)?);
        let again = |index: &genealogy::Genealogy, then| self.at(index, then);
        let answer = slice.of(context, &self.answer, self.answer.position, again).await?;
        slice.connection(answer.link_count(), answer.position, |offset, limit| {
            let links = answer.links(offset, limit).into_iter();
            links.map(|link| GenealogyLink::of(tenant, link)).collect()
        })
    }

    /// The position at which this holds.
    async fn position(&self) -> Int64 {
        self.answer.position.into()
    }
}
