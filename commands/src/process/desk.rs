use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use domain::reactions::ReactionParked;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    ProcessManager, Reacted, Reaction, RecordRefusedReaction,
    backlog::{Source, Wanted},
    parked::park,
    reaction::{Step, cause},
    turns::Turns,
};
use crate::{
    engine::{CommandError, Engine, Envelope, FoldFault},
    ports::{LogFilter, RecordedEvent, StoreError},
};

/// How often a command that fails inside the program is tried: it will hardly fail otherwise later.
const FAULTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The step that stands for all of an event's when the event cannot be read. No step of a process manager is called so.
const READ: &str = "(read)";

/// How process managers, and deadlines, treat what fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessOptions {
    /// How long a reaction, or a deadline, that fails is tried before it is parked.
    pub retry_for: Duration,
    /// The pause before the second try; it doubles up to 5 min.
    pub first_pause: Duration,
}

impl Default for ProcessOptions {
    /// 15 min, the first pause 1 s.
    fn default() -> Self {
        Self { retry_for: Duration::from_mins(15), first_pause: FIRST_PAUSE }
    }
}

impl ProcessOptions {
    /// Whether what has failed for so long, so often inside the program, is tried no more.
    pub(super) fn gives_up(&self, tried_for: Duration, faults: u32) -> bool {
        faults >= FAULTS || tried_for >= self.retry_for
    }
}

/// A process manager, its type forgotten: the runner is compiled once.
pub(super) trait Reacts: Send + Sync {
    fn name(&self) -> &'static str;
    fn categories(&self) -> &'static [&'static str];
    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault>;
}

impl<P: ProcessManager> Reacts for P {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn categories(&self) -> &'static [&'static str] {
        P::CATEGORIES
    }

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        catch_unwind(AssertUnwindSafe(|| ProcessManager::react(self, event))).unwrap_or_else(|_panic| {
            Err(FoldFault {
                stream: event.stream.to_string(),
                version: event.version,
                reason: "the process manager panicked".to_owned(),
                is_newer: false,
            })
        })
    }
}

/// What became of an event.
#[derive(Debug)]
pub(super) enum Handled {
    /// All that it calls for is done, refused or parked.
    Settled,
    /// This program is too old for it, for this reason.
    Outdated(String),
    /// This machine's clock is ahead of the store's, which takes nothing from here until it is set.
    ClockAhead,
}

/// Where one process manager's reactions are worked on, each to its end.
pub(super) struct Desk {
    pub(super) engine: Engine,
    pub(super) process: Box<dyn Reacts>,
    pub(super) options: ProcessOptions,
    pub(super) turns: Turns,
}

impl Desk {
    pub(super) fn name(&self) -> &'static str {
        self.process.name()
    }

    /// Answers an event with all that it calls for, step after step.
    pub(super) async fn handle(&self, wanted: Wanted) -> Handled {
        let Some((event, only)) = self.find(wanted).await else { return Handled::Settled };
        let reactions = match self.process.react(&event) {
            Ok(reactions) => reactions,
            Err(fault) if fault.is_newer => return Handled::Outdated(fault.to_string()),
            Err(fault) => {
                self.park_unreadable(&event, &fault).await;
                return Handled::Settled;
            }
        };
        let mut is_found = false;
        for reaction in reactions {
            if only.as_ref().is_none_or(|step| *step == reaction.step) {
                is_found = true;
                let handled = self.run_to_an_answer(&event, &reaction).await;
                if !matches!(handled, Handled::Settled) {
                    return handled;
                }
            }
        }
        if let Some(step) = only.filter(|_| !is_found) {
            tracing::warn!(
                process = self.name(),
                step,
                position = event.position,
                "a step that was to be tried again is not wanted any more"
            );
        }
        Handled::Settled
    }

    /// The event, and the only step that is asked for.
    async fn find(&self, wanted: Wanted) -> Option<(Arc<RecordedEvent>, Option<String>)> {
        let store = &self.engine.ports().store;
        let (found, only) = match wanted.source {
            Source::Event(event) => return Some((event, None)),
            Source::Log => {
                let before = wanted.position.saturating_sub(1);
                let all = LogFilter::default();
                let page = self.insist(|| store.read_log(before, &all, 1)).await;
                (page.events.into_iter().next(), None)
            }
            Source::Retried { version, event_id, step } => {
                let before = version.saturating_sub(1);
                let events = self.insist(|| store.read_stream(&wanted.stream, before, 1)).await;
                let found = events.into_iter().next().filter(|event| event.event_id == event_id);
                (found, Some(step).filter(|step| step != READ))
            }
        };
        if found.is_none() {
            tracing::error!(process = self.name(), stream = %wanted.stream, position = wanted.position, "the event that a reaction answers is not in the log");
        }
        Some((Arc::new(found?), only))
    }

    /// Reads until the store answers.
    async fn insist<T, F>(&self, read: impl Fn() -> F) -> T
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        loop {
            match read().await {
                Ok(found) => return found,
                Err(error) => {
                    tracing::warn!(process = self.name(), %error, "a process manager waits for the store");
                    tokio::time::sleep(FIRST_PAUSE).await;
                }
            }
        }
    }

    async fn run_to_an_answer(&self, event: &RecordedEvent, reaction: &Reaction) -> Handled {
        let step = reaction.step_of(self.name());
        let command_id = reaction.command_id(self.name(), event.event_id);
        let began = Instant::now();
        let (mut pause, mut faults) = (self.options.first_pause, 0);
        for tries in 1.. {
            let error = match self.give(event, reaction, command_id, &step).await {
                Ok(reacted) => {
                    told(&step, &reacted);
                    return Handled::Settled;
                }
                Err(CommandError::Outdated { reason, .. }) => return Handled::Outdated(reason),
                Err(CommandError::Unavailable(StoreError::ClockAhead { .. })) => return Handled::ClockAhead,
                // It was closed or parked before; its own refusal would have been noted and answered above.
                Err(CommandError::Refused(_)) => return Handled::Settled,
                Err(error) => error,
            };
            if error.is_technical() {
                faults += u32::from(matches!(error, CommandError::Fault { .. }));
                if self.options.gives_up(began.elapsed(), faults)
                    && self.park(event, command_id, step.parked(Some(cause(event)), &error, tries)).await
                {
                    return Handled::Settled;
                }
            } else if self.close(event, command_id, &step, &error).await {
                return Handled::Settled;
            }
            tracing::warn!(process = step.process, command = step.command, %error, ?pause, "a process manager tries again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Handled::Settled
    }

    async fn give(
        &self,
        event: &RecordedEvent,
        reaction: &Reaction,
        command_id: Uuid,
        step: &Step,
    ) -> Result<Reacted, CommandError> {
        let _turn = self.turns.take(event.stream.tenant).await;
        reaction.run(&self.engine, following(event, command_id), step).await
    }

    /// Notes that the command cannot be given by anybody: too large, say. `false`: it could not be noted.
    async fn close(
        &self,
        event: &RecordedEvent,
        command_id: Uuid,
        step: &Step,
        error: &CommandError,
    ) -> bool {
        let refused = step.refused(error.code(), error.to_string());
        let note = RecordRefusedReaction { command_id, refused };
        let noted = self.engine.execute(following(event, command_id), note).await;
        noted.is_ok_and(|_done| {
            told(step, &Reacted::Refused { code: error.code().to_owned() });
            true
        })
    }

    /// `false`: it could not be noted, which is as a rule why it failed too: the store is away, and there is time.
    async fn park(&self, event: &RecordedEvent, command_id: Uuid, parked: ReactionParked) -> bool {
        park(&self.engine, event.stream.tenant, Some(event), command_id, parked).await.is_ok()
    }

    /// An event of a known type that cannot be read is damaged, or the program has a defect.
    async fn park_unreadable(&self, event: &RecordedEvent, fault: &FoldFault) {
        tracing::error!(process = self.name(), position = event.position, %fault, "a process manager cannot read an event");
        let step = Step { process: self.name(), name: READ.to_owned(), command: READ };
        let command_id = Uuid::new_v5(&event.event_id, format!("{}/{READ}", self.name()).as_bytes());
        let error = CommandError::Fault { command: READ, reason: fault.to_string() };
        let mut pause = self.options.first_pause;
        while !self.park(event, command_id, step.parked(Some(cause(event)), &error, 1)).await {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// The envelope of a command that follows from an event.
fn following(event: &RecordedEvent, command_id: Uuid) -> Envelope {
    Envelope::derived(event.stream.tenant, command_id).following(event)
}

fn told(step: &Step, reacted: &Reacted) {
    let outcome = match reacted {
        Reacted::Done => "done",
        Reacted::Refused { code } => {
            tracing::info!(
                process = step.process,
                command = step.command,
                code,
                "a reaction was refused and is closed"
            );
            "refused"
        }
    };
    metrics::counter!("cairn_reactions_total", "process" => step.process, "outcome" => outcome).increment(1);
}
