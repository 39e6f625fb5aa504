use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, mpsc, watch},
    time::{Instant, sleep},
};

use super::{CommitError, CommitterConfig, Submission, batch};
use crate::ports::{AppendOutcome, AppendRefusal, Commit, EventStore, StoreError};

/// The pause before the first retry; it doubles up to [`LONGEST_PAUSE`].
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// Turns that other tasks get, at most, before a batch is closed.
const MOST_TURNS: usize = 8;
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The task that drains the queue. It outlives a panic of the store: the queue lies behind a lock that does not poison.
#[derive(Clone)]
pub(super) struct Worker {
    store: Arc<dyn EventStore>,
    config: CommitterConfig,
    queue: Arc<Mutex<Queue>>,
    stopped: watch::Receiver<bool>,
}

/// What has not become part of a batch yet.
struct Queue {
    submissions: mpsc::Receiver<Submission>,
    /// Taken off the channel, in order; more than one batch at times.
    waiting: VecDeque<Submission>,
}

/// Runs the worker until its queue has ended; a worker that died is replaced. Those whose commits it had in hand have
/// been answered `Stopped` by then, the others wait in the queue.
pub(super) async fn supervise(worker: Worker) {
    while let Err(death) = tokio::spawn(worker.clone().run()).await {
        if death.is_cancelled() {
            return;
        }
        metrics::counter!("cairn_committer_restarts_total").increment(1);
        tracing::error!(%death, "the committer died and is restarted; its callers were told that it stopped");
    }
}

impl Queue {
    fn len(&self) -> usize {
        self.submissions.len() + self.waiting.len()
    }

    /// Takes what has come, up to a whole batch, without waiting. Answers how many were taken.
    fn gather(&mut self, most: usize) -> usize {
        let before = self.waiting.len();
        while self.waiting.len() < most
            && let Ok(submission) = self.submissions.try_recv()
        {
            self.waiting.push_back(submission);
        }
        self.waiting.len() - before
    }
}

impl Worker {
    pub(super) fn new(
        store: Arc<dyn EventStore>,
        config: CommitterConfig,
        submissions: mpsc::Receiver<Submission>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let queue = Arc::new(Mutex::new(Queue { submissions, waiting: VecDeque::new() }));
        Self { store, config, queue, stopped }
    }

    async fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let mut queue = queue.lock().await;
        while let Some(batch) = self.next_batch(&mut queue).await {
            metrics::gauge!("cairn_commit_queue_depth").set(queue.len() as f64);
            self.store(batch).await;
        }
    }

    /// The next batch, as large as what has come allows; waits only for its first submission.
    async fn next_batch(&mut self, queue: &mut Queue) -> Option<Vec<Submission>> {
        let mut arrived = Vec::new();
        while queue.waiting.is_empty() {
            if *self.stopped.borrow_and_update() {
                queue.submissions.close();
            }
            tokio::select! {
                taken = queue.submissions.recv_many(&mut arrived, self.config.batch_commits) => {
                    if taken == 0 {
                        return None;
                    }
                    queue.waiting.extend(arrived.drain(..));
                }
                // The next turn closes the queue. When every handle is gone, it ends by itself.
                Ok(()) = self.stopped.changed() => {}
            }
        }
        // The callers of the last batch have just been woken. Those that come again at once join this batch; else the
        // callers would fall into two halves, each waiting for the other's write.
        for _ in 0..MOST_TURNS {
            tokio::task::yield_now().await;
            if queue.gather(self.config.batch_commits) == 0 {
                break;
            }
        }
        Some(batch::take(&mut queue.waiting, &self.config))
    }

    async fn store(&self, batch: Vec<Submission>) {
        let (commits, answers): (Vec<Commit>, Vec<_>) =
            batch.into_iter().map(|submission| (submission.commit, submission.answer)).unzip();
        metrics::histogram!("cairn_append_batch_size").record(commits.len() as f64);
        let started = Instant::now();
        let result = self.append(&commits).await;
        metrics::histogram!("cairn_append_duration_seconds").record(started.elapsed().as_secs_f64());
        match result {
            Ok(outcomes) => {
                record(&outcomes);
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // A caller that went away has its commit all the same.
                    let _gone = answer.send(Ok(outcome));
                }
            }
            // One commit's data must not take the others with it: each goes alone.
            Err(StoreError::Rejected { .. }) if commits.len() > 1 => {
                for (commit, answer) in commits.iter().zip(answers) {
                    let stored = self.append(std::slice::from_ref(commit)).await;
                    let _gone = answer.send(alone(stored));
                }
            }
            Err(error) => {
                metrics::counter!("cairn_append_failures_total").increment(1);
                tracing::error!(%error, commits = commits.len(), "a batch could not be stored");
                for answer in answers {
                    let _gone = answer.send(Err(CommitError::Store(error.clone())));
                }
            }
        }
    }

    /// Stores a batch, again and again while the store is unavailable: the command ids make a repetition harmless.
    async fn append(&self, commits: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        let mut pause = SHORTEST_PAUSE;
        let mut deadline = None;
        loop {
            match self.store.append(commits).await {
                Err(error @ StoreError::Unavailable { .. }) => {
                    let deadline = *deadline.get_or_insert_with(|| Instant::now() + self.config.retry_for);
                    if Instant::now() + pause > deadline {
                        return Err(error);
                    }
                    metrics::counter!("cairn_append_retries_total").increment(1);
                    tracing::warn!(%error, "a batch is tried again");
                    sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                result => return result,
            }
        }
    }
}

/// The answer to a commit that was stored by itself.
fn alone(stored: Result<Vec<AppendOutcome>, StoreError>) -> Result<AppendOutcome, CommitError> {
    match stored {
        Ok(outcomes) => {
            record(&outcomes);
            outcomes.into_iter().next().ok_or(CommitError::Stopped)
        }
        Err(error) => {
            metrics::counter!("cairn_append_failures_total").increment(1);
            tracing::error!(%error, "a commit could not be stored");
            Err(CommitError::Store(error))
        }
    }
}

fn record(outcomes: &[AppendOutcome]) {
    let (mut appended, mut repeated, mut refused, mut conflicts, mut head) = (0, 0, 0, 0, 0);
    for outcome in outcomes {
        match outcome {
            AppendOutcome::Appended(receipt) => {
                appended += 1;
                head = receipt.position.max(head);
            }
            AppendOutcome::Repeated(_) => repeated += 1,
            AppendOutcome::Refused(AppendRefusal::VersionConflict { .. }) => conflicts += 1,
            AppendOutcome::Refused(_) => refused += 1,
        }
    }
    let counts =
        [("appended", appended), ("repeated", repeated), ("conflict", conflicts), ("refused", refused)];
    for (outcome, count) in counts {
        metrics::counter!("cairn_append_commits_total", "outcome" => outcome).increment(count);
    }
    if head > 0 {
        metrics::gauge!("cairn_log_head_position").set(head as f64);
    }
}
