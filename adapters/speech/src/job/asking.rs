//! A window's way through the scheduler: what it asks for, and what becomes of the answer.

use std::time::Instant;

use commands::ports::transcription::{Samples, TranscriptionError};

use super::{Event, Transcription};
use crate::scheduler::{Answer, Features, Outcome, Reply, Request, Work};
use crate::window_transcription::Next;

impl Transcription<'_> {
    /// Does what a window wants next.
    pub(super) fn go_on(&mut self, number: u64, end: Samples, next: Next) -> Result<(), TranscriptionError> {
        match next {
            Next::Ask(features, work) => self.submit(number, features, work),
            Next::Done(result) => {
                let transcription = self.running.remove(&number);
                // What failed, or lacks times, is tried again when a job that was broken off goes on. One that came to
                // its end is done with words untimed too: the transcript says so, and nobody goes on from there.
                if let Some(transcription) =
                    transcription.filter(|_| result.failed.is_empty() && result.untimed.is_none())
                {
                    self.keeping
                        .keep(|checkpoint| checkpoint.keep(transcription.digest().to_owned(), &result));
                }
                self.finish_window(number, end, result);
            }
        }
        Ok(())
    }

    pub(super) fn submit(&self, ticket: u64, features: Features, work: Work) {
        let events = self.ties.events.clone();
        self.model.scheduler.submit(Request {
            job: self.number,
            urgent: !self.options.ranges.is_empty(),
            features,
            work,
            since: Instant::now(),
            cancel: self.ties.cancel.clone(),
            reply: Reply::new(move |answer| {
                let _ = events.send(Event::Answer(ticket, answer));
            }),
        });
    }

    /// Takes an answer. Whatever it is, the window goes on, is lost, or ends the job: one that nothing is done with would
    /// be waited for for ever.
    pub(super) fn answered(&mut self, ticket: u64, answer: Answer) -> Result<(), TranscriptionError> {
        let Answer { outcome, features, second_try } = answer;
        match outcome {
            Outcome::Stopped => {
                return Err(TranscriptionError::Engine("it has stopped and must be started anew".into()));
            }
            Outcome::Cancelled if self.ties.cancel.is_cancelled() => {
                return Err(TranscriptionError::Cancelled);
            }
            Outcome::Languages(_)
            | Outcome::Decoded(_)
            | Outcome::Attention(_)
            | Outcome::Failed(_)
            | Outcome::Cancelled => {}
        }
        if let Some(prepared) = self.asking.remove(&ticket) {
            return self.heard(prepared, outcome, features);
        }
        let Some(transcription) = self.running.get_mut(&ticket) else { return Ok(()) };
        let end = transcription.end();
        if second_try {
            transcription.tried_again();
        }
        let next = match outcome {
            Outcome::Decoded(decoded) => transcription.decoded(decoded, features),
            Outcome::Attention(attention) => transcription.attended(&attention),
            Outcome::Failed(reason) => transcription.failed(reason),
            Outcome::Languages(_) | Outcome::Cancelled | Outcome::Stopped => {
                transcription.failed("the engine gave another answer than was asked for".to_owned())
            }
        };
        self.go_on(ticket, end, next)
    }
}
