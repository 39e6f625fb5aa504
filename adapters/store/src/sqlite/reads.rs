//! Reading the log, on a reader's own connection.

use chrono::{DateTime, Utc};
use commands::ports::{
    LogFilter, LogPage, Past, PastQuery, Position, RecordedEvent, Snapshot, StoreError, StreamKey, Version,
};
use rusqlite::{Connection, OptionalExtension, Statement, ToSql, params, params_from_iter};

use super::{
    events::{COLUMNS, as_sql, from_sql, recorded_event},
    failure::store_error,
};
use crate::{gaps::check_for_gaps, repeated::Repeated};

const READING: &str = "reading the log";

pub(super) fn read_stream(
    connection: &Connection,
    stream: &StreamKey,
    after_version: Version,
    limit: usize,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let sql = format!(
        "select {COLUMNS} from events where tenant = ? and category = ? and stream_id = ? and version > ?
         order by version limit ?"
    );
    let (after, limit) = (as_sql(after_version), as_sql(limit as u64));
    events(connection, &sql, params![stream.tenant, &*stream.category, &*stream.id, after, limit], usize::MAX)
}

pub(super) fn load_pasts(
    connection: &Connection,
    asked: &[PastQuery],
    limit: usize,
) -> Result<Vec<Past>, StoreError> {
    let load = || {
        let mut snapshot = connection.prepare_cached(
            "select version, shape, state from snapshots
             where tenant = ? and category = ? and stream_id = ? and shape = ? and version > ?",
        )?;
        let mut events = connection.prepare_cached(
            "select event_type, schema_version, payload, event_id from events
             where tenant = ? and category = ? and stream_id = ? and version > ? order by version limit ?",
        )?;
        let pasts = asked.iter().map(|query| past(query, limit, &mut snapshot, &mut events));
        pasts.collect::<rusqlite::Result<_>>()
    };
    load().map_err(store_error("loading streams"))
}

fn past(
    query: &PastQuery,
    limit: usize,
    snapshot: &mut Statement<'_>,
    events: &mut Statement<'_>,
) -> rusqlite::Result<Past> {
    let PastQuery { stream: StreamKey { tenant, category, id }, after_version, shape } = query;
    let found = match shape {
        None => None,
        Some(shape) => snapshot
            .query_row(params![tenant, &**category, &**id, shape, as_sql(*after_version)], |row| {
                Ok(Snapshot { version: from_sql(row.get(0)?), shape: row.get(1)?, state: row.get(2)? })
            })
            .optional()?,
    };
    let mut past = query.begin(found);
    let after = as_sql(past.version());
    let mut rows = events.query(params![tenant, &**category, &**id, after, as_sql(limit as u64)])?;
    while let Some(row) = rows.next()? {
        past.push(row.get_ref(0)?.as_str()?, row.get(1)?, row.get_ref(2)?.as_str()?, row.get(3)?);
        if past.bytes() >= Past::BYTES {
            past.end_early();
            break;
        }
    }
    Ok(past)
}

pub(super) fn read_log(
    connection: &mut Connection,
    after: Position,
    filter: &LogFilter,
    limit: usize,
) -> Result<LogPage, StoreError> {
    // One snapshot for the events and for the head that a filtered page reports.
    let transaction = connection.transaction().map_err(store_error(READING))?;
    let is_in = |column: &str, count: usize| match count {
        0 => String::new(),
        _ => format!(" and {column} in ({})", vec!["?"; count].join(", ")),
    };
    let sql = format!(
        "select {COLUMNS} from events where position > ?{}{} order by position limit ?",
        is_in("category", filter.categories.len()),
        is_in("event_type", filter.event_types.len())
    );
    let (first, last) = (as_sql(after), as_sql(limit as u64));
    let wanted = filter.categories.iter().chain(&filter.event_types).map(|name| name as &dyn ToSql);
    let parameters = std::iter::once(&first as &dyn ToSql).chain(wanted).chain([&last as &dyn ToSql]);
    let events = events(&transaction, &sql, params_from_iter(parameters), LogPage::BYTES)?;
    let last_read = events.last().map_or(after, |event| event.position);
    if filter.is_everything() {
        check_for_gaps(after, &events)?;
        return Ok(LogPage { events, read_through: last_read });
    }
    let bytes: usize = events.iter().map(|event| event.payload.len()).sum();
    let is_full = events.len() >= limit || bytes >= LogPage::BYTES;
    let read_through = if is_full { last_read } else { head(&transaction)?.max(after) };
    Ok(LogPage { events, read_through })
}

pub(super) fn head(connection: &Connection) -> Result<Position, StoreError> {
    let failed = store_error("reading the head of the log");
    let mut last = connection.prepare_cached("select max(position) from events").map_err(&failed)?;
    let head: Option<i64> = last.query_row([], |row| row.get(0)).map_err(&failed)?;
    Ok(head.map_or(0, from_sql))
}

/// Positions and instants rise together: halving finds the place without an index of its own.
pub(super) fn position_at(
    connection: &mut Connection,
    instant: DateTime<Utc>,
) -> Result<Position, StoreError> {
    let failed = store_error("looking for an instant in the log");
    let transaction = connection.transaction().map_err(&failed)?;
    let instant = instant.timestamp_millis();
    // Every event up to `low` was recorded by then, none after `high` was.
    let (mut low, mut high) = (0, head(&transaction)?);
    let mut at_or_before = transaction
        .prepare_cached(
            "select position, recorded_at from events where position <= ? order by position desc limit 1",
        )
        .map_err(&failed)?;
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let found = at_or_before
            .query_row([as_sql(middle)], |row| Ok((from_sql(row.get(0)?), row.get::<_, i64>(1)?)))
            .optional()
            .map_err(&failed)?;
        match found {
            Some((position, recorded_at)) if recorded_at > instant => high = position - 1,
            _ => low = middle,
        }
    }
    Ok(low)
}

/// By the partial index `reactions_parked`, which holds nothing else.
pub(super) fn parked_reactions(connection: &Connection) -> Result<Vec<RecordedEvent>, StoreError> {
    let sql = format!(
        "select {COLUMNS} from events as parked
         where category = 'reaction' and event_type = 'ReactionParked' and not exists (
             select 1 from events as later
             where later.tenant = parked.tenant and later.category = 'reaction'
               and later.stream_id = parked.stream_id and later.version > parked.version)
         order by position"
    );
    events(connection, &sql, [], usize::MAX)
}

/// Ends with the event that brings the payloads to so many bytes.
fn events(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    most_bytes: usize,
) -> Result<Vec<RecordedEvent>, StoreError> {
    let mut select = connection.prepare_cached(sql).map_err(store_error(READING))?;
    let mut rows = select.query(parameters).map_err(store_error(READING))?;
    let (mut events, mut bytes, mut repeated) = (Vec::new(), 0, Repeated::default());
    while bytes < most_bytes
        && let Some(row) = rows.next().map_err(store_error(READING))?
    {
        let event = recorded_event(row, &mut repeated)?;
        bytes += event.payload.len();
        events.push(event);
    }
    Ok(events)
}
