//! What a job asks for, and what it gets.

use std::sync::Arc;
use std::time::Instant;

use commands::ports::transcription::Cancel;
use ndarray::Array2;

use crate::decode::{Decoded, Search};
use crate::graphs::Encoded;

/// A window as far as it has come.
#[derive(Clone)]
pub(crate) enum Features {
    /// Its spectrogram.
    Spectrogram(Arc<Vec<f32>>),
    /// The encoder's states, and what they came from: another try may need it.
    Encoded { states: Encoded, spectrogram: Arc<Vec<f32>> },
}

impl Features {
    pub(super) fn spectrogram(&self) -> &Arc<Vec<f32>> {
        match self {
            Self::Spectrogram(spectrogram) | Self::Encoded { spectrogram, .. } => spectrogram,
        }
    }
}

/// Something to do with a window.
pub(crate) enum Work {
    /// Which language is it?
    Languages,
    /// What is said?
    Decode { prompt: Vec<u32>, temperature: f32, seed: u64, search: Search },
    /// Where did the decoder look when it wrote this (prompt, text and end)?
    Attention { ids: Vec<u32> },
}

/// What came of it.
pub(crate) enum Outcome {
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
pub(crate) struct Answer {
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
pub(crate) struct Request {
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
    pub cancel: Cancel,
    /// Takes the answer.
    pub reply: Reply,
}

type TakesAnswer = Box<dyn FnOnce(Answer) + Send>;

/// Takes one answer.
pub(crate) struct Reply(Option<TakesAnswer>);

impl Reply {
    /// Calls `answer` once: with what came of the request, or with [`Outcome::Stopped`].
    pub(crate) fn new(answer: impl FnOnce(Answer) + Send + 'static) -> Self {
        Self(Some(Box::new(answer)))
    }

    pub(super) fn send(mut self, answered: impl Into<Answer>) {
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

/// What requests must have in common to run together.
#[derive(PartialEq, Eq, Clone, Copy)]
pub(super) enum Kind {
    Languages,
    Decode { prompt: usize, search: Search },
    Attention,
}

impl Request {
    pub(super) fn kind(&self) -> Kind {
        match &self.work {
            Work::Languages => Kind::Languages,
            Work::Decode { prompt, search, .. } => Kind::Decode { prompt: prompt.len(), search: *search },
            Work::Attention { .. } => Kind::Attention,
        }
    }
}
