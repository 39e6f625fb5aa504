//! What a committer owes its callers, on good days and bad ones.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "support/commits.rs"]
mod commits;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use adapters_store::memory::MemoryEventStore;
use async_trait::async_trait;
use commands::{
    engine::{CommitError, Committer, CommitterConfig, Overloaded, Ticket},
    ports::{AppendOutcome, Commit, EventStore, LogLayer, Position, StoreError, StreamKey, Version},
};
use futures::future::join_all;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// What the next appends do instead of storing.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// Stores the batch, then loses the answer.
    AnswerLost,
    Unavailable,
    DiskFull,
    /// Refuses every batch that writes to this stream.
    Refuses(&'static str),
    Panic,
}

/// A memory log behind a gate: each append needs a permit, the first ones fail as told.
struct GatedStore {
    log: MemoryEventStore,
    gate: Semaphore,
    fault: Fault,
    faults_left: AtomicUsize,
    batches: std::sync::Mutex<Vec<usize>>,
}

impl GatedStore {
    fn new(permits: usize, fault: Fault, faults: usize) -> Arc<Self> {
        Arc::new(Self {
            log: MemoryEventStore::new(),
            gate: Semaphore::new(permits),
            fault,
            faults_left: AtomicUsize::new(faults),
            batches: std::sync::Mutex::default(),
        })
    }

    fn open_gate(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

#[async_trait]
impl LogLayer for GatedStore {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::new(self.log.clone())
    }

    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        self.gate.acquire().await.unwrap().forget();
        self.batches.lock().unwrap().push(batch.len());
        let faulty =
            self.faults_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        let unavailable =
            || StoreError::Unavailable { doing: "appending", reason: "the test says so".to_owned() };
        match (faulty, self.fault) {
            (Err(_), _) => self.log.append(batch).await,
            (Ok(_), Fault::AnswerLost) => {
                self.log.append(batch).await?;
                Err(unavailable())
            }
            (Ok(_), Fault::Unavailable) => Err(unavailable()),
            (Ok(_), Fault::Refuses(stream)) => {
                let is_refused =
                    |commit: &Commit| commit.streams.iter().any(|write| &*write.stream.id == stream);
                match batch.iter().any(is_refused) {
                    true => Err(StoreError::Rejected { doing: "appending", reason: "it is odd".to_owned() }),
                    false => self.log.append(batch).await,
                }
            }
            (Ok(_), Fault::DiskFull) => Err(StoreError::DiskFull { doing: "appending" }),
            (Ok(_), Fault::Panic) => panic!("the store fell over, as the test asked"),
        }
    }
}

fn commit(stream: &str, expected_version: Version) -> Commit {
    commits::commit(
        StreamKey::new(Uuid::nil(), "lot", stream),
        expected_version,
        commits::event("LotWeighed", "{}"),
    )
}

async fn position(ticket: Ticket) -> Position {
    match ticket.await.unwrap() {
        AppendOutcome::Appended(receipt) | AppendOutcome::Repeated(receipt) => receipt.position,
        AppendOutcome::Refused(refusal) => panic!("refused: {refusal}"),
    }
}

#[tokio::test]
async fn commits_are_stored_in_the_order_of_their_submission() {
    let store = GatedStore::new(0, Fault::Panic, 0);
    let committer = Committer::start(store.clone(), CommitterConfig::default());
    let tickets: Vec<_> =
        (0..1_000).map(|version| committer.submit(commit("hot", version)).unwrap()).collect();
    store.open_gate();
    for (ticket, expected) in tickets.into_iter().zip(1..) {
        assert_eq!(position(ticket).await, expected);
    }
    let batches = store.batches.lock().unwrap().clone();
    assert_eq!(batches, [512, 488], "what waits together is written together, within the bound");
}

#[tokio::test]
async fn a_batch_is_bounded_by_its_bytes() {
    let store = GatedStore::new(0, Fault::Panic, 0);
    let config = CommitterConfig { batch_bytes: 3_000, ..CommitterConfig::default() };
    let committer = Committer::start(store.clone(), config);
    let tickets: Vec<_> = (0..3)
        .map(|version| {
            let mut heavy = commit("hot", version);
            heavy.streams[0].events[0].payload = "x".repeat(2_000).into();
            committer.submit(heavy).unwrap()
        })
        .collect();
    store.open_gate();
    for ticket in tickets {
        position(ticket).await;
    }
    assert_eq!(*store.batches.lock().unwrap(), [1, 1, 1]);
}

#[tokio::test]
async fn a_full_queue_answers_overloaded_at_once() {
    let store = GatedStore::new(0, Fault::Panic, 0);
    let config = CommitterConfig { queue_commits: 2, batch_commits: 1, ..CommitterConfig::default() };
    let committer = Committer::start(store.clone(), config);
    let mut tickets = Vec::new();
    let mut overloaded = 0;
    for number in 0..20 {
        match committer.submit(commit(&number.to_string(), 0)) {
            Ok(ticket) => tickets.push(ticket),
            Err(Overloaded) => overloaded += 1,
        }
    }
    assert!(overloaded >= 17, "two wait, one is perhaps being stored: {overloaded} turned away");
    store.open_gate();
    for ticket in tickets {
        position(ticket).await;
    }
    position(committer.submit(commit("later", 0)).unwrap()).await;
}

#[tokio::test]
async fn a_queue_full_of_bytes_answers_overloaded_too() {
    let store = GatedStore::new(0, Fault::Panic, 0);
    let config = CommitterConfig { queue_bytes: 10_000, ..CommitterConfig::default() };
    let committer = Committer::start(store.clone(), config);
    let heavy = |id: &str| {
        let mut heavy = commit(id, 0);
        heavy.streams[0].events[0].payload = "x".repeat(20_000).into();
        heavy
    };
    let first = committer.submit(heavy("a")).unwrap();
    assert_eq!(committer.submit(heavy("b")).unwrap_err(), Overloaded);
    store.open_gate();
    position(first).await;
    position(committer.submit(heavy("b")).unwrap()).await;
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_store_is_tried_again_with_the_same_batch() {
    let store = GatedStore::new(Semaphore::MAX_PERMITS / 2, Fault::Unavailable, 3);
    let committer = Committer::start(store.clone(), CommitterConfig::default());
    assert_eq!(position(committer.submit(commit("a", 0)).unwrap()).await, 1);
    assert_eq!(store.batches.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_does_not_store_the_commit_twice() {
    let store = GatedStore::new(Semaphore::MAX_PERMITS / 2, Fault::AnswerLost, 2);
    let committer = Committer::start(store.clone(), CommitterConfig::default());
    assert_eq!(position(committer.submit(commit("a", 0)).unwrap()).await, 1);
    assert_eq!(store.log.head().await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_is_given_up_after_the_bound() {
    let store = GatedStore::new(Semaphore::MAX_PERMITS / 2, Fault::Unavailable, usize::MAX);
    let committer = Committer::start(store, CommitterConfig::default());
    let answer = committer.submit(commit("a", 0)).unwrap().await;
    assert!(matches!(answer, Err(CommitError::Store(StoreError::Unavailable { .. }))), "{answer:?}");
}

#[tokio::test]
async fn a_full_disk_is_answered_at_once_and_the_next_commit_is_stored() {
    let store = GatedStore::new(Semaphore::MAX_PERMITS / 2, Fault::DiskFull, 1);
    let committer = Committer::start(store, CommitterConfig::default());
    let answer = committer.submit(commit("a", 0)).unwrap().await;
    assert!(matches!(answer, Err(CommitError::Store(StoreError::DiskFull { .. }))), "{answer:?}");
    assert_eq!(position(committer.submit(commit("a", 0)).unwrap()).await, 1);
}

#[tokio::test]
async fn a_commit_that_the_database_refuses_takes_no_other_with_it() {
    let store = GatedStore::new(0, Fault::Refuses("odd"), usize::MAX);
    let committer = Committer::start(store.clone(), CommitterConfig::default());
    let tickets: Vec<_> = ["a", "odd", "b"].map(|id| committer.submit(commit(id, 0)).unwrap()).into();
    store.open_gate();
    let mut answers = join_all(tickets).await.into_iter();
    assert!(matches!(answers.next(), Some(Ok(AppendOutcome::Appended(receipt))) if receipt.position == 1));
    assert!(matches!(answers.next(), Some(Err(CommitError::Store(StoreError::Rejected { .. })))));
    assert!(matches!(answers.next(), Some(Ok(AppendOutcome::Appended(receipt))) if receipt.position == 2));
}

#[tokio::test]
async fn a_committer_that_dies_answers_its_callers_and_is_restarted() {
    let store = GatedStore::new(0, Fault::Panic, 1);
    let config = CommitterConfig { batch_commits: 2, ..CommitterConfig::default() };
    let committer = Committer::start(store.clone(), config);
    let tickets: Vec<_> = ["a", "b", "c"].map(|id| committer.submit(commit(id, 0)).unwrap()).into();
    store.open_gate();
    let mut answers = Vec::new();
    for ticket in tickets {
        answers.push(ticket.await);
    }
    assert!(matches!(answers[..2], [Err(CommitError::Stopped), Err(CommitError::Stopped)]), "{answers:?}");
    assert!(matches!(answers[2], Ok(AppendOutcome::Appended(_))), "what waited is stored: {answers:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_its_commit() {
    let store = GatedStore::new(0, Fault::Panic, 0);
    let committer = Committer::start(store.clone(), CommitterConfig::default());
    drop(committer.submit(commit("a", 0)).unwrap());
    let second = committer.submit(commit("a", 1)).unwrap();
    store.open_gate();
    assert_eq!(position(second).await, 2);
}

#[tokio::test]
async fn a_shutdown_stores_what_waits_and_takes_nothing_more() {
    let store = GatedStore::new(0, Fault::Panic, 0);
    let committer = Committer::start(store.clone(), CommitterConfig::default());
    let tickets: Vec<_> = (0..10).map(|version| committer.submit(commit("a", version)).unwrap()).collect();
    store.open_gate();
    tokio::time::timeout(Duration::from_secs(60), committer.shutdown()).await.unwrap();
    for ticket in tickets {
        position(ticket).await;
    }
    let late = committer.submit(commit("late", 0)).unwrap().await;
    assert!(matches!(late, Err(CommitError::Stopped)), "{late:?}");
    assert_eq!(store.log.head().await.unwrap(), 10);
}
