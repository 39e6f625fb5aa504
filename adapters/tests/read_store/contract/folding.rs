use std::time::Duration;

use adapters::memory::MemoryEventStore;
use commands::ports::{EventStore, Position};
use projections::{
    ReadModel, Row,
    ports::{BuildId, BuildState, Change, Claim, Move, ReadStoreError, Step, StepOutcome},
    runner::WaitError,
};
use uuid::Uuid;

use crate::{
    harness::Harness,
    tally::{Tally, TallyRow, expected, raise, raise_many, totals},
};

const SECOND: Duration = Duration::from_secs(1);

pub async fn every_event_is_folded_once<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 300).await;
    let side = harness.start(&log).await;
    let position = raise_many(&log, tenant, 300).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    assert_eq!(totals::<Tally>(&side, tenant).await, expected(&log, tenant).await);
    crate::tally::append(&log, &crate::tally::stream(tenant, "t7"), "TallyWiped", "").await;
    let position = raise(&log, Uuid::now_v7(), "stranger", 1).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    let left = totals::<Tally>(&side, tenant).await;
    assert_eq!((left.len(), left.contains_key("t7")), (99, false));
    side.stop().await;
}

fn build() -> BuildId {
    BuildId { model: "tally".to_owned(), version: 1, revision: 1 }
}

/// A step that writes one row and moves the checkpoint.
fn step(fence: projections::ports::Fence, from: Position, to: Position, name: &str) -> Step {
    let row = TallyRow {
        tenant: Uuid::from_u128(7),
        name: name.to_owned(),
        total: 1,
        events: 1,
        note: None,
        is_high: false,
        changed_at: chrono::DateTime::UNIX_EPOCH,
    };
    let mut written = Vec::new();
    row.write(&mut written);
    Step {
        fences: vec![fence],
        renew_for: SECOND,
        moves: vec![Move { build: build(), from, to }],
        changes: vec![Change { build: build(), table: TallyRow::TABLE, written, deleted: Vec::new() }],
        ..Step::default()
    }
}

async fn names(store: &dyn projections::ports::ReadStore) -> usize {
    let query = projections::Query::of::<Tally, TallyRow>(Uuid::from_u128(7));
    store.select(&query, Some(&build())).await.unwrap().values.len() / TallyRow::TABLE.columns.len()
}

pub async fn a_step_from_another_checkpoint_stores_nothing<H: Harness>() {
    let store = H::create().await.open_owned().await;
    let store = &*store.1;
    store.create_build(&build(), BuildState::Building, &Tally::tables()).await.unwrap();
    let fence = store.claim("l", Uuid::now_v7(), SECOND, Claim::WhenFree).await.unwrap().unwrap();
    assert_eq!(store.store_step(step(fence.clone(), 0, 5, "a")).await.unwrap(), StepOutcome::Stored);
    // The runner that crashed after its commit and folds the same events again finds the checkpoint moved.
    assert_eq!(store.store_step(step(fence.clone(), 0, 5, "b")).await.unwrap(), StepOutcome::Moved);
    assert_eq!(names(store).await, 1);
    assert_eq!(store.builds().await.unwrap()[0].position, 5);
    assert_eq!(store.store_step(step(fence, 5, 6, "b")).await.unwrap(), StepOutcome::Stored);
    assert_eq!(names(store).await, 2);
}

pub async fn a_fenced_runner_writes_nothing<H: Harness>() {
    let store = H::create().await.open_owned().await;
    let store = &*store.1;
    store.create_build(&build(), BuildState::Building, &Tally::tables()).await.unwrap();
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    let old = store.claim("l", first, SECOND, Claim::WhenFree).await.unwrap().unwrap();
    assert_eq!(store.claim("l", second, SECOND, Claim::WhenFree).await.unwrap(), None, "it is held");
    let new = store.claim("l", second, SECOND, Claim::ByForce).await.unwrap().unwrap();
    assert!(new.epoch > old.epoch);
    assert_eq!(store.store_step(step(old.clone(), 0, 5, "a")).await.unwrap(), StepOutcome::Fenced);
    assert!(!store.renew(&old, SECOND).await.unwrap());
    store.release(&old).await.unwrap();
    assert_eq!((names(store).await, store.builds().await.unwrap()[0].position), (0, 0));
    assert_eq!(store.store_step(step(new.clone(), 0, 5, "a")).await.unwrap(), StepOutcome::Stored);
    store.release(&new).await.unwrap();
    let third = store.claim("l", first, Duration::ZERO, Claim::WhenFree).await.unwrap().unwrap();
    assert!(third.epoch > new.epoch);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(store.claim("l", second, SECOND, Claim::WhenFree).await.unwrap().is_some(), "it has expired");
}

pub async fn runners_killed_at_any_moment_double_and_lose_nothing<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    for round in 0..8_u64 {
        raise_many(&log, tenant, 200).await;
        let side = harness.start(&log).await;
        tokio::time::sleep(Duration::from_millis(round * 13 % 60)).await;
        // As a killed process would, it neither ends its turn nor gives its lease back.
        side.abandon();
        harness.meddle("update read_leases set expires_at = 0").await;
    }
    let position = raise(&log, tenant, "last", 1).await;
    let side = harness.start(&log).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    assert_eq!(totals::<Tally>(&side, tenant).await, expected(&log, tenant).await);
    side.stop().await;
}

pub async fn of_two_processes_one_folds_and_the_other_takes_over<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let first = harness.start(&log).await;
    let position = raise_many(&log, tenant, 50).await;
    first.wait_for(Tally::NAME, position).await.unwrap();
    let second = harness.start(&log).await;
    let position = raise_many(&log, tenant, 50).await;
    // The one that stands by knows how far the other has come.
    second.wait_for(Tally::NAME, position).await.unwrap();
    assert!(first.is_projecting() && !second.is_projecting());
    first.stop().await;
    let position = raise_many(&log, tenant, 50).await;
    second.wait_for(Tally::NAME, position).await.unwrap();
    assert!(second.is_projecting());
    assert_eq!(totals::<Tally>(&second, tenant).await, expected(&log, tenant).await);
    second.stop().await;
}

pub async fn a_query_waits_for_a_position_and_gives_up_in_the_end<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let options = projections::runner::ReadSideOptions {
        wait_at_most: Duration::from_millis(50),
        ..Default::default()
    };
    let models = vec![projections::Model::of::<Tally>()];
    let side = projections::runner::ReadSide::stand_by(
        std::sync::Arc::new(log.clone()),
        harness.open().await,
        models,
        options,
    );
    let wanted = raise(&log, tenant, "a", 1).await;
    let error = side.wait_for(Tally::NAME, wanted).await.unwrap_err();
    assert_eq!(error, WaitError::Lagging { model: "tally", reached: 0, wanted });
    assert_eq!(error.code(), "READ_MODEL_LAGGING");
    assert!(matches!(
        side.select::<TallyRow>(&projections::Query::of::<Tally, TallyRow>(tenant)).await,
        Err(ReadStoreError::NotBuilt { model: "tally", version: 1 })
    ));
    assert_eq!(log.head().await.unwrap(), wanted);
}

pub async fn a_newer_read_store_is_refused<H: Harness>() {
    let harness = H::create().await;
    harness.open().await;
    harness.meddle("update read_schema set version = 99").await;
    assert!(matches!(harness.try_open().await.err(), Some(ReadStoreError::TooNew { found: 99, .. })));
}
