//! What a process manager makes of lost answers, of damaged notes, and of a clock that is ahead.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use adapters_store::memory::MemoryEventStore;
use async_trait::async_trait;
use chrono::{SubsecRound, TimeDelta, Utc};
use commands::{
    engine::{CommitterConfig, EngineConfig, FoldFault},
    ports::{Advance, AppendOutcome, Commit, EventStore, Fence, LogLayer, RecordedEvent, StoreError},
    process::{
        CommandRegistry, DEADLINES, DeadlineRunner, ParkedReaction, ProcessManager, ProcessStanding, Reaction,
    },
};
use uuid::Uuid;

use super::{Taker, append_event, catch_up, change, log, patient, runner};
use crate::{
    clock::SetClock,
    engine::{
        Plant,
        stores::{Shared, on_every_store},
        tally::{ChangeLater, Spread, Stumble},
    },
};

/// How often it is asked about an event.
#[derive(Clone, Default)]
struct Asked(Arc<AtomicUsize>);

impl Asked {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl ProcessManager for Asked {
    const NAME: &'static str = Taker::NAME;
    const CATEGORIES: &'static [&'static str] = Taker::CATEGORIES;

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Taker(5).react(event)
    }
}

/// The connection is lost after the database has moved the checkpoint; or a program of an earlier release, which knows no lease,
/// moves it too.
async fn a_checkpoint_that_was_moved_unheard_sends_nobody_back(shared: Shared) {
    let (store, plant) = shared.process().await;
    for _ in 0..100 {
        plant.give(change("source", 1)).await.unwrap();
    }
    let asked = Asked::default();
    let runner = runner(&plant, &store, asked.clone());
    catch_up(&runner).await;
    let fence = Fence { lease: Taker::NAME.to_owned(), epoch: 1 };
    for _ in 0..2 {
        plant.give(change("source", 1)).await.unwrap();
        let (kept, further) = (store.load_checkpoint("taker").await.unwrap(), store.head().await.unwrap());
        assert_eq!(store.advance_checkpoint(&fence, "taker", kept, further).await.unwrap(), Advance::Moved);
        plant.give(change("source", 1)).await.unwrap();
        asked.take();
        catch_up(&runner).await;
        let times = asked.take();
        assert!(times < 20, "it looked at {times} events again");
        assert!(store.load_checkpoint("taker").await.unwrap() >= further, "it went back");
    }
    assert_eq!(plant.count("target").await, 104 * 5);
    runner.stop().await;
    assert_eq!(store.load_checkpoint("taker").await.unwrap(), plant.store.head().await.unwrap());
}

async fn a_damaged_note_of_a_reaction_stops_nobody(shared: Shared) {
    let (store, plant) = shared.process().await;
    plant.give(change("source", 1)).await.unwrap();
    for event_type in ["ReactionRefused", "ReactionParked", "ReactionRetried", "ReactionSkipped"] {
        append_event(&plant, "reaction", event_type, 1).await;
    }
    plant.give(change("source", 1)).await.unwrap();
    let runner = runner(&plant, &store, Taker(5));
    catch_up(&runner).await;
    assert_eq!(runner.standing(), ProcessStanding::Runs);
    assert_eq!(plant.count("target").await, 10);
}

#[tokio::test]
async fn a_note_of_a_reaction_that_only_a_newer_program_knows_is_left_to_it() {
    for (event_type, schema_version) in [("ReactionPostponed", 1), ("ReactionRetried", 9)] {
        let (store, plant) = Shared::in_memory().process().await;
        append_event(&plant, "reaction", event_type, schema_version).await;
        let runner = runner(&plant, &store, Taker(5));
        catch_up(&runner).await;
        assert!(matches!(runner.standing(), ProcessStanding::Outdated { position: 1, .. }));
    }
}

/// Changes as many tallies as one commit may hold, for each change of the source.
struct Spreader;

impl ProcessManager for Spreader {
    const NAME: &'static str = "spreader";
    const CATEGORIES: &'static [&'static str] = &["tally"];

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        let ids = (0..512).map(|number| format!("target-{number}")).collect();
        let is_source = &*event.stream.id == "source";
        Ok(is_source.then(|| Reaction::new("spread", Spread { ids })).into_iter().collect())
    }
}

async fn a_reaction_may_do_as_much_at_once_as_a_client(shared: Shared) {
    let (store, plant) = shared.process().await;
    plant.give(change("source", 1)).await.unwrap();
    catch_up(&runner(&plant, &store, Spreader)).await;
    assert_eq!((plant.count("target-0").await, plant.count("target-511").await), (1, 1));
    let too_many = Spread { ids: (0..513).map(|number| format!("more-{number}")).collect() };
    assert_eq!(plant.give(too_many).await.unwrap_err().code(), "COMMIT_TOO_LARGE");
}

/// Stores what a process manager does, and then the answer is lost.
struct Forgetful(MemoryEventStore);

#[async_trait]
impl LogLayer for Forgetful {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::new(self.0.clone())
    }

    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        let outcomes = self.0.append(batch).await;
        let is_target = |commit: &Commit| commit.streams.iter().any(|write| &*write.stream.id == "target");
        if batch.iter().any(is_target) {
            let reason = "the connection was lost".to_owned();
            return Err(StoreError::Unavailable { doing: "appending", reason });
        }
        outcomes
    }
}

/// Whoever saw it parked would do by hand what is done.
#[tokio::test]
async fn a_reaction_that_stands_is_not_parked_where_only_its_answer_was_lost() {
    let log = MemoryEventStore::new();
    let committer = CommitterConfig { retry_for: Duration::from_millis(1), ..CommitterConfig::default() };
    let config = EngineConfig { committer, ..EngineConfig::default() };
    let plant = Plant::over(Arc::new(Forgetful(log.clone())), Arc::new(log.clone()), config);
    plant.give(change("source", 1)).await.unwrap();
    catch_up(&runner(&plant, &(Arc::new(log.clone()) as _), Taker(5))).await;
    assert_eq!(plant.count("target").await, 5);
    assert_eq!(ParkedReaction::all(&log).await.unwrap(), []);
}

struct Stumbler;

impl ProcessManager for Stumbler {
    const NAME: &'static str = "stumbler";
    const CATEGORIES: &'static [&'static str] = &["tally"];

    fn react(&self, _event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        Ok(vec![Reaction::new("stumble", Stumble { id: "target".to_owned() })])
    }
}

#[tokio::test]
async fn a_parked_reaction_belongs_to_the_request_that_caused_it() {
    let (store, plant) = Shared::in_memory().process().await;
    plant.give(change("source", 1)).await.unwrap();
    catch_up(&runner(&plant, &store, Stumbler)).await;
    let log = log(&plant).await;
    let [cause, parked] = &*log else { panic!("{log:?}") };
    assert_eq!(&*parked.event_type, "ReactionParked");
    assert_eq!(parked.metadata.correlation_id, cause.metadata.correlation_id);
    assert_eq!(parked.metadata.causation_id, Some(cause.event_id));
}

/// PostgreSQL has a clock of its own, and takes nothing from a process that is ahead of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_process_whose_clock_is_ahead_leaves_reactions_and_deadlines_to_others_as_they_are() {
    let shared = Shared::on_postgres().await;
    let clock = Arc::new(SetClock::new());
    clock.set(Utc::now() + TimeDelta::hours(1));
    let ((ahead_store, ahead), (store, plant)) = (shared.process_at(clock).await, shared.process().await);
    let due_at = (Utc::now() + TimeDelta::minutes(30)).trunc_subsecs(3);
    plant.give(ChangeLater { change: change("later", 10), due_at }).await.unwrap();
    plant.give(change("source", 1)).await.unwrap();

    let one = patient(&ahead, &ahead_store, Taker(5), Duration::from_mins(15));
    tokio::time::timeout(Duration::from_secs(20), catch_up(&one)).await.unwrap();
    assert_eq!(one.standing(), ProcessStanding::StandsBy);
    let other = runner(&plant, &store, Taker(5));
    catch_up(&other).await;
    assert_eq!((other.standing(), plant.count("target").await), (ProcessStanding::Runs, 5));

    let registry = || CommandRegistry::default().with::<crate::engine::tally::Change>();
    let one = DeadlineRunner::new(ahead.engine.clone(), Arc::clone(&ahead_store) as _, registry());
    let refused = one.fire_due().await;
    assert!(matches!(refused, Err(StoreError::ClockAhead { .. })), "{refused:?}");
    assert!(!one.fire_due().await.unwrap(), "it stands aside");
    assert_eq!(store.next_due_at().await.unwrap(), Some(due_at));
    let free = store.claim_lease(DEADLINES, Uuid::now_v7(), Duration::from_secs(10)).await.unwrap();
    assert!(free.is_some(), "a process whose clock is right may take it");
}

on_every_store![
    a_checkpoint_that_was_moved_unheard_sends_nobody_back,
    a_damaged_note_of_a_reaction_stops_nobody,
    a_reaction_may_do_as_much_at_once_as_a_client,
];
