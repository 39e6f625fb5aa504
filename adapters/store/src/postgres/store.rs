use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::{
    AppendOutcome, Commit, EventStore, LogFilter, LogPage, Past, PastQuery, Position, Receipt, RecordedEvent,
    StoreError, StreamKey, TenantId, Version,
};
use tokio::sync::watch;
use tokio_postgres::{Config, Row, types::ToSql};
use uuid::Uuid;

use super::{
    append, bell,
    events::{as_sql, columns, from_sql, payload_bytes, recorded_events},
    lane::Lane,
    migrate::{build_indexes_beside, migrate},
    pasts, side_tables, subject_keys,
};
use crate::{address::Address, clocks::check_clock, gaps::check_for_gaps, wake::raise};

/// Connections for short reads. Each serves many callers at once, one statement after the other.
const READ_LANES: usize = 4;
/// Connections for pages of the log.
const LOG_LANES: usize = 3;

/// What a reader's lane knows how to do, by index; the side tables' queries follow.
const QUERIES: &[&str] = &[
    concat!(
        "select ",
        columns!(),
        " from events where tenant = $1 and category = $2 and stream_id = $3 and version > $4 order by version limit $5"
    ),
    concat!("select ", columns!(), " from events where position > $1 order by position limit $2"),
    concat!(
        "select ",
        columns!(),
        " from events where position > $1 and (cardinality($2::text[]) = 0 or category = any ($2))
         and (cardinality($3::text[]) = 0 or event_type = any ($3)) and position <= $5 order by position limit $4"
    ),
    "select max(position) from events",
    "select position_at($1)",
    pasts::LOAD_PASTS,
    side_tables::SAVE_SNAPSHOTS,
    side_tables::DUE_DEADLINES,
    side_tables::NEXT_DUE_AT,
    side_tables::SETTLE_DEADLINES,
    side_tables::LOAD_CHECKPOINT,
    side_tables::ADVANCE_CHECKPOINT,
    side_tables::LEASE_IS_TAKEN,
    side_tables::PRUNE_ANSWERS,
    side_tables::CLOCKS,
    side_tables::CLAIM_LEASE,
    side_tables::RENEW_LEASE,
    side_tables::RELEASE_LEASE,
    side_tables::PARKED_REACTIONS,
    subject_keys::FIND,
    subject_keys::KEEP,
    subject_keys::DESTROY,
    subject_keys::DROP_SNAPSHOTS,
];
/// Positions that one filtered page looks through at most: a rare category's page must end before the statement's time is up.
const LOOKED_THROUGH: Position = 100_000;
const READ_STREAM: usize = 0;
const READ_LOG: usize = 1;
const READ_LOG_FILTERED: usize = 2;
const HEAD: usize = 3;
const POSITION_AT: usize = 4;
const LOAD_PASTS: usize = 5;
/// Where the side tables' queries begin.
pub(super) const SIDE_TABLES: usize = 6;
/// Where those of the subjects' keys begin.
pub(super) const SUBJECT_KEYS: usize = QUERIES.len() - 4;

/// The event log in a PostgreSQL database. Several processes may share it; each has one connection that writes.
pub struct PostgresEventStore {
    writer: Lane,
    /// For the log's long pages, so that they hold up no short read, nor a rebuild those who follow the head.
    logs: Vec<Lane>,
    reads: Vec<Lane>,
    /// For the first answers, whose queries the writer has too.
    answers: Lane,
    /// For leases: one that waits behind a slow read is lost.
    pub(super) leases: Lane,
    next_read: AtomicUsize,
    /// How many events of the log are asked for at most: no more than lately went into a page.
    most_events: AtomicUsize,
    head: Arc<watch::Sender<Position>>,
    appended: watch::Sender<Position>,
}

impl PostgresEventStore {
    /// Opens the database that a libpq URL such as `postgres://user@host/database?sslmode=verify-full` names, and brings its schema
    /// forward. TLS is spoken as its `sslmode` and `sslrootcert` say; who asks for it gets a certificate that was checked.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] for a URL that cannot be read or a server that cannot be reached, [`StoreError::ClockAhead`]
    /// where this machine's clock is more than a minute ahead of the database's, [`StoreError::Corrupt`] for a database in which
    /// somebody else has a table of Cairn's or whose encoding is not UTF-8, [`StoreError::TooNew`] for one that a newer program
    /// has brought forward.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        let mut address = Address::parse(url).map_err(|error| StoreError::Unavailable {
            doing: "reading the address of the PostgreSQL server",
            reason: error.to_string(),
        })?;
        set_guards(&mut address.config);
        let address = Arc::new(address);
        migrate(&address).await?;
        let reads = (0..READ_LANES).map(|_| Lane::new(Arc::clone(&address), QUERIES)).collect();
        let store = Self {
            writer: Lane::new(Arc::clone(&address), append::QUERIES),
            logs: (0..LOG_LANES).map(|_| Lane::new(Arc::clone(&address), QUERIES)).collect(),
            reads,
            answers: Lane::new(Arc::clone(&address), append::QUERIES),
            leases: Lane::new(Arc::clone(&address), QUERIES),
            next_read: AtomicUsize::new(0),
            most_events: AtomicUsize::new(usize::MAX),
            head: Arc::new(watch::Sender::new(0)),
            appended: watch::Sender::new(0),
        };
        store.compare_clocks().await?;
        raise(&store.head, store.head().await?);
        tokio::spawn(build_indexes_beside(Arc::clone(&address), Arc::downgrade(&store.head)));
        let appended = store.appended.subscribe();
        tokio::spawn(bell::run(address, Arc::downgrade(&store.head), appended));
        Ok(store)
    }

    /// Refuses to work with a clock that is ahead of the database's.
    async fn compare_clocks(&self) -> Result<(), StoreError> {
        // Read before the question is sent: whatever the answer takes, makes the database's later.
        let ours = Utc::now();
        let rows = self.read("comparing the clocks", SIDE_TABLES + 8, &[]).await?;
        let Some(row) = rows.first() else { return Ok(()) };
        check_clock(ours, row.get(0), row.get(1))
    }

    /// Runs a short read, or a write beside the log, on the next of the readers' connections.
    pub(super) async fn read(
        &self,
        doing: &'static str,
        query: usize,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        self.next_of(&self.reads).query(doing, query, parameters).await
    }

    fn next_of<'lanes>(&self, lanes: &'lanes [Lane]) -> &'lanes Lane {
        &lanes[self.next_read.fetch_add(1, Ordering::Relaxed) % lanes.len()]
    }
}

impl PostgresEventStore {
    /// A page of the log, and whether it was cut off: by `limit`, or because it came to [`LogPage::BYTES`].
    async fn read_page(
        &self,
        query: usize,
        limit: usize,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<(Vec<RecordedEvent>, bool), StoreError> {
        let (mut bytes, most) = (0, self.most_events.load(Ordering::Relaxed));
        let is_enough = |row: &Row| {
            bytes += payload_bytes(row);
            bytes >= LogPage::BYTES
        };
        let log = self.next_of(&self.logs);
        let rows = log.query_until("reading the log", query, parameters, is_enough).await?;
        let events = recorded_events(&rows)?;
        let is_cut = bytes >= LogPage::BYTES;
        // The server sends a page to its end, wanted or not: of large events fewer are asked for next time.
        if is_cut {
            self.most_events.store(events.len(), Ordering::Relaxed);
        } else if events.len() == limit && limit == most {
            self.most_events.store(most.saturating_mul(2), Ordering::Relaxed);
        }
        let is_cut = is_cut || events.len() == limit;
        Ok((events, is_cut))
    }
}

/// A server that has vanished is noticed within seconds, not hours.
fn set_guards(config: &mut Config) {
    if config.get_application_name().is_none() {
        config.application_name("cairn");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(Duration::from_secs(5));
    }
    config.keepalives_idle(Duration::from_secs(10)).tcp_user_timeout(Duration::from_secs(15));
}

#[async_trait]
impl EventStore for PostgresEventStore {
    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let (outcomes, grown_to) = append::append(&self.writer, batch).await?;
        if let Some(head) = grown_to {
            raise(&self.head, head);
            raise(&self.appended, head);
        }
        Ok(outcomes)
    }

    async fn read_stream(
        &self,
        stream: &StreamKey,
        after_version: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let (category, id) = (&*stream.category, &*stream.id);
        let (after, limit) = (as_sql(after_version), as_sql(limit as u64));
        let parameters: [&(dyn ToSql + Sync); 5] = [&stream.tenant, &category, &id, &after, &limit];
        recorded_events(&self.read("reading a stream", READ_STREAM, &parameters).await?)
    }

    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        let arrays = pasts::Arrays::of(asked, limit);
        let rows = self.read("loading streams", LOAD_PASTS, &arrays.parameters()).await?;
        asked.iter().zip(&rows).map(|(query, row)| pasts::past(query, row)).collect()
    }

    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        let limit = limit.min(self.most_events.load(Ordering::Relaxed));
        let (from, most) = (as_sql(after), as_sql(limit as u64));
        if filter.is_everything() {
            let (events, _) = self.read_page(READ_LOG, limit, &[&from, &most]).await?;
            check_for_gaps(after, &events)?;
            let read_through = events.last().map_or(after, |event| event.position);
            return Ok(LogPage { events, read_through });
        }
        // The head is read first: everything up to it is visible to the page's own, later snapshot.
        let head = self.head().await?;
        let categories: Vec<&str> = filter.categories.iter().map(|category| &**category).collect();
        let event_types: Vec<&str> = filter.event_types.iter().map(|event_type| &**event_type).collect();
        let end = after.saturating_add(LOOKED_THROUGH).min(head.max(after));
        let until = as_sql(end);
        let parameters: [&(dyn ToSql + Sync); 5] = [&from, &categories, &event_types, &most, &until];
        let (events, is_cut) = self.read_page(READ_LOG_FILTERED, limit, &parameters).await?;
        let last_read = events.last().map_or(after, |event| event.position);
        let read_through = if is_cut { last_read } else { end };
        Ok(LogPage { events, read_through })
    }

    async fn head(&self) -> Result<Position, StoreError> {
        let rows = self.read("reading the head of the log", HEAD, &[]).await?;
        Ok(rows.first().and_then(|row| row.get::<_, Option<i64>>(0)).map_or(0, from_sql))
    }

    async fn position_at(&self, instant: DateTime<Utc>) -> Result<Position, StoreError> {
        let rows = self.read("looking for an instant in the log", POSITION_AT, &[&instant]).await?;
        Ok(rows.first().map_or(0, |row| from_sql(row.get(0))))
    }

    async fn find_answer(
        &self,
        tenant: TenantId,
        command_id: Uuid,
    ) -> Result<Option<([u8; 32], Receipt)>, StoreError> {
        let mut answers = append::answers(&self.answers, &[(tenant, command_id)]).await?;
        Ok(answers.remove(&(tenant, command_id)))
    }

    async fn prune_answers(&self, most: usize) -> Result<usize, StoreError> {
        let rows = self.read("forgetting old answers", SIDE_TABLES + 7, &[&as_sql(most as u64)]).await?;
        Ok(rows.first().map_or(0, |row| usize::try_from(row.get::<_, i64>(0)).unwrap_or(0)))
    }

    fn wake_up(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }
}
