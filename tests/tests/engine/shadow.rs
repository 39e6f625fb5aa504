use std::sync::Arc;

use adapters_store::memory::MemoryEventStore;
use commands::{
    engine::{EngineConfig, FoldFault, decode_event},
    ports::RecordedEvent,
    process::{ProcessManager, ProcessRunner, Reaction},
};

use super::{
    Plant,
    tally::{Change, Stumble, TallyEvent},
};

fn change(id: &str, by: i64) -> Change {
    Change { id: id.to_owned(), by }
}

fn plant() -> (Arc<MemoryEventStore>, Plant) {
    let store = Arc::new(MemoryEventStore::new());
    let plant = Plant::over(Arc::clone(&store) as _, Arc::clone(&store) as _, EngineConfig::default());
    (store, plant)
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
