//! Rows are of the log that is there now, whatever log they were folded from.

use std::{sync::Arc, time::Duration};

use adapters_store::memory::MemoryEventStore;
use commands::ports::{EventStore, Position, StreamKey, TenantId};
use projections::{
    lots::genealogy::{Genealogy, GenealogyOptions, LotRef},
    ports::BuildState,
    runner::ReadSide,
};
use uuid::Uuid;

use crate::{
    harness::Harness,
    tally::{Tally, append, backup, expected, raise, raise_many, totals},
    troubled_log::TroubledLog,
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

pub async fn a_running_process_notices_that_its_log_was_replaced<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 300).await;
    let replaceable = TroubledLog::new(&log);
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

/// A log of so many lots, and the last of them.
pub async fn log_of_lots(tenant: TenantId, count: u32) -> (MemoryEventStore, Uuid) {
    let (log, mut lot) = (MemoryEventStore::new(), Uuid::nil());
    for number in 1..=count {
        lot = Uuid::now_v7();
        let created = format!(
            r#"{{"lot_code": "RAW-20260302-DUNA-{number:04}", "lot_type": "RAW", "step_index": 0,
                "status_after": "CREATED", "weight_grams": 1000, "production_day": "2026-03-02",
                "created_at": "2026-03-02T08:00:00Z"}}"#
        );
        append(&log, &StreamKey::new(tenant, "lot", lot.to_string()), "LotCreated", &created).await;
    }
    (log, lot)
}

/// Not even when the other log is longer, and no look falls between the two.
pub async fn a_genealogy_never_mixes_two_logs<H: Harness>() {
    let (harness, tenant) = (H::create().await, Uuid::now_v7());
    let ((log, lot), (other, other_lot)) = (log_of_lots(tenant, 3).await, log_of_lots(tenant, 5).await);
    let replaceable = TroubledLog::new(&log);
    let images = harness.open().await;
    let start = || {
        let images = Some(Arc::clone(&images));
        Genealogy::start(Arc::clone(&replaceable), images, GenealogyOptions::default())
    };
    let genealogy = start();
    soon(genealogy.wait_for(3, Duration::MAX)).await.unwrap();
    genealogy.lot(tenant, LotRef::Id(lot), None).unwrap();
    replaceable.replace(&other);
    soon(genealogy.wait_for(5, Duration::MAX)).await.unwrap();
    assert!(genealogy.lot(tenant, LotRef::Id(lot), None).is_err(), "it is in no log that there is");
    genealogy.lot(tenant, LotRef::Id(other_lot), None).unwrap();
    genealogy.stop().await;
    let next = start();
    soon(next.wait_for(5, Duration::MAX)).await.unwrap();
    assert!(next.lot(tenant, LotRef::Id(lot), None).is_err(), "nor in the image");
    next.lot(tenant, LotRef::Code("RAW-20260302-DUNA-0001"), None).unwrap();
    next.stop().await;
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
            "alter table read_models drop column anchor; alter table read_models drop column mark;
             alter table read_models drop column marked_through;
             drop table read_skips; drop table read_marks;
             update read_schema set version = 1",
        )
        .await;
    let side = harness.start(&log).await;
    follows(&side, &log, tenant, &[100]).await;
    side.stop().await;
}
