use async_graphql::{
    Context, ID, Object, Result,
    connection::{Connection, EmptyFields},
};
use chrono::{DateTime, Utc};
use projections::lots::{LotBoard, LotBoardRow, LotLinkRow};
use uuid::Uuid;

use super::{
    deviation::Deviation,
    edges::{
        ChildrenOf, DeviationById, DeviationsOf, InspectionsOf, LotById, ParentsOf, PartnerById, ReadingsOf,
        ShipmentOf,
    },
    enums::{LotStatus, LotType, Sku},
    partner::Partner,
    past::LotAsOf,
    records::{Inspection, Reading, Shipment},
};
use crate::graphql::kernel::{
    CommitInfo, FromReads, FromRequest, GlobalId, Int64, LocalDate, Past, Total, edge_page,
};

/// One batch of goods, from receipt to shipment.
pub struct Lot(pub(in crate::graphql) LotBoardRow);

impl Lot {
    pub(super) async fn after(context: &Context<'_>, id: Uuid, commit: CommitInfo) -> Result<Option<Self>> {
        context.wait::<LotBoard>(Some(commit.position)).await?;
        let tenant = context.request()?.caller.tenant;
        Ok(context.find::<LotById>(tenant, id).await?.map(Self))
    }
}

/// What hangs on a lot, page by page.
type List<N> = Connection<String, N, Total, EmptyFields>;

/// One batch of goods, from receipt to shipment.
#[Object]
impl Lot {
    /// Global id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        GlobalId::encode("Lot", self.0.tenant, &self.0.lot_id.to_string()).into()
    }

    /// Its code, unique within the tenant: the traceability lot code.
    async fn code(&self) -> &str {
        self.0.lot_code.as_str()
    }

    /// What it is made of and how far it has come.
    #[graphql(name = "type")]
    async fn lot_type(&self) -> LotType {
        self.0.lot_type.into()
    }

    /// The step that made it, 0 to 10.
    async fn step_index(&self) -> i32 {
        self.0.step_index.into()
    }

    /// Where it stands.
    async fn status(&self) -> LotStatus {
        self.0.status.into()
    }

    /// Its SKU.
    async fn sku(&self) -> Option<Sku> {
        self.0.sku.map(Into::into)
    }

    /// Net weight in grams; 0: not yet weighed.
    async fn weight_g(&self) -> i64 {
        self.0.weight_grams.0
    }

    /// Grams that went into other lots.
    async fn used_g(&self) -> i64 {
        self.0.used_grams.0
    }

    /// Grams that were written off.
    async fn written_off_g(&self) -> i64 {
        self.0.written_off_grams.0
    }

    /// Grams that left the plant.
    async fn shipped_g(&self) -> i64 {
        self.0.shipped_grams.0
    }

    /// Grams that are left.
    async fn remaining_g(&self) -> i64 {
        self.0.remaining_grams.0
    }

    /// The local day on which it was made.
    async fn production_day(&self) -> LocalDate {
        LocalDate(self.0.production_day)
    }

    /// Why it is on hold.
    async fn hold_reason(&self) -> Option<&str> {
        self.0.hold_reason.as_deref()
    }

    /// The deviation that must be resolved before a hold ends.
    async fn open_deviation(&self, context: &Context<'_>) -> Result<Option<Deviation>> {
        match self.0.deviation_id {
            Some(id) => Ok(context.find::<DeviationById>(self.0.tenant, id).await?.map(Deviation)),
            None => Ok(None),
        }
    }

    /// Every deviation of the lot, oldest first.
    async fn deviations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<List<Deviation>> {
        let (tenant, id) = (self.0.tenant, self.0.lot_id);
        edge_page::<DeviationsOf, _>(context, tenant, id, (first, after), Deviation).await
    }

    /// The partner that a RAW lot came from.
    async fn supplier(&self, context: &Context<'_>) -> Result<Option<Partner>> {
        match self.0.supplier_id {
            Some(id) => Ok(context.find::<PartnerById>(self.0.tenant, id).await?.map(Partner)),
            None => Ok(None),
        }
    }

    /// The supplier's name on the day of the receipt.
    async fn supplier_name(&self) -> Option<&str> {
        self.0.supplier_name.as_deref()
    }

    /// What it was made from, by code.
    async fn parents(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<List<LotLink>> {
        let (tenant, id) = (self.0.tenant, self.0.lot_id);
        edge_page::<ParentsOf, _>(context, tenant, id, (first, after), |row| LotLink {
            row,
            other: End::Parent,
        })
        .await
    }

    /// What was made of it, by code.
    async fn children(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<List<LotLink>> {
        let (tenant, id) = (self.0.tenant, self.0.lot_id);
        edge_page::<ChildrenOf, _>(context, tenant, id, (first, after), |row| LotLink {
            row,
            other: End::Child,
        })
        .await
    }

    /// The decisions on it, oldest first.
    async fn inspections(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<List<Inspection>> {
        let (tenant, id) = (self.0.tenant, self.0.lot_id);
        edge_page::<InspectionsOf, _>(context, tenant, id, (first, after), Inspection).await
    }

    /// Its readings, oldest first.
    async fn readings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
        #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
    ) -> Result<List<Reading>> {
        let (tenant, id) = (self.0.tenant, self.0.lot_id);
        edge_page::<ReadingsOf, _>(context, tenant, id, (first, after), Reading).await
    }

    /// The dispatch record, once it was shipped.
    async fn shipment(&self, context: &Context<'_>) -> Result<Option<Shipment>> {
        Ok(context.find::<ShipmentOf>(self.0.tenant, self.0.lot_id).await?.map(Shipment))
    }

    #[graphql(flatten)]
    async fn past(&self) -> Past<LotAsOf> {
        Past::of(self.0.tenant, self.0.lot_id)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When something last happened to it.
    async fn changed_at(&self) -> DateTime<Utc> {
        self.0.changed_at
    }

    /// The version of the lot that these fields show: what `expectedVersion` takes.
    async fn version(&self) -> Int64 {
        self.0.version.into()
    }
}

#[derive(Clone, Copy)]
enum End {
    Parent,
    Child,
}

/// A link of the genealogy, seen from one of its ends.
pub struct LotLink {
    row: LotLinkRow,
    other: End,
}

/// A link of the genealogy, seen from one of its ends.
#[Object]
impl LotLink {
    /// The lot at the other end.
    async fn lot(&self, context: &Context<'_>) -> Result<Option<Lot>> {
        let id = match self.other {
            End::Parent => self.row.parent_id,
            End::Child => self.row.child_id,
        };
        Ok(context.find::<LotById>(self.row.tenant, id).await?.map(Lot))
    }

    /// The code of the lot at the other end.
    async fn code(&self) -> &str {
        match self.other {
            End::Parent => self.row.parent_code.as_str(),
            End::Child => self.row.child_code.as_str(),
        }
    }

    /// How many grams of the parent went into the child.
    async fn used_g(&self) -> i64 {
        self.row.used_grams.0
    }

    /// When.
    async fn linked_at(&self) -> DateTime<Utc> {
        self.row.linked_at
    }
}
