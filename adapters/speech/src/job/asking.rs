//! A window's way through the scheduler: what it asks for, and what becomes of the answer.

use std::time::Instant;

use commands::ports::transcription::{Samples, TranscriptionError};

use super::{Event, Transcription};
use crate::course::Next;
use crate::scheduler::{Answer, Features, Outcome, Reply, Request, Work};

impl Transcription<'_> {
    /// Does what a window wants next.
    pub(super) fn go_on(&mut self, number: u64, end: Samples, next: Next) -> Result<(), TranscriptionError> {
        match next {
            Next::Ask(features, work) => self.submit(number, features, work),
            Next::Done(result) => {
                let course = self.running.remove(&number);
                // What failed, or lacks times, is tried again when a job that was broken off goes on. One that came to
                // its end is done with words untimed too: the transcript says so, and nobody goes on from there.
                if let Some(course) = course.filter(|_| result.failed.is_empty() && result.untimed.is_none())
                {
                    self.keep(|checkpoint| checkpoint.keep(course.digest().to_owned(), &result));
                }
                self.finish_window(number, end, result);
            }
        }
        Ok(())
    }

    pub(super) fn submit(&self, ticket: u64, features: Features, work: Work) {
        let events = self.ties.events.clone();
        self.engine.scheduler.submit(Request {
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
        let Some(course) = self.running.get_mut(&ticket) else { return Ok(()) };
        let end = course.end();
        if second_try {
            course.tried_again();
        }
        let next = match outcome {
            Outcome::Decoded(decoded) => course.decoded(decoded, features),
            Outcome::Attention(attention) => course.attended(&attention),
            Outcome::Failed(reason) => course.failed(reason),
            Outcome::Languages(_) | Outcome::Cancelled | Outcome::Stopped => {
                course.failed("the engine gave another answer than was asked for".to_owned())
            }
        };
        self.go_on(ticket, end, next)
    }
}
