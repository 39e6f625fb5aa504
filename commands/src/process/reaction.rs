use std::sync::Arc;

use domain::reactions::{ReactionCause, ReactionParked, ReactionRefused};
use futures::future::BoxFuture;
use uuid::Uuid;

use super::Reacting;
use crate::{
    engine::{Command, CommandError, Engine, Envelope, FoldFault},
    ports::RecordedEvent,
};

/// Watches events and answers some of them with commands.
///
/// The events of one stream are answered in their order, those of different streams side by side. A reaction that was
/// parked lets the later events of its stream pass: every command is decided on the state of the world, and where one step must
/// not overtake another, the rules that decide it say so. Else one defect would hold up all that comes after it.
pub trait ProcessManager: Send + Sync + 'static {
    /// Names it, in lower snake case: `lot_finisher`. Part of its commands' ids, so it never changes.
    const NAME: &'static str;
    /// The categories that it watches.
    const CATEGORIES: &'static [&'static str];

    /// What the event calls for. Pure: the same event always calls for the same. An event that this program does not know
    /// is answered with the fault of [`decode_event`](crate::engine::decode_event): a newer program has to take over.
    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault>;
}

type Run =
    Arc<dyn Fn(Engine, Envelope, Step) -> BoxFuture<'static, Result<Reacted, CommandError>> + Send + Sync>;

/// How a reaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reacted {
    /// Its command stands, from now or from before.
    Done,
    /// Its command was refused, and that was noted.
    Refused {
        /// The refusal's code.
        code: String,
    },
}

/// Which step of which process manager, or which deadline's command.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) process: &'static str,
    pub(super) name: String,
    pub(super) command: &'static str,
}

impl Step {
    pub(super) fn refused(&self, code: &str, message: String) -> ReactionRefused {
        ReactionRefused {
            process: self.process.to_owned(),
            step: self.name.clone(),
            command: self.command.to_owned(),
            code: code.to_owned(),
            message,
        }
    }

    pub(super) fn parked(
        &self,
        cause: Option<ReactionCause>,
        error: &CommandError,
        tries: u32,
    ) -> ReactionParked {
        ReactionParked {
            process: self.process.to_owned(),
            step: self.name.clone(),
            command: self.command.to_owned(),
            cause,
            code: error.code().to_owned(),
            message: match error {
                // The reason speaks of the program's inside: it stands in the process's own log only.
                CommandError::Fault { command, .. } => format!("{command} failed inside the program"),
                told => told.to_string(),
            },
            tries,
        }
    }
}

/// An event, as what is parked tells of it.
pub(super) fn cause(event: &RecordedEvent) -> ReactionCause {
    ReactionCause {
        category: event.stream.category.to_string(),
        stream_id: event.stream.id.to_string(),
        version: event.version,
        event_id: event.event_id,
    }
}

/// A command that a process manager wants, and the name of the step that it is.
#[derive(Clone)]
pub struct Reaction {
    pub(super) step: String,
    pub(super) command: &'static str,
    run: Run,
}

impl Reaction {
    /// Wants a command. Steps of one reaction have different names; a name never changes.
    pub fn new<C: Command + Clone>(step: impl Into<String>, command: C) -> Self {
        let run: Run = Arc::new(move |engine, envelope, step| {
            let reacting = Reacting::new(step, command.clone());
            Box::pin(async move { reacting.execute(&engine, envelope).await })
        });
        Self { step: step.into(), command: C::NAME, run }
    }

    /// The id of the step's command: the same at every delivery of the event.
    pub(super) fn command_id(&self, process: &str, event_id: Uuid) -> Uuid {
        Uuid::new_v5(&event_id, format!("{process}/{}", self.step).as_bytes())
    }

    pub(super) fn step_of(&self, process: &'static str) -> Step {
        Step { process, name: self.step.clone(), command: self.command }
    }

    pub(super) fn run(
        &self,
        engine: &Engine,
        envelope: Envelope,
        step: &Step,
    ) -> BoxFuture<'static, Result<Reacted, CommandError>> {
        (self.run)(engine.clone(), envelope, step.clone())
    }
}
