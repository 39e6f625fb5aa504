//! Rows of `events`, as they lie in the file.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use commands::ports::{Metadata, Position, RecordedEvent, StoreError, StreamKey};
use rusqlite::Row;

use super::failure::store_error;
use crate::repeated::Repeated;

/// In the order that [`recorded_event`] reads.
pub(super) const COLUMNS: &str = "position, tenant, category, stream_id, version, event_id, event_type, \
                                  schema_version, payload, metadata, recorded_at";

/// Counts and positions stay far below 2^63: the conversion cannot meet a larger one.
pub(super) fn as_sql(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn from_sql(count: i64) -> u64 {
    count.unsigned_abs()
}

pub(super) fn instant(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

pub(super) fn recorded_event(row: &Row<'_>, repeated: &mut Repeated) -> Result<RecordedEvent, StoreError> {
    let failed = store_error("reading an event");
    let position = row.get(0).map(from_sql).map_err(&failed)?;
    let metadata = row.get_ref(9).map_err(&failed)?.as_str().map_err(|error| unreadable(position, &error))?;
    let metadata = repeated.metadata(metadata).map_err(|error| unreadable(position, &error))?;
    read(row, position, metadata, repeated).map_err(failed)
}

fn unreadable(position: Position, error: &dyn std::error::Error) -> StoreError {
    StoreError::Corrupt {
        reason: format!("table events, position {position}: the metadata is unreadable: {error}"),
    }
}

fn read(
    row: &Row<'_>,
    position: Position,
    metadata: Metadata,
    repeated: &mut Repeated,
) -> rusqlite::Result<RecordedEvent> {
    Ok(RecordedEvent {
        position,
        stream: StreamKey::new(row.get(1)?, row.get::<_, String>(2)?, row.get::<_, Arc<str>>(3)?),
        version: from_sql(row.get(4)?),
        event_id: row.get(5)?,
        event_type: repeated.event_type(row.get_ref(6)?.as_str()?),
        schema_version: row.get(7)?,
        payload: row.get(8)?,
        metadata,
        recorded_at: instant(row.get(10)?),
    })
}
