use std::sync::Arc;

use domain::{
    identity::Permission,
    reactions::{self, ReactionRefused},
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    engine::{Aggregate, Command, CommandError, Engine, Envelope, FoldFault, Stage, Stop},
    ports::RecordedEvent,
};

/// Watches events and answers some of them with commands.
pub trait ProcessManager: Send + Sync + 'static {
    /// Names it, in lower snake case: `lot_finisher`. Part of its commands' ids, so it never changes.
    const NAME: &'static str;
    /// The categories that it watches.
    const CATEGORIES: &'static [&'static str];

    /// What the event calls for. Pure: the same event always calls for the same.
    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault>;
}

type Run = Arc<dyn Fn(Engine, Envelope) -> BoxFuture<'static, Result<(), CommandError>> + Send + Sync>;

/// A command that a process manager wants, and the name of the step that it is.
#[derive(Clone)]
pub struct Reaction {
    pub(super) step: String,
    pub(super) command: &'static str,
    pub(super) run: Run,
}

impl Reaction {
    /// Wants a command. Steps of one reaction have different names; a name never changes.
    pub fn new<C: Command + Clone>(step: impl Into<String>, command: C) -> Self {
        let run: Run = Arc::new(move |engine, envelope| {
            let command = command.clone();
            Box::pin(async move { engine.execute(envelope, command).await.map(|_done| ()) })
        });
        Self { step: step.into(), command: C::NAME, run }
    }

    /// The id of the step's command: the same at every delivery of the event.
    pub(super) fn command_id(&self, process: &str, event_id: Uuid) -> Uuid {
        Uuid::new_v5(&event_id, format!("{process}/{}", self.step).as_bytes())
    }
}

impl Aggregate for reactions::Reaction {
    const STATE_VERSION: u32 = 1;
}

/// Notes that a process manager's command was refused, which closes the reaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordRefusedReaction {
    /// The id of the refused command; the reaction's stream is named by it.
    pub command_id: Uuid,
    /// What was refused, and why.
    pub refused: ReactionRefused,
}

impl Command for RecordRefusedReaction {
    const NAME: &'static str = "RecordRefusedReaction";
    const PERMISSION: Permission = Permission::PlantRead;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.decide::<reactions::Reaction>(&self.command_id.to_string(), self.refused.clone())?;
        Ok(())
    }
}
