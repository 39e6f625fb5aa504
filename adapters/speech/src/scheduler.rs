//! One thread owns the sessions. Windows of all jobs wait in one place and are decoded together, fairly by job; what runs
//! beside a window changes when its text comes, never what it is.

mod last_resort;
mod queue;
mod request;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::clockwork::Clockwork;
use super::decode::Rules;
use super::graphs::{Brake, Graphs};
use super::model::ModelFolder;
pub(super) use last_resort::LastResort;
pub(super) use request::{Answer, Features, Outcome, Reply, Request, Work};
use worker::Worker;

/// The thread, and the way to it.
pub(super) struct Scheduler {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    clockwork: Arc<Mutex<Clockwork>>,
    brake: Brake,
}

impl Scheduler {
    /// Starts the thread. At most `max_rows` windows are decoded together.
    pub(super) fn start(
        graphs: Graphs,
        last_resort: LastResort,
        model: Arc<ModelFolder>,
        max_rows: usize,
    ) -> std::io::Result<Self> {
        let brake = graphs.brake();
        let (requests, arriving) = channel();
        let clockwork = Arc::new(Mutex::new(Clockwork::default()));
        let shared = Arc::clone(&clockwork);
        let rules = Rules::new(&model.tokens, &model.generation);
        let mut worker = Worker::new(graphs, last_resort, rules, model, max_rows, shared);
        let thread =
            std::thread::Builder::new().name("speech".to_owned()).spawn(move || worker.serve(&arriving))?;
        Ok(Self { requests: Some(requests), thread: Some(thread), clockwork, brake })
    }

    /// Hands a request in.
    pub(super) fn submit(&self, request: Request) {
        // A request that cannot be sent is dropped, which answers it.
        if let Some(requests) = &self.requests {
            let _ = requests.send(request);
        }
    }

    /// Ends what runs if nobody wants it any more, or if it does not come to an end. Whoever waits for an answer, or stops
    /// waiting, calls this now and then.
    pub(super) fn look(&self) {
        self.brake.look();
    }

    /// Where the time has gone so far.
    pub(super) fn clockwork(&self) -> Clockwork {
        *self.clockwork.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.requests = None;
        // What runs is for nobody any more.
        self.brake.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
