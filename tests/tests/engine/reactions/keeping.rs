//! What a process manager makes of its checkpoint, of damaged notes, and of a clock that is ahead.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use commands::{
    engine::FoldFault,
    ports::{Advance, CheckpointStore, EventStore, Fence, RecordedEvent},
    process::{ProcessManager, ProcessStanding, Reaction},
};

use super::{Taker, append_event, catch_up, change, plant, runner};
use crate::engine::tally::Spread;

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
#[tokio::test]
async fn a_checkpoint_that_was_moved_unheard_sends_nobody_back() {
    let (store, plant) = plant();
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

#[tokio::test]
async fn a_damaged_note_of_a_reaction_stops_nobody() {
    let (store, plant) = plant();
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
        let (store, plant) = plant();
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

#[tokio::test]
async fn a_reaction_may_do_as_much_at_once_as_a_client() {
    let (store, plant) = plant();
    plant.give(change("source", 1)).await.unwrap();
    catch_up(&runner(&plant, &store, Spreader)).await;
    assert_eq!((plant.count("target-0").await, plant.count("target-511").await), (1, 1));
    let too_many = Spread { ids: (0..513).map(|number| format!("more-{number}")).collect() };
    assert_eq!(plant.give(too_many).await.unwrap_err().code(), "COMMIT_TOO_LARGE");
}
