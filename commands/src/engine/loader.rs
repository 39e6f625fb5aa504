//! Gathers the loads of all commands under way, as the committer gathers their commits: while one question is with the store,
//! the next one gathers. No timer; whoever comes alone asks alone and at once.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::ports::{EventStore, Past, PastQuery, StoreError};

/// Questions with the store at once: one is answered while another one's answer is read.
const AT_ONCE: usize = 2;
/// Streams asked for in one question. More would be waited for longer than they save.
const MOST_STREAMS: usize = 64;
/// Turns that other tasks get, at most, before a question is closed.
const MOST_TURNS: usize = 4;
const LOADING: &str = "loading streams";

/// A load that waits for its question.
struct Asked {
    query: PastQuery,
    answer: oneshot::Sender<Result<Past, StoreError>>,
}

/// Loads what states are folded from. Ends with its engine.
pub(super) struct Loader {
    queue: mpsc::UnboundedSender<Asked>,
}

impl Loader {
    /// `limit`: events answered at most, for one stream.
    pub(super) fn start(store: Arc<dyn EventStore>, limit: usize) -> Self {
        // Bounded by the commands in flight: each waits for its loads.
        let (queue, asked) = mpsc::unbounded_channel();
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..AT_ONCE {
            tokio::spawn(work(Arc::clone(&store), limit, Arc::clone(&asked)));
        }
        Self { queue }
    }

    pub(super) async fn load(&self, query: PastQuery) -> Result<Past, StoreError> {
        let (answer, answered) = oneshot::channel();
        let _ended = self.queue.send(Asked { query, answer });
        answered.await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable { doing: LOADING, reason: "the loader gave no answer".to_owned() })
        })
    }
}

async fn work(store: Arc<dyn EventStore>, limit: usize, queue: Arc<Mutex<mpsc::UnboundedReceiver<Asked>>>) {
    loop {
        let gathered = {
            let mut queue = queue.lock().await;
            gather(&mut queue).await
        };
        if gathered.is_empty() {
            return;
        }
        metrics::histogram!("cairn_load_group_size").record(gathered.len() as f64);
        // A store that panics leaves those who asked without an answer, and the loader to the next ones.
        if AssertUnwindSafe(answer(&*store, limit, gathered)).catch_unwind().await.is_err() {
            tracing::error!("the store panicked while loading streams; their commands were told so");
        }
    }
}

/// What has come, at least one; nothing when the engine is gone.
async fn gather(queue: &mut mpsc::UnboundedReceiver<Asked>) -> Vec<Asked> {
    let mut gathered = Vec::new();
    queue.recv_many(&mut gathered, MOST_STREAMS).await;
    // Those who were answered together come again together, a moment apart.
    for _ in 0..MOST_TURNS {
        tokio::task::yield_now().await;
        let before = gathered.len();
        while gathered.len() < MOST_STREAMS
            && let Ok(asked) = queue.try_recv()
        {
            gathered.push(asked);
        }
        if gathered.len() == before {
            break;
        }
    }
    gathered
}

async fn answer(store: &dyn EventStore, limit: usize, gathered: Vec<Asked>) {
    let (queries, answers): (Vec<PastQuery>, Vec<_>) =
        gathered.into_iter().map(|asked| (asked.query, asked.answer)).unzip();
    match store.load_pasts(&queries, limit).await {
        Ok(pasts) => {
            for (past, answer) in pasts.into_iter().zip(answers) {
                let _gone = answer.send(Ok(past));
            }
        }
        Err(error @ StoreError::Unavailable { .. }) => {
            for answer in answers {
                let _gone = answer.send(Err(error.clone()));
            }
        }
        // One stream that cannot be read must not take the others with it: each is asked for alone.
        Err(_) => {
            for (query, answer) in queries.iter().zip(answers) {
                let loaded = store.load_pasts(std::slice::from_ref(query), limit).await;
                let _gone = answer.send(loaded.map(|mut pasts| pasts.pop().unwrap_or_default()));
            }
        }
    }
}
