//! Where a write to SQLite may block.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use commands::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

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
