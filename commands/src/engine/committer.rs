//! Group commit without a timer: while one batch is being stored, the next one gathers.

mod batch;
mod worker;

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    sync::{Mutex, mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::ports::{AppendOutcome, Commit, EventStore, StoreError};

/// The bounds of a [`Committer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitterConfig {
    /// Commits that may wait for their batch. One more answers [`Overloaded`].
    pub queue_commits: usize,
    /// Bytes that may wait for their batch, payloads and replies counted. One commit is always let in.
    pub queue_bytes: usize,
    /// Commits stored by one write of the store.
    pub batch_commits: usize,
    /// Bytes stored by one write of the store. One commit is always let in.
    pub batch_bytes: usize,
    /// How long a batch is tried again after [`StoreError::Unavailable`], counted from its first failure.
    pub retry_for: Duration,
}

impl Default for CommitterConfig {
    /// 4,096 commits and 64 MiB may wait; 512 commits and 8 MiB are written at once; retries last 10 s.
    fn default() -> Self {
        Self {
            queue_commits: 4_096,
            queue_bytes: 64 * 1024 * 1024,
            batch_commits: 512,
            batch_bytes: 8 * 1024 * 1024,
            retry_for: Duration::from_secs(10),
        }
    }
}

/// The queue is full: nothing was taken, the caller may come again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many commits are waiting to be stored")]
pub struct Overloaded;

/// Why a submitted commit has no outcome. It may or may not stand: repeating it under its command id is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// The store failed, after the retries that its error allows.
    #[error("the commit could not be stored")]
    Store(#[source] StoreError),
    /// The committer was shut down, or died with the commit in hand (it is restarted for the next ones).
    #[error("the committer stopped before it could answer")]
    Stopped,
}

/// A commit on its way to the log. Await it for the outcome; dropping it does not call the commit back.
#[derive(Debug)]
pub struct Ticket {
    answer: oneshot::Receiver<Result<AppendOutcome, CommitError>>,
}

impl Future for Ticket {
    type Output = Result<AppendOutcome, CommitError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        Poll::Ready(answer.unwrap_or(Err(CommitError::Stopped)))
    }
}

/// A commit that waits for its batch.
struct Submission {
    commit: Commit,
    weight: Weight,
    answer: oneshot::Sender<Result<AppendOutcome, CommitError>>,
}

/// A commit's share of the queue's bytes, given back wherever the submission ends.
struct Weight {
    bytes: usize,
    queued_bytes: Arc<AtomicUsize>,
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.queued_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The one writer of a process. Submissions are stored in the order in which they came.
#[derive(Clone)]
pub struct Committer {
    queue: mpsc::Sender<Submission>,
    queued_bytes: Arc<AtomicUsize>,
    queue_bytes: usize,
    stop: watch::Sender<bool>,
    supervisor: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Committer {
    /// Starts the writer on the current Tokio runtime. It ends when the last clone is dropped or on
    /// [`Self::shutdown`], after it has stored what was submitted.
    pub fn start(store: Arc<dyn EventStore>, config: CommitterConfig) -> Self {
        let (queue, submissions) = mpsc::channel(config.queue_commits.max(1));
        let (stop, stopped) = watch::channel(false);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let worker = worker::Worker::new(store, config, submissions, stopped);
        let supervisor = tokio::spawn(worker::supervise(worker));
        Self {
            queue,
            queued_bytes,
            queue_bytes: config.queue_bytes,
            stop,
            supervisor: Arc::new(Mutex::new(Some(supervisor))),
        }
    }

    /// Queues a commit at once, without waiting: two submissions of one caller are stored in their order. After
    /// [`Self::shutdown`] the ticket answers [`CommitError::Stopped`].
    ///
    /// # Errors
    /// [`Overloaded`] when the queue is full.
    pub fn submit(&self, commit: Commit) -> Result<Ticket, Overloaded> {
        let weight = self.admit(batch::size_of(&commit))?;
        let (answer, answered) = oneshot::channel();
        match self.queue.try_send(Submission { commit, weight, answer }) {
            Err(mpsc::error::TrySendError::Full(_)) => return Err(overloaded()),
            // When the queue is closed, the answer's sender goes with the submission: the ticket answers `Stopped`.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
        }
        Ok(Ticket { answer: answered })
    }

    fn admit(&self, bytes: usize) -> Result<Weight, Overloaded> {
        let weight = Weight { bytes, queued_bytes: Arc::clone(&self.queued_bytes) };
        let waiting = self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        if waiting > 0 && waiting + bytes > self.queue_bytes { Err(overloaded()) } else { Ok(weight) }
    }

    /// Takes no more submissions, stores those that wait, and returns when they are answered.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let mut supervisor = self.supervisor.lock().await;
        if let Some(running) = supervisor.as_mut() {
            // The supervisor never panics; were it aborted with its runtime, there would be nothing left to wait for.
            let _ended = running.await;
            // Only now: who asks again, after somebody who was dropped on the way, has the same end to wait for.
            *supervisor = None;
        }
    }
}

fn overloaded() -> Overloaded {
    metrics::counter!("cairn_commit_overloaded_total").increment(1);
    Overloaded
}
