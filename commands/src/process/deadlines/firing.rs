use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Refusal, reactions::ReactionError};

use super::{
    DEADLINES,
    failing::{Failing, Failure},
};
use crate::{
    engine::{CommandError, Engine, Envelope},
    ports::{DueDeadline, LogFilter},
    process::{
        CommandRegistry, ProcessOptions, Reacted,
        parked::park,
        reaction::{Step, cause},
        turns::Turns,
    },
};

/// Runs the commands of deadlines, each once.
pub(super) struct Firing {
    pub(super) engine: Engine,
    pub(super) registry: CommandRegistry,
    pub(super) options: ProcessOptions,
    pub(super) turns: Turns,
    pub(super) failing: Failing,
}

/// What became of a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fired {
    Answered,
    /// It is tried again after this pause.
    Failed {
        pause: TimeDelta,
    },
    /// It waits for somebody to decide, from now or from before.
    Parked,
    /// This program is too old for it; it is looked at again after this pause.
    Outdated {
        pause: TimeDelta,
    },
}

impl Firing {
    pub(super) async fn fire(self: Arc<Self>, due: DueDeadline) -> (DueDeadline, Fired) {
        let fired = self.run_once(&due).await;
        if matches!(fired, Fired::Answered | Fired::Parked) {
            self.failing.forget(&due);
        }
        (due, fired)
    }

    async fn run_once(&self, due: &DueDeadline) -> Fired {
        let deadline = &due.deadline;
        let Some((step, run)) = self.registry.find(DEADLINES, &deadline.command) else {
            tracing::error!(command = deadline.command, deadline = %deadline.deadline_id, "a deadline asks for a command, or a version of it, that this program does not know; it stays open");
            return Fired::Outdated { pause: self.failed(due, false).pause };
        };
        let command = step.command;
        let turn = self.turns.take(due.tenant).await;
        let envelope = Envelope::derived(due.tenant, deadline.deadline_id);
        let answer = run(self.engine.clone(), envelope, step.clone(), deadline.payload.clone()).await;
        drop(turn);
        match answer {
            Ok(Reacted::Done) => Fired::Answered,
            Ok(Reacted::Refused { code }) => {
                tracing::info!(command, code, "a deadline came to nothing");
                Fired::Answered
            }
            // What the command itself is refused is noted, and answered above.
            Err(CommandError::Refused(refusal)) if refusal.code() == ReactionError::Parked.code() => {
                Fired::Parked
            }
            // Also one that is too large, or was refused before: no later try would be answered otherwise.
            Err(error) if !error.is_technical() => {
                tracing::info!(command, code = error.code(), %error, "a deadline came to nothing");
                Fired::Answered
            }
            Err(error @ CommandError::Outdated { .. }) => {
                tracing::error!(command, %error, "a deadline needs a newer program; it stays open");
                Fired::Outdated { pause: self.failed(due, false).pause }
            }
            Err(error) => {
                let failure = self.failed(due, matches!(error, CommandError::Fault { .. }));
                if self.options.gives_up(failure.lasted, failure.faults)
                    && self.park(due, &step, &error, failure.tries).await
                {
                    return Fired::Parked;
                }
                tracing::warn!(command, %error, "a deadline is tried again");
                Fired::Failed { pause: failure.pause }
            }
        }
    }

    fn failed(&self, due: &DueDeadline, is_fault: bool) -> Failure {
        self.failing.again(due, is_fault, self.now(), &self.options)
    }

    /// `false`: it could not be noted.
    async fn park(&self, due: &DueDeadline, step: &Step, error: &CommandError, tries: u32) -> bool {
        let everything = LogFilter::default();
        let log = &self.engine.ports().store;
        let page = log.read_log(due.asked_at.saturating_sub(1), &everything, 1).await;
        let Ok(page) = page else { return false };
        let asked = page.events.first().filter(|event| event.stream.tenant == due.tenant);
        let parked = step.parked(asked.map(cause), error, tries);
        park(&self.engine, due.tenant, asked, due.deadline.deadline_id, parked).await.is_ok()
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.engine.ports().clock.now()
    }
}
