//! A read model small enough to know its rows by heart, and a log that feeds it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use adapters_store::memory::MemoryEventStore;
use chrono::{DateTime, Utc};
use commands::ports::{EventStore, NewEvent, Position, RecordedEvent, StreamKey, TenantId};
use projections::{Direction, FoldError, Keys, Query, ReadModel, Row, Rows, Table, row, runner::ReadSide};
use uuid::Uuid;

use crate::commits;

row! {
    /// A tally.
    pub struct TallyRow in "tallies" {
        key {
            /// Whose tally it is.
            tenant: Uuid,
            /// Its name.
            name: String,
        }
        /// What it stands at.
        total: i64,
        /// How many events made it so.
        events: i64,
        /// The latest note.
        note: Option<String>,
        /// Whether it stands above 10.
        is_high: bool,
        /// When it last changed.
        changed_at: DateTime<Utc>,
    }
    index (tenant, total);
}

/// Tenants whose broken events the fold has learnt to read.
static MENDED: Mutex<BTreeSet<TenantId>> = Mutex::new(BTreeSet::new());

pub fn mend(tenant: TenantId) {
    MENDED.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
}

fn add(event: &RecordedEvent, rows: &mut Rows, sign: i64) -> Result<(), FoldError> {
    let key = (event.stream.tenant, event.stream.id.to_string());
    let by: i64 = event.payload.parse().map_err(|_| FoldError::Contradiction("not a number".to_owned()))?;
    let mut row = rows.get::<TallyRow>(&key)?.cloned().unwrap_or(TallyRow {
        tenant: key.0,
        name: key.1,
        total: 0,
        events: 0,
        note: None,
        is_high: false,
        changed_at: event.recorded_at,
    });
    row.total += sign * by;
    row.events += 1;
    row.is_high = row.total > 10;
    row.note = (row.events % 2 == 0).then(|| format!("{} after {}", row.total, event.position));
    row.changed_at = event.recorded_at;
    rows.put(row);
    match &*event.event_type {
        "TallyBroken"
            if !MENDED.lock().unwrap_or_else(PoisonError::into_inner).contains(&event.stream.tenant) =>
        {
            Err(FoldError::Contradiction("broken half-way".to_owned()))
        }
        _ => Ok(()),
    }
}

/// What does each tally stand at?
pub struct Tally;

impl ReadModel for Tally {
    const NAME: &'static str = "tally";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["tally"];

    fn tables() -> Vec<&'static Table> {
        vec![TallyRow::TABLE]
    }

    fn keys(event: &RecordedEvent, keys: &mut Keys<'_>) {
        keys.row::<TallyRow>((event.stream.tenant, event.stream.id.to_string()));
    }

    fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
        match &*event.event_type {
            "TallyWiped" => rows.delete::<TallyRow>((event.stream.tenant, event.stream.id.to_string())),
            _ => return add(event, rows, 1),
        }
        Ok(())
    }
}

/// The same question answered the other way round.
pub struct NegativeTally;

impl ReadModel for NegativeTally {
    const NAME: &'static str = "tally";
    const VERSION: u32 = 2;
    const CATEGORIES: &'static [&'static str] = &["tally"];

    fn tables() -> Vec<&'static Table> {
        Tally::tables()
    }

    fn keys(event: &RecordedEvent, keys: &mut Keys<'_>) {
        Tally::keys(event, keys);
    }

    fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
        add(event, rows, -1)
    }
}

pub fn stream(tenant: TenantId, name: &str) -> StreamKey {
    StreamKey::new(tenant, "tally", name)
}

/// Appends one event to a tally; answers the position.
pub async fn append(
    log: &MemoryEventStore,
    stream: &StreamKey,
    event_type: &'static str,
    payload: &str,
) -> Position {
    store(log, stream, commits::event(event_type, payload)).await
}

/// The first events of a log, as an older backup of it has them.
pub async fn backup(log: &MemoryEventStore, until: Position) -> MemoryEventStore {
    let backup = MemoryEventStore::new();
    for event in log.read_log(0, &Default::default(), until as usize).await.unwrap().events {
        assert_eq!(&*event.event_type, "TallyRaised");
        let RecordedEvent { event_id, schema_version, payload, .. } = event;
        let again = NewEvent { event_id, event_type: "TallyRaised", schema_version, payload };
        store(&backup, &event.stream, again).await;
    }
    backup
}

async fn store(log: &MemoryEventStore, stream: &StreamKey, event: NewEvent) -> Position {
    let version = log.read_stream(stream, 0, usize::MAX).await.unwrap().len() as u64;
    log.append(&[commits::commit(stream.clone(), version, event)]).await.unwrap();
    log.head().await.unwrap()
}

pub async fn raise(log: &MemoryEventStore, tenant: TenantId, name: &str, by: i64) -> Position {
    append(log, &stream(tenant, name), "TallyRaised", &by.to_string()).await
}

/// Raises some of a hundred tallies, by turns.
pub async fn raise_many(log: &MemoryEventStore, tenant: TenantId, count: i64) -> Position {
    let mut position = 0;
    for number in 0..count {
        position = raise(log, tenant, &format!("t{}", (number * 7) % 100), number).await;
    }
    position
}

/// Every tally's total, read through pages of seven.
pub async fn totals<M: ReadModel>(side: &ReadSide, tenant: TenantId) -> BTreeMap<String, i64> {
    let mut query = Query::of::<M, TallyRow>(tenant).order_by(&["total"], Direction::Descending).limit(7);
    let mut totals = BTreeMap::new();
    let mut previous = i64::MAX;
    loop {
        let page = side.select::<TallyRow>(&query).await.unwrap();
        for row in &page.rows {
            assert!(row.total <= previous, "in order");
            previous = row.total;
            assert!(totals.insert(row.name.clone(), row.total).is_none(), "each row once");
        }
        match page.rows.last() {
            Some(last) if page.has_more => query.after = Some(query.cursor(last)),
            _ => return totals,
        }
    }
}

/// What the totals must be, folded without a database.
pub async fn expected(log: &MemoryEventStore, tenant: TenantId) -> BTreeMap<String, i64> {
    let events = log.read_log(0, &Default::default(), usize::MAX).await.unwrap().events;
    let rows = projections::rows_of::<Tally, TallyRow>(&events).unwrap();
    rows.into_iter().filter(|row| row.tenant == tenant).map(|row| (row.name, row.total)).collect()
}
