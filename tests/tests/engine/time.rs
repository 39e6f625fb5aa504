use std::sync::Arc;

use adapters_store::memory::MemoryEventStore;
use chrono::{TimeDelta, Utc};
use commands::{
    engine::{Caller, EngineConfig, Envelope, FoldFault, decode_event},
    ports::{DeadlineStore, RecordedEvent},
    process::{CommandRegistry, DeadlineRunner, ProcessManager, ProcessRunner, Reaction},
};

use super::{
    Plant,
    tally::{Change, ChangeLater, Stumble, StumbleLater, TallyEvent},
};

fn change(id: &str, by: i64) -> Change {
    Change { id: id.to_owned(), by }
}

fn plant() -> (Arc<MemoryEventStore>, Plant) {
    let store = Arc::new(MemoryEventStore::new());
    let plant = Plant::over(Arc::clone(&store) as _, Arc::clone(&store) as _, EngineConfig::default());
    (store, plant)
}

#[tokio::test]
async fn a_deadline_fires_once_when_it_is_due_and_never_before() {
    let (store, plant) = plant();
    let runner =
        DeadlineRunner::new(plant.engine.clone(), store, CommandRegistry::default().with::<Change>());
    let later = |due_at| ChangeLater { change: change("tally", 10), due_at };
    plant.give(later(Utc::now() + TimeDelta::hours(1))).await.unwrap();
    assert!(!runner.fire_due().await.unwrap());
    assert_eq!(plant.count("tally").await, 1, "an hour is left");
    plant.give(later(Utc::now() - TimeDelta::hours(1))).await.unwrap();
    assert!(runner.fire_due().await.unwrap(), "late, but not lost");
    assert!(!runner.fire_due().await.unwrap());
    assert_eq!(plant.count("tally").await, 12);
}

#[tokio::test]
async fn a_deadline_stored_by_a_commit_wakes_the_runner() {
    let (store, plant) = plant();
    let runner =
        DeadlineRunner::new(plant.engine.clone(), store, CommandRegistry::default().with::<Change>());
    let running = tokio::spawn(Arc::new(runner).run());
    tokio::task::yield_now().await;
    plant.give(ChangeLater { change: change("tally", 10), due_at: Utc::now() }).await.unwrap();
    while plant.count("tally").await < 11 {
        tokio::task::yield_now().await;
    }
    running.abort();
}

#[tokio::test]
async fn a_deadline_that_the_state_refuses_is_closed() {
    let (store, plant) = plant();
    let runner =
        DeadlineRunner::new(plant.engine.clone(), store, CommandRegistry::default().with::<Change>());
    plant.give(ChangeLater { change: change("tally", -10), due_at: Utc::now() }).await.unwrap();
    assert!(runner.fire_due().await.unwrap());
    assert!(!runner.fire_due().await.unwrap());
    assert_eq!(plant.count("tally").await, 1);
}

#[tokio::test]
async fn however_many_deadlines_fail_those_behind_them_fire() {
    let (store, plant) = plant();
    // The registry knows Change only: Stumble fails for as long as the program runs.
    let registry = CommandRegistry::default().with::<Change>();
    let runner = DeadlineRunner::new(plant.engine.clone(), Arc::clone(&store) as _, registry);
    let past = Utc::now() - TimeDelta::hours(1);
    plant.give(StumbleLater { id: "tally".to_owned(), times: 600, due_at: past }).await.unwrap();
    plant.give(ChangeLater { change: change("tally", 10), due_at: Utc::now() }).await.unwrap();
    while plant.count("tally").await < 12 {
        assert!(runner.fire_due().await.unwrap(), "nothing is due any more, and the last was not reached");
    }
    let much_later = Utc::now() + TimeDelta::hours(1);
    assert_eq!(store.due_deadlines(much_later, 1_000).await.unwrap().len(), 600, "none of them is lost");
    assert!(store.next_due_at().await.unwrap().unwrap() > past, "they wait before they are tried again");
}

/// Raises the shadow of each tally that is raised, with a command that has a defect where the tally is called so; lowers it,
/// which is refused, for each that is lowered.
pub(super) struct Shadow;

impl ProcessManager for Shadow {
    const NAME: &'static str = "shadow";
    const CATEGORIES: &'static [&'static str] = &["tally"];

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        if event.stream.id.starts_with("shadow-") {
            return Ok(Vec::new());
        }
        if event.stream.id.starts_with("defect") {
            return Ok(vec![Reaction::new("stumble", Stumble { id: "shadow-defect".to_owned() })]);
        }
        let by = match decode_event::<TallyEvent>(event)? {
            TallyEvent::TallyRaised(raised) => raised.by,
            TallyEvent::TallyLowered(_) => -1_000,
        };
        Ok(vec![Reaction::new("follow", change(&format!("shadow-{}", event.stream.id), by))])
    }
}

#[tokio::test]
async fn a_deadline_whose_id_was_used_for_another_command_is_closed() {
    let (store, plant) = plant();
    let later = ChangeLater { change: change("tally", 10), due_at: Utc::now() - TimeDelta::hours(1) };
    plant.give(later).await.unwrap();
    let due = store.due_deadlines(Utc::now(), 10).await.unwrap();
    let system = Caller::system(due[0].tenant);
    let used = Envelope { key_given: true, ..Envelope::new(system, due[0].deadline.deadline_id) };
    plant.engine.execute(used, change("other", 1)).await.unwrap();
    let runner = DeadlineRunner::new(
        plant.engine.clone(),
        Arc::clone(&store) as _,
        CommandRegistry::default().with::<Change>(),
    );
    runner.fire_due().await.unwrap();
    assert_eq!(store.next_due_at().await.unwrap(), None, "no later try would be answered otherwise");
    assert_eq!(plant.count("tally").await, 1, "only what was asked for at once");
}

#[tokio::test]
async fn a_process_manager_reacts_once_to_each_event_even_without_its_checkpoint() {
    let (store, plant) = plant();
    plant.give(change("a", 3)).await.unwrap();
    plant.give(change("a", 4)).await.unwrap();
    plant.give(change("a", -1)).await.unwrap();
    let runner = |checkpoints| ProcessRunner::new(plant.engine.clone(), checkpoints, Shadow);
    let first = runner(store);
    while first.catch_up().await.unwrap() {}
    assert_eq!(plant.count("shadow-a").await, 7);
    let head = plant.store.head().await.unwrap();
    let forgetful = runner(Arc::new(MemoryEventStore::new()));
    while forgetful.catch_up().await.unwrap() {}
    assert_eq!(plant.count("shadow-a").await, 7, "the commands' ids are derived from the events");
    assert_eq!(plant.store.head().await.unwrap(), head, "nor was the refusal noted twice");
}

#[tokio::test]
async fn a_refused_reaction_is_noted_in_the_log() {
    let (store, plant) = plant();
    plant.give(change("a", 3)).await.unwrap();
    plant.give(change("a", -1)).await.unwrap();
    let runner = ProcessRunner::new(plant.engine.clone(), store, Shadow);
    while runner.catch_up().await.unwrap() {}
    let log = plant.store.read_log(0, &Default::default(), 100).await.unwrap();
    let note = log.events.iter().find(|event| &*event.event_type == "ReactionRefused").unwrap();
    assert!(note.payload.contains("\"NOT_ENOUGH\"") && note.payload.contains("\"follow\""));
}
