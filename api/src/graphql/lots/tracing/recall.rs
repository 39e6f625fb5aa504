use async_graphql::{
    Context, ID, Object, Result, SimpleObject,
    connection::{Connection, EmptyFields},
};
use commands::ports::{Position, TenantId};
use domain::lots::LotStatus;
use projections::lots::genealogy;

use super::{
    objects::TracedLot,
    slice::{Slice, Sliced},
};
use crate::graphql::{
    kernel::{E, GlobalId, Int64, LocalDate, PageArguments, PageRequest, Row, Shows, Total},
    lots::{Lot, Partner},
};

/// Deliveries on one page, at most.
const MAX_DELIVERIES: usize = 1_000;

/// Where the grams of a recalled lot and of everything made of it are. Exactly, at every position:
/// received + joined + gain = process loss + in process + written off + rejected + in stock + shipped.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct MassBalance {
    /// Grams of RAW lots.
    received_g: Int64,
    /// Grams that came in from lots outside the recall.
    joined_g: Int64,
    /// By how many grams lots are heavier than their inputs: ingredients that are not kept as lots.
    gain_g: Int64,
    /// By how many grams lots are lighter than their inputs: bones, drip, cuttings.
    process_loss_g: Int64,
    /// Input grams of lots that were not weighed yet.
    in_process_g: Int64,
    /// Grams that were written off.
    written_off_g: Int64,
    /// Grams that remain of rejected lots.
    rejected_g: Int64,
    /// Grams that remain of all others.
    in_stock_g: Int64,
    /// Grams that left the plant.
    shipped_g: Int64,
    /// Grams of every lot that was made from others, each stage counted. Stands outside the balance.
    made_g: Int64,
}

impl From<genealogy::MassBalance> for MassBalance {
    fn from(balance: genealogy::MassBalance) -> Self {
        Self {
            received_g: balance.received_grams.into(),
            joined_g: balance.joined_grams.into(),
            gain_g: balance.gain_grams.into(),
            process_loss_g: balance.process_loss_grams.into(),
            in_process_g: balance.in_process_grams.into(),
            written_off_g: balance.written_off_grams.into(),
            rejected_g: balance.rejected_grams.into(),
            in_stock_g: balance.in_stock_grams.into(),
            shipped_g: balance.shipped_grams.into(),
            made_g: balance.made_grams.into(),
        }
    }
}

/// One shipment that carries a part of a recalled lot.
#[derive(Debug, Clone, SimpleObject)]
pub struct Delivery {
    /// The global id of the shipped lot.
    lot: ID,
    /// Its code.
    lot_code: String,
    /// Grams that left the plant.
    shipped_g: i64,
    /// The number of the transport document.
    document: String,
    /// The local day of the dispatch.
    dispatch_day: LocalDate,
    /// Where the log tells of it.
    position: Int64,
}

/// Who must be told of a recall.
pub struct Consignee {
    tenant: TenantId,
    answer: genealogy::Consignee,
}

/// Who must be told of a recall: one receiver with everything that went there.
#[Object]
impl Consignee {
    /// The partner as it is known today.
    async fn partner(&self, context: &Context<'_>) -> Result<Option<Partner>> {
        context.entity(self.answer.partner_id).await
    }

    /// Its name on the latest dispatch.
    async fn name(&self) -> &str {
        &self.answer.name
    }

    /// Its address on the latest dispatch.
    async fn address(&self) -> &str {
        &self.answer.address
    }

    /// Grams of all deliveries.
    async fn shipped_g(&self) -> Int64 {
        self.answer.shipped_grams.into()
    }

    /// What went there, by dispatch day, then code.
    async fn deliveries(
        &self,
        #[graphql(desc = "Entries from the front, at most 1,000.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<Connection<String, Delivery, Total, EmptyFields>> {
        let scope = format!("{}/deliveries/{}", self.tenant, self.answer.partner_id);
        let arguments = PageArguments { first, after, ..PageArguments::default() };
        let request = PageRequest::<(String, String, u64)>::try_new(arguments, scope, MAX_DELIVERIES)?;
        let delivery = |delivery: &genealogy::Delivery| Delivery {
            lot: GlobalId::of::<Lot>(self.tenant, delivery.lot_id),
            lot_code: delivery.lot_code.clone(),
            shipped_g: delivery.shipped_grams,
            document: delivery.document.clone(),
            dispatch_day: LocalDate(delivery.dispatch_day),
            position: delivery.position.into(),
        };
        let key = |delivery: &genealogy::Delivery| {
            (delivery.dispatch_day.0.to_string(), delivery.lot_code.clone(), delivery.position)
        };
        let all = self.answer.deliveries.iter();
        let rows = request.rows_of(all.map(|known| (key(known), known))).into_iter();
        let rows = rows.map(|row| Row { key: row.key, node: delivery(row.node) }).collect();
        Ok(request.assemble_with(rows, Total::known(self.answer.deliveries.len())))
    }
}

fn consignees(tenant: TenantId, answers: &[genealogy::Consignee]) -> Vec<Consignee> {
    answers.iter().map(|answer| Consignee { tenant, answer: answer.clone() }).collect()
}

/// Everything that a recall of one lot concerns (EU 178/2002, article 19).
pub struct RecallScope {
    pub(super) tenant: TenantId,
    pub(super) scope: genealogy::RecallScope,
}

/// Everything that a recall of one lot concerns (EU 178/2002, article 19), at one position.
#[Object]
impl RecallScope {
    /// The recalled lot.
    async fn root(&self) -> TracedLot {
        TracedLot { tenant: self.tenant, facts: self.scope.root.clone(), depth: 0 }
    }

    /// Every descendant, by depth, then code.
    async fn lots(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 1,000.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<Sliced<TracedLot>> {
        let (tenant, lot) = (self.tenant, self.scope.root.lot_id);
        let slice = Slice::read(tenant, &format!("recall/{lot}"), first, after)?;
        let again = |index: &genealogy::Genealogy, then| {
            index.recall_scope(tenant, genealogy::LotRef::Id(lot), Some(then))
        };
        let scope = slice.of(context, &self.scope, self.scope.position, again).await?;
        let node = |lot: genealogy::ScopeLot| TracedLot { tenant, facts: lot.lot, depth: lot.depth };
        slice.connection(scope.descendant_count(), scope.position, |offset, limit| {
            scope.page(offset, limit).into_iter().map(node).collect()
        })
    }

    /// Who received a part of it, by name, with quantities and dates.
    async fn consignees(&self) -> Vec<Consignee> {
        consignees(self.tenant, &self.scope.consignees)
    }

    /// Where its grams are.
    async fn balance(&self) -> MassBalance {
        self.scope.balance.into()
    }

    /// The position at which all of this holds.
    async fn position(&self) -> Int64 {
        self.scope.position.into()
    }
}

/// A lot of a recall before and after.
#[derive(SimpleObject)]
pub struct RecalledLotChange {
    /// As it stood at the later position.
    lot: TracedLot,
    /// Where it stood before.
    status_before: E<LotStatus>,
    /// Its net weight in grams before.
    weight_before_g: i64,
    /// Grams that were left before.
    remaining_before_g: i64,
}

/// What became of a recall between two positions.
pub struct RecallDifference {
    pub(super) tenant: TenantId,
    pub(super) lot_id: uuid::Uuid,
    pub(super) difference: genealogy::RecallDifference,
}

impl RecallDifference {
    fn slice(&self, list: &str, first: Option<i32>, after: Option<String>) -> Result<Slice> {
        let name = format!("difference/{}/{}/{list}", self.lot_id, self.difference.from);
        Slice::read(self.tenant, &name, first, after)
    }

    fn at(
        &self,
        index: &genealogy::Genealogy,
        then: Position,
    ) -> std::result::Result<genealogy::RecallDifference, genealogy::GenealogyRefusal> {
        let lot = genealogy::LotRef::Id(self.lot_id);
        index.recall_difference(self.tenant, lot, self.difference.from, Some(then))
    }
}

/// What became of a recall between two positions.
#[Object]
impl RecallDifference {
    /// The earlier position.
    async fn from_position(&self) -> Int64 {
        self.difference.from.into()
    }

    /// The later position.
    async fn to_position(&self) -> Int64 {
        self.difference.to.into()
    }

    /// The lots that came into scope, by depth, then code.
    async fn came(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 1,000.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<Sliced<TracedLot>> {
        let (tenant, slice) = (self.tenant, self.slice("came", first, after)?);
        let again = |index: &genealogy::Genealogy, then| self.at(index, then);
        let answer = slice.of(context, &self.difference, self.difference.to, again).await?;
        let node = |lot: genealogy::ScopeLot| TracedLot { tenant, facts: lot.lot, depth: lot.depth };
        slice.connection(answer.came_count(), answer.to, |offset, limit| {
            answer.came(offset, limit).into_iter().map(node).collect()
        })
    }

    /// The lots whose status or amounts changed, by depth, then code.
    async fn changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 1,000.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<Sliced<RecalledLotChange>> {
        let (tenant, slice) = (self.tenant, self.slice("changed", first, after)?);
        let again = |index: &genealogy::Genealogy, then| self.at(index, then);
        let answer = slice.of(context, &self.difference, self.difference.to, again).await?;
        let node = |change: genealogy::LotChange| RecalledLotChange {
            lot: TracedLot { tenant, facts: change.after, depth: change.depth },
            status_before: E(change.before.status),
            weight_before_g: change.before.weight_grams,
            remaining_before_g: change.before.remaining_grams,
        };
        slice.connection(answer.changed_count(), answer.to, |offset, limit| {
            answer.changed(offset, limit).into_iter().map(node).collect()
        })
    }

    /// Who received more, with the deliveries that came.
    async fn consignees(&self) -> Vec<Consignee> {
        consignees(self.tenant, &self.difference.consignees)
    }

    /// Where the grams were.
    async fn balance_before(&self) -> MassBalance {
        self.difference.balance_before.into()
    }

    /// Where they are.
    async fn balance_after(&self) -> MassBalance {
        self.difference.balance_after.into()
    }
}
