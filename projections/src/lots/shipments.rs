use chrono::{DateTime, Utc};
use commands::ports::{Position, RecordedEvent};
use domain::{
    Decider,
    kernel::LocalDay,
    lots::{Grams, Lot, LotCode, LotEvent},
};
use uuid::Uuid;

use crate::{FoldError, Keys, ReadModel, Row, Rows, Table, decode, row, stream_uuid};

row! {
    /// The dispatch record of a SHIP lot (EU 931/2011), as it was on the day of the dispatch.
    pub struct ShipmentRow in "shipments" {
        key {
            /// Whose shipment it is.
            tenant: Uuid,
            /// The SHIP lot.
            lot_id: Uuid,
        }
        /// The lot reference.
        lot_code: LotCode,
        /// How much left.
        shipped_grams: Grams,
        /// The partner that receives it.
        consignee_id: Uuid,
        /// The consignee's name.
        consignee_name: String,
        /// The consignee's address.
        consignee_address: String,
        /// The partner that carries it.
        carrier_id: Option<Uuid>,
        /// The carrier's name.
        carrier_name: Option<String>,
        /// The carrier's address.
        carrier_address: Option<String>,
        /// The number of the transport document.
        document: String,
        /// The local day of the dispatch.
        dispatch_day: LocalDay,
        /// When.
        shipped_at: DateTime<Utc>,
        /// Where the log tells of it.
        position: Position,
    }
    index (tenant, position);
    index (tenant, consignee_id, position);
}

/// What left the plant, and to whom?
pub struct Shipments;

impl ReadModel for Shipments {
    const NAME: &'static str = "shipments";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[Lot::CATEGORY];

    fn tables() -> Vec<&'static Table> {
        vec![ShipmentRow::TABLE]
    }

    fn keys(_: &RecordedEvent, _: &mut Keys<'_>) {}

    fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
        if &*event.event_type != "LotShipped" {
            return Ok(()); // Spares reading the payloads of everything else that happens to lots.
        }
        let LotEvent::LotShipped(shipped) = decode::<LotEvent>(event)? else { return Ok(()) };
        let (carrier_id, carrier) =
            shipped.carrier.map(|party| (party.partner_id, (party.name, party.address))).unzip();
        let (carrier_name, carrier_address) = carrier.unzip();
        rows.put(ShipmentRow {
            tenant: event.stream.tenant,
            lot_id: stream_uuid(event)?,
            lot_code: shipped.lot_code,
            shipped_grams: shipped.shipped_grams,
            consignee_id: shipped.consignee.partner_id,
            consignee_name: shipped.consignee.name,
            consignee_address: shipped.consignee.address,
            carrier_id,
            carrier_name,
            carrier_address,
            document: shipped.document,
            dispatch_day: shipped.dispatch_day,
            shipped_at: shipped.shipped_at,
            position: event.position,
        });
        Ok(())
    }
}
