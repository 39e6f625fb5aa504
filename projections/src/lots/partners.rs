use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use commands::ports::{RecordedEvent, Version};
use domain::{
    Decider,
    lots::{Partner, PartnerEvent, PartnerRole},
};
use uuid::Uuid;

use crate::{FoldError, Json, Keys, ReadModel, Row, Rows, Table, decode, row, stream_uuid};

row! {
    /// A supplier, customer or carrier.
    pub struct PartnerRow in "partners" {
        key {
            /// Whose partner it is.
            tenant: Uuid,
            /// The partner.
            partner_id: Uuid,
        }
        /// Its name.
        name: String,
        /// Its postal address.
        address: Option<String>,
        /// What it does for the plant.
        roles: Json<BTreeSet<PartnerRole>>,
        /// Whether it delivers raw material.
        is_supplier: bool,
        /// Whether it receives shipments.
        is_customer: bool,
        /// Whether it carries them.
        is_carrier: bool,
        /// When it was last saved.
        saved_at: DateTime<Utc>,
        /// The version of the partner's stream that the row shows.
        version: Version,
    }
    index (tenant, name);
}

/// Whom does the plant work with?
pub struct Partners;

impl ReadModel for Partners {
    const NAME: &'static str = "partners";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[Partner::CATEGORY];

    fn tables() -> Vec<&'static Table> {
        vec![PartnerRow::TABLE]
    }

    fn keys(_: &RecordedEvent, _: &mut Keys<'_>) {}

    fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
        let PartnerEvent::PartnerSaved(saved) = decode(event)?;
        rows.put(PartnerRow {
            tenant: event.stream.tenant,
            partner_id: stream_uuid(event)?,
            name: saved.name,
            address: saved.address,
            is_supplier: saved.roles.contains(&PartnerRole::Supplier),
            is_customer: saved.roles.contains(&PartnerRole::Customer),
            is_carrier: saved.roles.contains(&PartnerRole::Carrier),
            roles: Json::try_new(saved.roles)?,
            saved_at: event.recorded_at,
            version: event.version,
        });
        Ok(())
    }
}
