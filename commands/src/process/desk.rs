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
    backlog::{Opened, Source, Wanted},
    parked::park,
    reaction::{Step, cause},
    turns::{Turn, Turns},
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
    ///
    /// Whoever is told of in the event may be erased while it waits, for its turn or for a next try: then it is not kept, but read
    /// again.
    pub(super) async fn handle(&self, mut wanted: Wanted) -> Handled {
        let mut settled = Vec::new();
        let mut tried = Tried::begin(&self.options);
        loop {
            let turn = self.turn(&mut wanted).await;
            let opened = match self.open(&mut wanted).await {
                Ok(Some(opened)) => opened,
                Ok(None) => return Handled::Settled,
                Err(error) => {
                    tracing::warn!(process = self.name(), %error, "a process manager waits for the store");
                    drop(turn);
                    tokio::time::sleep(FIRST_PAUSE).await;
                    continue;
                }
            };
            match self.next_step(&opened.event, wanted.only(), &settled, &mut tried).await {
                Next::Step(step) => {
                    settled.push(step);
                    tried = Tried::begin(&self.options);
                    wanted.hold(opened);
                }
                Next::Nothing => {
                    self.tell_of_a_step_not_wanted(&wanted, settled.is_empty());
                    return Handled::Settled;
                }
                Next::Ends(handled) => return handled,
                Next::Again => {
                    drop((turn, opened));
                    tokio::time::sleep(tried.pause()).await;
                }
            }
        }
    }

    /// Waits for a turn; as long as the event may be held meanwhile, it is.
    async fn turn(&self, wanted: &mut Wanted) -> Turn {
        let turn = self.turns.take(wanted.stream.tenant);
        tokio::pin!(turn);
        tokio::select! {
            biased;
            turn = &mut turn => return turn,
            () = wanted.stale() => {}
        }
        drop(wanted.take());
        turn.await
    }

    /// The event, at hand or read again. None: it is not in the log.
    async fn open(&self, wanted: &mut Wanted) -> Result<Option<Opened>, StoreError> {
        if let Some(opened) = wanted.take().filter(Opened::lasts) {
            return Ok(Some(opened));
        }
        let store = &self.engine.ports().store;
        let freshness = store.erasures().from_now();
        let found = match &wanted.source {
            Source::Event(_) | Source::Log => {
                let before = wanted.position.saturating_sub(1);
                store.read_log(before, &LogFilter::default(), 1).await?.events.into_iter().next()
            }
            Source::Retried { version, event_id, .. } => {
                let events = store.read_stream(&wanted.stream, version.saturating_sub(1), 1).await?;
                events.into_iter().next().filter(|event| event.event_id == *event_id)
            }
        };
        if found.is_none() {
            tracing::error!(process = self.name(), stream = %wanted.stream, position = wanted.position, "the event that a reaction answers is not in the log");
        }
        Ok(found.map(|event| Opened::of(Arc::new(event), Some(&freshness))))
    }

    /// Tries the first step that is not settled; `only` one, if somebody has asked for it alone.
    async fn next_step(
        &self,
        event: &RecordedEvent,
        only: Option<&str>,
        settled: &[String],
        tried: &mut Tried,
    ) -> Next {
        let only = only.filter(|step| *step != READ);
        let reactions = match self.process.react(event) {
            Ok(reactions) => reactions,
            Err(fault) if fault.is_newer => return Next::Ends(Handled::Outdated(fault.to_string())),
            Err(fault) => return self.park_unreadable(event, &fault).await,
        };
        let is_next = |reaction: &Reaction| {
            only.is_none_or(|step| step == reaction.step) && !settled.contains(&reaction.step)
        };
        match reactions.into_iter().find(is_next) {
            Some(reaction) => self.try_once(event, reaction, tried).await,
            None => Next::Nothing,
        }
    }

    async fn try_once(&self, event: &RecordedEvent, reaction: Reaction, tried: &mut Tried) -> Next {
        let step = reaction.step_of(self.name());
        let command_id = reaction.command_id(self.name(), event.event_id);
        let error = match reaction.run(&self.engine, following(event, command_id), &step).await {
            Ok(reacted) => {
                told(&step, &reacted);
                return Next::Step(reaction.step);
            }
            Err(CommandError::Outdated { reason, .. }) => return Next::Ends(Handled::Outdated(reason)),
            Err(CommandError::Unavailable(StoreError::ClockAhead { .. })) => {
                return Next::Ends(Handled::ClockAhead);
            }
            // It was closed or parked before; its own refusal would have been noted and answered above.
            Err(CommandError::Refused(_)) => return Next::Step(reaction.step),
            Err(error) => error,
        };
        tried.again(matches!(error, CommandError::Fault { .. }));
        let is_noted = if !error.is_technical() {
            self.close(event, command_id, &step, &error).await
        } else if self.options.gives_up(tried.began.elapsed(), tried.faults) {
            let parked = step.parked(Some(cause(event)), &error, tried.tries);
            self.park(event, command_id, parked).await
        } else {
            false
        };
        if is_noted {
            return Next::Step(reaction.step);
        }
        tracing::warn!(process = step.process, command = step.command, %error, "a process manager tries again");
        Next::Again
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
    async fn park_unreadable(&self, event: &RecordedEvent, fault: &FoldFault) -> Next {
        tracing::error!(process = self.name(), position = event.position, %fault, "a process manager cannot read an event");
        let step = Step { process: self.name(), name: READ.to_owned(), command: READ };
        let command_id = Uuid::new_v5(&event.event_id, format!("{}/{READ}", self.name()).as_bytes());
        let error = CommandError::Fault { command: READ, reason: fault.to_string() };
        match self.park(event, command_id, step.parked(Some(cause(event)), &error, 1)).await {
            true => Next::Ends(Handled::Settled),
            false => Next::Again,
        }
    }

    fn tell_of_a_step_not_wanted(&self, wanted: &Wanted, nothing_settled: bool) {
        if let Some(step) = wanted.only().filter(|step| nothing_settled && *step != READ) {
            let (process, position) = (self.name(), wanted.position);
            tracing::warn!(
                process,
                step,
                position,
                "a step that was to be tried again is not wanted any more"
            );
        }
    }
}

/// What a try has come to.
enum Next {
    /// This step is settled.
    Step(String),
    /// No other step is left.
    Nothing,
    /// It is to be tried again after a pause.
    Again,
    Ends(Handled),
}

/// How a step was tried up to now.
struct Tried {
    began: Instant,
    tries: u32,
    faults: u32,
    next_pause: Duration,
}

impl Tried {
    fn begin(options: &ProcessOptions) -> Self {
        Self { began: Instant::now(), tries: 0, faults: 0, next_pause: options.first_pause }
    }

    fn again(&mut self, is_fault: bool) {
        self.tries += 1;
        self.faults += u32::from(is_fault);
    }

    /// Before the next try; each is twice as long as the one before.
    fn pause(&mut self) -> Duration {
        let pause = self.next_pause;
        self.next_pause = (pause * 2).min(LONGEST_PAUSE);
        pause
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
