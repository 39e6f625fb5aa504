//! One thread owns the sessions. Windows of all jobs wait in one place and are decoded together, fairly by job; what runs
//! beside a window changes when its text comes, never what it is.

mod desk;
mod last_resort;
mod queue;
#[cfg(test)]
mod tests;

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use ndarray::Array2;

use super::clockwork::Clockwork;
use super::decode::{Decoded, Rules, Search};
use super::graphs::{Brake, Encoded, Graphs};
use super::model::ModelFolder;
use desk::Desk;
pub(super) use last_resort::LastResort;

/// A window as far as it has come.
#[derive(Clone)]
pub(super) enum Features {
    /// Its spectrogram.
    Spectrogram(Arc<Vec<f32>>),
    /// The encoder's states, and what they came from: another try may need it.
    Encoded { states: Encoded, spectrogram: Arc<Vec<f32>> },
}

impl Features {
    fn spectrogram(&self) -> &Arc<Vec<f32>> {
        match self {
            Self::Spectrogram(spectrogram) | Self::Encoded { spectrogram, .. } => spectrogram,
        }
    }
}

/// Something to do with a window.
pub(super) enum Work {
    /// Which language is it?
    Languages,
    /// What is said?
    Decode { prompt: Vec<u32>, temperature: f32, seed: u64, search: Search },
    /// Where did the decoder look when it wrote this (prompt, text and end)?
    Attention { ids: Vec<u32> },
}

/// What came of it.
pub(super) enum Outcome {
    /// The probability of each language of the model.
    Languages(Vec<f32>),
    /// The text.
    Decoded(Decoded),
    /// For each alignment head, tokens by frames.
    Attention(Vec<Array2<f32>>),
    /// It could not be done.
    Failed(String),
    /// The job was stopped.
    Cancelled,
    /// The engine's thread has ended: nothing will be done any more.
    Stopped,
}

/// An answer, with the window as far as it has come now.
pub(super) struct Answer {
    /// What came of it.
    pub outcome: Outcome,
    /// The window, where it has come further.
    pub features: Option<Features>,
    /// Whether the usual graphs failed and those of last resort gave it.
    pub second_try: bool,
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, features: None, second_try: false }
    }
}

/// A request by a job. One that is dropped unanswered, because the thread has ended, answers that the engine has stopped.
pub(super) struct Request {
    /// The job's number.
    pub job: u64,
    /// Goes before others: somebody waits for a few seconds of audio.
    pub urgent: bool,
    /// The window.
    pub features: Features,
    /// What to do with it.
    pub work: Work,
    /// Since when it waits.
    pub since: Instant,
    /// Stops the job.
    pub cancel: commands::ports::transcription::Cancel,
    /// Takes the answer.
    pub reply: Reply,
}

type TakesAnswer = Box<dyn FnOnce(Answer) + Send>;

/// Takes one answer.
pub(super) struct Reply(Option<TakesAnswer>);

impl Reply {
    /// Calls `answer` once: with what came of the request, or with [`Outcome::Stopped`].
    pub(super) fn new(answer: impl FnOnce(Answer) + Send + 'static) -> Self {
        Self(Some(Box::new(answer)))
    }

    fn send(mut self, answered: impl Into<Answer>) {
        if let Some(answer) = self.0.take() {
            answer(answered.into());
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(answer) = self.0.take() {
            answer(Outcome::Stopped.into());
        }
    }
}

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
        let mut desk = Desk::new(graphs, last_resort, rules, model, max_rows, shared);
        let thread =
            std::thread::Builder::new().name("speech".to_owned()).spawn(move || desk.serve(&arriving))?;
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

/// What requests must have in common to run together.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Kind {
    Languages,
    Decode { prompt: usize, search: Search },
    Attention,
}

impl Request {
    fn kind(&self) -> Kind {
        match &self.work {
            Work::Languages => Kind::Languages,
            Work::Decode { prompt, search, .. } => Kind::Decode { prompt: prompt.len(), search: *search },
            Work::Attention { .. } => Kind::Attention,
        }
    }
}
