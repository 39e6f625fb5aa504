//! Rows of `events`, as PostgreSQL sends them.

use std::sync::Arc;

use commands::ports::{Position, RecordedEvent, StoreError, StreamKey};
use tokio_postgres::Row;

use crate::repeated::Repeated;

/// In the order that [`recorded_event`] reads.
macro_rules! columns {
    () => {
        "position, tenant, category, stream_id, version, event_id, event_type, schema_version, payload, metadata, \
         recorded_at"
    };
}
pub(super) use columns;

/// Counts and positions stay far below 2^63: the conversion cannot meet a larger one.
pub(super) fn as_sql(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn from_sql(count: i64) -> u64 {
    count.unsigned_abs()
}

pub(super) fn recorded_events(rows: &[Row]) -> Result<Vec<RecordedEvent>, StoreError> {
    let mut repeated = Repeated::default();
    rows.iter().map(|row| recorded_event(row, &mut repeated)).collect()
}

/// What a row's payload takes.
pub(super) fn payload_bytes(row: &Row) -> usize {
    row.try_get::<_, &str>(8).map_or(0, str::len)
}

fn recorded_event(row: &Row, repeated: &mut Repeated) -> Result<RecordedEvent, StoreError> {
    let unreadable = |position: Position, error: &dyn std::error::Error| StoreError::Corrupt {
        reason: format!("table events, position {position}: {error}"),
    };
    let position = row.try_get(0).map(from_sql).map_err(|error| unreadable(0, &error))?;
    let metadata: &str = row.try_get(9).map_err(|error| unreadable(position, &error))?;
    let metadata = repeated.metadata(metadata).map_err(|error| unreadable(position, &error))?;
    let read = || {
        Ok(RecordedEvent {
            position,
            stream: StreamKey::new(row.try_get(1)?, row.try_get::<_, String>(2)?, row.try_get::<_, &str>(3)?),
            version: from_sql(row.try_get(4)?),
            event_id: row.try_get(5)?,
            event_type: repeated.event_type(row.try_get(6)?),
            schema_version: row.try_get::<_, i32>(7)?.try_into().unwrap_or(u16::MAX),
            payload: Arc::from(row.try_get::<_, &str>(8)?),
            metadata,
            recorded_at: row.try_get(10)?,
        })
    };
    read().map_err(|error: tokio_postgres::Error| unreadable(position, &error))
}
