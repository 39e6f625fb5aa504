//! A reaction's outcome is one commit: the command's events, or the note that it was refused, under the one derived id and
//! with the reaction's stream, required open, as a condition. Whoever runs it again, here or in another process, before or
//! after a checkpoint was lost, meets either the id or the stream.

use domain::{
    identity::Permission,
    reactions::{self, ReactionCommand, ReactionParked, ReactionRefused},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Reacted, reaction::Step};
use crate::engine::{Aggregate, Command, CommandError, Engine, Envelope, Stage, Stop};

impl Aggregate for reactions::Reaction {
    const STATE_VERSION: u32 = 2;
}

/// A command as a reaction. Its answer is the command's own, or the code of the refusal that was noted. Nobody reads the
/// command's own once it is stored, so that it may change its shape.
#[derive(Serialize, Deserialize)]
#[serde(bound = "C: Command")]
pub(super) struct Reacting<C> {
    process: String,
    step: String,
    command: C,
}

impl<C: Command> Reacting<C> {
    pub(super) fn new(step: Step, command: C) -> Self {
        Self { process: step.process.to_owned(), step: step.name, command }
    }

    pub(super) async fn execute(self, engine: &Engine, envelope: Envelope) -> Result<Reacted, CommandError> {
        engine.execute(envelope, self).await.map(|done| reacted(&done.reply))
    }
}

const REFUSED: &str = "reactionRefused";

/// Whatever an earlier release has left as the answer to the command stands for its success.
fn reacted(answer: &Value) -> Reacted {
    match answer.get(REFUSED).and_then(Value::as_str) {
        Some(code) => Reacted::Refused { code: code.to_owned() },
        None => Reacted::Done,
    }
}

impl<C: Command> Command for Reacting<C> {
    const NAME: &'static str = C::NAME;
    const PERMISSION: Permission = C::PERMISSION;
    const KEY_REQUIRED: bool = C::KEY_REQUIRED;
    type Reply = Value;

    fn count(&self, answer: &Value) {
        if reacted(answer) == Reacted::Done
            && let Ok(reply) = C::Reply::deserialize(answer)
        {
            self.command.count(&reply);
        }
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<Value, Stop> {
        let id = stage.command_id().to_string();
        // As a rule nothing was ever noted of it: then the commit's condition is all that it costs.
        stage.presume_new::<reactions::Reaction>(&id);
        stage.state::<reactions::Reaction>(&id)?.required_open()?;
        let stop = match self.command.handle(stage) {
            Ok(reply) => return answer(&reply),
            Err(stop) => stop,
        };
        let Some(refusal) = stop.refusal().cloned() else { return Err(stop) };
        stage.retract();
        let refused = ReactionRefused {
            process: self.process.clone(),
            step: self.step.clone(),
            command: C::NAME.to_owned(),
            code: refusal.code().to_owned(),
            message: refusal.to_string(),
        };
        stage.decide::<reactions::Reaction>(&id, ReactionCommand::Refuse(refused))?;
        Ok(serde_json::json!({ REFUSED: refusal.code() }))
    }
}

fn answer(reply: &impl Serialize) -> Result<Value, Stop> {
    serde_json::to_value(reply).map_err(|error| Stop::fault(format!("its answer cannot be written: {error}")))
}

/// Notes that a process manager's command cannot be given, which closes the reaction. Given under the id of that command, so
/// that only one of them ever stands.
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
    type Reply = Value;

    fn handle(&self, stage: &mut Stage<'_>) -> Result<Value, Stop> {
        let refuse = ReactionCommand::Refuse(self.refused.clone());
        stage.decide::<reactions::Reaction>(&self.command_id.to_string(), refuse)?;
        Ok(serde_json::json!({ REFUSED: self.refused.code }))
    }
}

/// Puts a reaction, or a deadline, aside whose command has failed for too long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParkReaction {
    /// The id of the command that failed.
    pub command_id: Uuid,
    /// What failed, and how.
    pub parked: ReactionParked,
}

impl Command for ParkReaction {
    const NAME: &'static str = "ParkReaction";
    const PERMISSION: Permission = Permission::PlantRead;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let park = ReactionCommand::Park(self.parked.clone());
        stage.decide::<reactions::Reaction>(&self.command_id.to_string(), park)?;
        Ok(())
    }
}

/// Has a parked reaction tried again by whoever runs its process manager, a parked deadline by whoever fires them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetryReaction {
    /// The id of the command that failed.
    pub command_id: Uuid,
}

impl Command for RetryReaction {
    const NAME: &'static str = "RetryReaction";
    const PERMISSION: Permission = Permission::RunControl;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.decide::<reactions::Reaction>(&self.command_id.to_string(), ReactionCommand::Retry)?;
        Ok(())
    }
}

/// Gives a parked reaction up for good.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SkipReaction {
    /// The id of the command that failed.
    pub command_id: Uuid,
    /// Why it is not wanted any more.
    pub reason: String,
}

impl Command for SkipReaction {
    const NAME: &'static str = "SkipReaction";
    const PERMISSION: Permission = Permission::RunControl;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let skip = ReactionCommand::Skip { reason: self.reason.clone() };
        stage.decide::<reactions::Reaction>(&self.command_id.to_string(), skip)?;
        Ok(())
    }
}
