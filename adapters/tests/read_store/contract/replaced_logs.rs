//! Rows are of the log that is there now, whatever log they were folded from.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use adapters::memory::MemoryEventStore;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::{
    AppendOutcome, Commit, EventStore, LogFilter, LogPage, Position, Receipt, RecordedEvent, StoreError,
    StreamKey, TenantId, Version,
};
use projections::{ports::BuildState, runner::ReadSide};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    harness::Harness,
    tally::{Tally, backup, expected, raise, raise_many, totals},
};

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("it comes to an end")
}

/// The rows are those of this log, to its head; builds of another one were discarded where they stood.
async fn follows(side: &ReadSide, log: &MemoryEventStore, tenant: TenantId, discarded: &[Position]) {
    let head = log.head().await.unwrap();
    let has_followed = async {
        while told(side).await != discarded
            || live_at(side).await != [head]
            || side.lags()[0].position != Some(head)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(has_followed).await;
    assert_eq!(totals::<Tally>(side, tenant).await, expected(log, tenant).await);
    assert_eq!(told(side).await, discarded);
}

/// Where the record says that builds were discarded, newest first.
async fn told(side: &ReadSide) -> Vec<Position> {
    let mut record = side.store().audit(100).await.unwrap();
    record.retain(|entry| entry.action == "discard");
    record.iter().map(|entry| entry.position).collect()
}

async fn live_at(side: &ReadSide) -> Vec<Position> {
    let mut builds = side.store().builds().await.unwrap();
    builds.retain(|build| build.state == BuildState::Live);
    builds.iter().map(|build| build.position).collect()
}

/// Folds a log, stops, and starts over another one.
async fn folded_then_started_over<H: Harness>(
    log: &MemoryEventStore,
    other: &MemoryEventStore,
    tenant: TenantId,
) {
    let harness = H::create().await;
    let side = harness.start(log).await;
    follows(&side, log, tenant, &[]).await;
    side.stop().await;
    let side = harness.start(other).await;
    follows(&side, other, tenant, &[log.head().await.unwrap()]).await;
    raise(other, tenant, "after", 7).await;
    follows(&side, other, tenant, &[log.head().await.unwrap()]).await;
    side.stop().await;
    let side = harness.start(other).await;
    follows(&side, other, tenant, &[log.head().await.unwrap()]).await;
    side.stop().await;
}

pub async fn rows_follow_a_log_that_was_restored_from_an_older_backup<H: Harness>() {
    let (log, tenant) = (MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 300).await;
    let restored = backup(&log, 200).await;
    folded_then_started_over::<H>(&log, &restored, tenant).await;
}

pub async fn rows_follow_another_log_of_the_same_length<H: Harness>() {
    let (log, tenant) = (MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 300).await;
    let other = backup(&log, 299).await;
    raise(&other, tenant, "another", 1).await;
    folded_then_started_over::<H>(&log, &other, tenant).await;
}

pub async fn rows_follow_a_restored_log_that_has_outgrown_them<H: Harness>() {
    let (log, tenant) = (MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 300).await;
    let restored = backup(&log, 200).await;
    raise_many(&restored, tenant, 300).await;
    folded_then_started_over::<H>(&log, &restored, tenant).await;
}

pub async fn rows_follow_an_empty_log<H: Harness>() {
    let (log, tenant) = (MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 30).await;
    folded_then_started_over::<H>(&log, &MemoryEventStore::new(), tenant).await;
}

/// A log that can be replaced under whoever reads it, as a database that is restored.
struct Replaceable(Mutex<MemoryEventStore>);

impl Replaceable {
    fn now(&self) -> MemoryEventStore {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, log: &MemoryEventStore) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = log.clone();
    }
}

#[async_trait]
impl EventStore for Replaceable {
    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        self.now().append(batch).await
    }

    async fn read_stream(
        &self,
        stream: &StreamKey,
        after: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        self.now().read_stream(stream, after, limit).await
    }

    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        self.now().read_log(after, filter, limit).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.now().head().await
    }

    async fn position_at(&self, instant: DateTime<Utc>) -> Result<Position, StoreError> {
        self.now().position_at(instant).await
    }

    async fn find_answer(
        &self,
        tenant: TenantId,
        command_id: Uuid,
    ) -> Result<Option<([u8; 32], Receipt)>, StoreError> {
        self.now().find_answer(tenant, command_id).await
    }

    fn wake_up(&self) -> watch::Receiver<Position> {
        self.now().wake_up()
    }
}

pub async fn a_running_process_notices_that_its_log_was_replaced<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 300).await;
    let replaceable = Arc::new(Replaceable(Mutex::new(log.clone())));
    let one = harness.start_over(Arc::clone(&replaceable) as _).await;
    follows(&one, &log, tenant, &[]).await;
    let other = harness.start_over(Arc::clone(&replaceable) as _).await;
    follows(&other, &log, tenant, &[]).await;
    // Another log of the same length, then an older backup of it, under one process that folds and one that stands by.
    let replaced = backup(&log, 299).await;
    raise(&replaced, tenant, "another", 1).await;
    replaceable.replace(&replaced);
    follows(&one, &replaced, tenant, &[300]).await;
    follows(&other, &replaced, tenant, &[300]).await;
    let restored = backup(&replaced, 100).await;
    replaceable.replace(&restored);
    follows(&one, &restored, tenant, &[300, 300]).await;
    follows(&other, &restored, tenant, &[300, 300]).await;
    one.stop().await;
    other.stop().await;
}

/// Breaks a rebuild off when more than `after` events are folded; answers where it stands.
async fn broken_off_rebuild(harness: &impl Harness, side: &ReadSide, after: Position) -> Position {
    let (sender, mut half_way) = tokio::sync::mpsc::unbounded_channel();
    let rebuild = side.rebuild("tally").unwrap().page(10);
    let running = tokio::spawn(async move {
        let mut tell = |progress: projections::runner::Progress| {
            if progress.position > after {
                let _gone = sender.send(());
            }
        };
        rebuild.run(&mut tell).await
    });
    half_way.recv().await;
    running.abort();
    let _ = running.await;
    // A write that was under way ends by itself.
    tokio::time::sleep(Duration::from_millis(200)).await;
    harness.meddle("update read_leases set expires_at = 0 where name = 'rebuild:tally'").await;
    let builds = side.store().builds().await.unwrap();
    builds.iter().find(|build| build.state == BuildState::Building).unwrap().position
}

pub async fn a_rebuild_that_another_log_broke_off_is_not_resumed<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 1_000).await;
    let side = harness.start(&log).await;
    follows(&side, &log, tenant, &[]).await;
    let begun = broken_off_rebuild(&harness, &side, 300).await;
    side.stop().await;
    let restored = backup(&log, 100).await;
    assert!((101..1_000).contains(&begun), "{begun}");
    let side = harness.start(&restored).await;
    // Newest first: the live build is listed before the one that was begun.
    follows(&side, &restored, tenant, &[begun, 1_000]).await;
    side.stop().await;
}

pub async fn a_rebuild_from_outside_is_of_the_log_that_is_there<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 300).await;
    let side = harness.start(&log).await;
    follows(&side, &log, tenant, &[]).await;
    side.stop().await;
    let restored = Arc::new(backup(&log, 200).await);
    let outside = harness.stand_by(Arc::clone(&restored) as _).await;
    let rebuilt = soon(outside.rebuild("tally").unwrap().run(&mut |_| {})).await.unwrap();
    assert_eq!((rebuilt.position, rebuilt.replaced, rebuilt.build.revision), (200, None, 2));
    assert_eq!(totals::<Tally>(&outside, tenant).await, expected(&restored, tenant).await);
}

pub async fn an_older_read_store_is_brought_forward_and_its_rows_are_built_anew<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 100).await;
    let side = harness.start(&log).await;
    follows(&side, &log, tenant, &[]).await;
    side.stop().await;
    drop(side);
    harness
        .meddle(
            "alter table read_models drop column anchor; drop table read_skips;
             update read_schema set version = 1",
        )
        .await;
    let side = harness.start(&log).await;
    follows(&side, &log, tenant, &[100]).await;
    side.stop().await;
}
