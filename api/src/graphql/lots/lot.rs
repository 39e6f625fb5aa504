//! A lot, the links between lots, and the dispatch record; in `mutations` what can be done to it.

mod mutations;

use async_graphql::{Context, Object, Result};
use chrono::{DateTime, Utc};
use domain::lots::{LotStatus, LotType, Sku};
use projections::{
    Filter, Value,
    lots::{LotBoard, LotBoardRow, LotLinkRow, LotLinks, ShipmentRow, Shipments},
};

pub use self::mutations::LotMutations;
use super::{Deviation, Inspection, Partner, Run, TemperatureReading};
use crate::graphql::kernel::{Allowed, E, FromReads, Granted, Id, Int64, LocalDate, Shows, refused};

crate::entity! {
    /// One batch of goods, from receipt to shipment.
    Lot = LotFields of LotBoardRow in LotBoard, needs PlantRead, past;
    fields |lot| {
        /// Its code, unique within the tenant: the traceability lot code.
        code: &str = lot.lot_code.as_str();
        /// What it is made of and how far it has come.
        #[graphql(name = "type")]
        lot_type: E<LotType> = E(lot.lot_type);
        /// The step that made it, 0 to 10.
        step_index: i32 = lot.step_index.into();
        /// Where it stands.
        status: E<LotStatus> = E(lot.status);
        /// Its SKU.
        sku: Option<E<Sku>> = lot.sku.map(E);
        /// Net weight in grams; 0: not yet weighed.
        weight_g: i64 = lot.weight_grams.0;
        /// Grams that went into other lots.
        used_g: i64 = lot.used_grams.0;
        /// Grams that were written off.
        written_off_g: i64 = lot.written_off_grams.0;
        /// Grams that left the plant.
        shipped_g: i64 = lot.shipped_grams.0;
        /// Grams that are left.
        remaining_g: i64 = lot.remaining_grams.0;
        /// The local day on which it was made.
        production_day: LocalDate = LocalDate(lot.production_day);
        /// Why it is on hold.
        hold_reason: Option<&str> = lot.hold_reason.as_deref();
        /// The supplier's name on the day of the receipt.
        supplier_name: Option<&str> = lot.supplier_name.as_deref();
        /// When it was made.
        created_at: DateTime<Utc> = lot.created_at;
        /// When something last happened to it.
        changed_at: DateTime<Utc> = lot.changed_at;
    }
    names {
        /// The deviation that must be resolved before a hold ends.
        open_deviation: Deviation = deviation_id;
        /// The partner that a RAW lot came from.
        supplier: Partner = supplier_id;
    }
    many {
        /// Every deviation of the lot, oldest first.
        deviations: Deviation by lot_id in opened_position;
        /// What it was made from, by code.
        parents: LotLink as to_parent by child_id in parent_code;
        /// What was made of it, by code.
        children: LotLink as to_child by parent_id in child_code;
        /// The decisions on it, oldest first.
        inspections: Inspection by lot_id in position;
        /// Its readings, oldest first.
        readings: TemperatureReading by lot_id in position;
    }
    one {
        /// The dispatch record, once it was shipped.
        shipment: Shipment by lot_id;
    }
    also {
        // By hand: the contract says more of it than `past, version` would.
        /// The version of the lot that these fields show: what `expectedVersion` takes.
        async fn version(&self) -> Int64 {
            self.version.into()
        }
    }
    lists LotLists {
        /// The lots, newest first.
        lot_board(filter: LotBoardFilter, "Which lots.") by created_position, Descending;
    }
}

#[derive(Clone, Copy)]
enum End {
    Parent,
    Child,
}

/// A link of the genealogy, seen from one of its ends.
pub struct LotLink {
    row: Granted<LotLink>,
    other: End,
}

crate::shown!(LotLink: LotLinkRow in LotLinks, needs PlantRead);

impl LotLink {
    fn to_parent(row: Granted<Self>) -> Self {
        Self { row, other: End::Parent }
    }

    fn to_child(row: Granted<Self>) -> Self {
        Self { row, other: End::Child }
    }
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
        context.entity(id).await
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

/// The dispatch record of a SHIP lot (EU 931/2011), as it was on the day of the dispatch.
pub struct Shipment(Granted<Shipment>);

crate::shown!(Shipment: ShipmentRow in Shipments, needs PlantRead);

impl From<Granted<Self>> for Shipment {
    fn from(row: Granted<Self>) -> Self {
        Self(row)
    }
}

/// The dispatch record of a SHIP lot (EU 931/2011), as it was on the day of the dispatch.
#[Object]
impl Shipment {
    /// The lot reference.
    async fn lot_code(&self) -> &str {
        self.0.lot_code.as_str()
    }

    /// How many grams left.
    async fn shipped_g(&self) -> i64 {
        self.0.shipped_grams.0
    }

    /// Who receives it.
    async fn consignee(&self, context: &Context<'_>) -> Result<Option<Partner>> {
        context.entity(self.0.consignee_id).await
    }

    /// The consignee's name on that day.
    async fn consignee_name(&self) -> &str {
        &self.0.consignee_name
    }

    /// The consignee's address on that day.
    async fn consignee_address(&self) -> &str {
        &self.0.consignee_address
    }

    /// The carrier's name on that day.
    async fn carrier_name(&self) -> Option<&str> {
        self.0.carrier_name.as_deref()
    }

    /// The carrier's address on that day.
    async fn carrier_address(&self) -> Option<&str> {
        self.0.carrier_address.as_deref()
    }

    /// The number of the transport document.
    async fn document(&self) -> &str {
        &self.0.document
    }

    /// The local day of the dispatch.
    async fn dispatch_day(&self) -> LocalDate {
        LocalDate(self.0.dispatch_day)
    }

    /// When.
    async fn shipped_at(&self) -> DateTime<Utc> {
        self.0.shipped_at
    }
}

crate::filters! {
    /// Which lots the board shows. Everything given must hold.
    LotBoardFilter {
        /// One of these types.
        lot_type as "type": Vec<E<LotType>> => lot_type,
        /// One of these.
        status: Vec<E<LotStatus>> => status,
        /// Made by this step, 0 to 10.
        step: i32 => step_index,
        /// Of this SKU.
        sku: E<Sku> => sku,
        /// Made on this local day.
        day: LocalDate => production_day,
        /// Of this run.
        run: Id<Run> => run_id,
        /// From this supplier.
        supplier: Id<Partner> => supplier_id,
        /// The code contains this.
        code: String => ~lot_code,
    }
}

/// One lot.
#[derive(Debug, Clone, Copy, Default)]
pub struct LotQueries;

#[Object]
impl LotQueries {
    /// A lot, by id or by code.
    async fn lot(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<Id<Lot>>,
        #[graphql(desc = "Its code.")] code: Option<String>,
        #[graphql(desc = "Waits until the answer holds everything up to this position.")]
        min_position: Option<Int64>,
    ) -> Result<Option<Lot>> {
        let tenant = Allowed::<Lot>::ask(context)?.tenant();
        context.wait::<LotBoard>(min_position).await?;
        match (id, code) {
            (Some(id), None) => context.entity(id.within(tenant)?).await,
            (None, Some(code)) => {
                // Whatever its case.
                let code = Value::Text(code.trim().to_ascii_uppercase());
                context.first(|lots| lots.filter(Filter::Is("lot_code", code))).await
            }
            (Some(_), Some(_)) | (None, None) => {
                Err(refused("VALIDATION_FAILED", "a lot is asked for by id or by code, by one of them"))
            }
        }
    }
}
