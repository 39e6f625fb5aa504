//! Where SQLite may block: the writer's thread, and the readers' turns on Tokio's blocking threads.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use commands::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::file::SqliteFile;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The one thread of this process that writes to the file. What was given to it is done before it ends.
pub(super) struct WriterThread {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl WriterThread {
    pub(super) fn start(file: &SqliteFile) -> Result<Self, StoreError> {
        let mut connection = file.writer()?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let run = move || {
            for job in queue {
                // A panic ends its own job, which drops that job's answer, and no other.
                if catch_unwind(AssertUnwindSafe(|| job(&mut connection))).is_err() {
                    tracing::error!("a write to the event store's file panicked");
                }
            }
        };
        let thread =
            thread::Builder::new().name("cairn-log-writer".to_owned()).spawn(run).map_err(|error| {
                StoreError::Unavailable { doing: "starting the writer's thread", reason: error.to_string() }
            })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs a job after those given before it. It runs to its end even when the caller goes away.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let _gone = answer.send(job(connection));
        });
        let ended =
            || StoreError::Unavailable { doing, reason: "the writer's thread gave no answer".to_owned() };
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(ended)?;
        answered.await.map_err(|_| ended())?
    }
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        self.jobs.take();
        if let Some(thread) = self.thread.take() {
            // Waiting closes the file before the store is gone: whoever opens it next finds it at rest.
            let _ended = thread.join();
        }
    }
}

/// Connections for reading, at most [`Self::SIZE`] in use at once.
pub(super) struct Readers {
    file: SqliteFile,
    idle: Mutex<Vec<Connection>>,
    turns: Semaphore,
}

impl Readers {
    const SIZE: usize = 4;

    pub(super) fn new(file: SqliteFile) -> Self {
        Self { file, idle: Mutex::default(), turns: Semaphore::new(Self::SIZE) }
    }

    /// Runs a read on a blocking thread.
    pub(super) async fn run<T: Send + 'static>(
        self: &std::sync::Arc<Self>,
        read: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let unavailable =
            |reason: String| StoreError::Unavailable { doing: "waiting for a reader's turn", reason };
        let _turn = self.turns.acquire().await.map_err(|closed| unavailable(closed.to_string()))?;
        let readers = std::sync::Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let idle = readers.idle().pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => readers.file.reader()?,
            };
            let result = read(&mut connection);
            readers.idle().push(connection);
            result
        });
        task.await.map_err(|death| unavailable(death.to_string()))?
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
