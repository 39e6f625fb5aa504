//! The past of many streams in one statement, a row for each: a row for each event costs the server and the driver more than the
//! events themselves. A page ends with the event that brings its payloads to [`Past::BYTES`]: one value holds a GB at most.

use commands::ports::{Past, PastQuery, Snapshot, StoreError};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::events::{as_sql, from_sql};

/// Stands between the texts of a stream's events: no JSON text can hold it, nor does the name of an event.
const BETWEEN: char = '\u{1e}';

pub(super) const LOAD_PASTS: &str = "select stored.version, stored.shape, stored.state,
        past.event_types, past.schema_versions, past.payloads, past.event_ids
    from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[]) with ordinality
        as asked (tenant, category, stream_id, after_version, shape, ordinal)
    left join lateral (
        select version, shape, state from snapshots
        where snapshots.tenant = asked.tenant and snapshots.category = asked.category
          and snapshots.stream_id = asked.stream_id and snapshots.shape = asked.shape
          and snapshots.version > asked.after_version limit 1) stored on true
    cross join lateral (
        select string_agg(event_type, e'\\x1e') as event_types, array_agg(schema_version) as schema_versions,
               string_agg(payload, e'\\x1e') as payloads, string_agg(uuid_send(event_id), '') as event_ids
        from (select *, sum(octet_length(payload)) over (order by version rows unbounded preceding)
                            - octet_length(payload) as before
              from (select version, event_type, schema_version, payload, event_id from events
                    where events.tenant = asked.tenant and events.category = asked.category
                      and events.stream_id = asked.stream_id
                      and events.version > coalesce(stored.version - 1, asked.after_version)
                    order by version limit $6) page) weighed
        where before < $7) past
    order by ordinal";

/// The questions as the statement's parameters.
pub(super) struct Arrays<'a> {
    tenants: Vec<Uuid>,
    categories: Vec<&'a str>,
    ids: Vec<&'a str>,
    after: Vec<i64>,
    shapes: Vec<Option<&'a str>>,
    limit: i64,
    bytes: i64,
}

impl<'a> Arrays<'a> {
    pub(super) fn of(asked: &'a [PastQuery], limit: usize) -> Self {
        Self {
            tenants: asked.iter().map(|query| query.stream.tenant).collect(),
            categories: asked.iter().map(|query| &*query.stream.category).collect(),
            ids: asked.iter().map(|query| &*query.stream.id).collect(),
            after: asked.iter().map(|query| as_sql(query.after_version)).collect(),
            shapes: asked.iter().map(|query| query.shape.as_deref()).collect(),
            limit: as_sql(limit as u64),
            bytes: as_sql(Past::BYTES as u64),
        }
    }

    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 7] {
        [&self.tenants, &self.categories, &self.ids, &self.after, &self.shapes, &self.limit, &self.bytes]
    }
}

pub(super) fn past(query: &PastQuery, row: &Row) -> Result<Past, StoreError> {
    let unreadable = |reason: String| StoreError::Corrupt { reason: format!("{}: {reason}", query.stream) };
    read(query, row)
        .map_err(|error| unreadable(error.to_string()))?
        .ok_or_else(|| unreadable("its events and their parts are not of one number".to_owned()))
}

/// Nothing when the parts do not fit each other.
fn read(query: &PastQuery, row: &Row) -> Result<Option<Past>, tokio_postgres::Error> {
    let snapshot = match row.try_get::<_, Option<i64>>(0)? {
        None => None,
        Some(version) => {
            Some(Snapshot { version: from_sql(version), shape: row.try_get(1)?, state: row.try_get(2)? })
        }
    };
    let past = query.begin(snapshot);
    let Some(types) = row.try_get::<_, Option<&str>>(3)? else { return Ok(Some(past)) };
    let (schemas, payloads, ids) =
        (row.try_get::<_, Vec<i32>>(4)?, row.try_get::<_, &str>(5)?, row.try_get::<_, &[u8]>(6)?);
    let mut past = past.with_room(schemas.len(), types.len() + payloads.len());
    let (mut types, mut payloads, mut ids) =
        (types.split(BETWEEN), payloads.split(BETWEEN), ids.chunks_exact(16));
    for schema in schemas {
        let (Some(event_type), Some(payload), Some(id)) = (types.next(), payloads.next(), ids.next()) else {
            return Ok(None);
        };
        let id = Uuid::from_slice(id).unwrap_or_default();
        past.push(event_type, schema.try_into().unwrap_or(u16::MAX), payload, id);
    }
    // The statement leaves out what follows so many bytes of payloads; where it left out nothing, the stream is asked once more.
    if past.bytes() >= Past::BYTES {
        past.end_early();
    }
    let is_whole = types.next().is_none() && payloads.next().is_none();
    Ok(is_whole.then_some(past))
}
