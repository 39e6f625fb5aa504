use chrono::{DateTime, Utc};
use commands::ports::{Position, RecordedEvent};
use domain::{
    Decider,
    kernel::LocalDay,
    lots::{LimitSource, LotCode, ReadingType, Subject, TemperatureLog, TemperatureLogEvent, TenthsC},
};
use uuid::Uuid;

use crate::{FoldError, Keys, ReadModel, Row, Rows, Table, decode, row};

row! {
    /// A reading of a thermometer.
    pub struct TemperatureReadingRow in "temperature_readings" {
        key {
            /// Whose reading it is.
            tenant: Uuid,
            /// The reading.
            reading_id: Uuid,
        }
        /// The lot that it was read of. None: a buffer.
        lot_id: Option<Uuid>,
        /// The lot's code.
        lot_code: Option<LotCode>,
        /// The buffer that it was read of. None: a lot.
        buffer_id: Option<Uuid>,
        /// The local day of the log.
        day: LocalDay,
        /// Where the thermometer was held.
        reading_type: ReadingType,
        /// What it showed.
        tenths_c: TenthsC,
        /// The least value allowed, when there is one.
        min_tenths_c: Option<TenthsC>,
        /// The greatest value allowed.
        max_tenths_c: TenthsC,
        /// Which rule the limit came from.
        limit_source: LimitSource,
        /// Whether it lies outside the limit.
        is_violation: bool,
        /// Who took it.
        recorded_by: String,
        /// When.
        recorded_at: DateTime<Utc>,
        /// Where the log tells of it.
        position: Position,
    }
    index (tenant, position);
    index (tenant, lot_id, position);
    index (tenant, is_violation, position);
}

/// Which temperatures were read, and which of them violate their limit?
pub struct TemperatureReadings;

impl ReadModel for TemperatureReadings {
    const NAME: &'static str = "temperature_readings";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[TemperatureLog::CATEGORY];

    fn tables() -> Vec<&'static Table> {
        vec![TemperatureReadingRow::TABLE]
    }

    fn keys(_: &RecordedEvent, _: &mut Keys<'_>) {}

    fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
        let TemperatureLogEvent::TemperatureRecorded(recorded) = decode(event)?;
        let (lot_id, buffer_id) = match recorded.subject {
            Subject::Lot(lot_id) => (Some(lot_id), None),
            Subject::Buffer(buffer_id) => (None, Some(buffer_id)),
        };
        let reading = recorded.reading;
        rows.put(TemperatureReadingRow {
            tenant: event.stream.tenant,
            reading_id: reading.reading_id,
            lot_id,
            lot_code: recorded.lot_code,
            buffer_id,
            day: recorded.day,
            reading_type: reading.reading_type,
            tenths_c: reading.tenths_c,
            min_tenths_c: reading.limit.min_tenths_c,
            max_tenths_c: reading.limit.max_tenths_c,
            limit_source: reading.limit.source,
            is_violation: recorded.is_violation,
            recorded_by: reading.recorded_by,
            recorded_at: reading.recorded_at,
            position: event.position,
        });
        Ok(())
    }
}
