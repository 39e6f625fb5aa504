use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use adapters_store::memory::MemoryEventStore;
use async_trait::async_trait;
use commands::{
    engine::{CommandError, CommitterConfig, EngineConfig, Envelope},
    ports::{
        AppendOutcome, Commit, EventStore, LogLayer, Past, PastQuery, RecordedEvent, StoreError, StreamKey,
        Version,
    },
};

use super::{
    Plant,
    tally::{Change, Spread},
};

/// A real store behind a door that can be jammed in several ways.
#[derive(Default)]
struct Jammed {
    store: MemoryEventStore,
    /// Dies at the next append, before anything is stored.
    dies: AtomicBool,
    /// Stores the next append, and then the answer is lost.
    loses_answer: AtomicBool,
    /// No append comes through.
    blocked: AtomicBool,
    /// How many events were read.
    read: AtomicUsize,
    /// How often it was asked for streams' pasts.
    loads: AtomicUsize,
}

/// The id of a stream that this store cannot read.
const UNREADABLE: &str = "unreadable";

#[async_trait]
impl LogLayer for Jammed {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::new(self.store.clone())
    }

    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        assert!(!self.dies.swap(false, Ordering::SeqCst), "the committer dies with the batch in hand");
        while self.blocked.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let outcomes = self.store.append(batch).await;
        if self.loses_answer.swap(false, Ordering::SeqCst) {
            return Err(StoreError::Unavailable {
                doing: "appending",
                reason: "the connection was lost".to_owned(),
            });
        }
        outcomes
    }

    async fn read_stream(
        &self,
        stream: &StreamKey,
        after: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let events = self.store.read_stream(stream, after, limit).await?;
        self.read.fetch_add(events.len(), Ordering::SeqCst);
        Ok(events)
    }

    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let unreadable = |query: &PastQuery| &*query.stream.id == UNREADABLE;
        if asked.iter().any(unreadable) {
            return Err(StoreError::Corrupt { reason: "a stream cannot be read".to_owned() });
        }
        let pasts = self.store.load_pasts(asked, limit).await?;
        self.read.fetch_add(pasts.iter().map(Past::len).sum(), Ordering::SeqCst);
        Ok(pasts)
    }
}

fn jammed(config: EngineConfig) -> (Arc<Jammed>, Plant) {
    let store = Arc::new(Jammed::default());
    let plant = Plant::over(Arc::clone(&store) as _, Arc::new(store.store.clone()), config);
    (store, plant)
}

fn change(by: i64) -> Change {
    Change { id: "tally".to_owned(), by }
}

#[tokio::test]
async fn a_committer_that_dies_is_replaced_and_the_command_can_be_repeated() {
    let (store, plant) = jammed(EngineConfig::default());
    plant.give(change(1)).await.unwrap();
    store.dies.store(true, Ordering::SeqCst);
    let envelope = Envelope { key_given: true, ..plant.envelope() };
    let died = plant.engine.execute(envelope.clone(), change(1)).await.unwrap_err();
    assert!(matches!(died, CommandError::Unavailable(_)), "{died}");
    assert_eq!(plant.engine.execute(envelope, change(1)).await.unwrap().reply, 2);
    assert_eq!(plant.count("tally").await, 2);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_nothing_is_doubled() {
    let (store, plant) = jammed(EngineConfig::default());
    store.loses_answer.store(true, Ordering::SeqCst);
    assert_eq!(
        plant.give(change(1)).await.unwrap().reply,
        1,
        "the committer repeats the batch under its ids"
    );
    assert_eq!(plant.count("tally").await, 1);
}

#[tokio::test]
async fn a_full_queue_answers_overloaded_at_once_and_recovers() {
    let committer = CommitterConfig { queue_commits: 1, ..CommitterConfig::default() };
    let (store, plant) = jammed(EngineConfig { committer, commands_in_flight: 8, ..EngineConfig::default() });
    store.blocked.store(true, Ordering::SeqCst);
    let waiting: Vec<_> = (0..40)
        .map(|turn| {
            let plant = plant.clone();
            tokio::spawn(async move { plant.give(Change { id: turn.to_string(), by: 1 }).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(50)).await;
    store.blocked.store(false, Ordering::SeqCst);
    let mut overloaded = 0;
    for one in waiting {
        match one.await.unwrap() {
            Ok(_) => {}
            Err(CommandError::Overloaded) => overloaded += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(overloaded >= 32, "only eight are let in; {overloaded} were turned away");
    plant.give(change(1)).await.unwrap();
}

#[tokio::test]
async fn a_stream_of_100_000_events_loads_from_its_snapshot() {
    let (store, plant) = jammed(EngineConfig::default());
    let every_tally_is_one = Spread { ids: vec!["tally".to_owned(); 2_000] };
    for _ in 0..50 {
        plant.give(every_tally_is_one.clone()).await.unwrap();
    }
    assert_eq!(plant.count("tally").await, 100_000);
    let key = StreamKey::new(plant.caller.tenant, "tally", "tally");
    while snapshot_version(&store, &key).await < 99_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let elsewhere =
        Plant::over(Arc::clone(&store) as _, Arc::new(store.store.clone()), EngineConfig::default());
    store.read.store(0, Ordering::SeqCst);
    assert_eq!(elsewhere.give(change(1)).await.unwrap().reply, 100_001);
    let read = store.read.load(Ordering::SeqCst);
    assert!(read <= 3_500, "{read} events were read: what came after the snapshot, and no page before it");
    assert!(
        store.loads.load(Ordering::SeqCst) <= 8,
        "a round trip for the snapshot and the first page after it"
    );
}

#[tokio::test]
async fn a_load_that_folds_much_leaves_a_snapshot_to_the_next() {
    let seldom = EngineConfig { snapshot_every: 1_000, ..EngineConfig::default() };
    let (store, plant) = jammed(seldom);
    plant.give(Spread { ids: vec!["tally".to_owned(); 40] }).await.unwrap();
    let key = StreamKey::new(plant.caller.tenant, "tally", "tally");
    assert_eq!(snapshot_version(&store, &key).await, 0);

    let elsewhere =
        || Plant::over(Arc::clone(&store) as _, Arc::new(store.store.clone()), EngineConfig::default());
    assert_eq!(elsewhere().give(change(1)).await.unwrap().reply, 41);
    while snapshot_version(&store, &key).await < 40 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    store.read.store(0, Ordering::SeqCst);
    assert_eq!(elsewhere().give(change(1)).await.unwrap().reply, 42);
    let read = store.read.load(Ordering::SeqCst);
    assert!(read <= 2, "{read} events were read: the one that the snapshot stands on, and the one after it");
}

#[tokio::test]
async fn whoever_asks_for_the_end_again_after_one_who_was_dropped_has_the_same_end() {
    let (store, plant) = jammed(EngineConfig::default());
    store.blocked.store(true, Ordering::SeqCst);
    let envelope = plant.envelope();
    let engine = plant.engine.clone();
    // A commit that nobody waits for: the engine is empty, its committer is not.
    let abandoned = tokio::spawn(async move { engine.execute(envelope, change(1)).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    for _ in 0..3 {
        let asked = tokio::time::timeout(Duration::from_millis(20), plant.engine.shutdown()).await;
        assert!(asked.is_err(), "something is under way");
    }
    store.blocked.store(false, Ordering::SeqCst);
    plant.engine.shutdown().await;
    abandoned.await.unwrap().unwrap();
    assert!(matches!(plant.give(change(1)).await, Err(CommandError::Overloaded)));
    assert_eq!(plant.count("tally").await, 1);
}

/// The figure of the group's size is that of one thread: whoever is woken together comes together.
#[tokio::test]
async fn the_loads_of_commands_under_way_are_one_question_to_the_store() {
    let (store, plant) = jammed(EngineConfig { cached_states: 1, ..EngineConfig::default() });
    let all = (0..200).map(|id| plant.give(Change { id: id.to_string(), by: 1 }));
    for done in futures::future::join_all(all).await {
        assert_eq!(done.unwrap().reply, 1);
    }
    let asked = store.loads.load(Ordering::SeqCst);
    assert!(asked <= 10, "the store was asked {asked} times for the pasts of 200 streams");
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_takes_no_other_with_it() {
    let (_store, plant) = jammed(EngineConfig::default());
    let ids = ["one", UNREADABLE, "two"].map(|id| plant.give(Change { id: id.to_owned(), by: 1 }));
    let [one, unreadable, two] = futures::future::join_all(ids).await.try_into().unwrap();
    assert_eq!((one.unwrap().reply, two.unwrap().reply), (1, 1));
    assert_eq!(unreadable.unwrap_err().code(), "UNAVAILABLE");
}

#[tokio::test]
async fn a_snapshot_beyond_the_logs_end_is_passed_over() {
    use commands::ports::{Snapshot, SnapshotStore};
    let (store, plant) = jammed(EngineConfig::default());
    plant.give(change(3)).await.unwrap();
    let key = StreamKey::new(plant.caller.tenant, "tally", "tally");
    let beyond = Snapshot { version: 9, shape: "tally.1".to_owned(), state: r#"{"count":700}"#.to_owned() };
    store.store.save_snapshot(&key, &beyond).await.unwrap();
    let elsewhere = plant.twin(Arc::new(store.store.clone()));
    assert_eq!(elsewhere.give(change(1)).await.unwrap().reply, 4);
}

async fn snapshot_version(store: &Jammed, key: &StreamKey) -> Version {
    let query = PastQuery { stream: key.clone(), after_version: 0, shape: Some("tally.1".to_owned()) };
    let pasts = store.store.load_pasts(&[query], 1).await.unwrap();
    pasts[0].snapshot.as_ref().map_or(0, |snapshot| snapshot.version)
}
