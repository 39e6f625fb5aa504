//! Readings, and the logs in which they stand.

use std::collections::BTreeMap;

use async_graphql::{Object, SimpleObject};
use chrono::{DateTime, Utc};
use commands::{
    lots::{RecordTemperature, TemperatureReply},
    ports::TenantId,
};
use domain::{
    kernel::LocalDay,
    lots::{self, LotStatus, ReadingType, Subject},
};
use projections::lots::{TemperatureReadingRow, TemperatureReadings};
use uuid::Uuid;

use super::{Deviation, Lot};
use crate::graphql::kernel::{Becomes, E, Id, LocalDate, MutationError, Past, PastRows, Place, Told};

crate::entity! {
    /// A reading of a thermometer.
    TemperatureReading = ReadingFields of TemperatureReadingRow in TemperatureReadings, needs PlantRead;
    fields |reading| {
        /// Where the thermometer was held.
        #[graphql(name = "type")]
        reading_type: E<ReadingType> = E(reading.reading_type);
        /// What it showed, in tenths of a degree Celsius.
        tenths_c: i32 = reading.tenths_c.0;
        /// The least value allowed, when there is one.
        min_tenths_c: Option<i32> = reading.min_tenths_c.map(|limit| limit.0);
        /// The greatest value allowed.
        max_tenths_c: i32 = reading.max_tenths_c.0;
        /// Whether it lies outside the limit.
        is_violation: bool = reading.is_violation;
        /// Who took it.
        recorded_by: &str = &reading.recorded_by;
        /// When.
        recorded_at: DateTime<Utc> = reading.recorded_at;
    }
    names {
        /// The lot that it was read of.
        lot: Lot = lot_id;
    }
    also {
        /// The log in which it stands: the readings of one lot or buffer on one local day.
        async fn log(&self) -> Option<TemperatureLog> {
            let lot = self.lot_id.map(Subject::Lot);
            let subject = lot.or_else(|| self.buffer_id.map(Subject::Buffer))?;
            Some(TemperatureLog { tenant: self.tenant, subject, day: self.day })
        }
    }
    lists TemperatureLists {
        /// The readings, newest first.
        temperature_log(filter: TemperatureFilter, "Which readings.") by position, Descending;
    }
}

/// A reading as a decision or a deviation keeps it.
#[derive(Debug, Clone, SimpleObject)]
pub struct MeasuredReading {
    /// Where the thermometer was held.
    #[graphql(name = "type")]
    reading_type: E<ReadingType>,
    /// What it showed, in tenths of a degree Celsius.
    tenths_c: i32,
    /// The least value allowed, when there is one.
    min_tenths_c: Option<i32>,
    /// The greatest value allowed.
    max_tenths_c: i32,
    /// Who took it.
    recorded_by: String,
    /// When.
    recorded_at: DateTime<Utc>,
}

impl From<&lots::Reading> for MeasuredReading {
    fn from(reading: &lots::Reading) -> Self {
        Self {
            reading_type: E(reading.reading_type),
            tenths_c: reading.tenths_c.0,
            min_tenths_c: reading.limit.min_tenths_c.map(|limit| limit.0),
            max_tenths_c: reading.limit.max_tenths_c.0,
            recorded_by: reading.recorded_by.clone(),
            recorded_at: reading.recorded_at,
        }
    }
}

impl From<&TemperatureReadingRow> for MeasuredReading {
    fn from(row: &TemperatureReadingRow) -> Self {
        Self {
            reading_type: E(row.reading_type),
            tenths_c: row.tenths_c.0,
            min_tenths_c: row.min_tenths_c.map(|limit| limit.0),
            max_tenths_c: row.max_tenths_c.0,
            recorded_by: row.recorded_by.clone(),
            recorded_at: row.recorded_at,
        }
    }
}

/// The readings of one lot or buffer on one local day.
pub struct TemperatureLog {
    tenant: TenantId,
    subject: Subject,
    day: LocalDay,
}

/// The readings of one lot or buffer on one local day.
#[Object]
impl TemperatureLog {
    /// The local day.
    async fn day(&self) -> LocalDate {
        LocalDate(self.day)
    }

    #[graphql(flatten)]
    async fn past(&self) -> Past<LatestReadings> {
        Past::of(self.tenant, self.subject.log_id(self.day))
    }
}

/// What decisions rested on.
pub struct LatestReadings(Vec<MeasuredReading>);

/// What decisions rested on.
#[Object]
impl LatestReadings {
    /// The latest reading of each type that had been read, longest ago first.
    async fn latest(&self) -> &[MeasuredReading] {
        &self.0
    }
}

impl Told for LatestReadings {
    type Of = TemperatureReading;
    const TYPE: &'static str = "TemperatureLog";

    fn told(past: PastRows<TemperatureReading>) -> Option<Self> {
        let mut rows = past.all();
        rows.sort_unstable_by_key(|row| row.position);
        let latest: BTreeMap<_, _> = rows.iter().map(|row| (row.reading_type, row)).collect();
        let mut latest: Vec<_> = latest.into_values().collect();
        latest.sort_unstable_by_key(|row| row.position);
        let latest: Vec<_> = latest.into_iter().map(|row| MeasuredReading::from(&**row)).collect();
        if latest.is_empty() { None } else { Some(Self(latest)) }
    }
}

impl Becomes<Subject> for Id<Lot> {
    fn read(self, place: &Place<'_>) -> Result<Subject, MutationError> {
        Becomes::<Uuid>::read(self, place).map(Subject::Lot)
    }
}

crate::inputs! {
    /// A reading.
    RecordTemperatureInput => RecordTemperature {
        /// The lot that was measured.
        subject as "lot": Id<Lot>,
        /// Where the thermometer was held.
        reading_type as "type": E<ReadingType>,
        /// Tenths of a degree Celsius, -500 to 1,000.
        tenths_c: i32,
    }
}

crate::payloads! {
    /// A reading and what it came to.
    TemperaturePayload of TemperatureReply {
        /// The reading.
        reading: TemperatureReading by |reply| Some(reply.reading_id);
        /// The deviation that was opened.
        deviation: Deviation by |reply| reply.deviation_id;
        {
            /// Whether the reading lies outside its limit.
            is_violation: bool = |reply| Some(reply.is_violation);
            /// Where the lot stands.
            lot_status: E<LotStatus> = |reply| Some(E(reply.status));
        }
    }
}

crate::mutations! {
    /// The command around temperatures.
    TemperatureMutations {
        /// Records a reading; one that violates its limit holds the lot in the same commit. Needs `temperature:record`.
        record_temperature("recordTemperature", RecordTemperatureInput) -> TemperaturePayload;
    }
}

crate::filters! {
    /// Which readings.
    TemperatureFilter {
        /// Of this lot.
        lot: Id<Lot> => lot_id,
        /// Of this type.
        reading_type as "type": E<ReadingType> => reading_type,
        /// Outside their limit, or inside.
        is_violation: bool => is_violation,
    }
}
