//! The log is restored from a backup under a process manager that runs on.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use adapters_store::memory::MemoryEventStore;
use commands::{
    engine::EngineConfig,
    ports::{Advance, CheckpointLayer, CheckpointStore, EventStore, LeaseStore, LogLayer, Position},
    process::{ProcessRunner, ProcessStanding},
};
use uuid::Uuid;

use super::{Plant, reactions::append_event, shadow::Shadow, tally::Change};

/// A store that can be replaced under whoever reads it, checkpoints and all, as a database that is restored.
struct Replaceable(Mutex<MemoryEventStore>);

impl Replaceable {
    fn now(&self) -> MemoryEventStore {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, store: &MemoryEventStore) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = store.clone();
    }
}

impl LogLayer for Replaceable {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::new(self.now())
    }
}

impl CheckpointLayer for Replaceable {
    fn kept_below(&self) -> Arc<dyn CheckpointStore> {
        Arc::new(self.now())
    }
}

async fn raise(store: &MemoryEventStore, id: &str, times: usize) {
    let plant =
        Plant::over(Arc::new(store.clone()), Arc::new(MemoryEventStore::new()), EngineConfig::default());
    for _ in 0..times {
        plant.give(Change { id: id.to_owned(), by: 1 }).await.unwrap();
    }
}

/// Over a log of 20 events, all of them handled, that is replaced by one whose checkpoint stands there: how far the shadow of
/// what is written to it anew has come.
async fn followed(written_anew: usize, checkpoint: Position) -> i64 {
    let (before, after) = (MemoryEventStore::new(), MemoryEventStore::new());
    raise(&before, "a", 10).await;
    let replaceable = Arc::new(Replaceable(Mutex::new(before)));
    let snapshots = Arc::new(MemoryEventStore::new());
    let plant = Plant::over(Arc::clone(&replaceable) as _, snapshots, EngineConfig::default());
    let runner = ProcessRunner::new(plant.engine.clone(), Arc::clone(&replaceable) as _, Shadow);
    while runner.catch_up().await.unwrap() {}
    assert_eq!(plant.count("shadow-a").await, 10);
    raise(&after, "c", 5).await;
    let fence = after.claim_lease("shadow", Uuid::now_v7(), Duration::ZERO).await.unwrap().unwrap();
    let moved = after.advance_checkpoint(&fence, "shadow", 0, checkpoint).await.unwrap();
    assert_eq!(moved, Advance::Moved);
    replaceable.replace(&after);
    raise(&after, "b", written_anew).await;
    // It looks back once a second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    while runner.catch_up().await.unwrap() {}
    plant.count("shadow-b").await
}

#[tokio::test]
async fn what_is_written_anew_after_the_log_was_cut_back_is_not_passed_over() {
    assert_eq!(followed(3, 5).await, 3, "the log still ends before the place that was reached");
    assert_eq!(followed(30, 5).await, 30, "the log has outgrown the place that was reached");
}

#[tokio::test]
async fn a_checkpoint_that_was_not_cut_back_with_its_log_is_not_believed() {
    assert_eq!(followed(3, 20).await, 3);
    assert_eq!(followed(30, 20).await, 30);
}

#[tokio::test]
async fn a_runner_that_was_too_old_for_an_event_goes_on_when_the_log_does_not_hold_it_any_more() {
    let (before, after) = (MemoryEventStore::new(), MemoryEventStore::new());
    raise(&before, "a", 2).await;
    let replaceable = Arc::new(Replaceable(Mutex::new(before)));
    let snapshots = Arc::new(MemoryEventStore::new());
    let plant = Plant::over(Arc::clone(&replaceable) as _, snapshots, EngineConfig::default());
    append_event(&plant, "tally", "TallyReset", 1).await;
    let runner = ProcessRunner::new(plant.engine.clone(), Arc::clone(&replaceable) as _, Shadow);
    while runner.catch_up().await.unwrap() {}
    assert!(matches!(runner.standing(), ProcessStanding::Outdated { position: 3, .. }));
    raise(&after, "b", 1).await;
    replaceable.replace(&after);
    while runner.catch_up().await.unwrap() {}
    assert_eq!(runner.standing(), ProcessStanding::Runs);
    assert_eq!(plant.count("shadow-b").await, 1);
}
