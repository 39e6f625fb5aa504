//! What became of commands that nobody gave by hand and that were not done at once: refused, or parked after they had failed too
//! long. They are those of process managers, and those of deadlines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Decider, events, refusals};

/// The state of the world refused what a process manager wanted; the reaction is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReactionRefused {
    /// The process manager.
    pub process: String,
    /// The step of its reaction.
    pub step: String,
    /// The command that was refused.
    pub command: String,
    /// The refusal's code.
    pub code: String,
    /// The refusal's sentence.
    pub message: String,
}

/// The event that a reaction answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReactionCause {
    /// The category of its stream.
    pub category: String,
    /// Its stream.
    pub stream_id: String,
    /// Its place in the stream.
    pub version: u64,
    /// Its id.
    pub event_id: Uuid,
}

/// What a process manager wanted, or what was due, failed for too long; somebody has to look at it. Nothing tries it again by
/// itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReactionParked {
    /// The process manager.
    pub process: String,
    /// The step of its reaction.
    pub step: String,
    /// The command that failed.
    pub command: String,
    /// What it answers. Of a deadline: the event that stood last when it was asked for, as a rule of the same commit; nothing
    /// where that is another tenant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<ReactionCause>,
    /// The code of its last failure.
    pub code: String,
    /// What its last failure said.
    pub message: String,
    /// How often it was tried.
    pub tries: u32,
}

/// Somebody had a parked reaction tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReactionRetried {
    /// The process manager.
    pub process: String,
    /// The step of its reaction.
    pub step: String,
    /// What it answers, as it was parked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<ReactionCause>,
}

/// Somebody decided that a parked reaction is not wanted any more; it is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReactionSkipped {
    /// The process manager.
    pub process: String,
    /// The step of its reaction.
    pub step: String,
    /// Why it is not wanted.
    pub reason: String,
}

events! {
    /// What happens to a reaction.
    pub enum ReactionEvent {
        ReactionRefused = 1;
        ReactionParked = 1;
        ReactionRetried = 1;
        ReactionSkipped = 1;
    }
}

/// One reaction of a process manager to one event, or one deadline. A reaction that is done leaves no event here: the answer to its
/// command is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Reaction {
    /// Nothing is known against it.
    #[default]
    Open,
    /// It waits for somebody to decide.
    Parked(ReactionParked),
    /// Refused or skipped, for good.
    Closed,
}

/// What is done with a reaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReactionCommand {
    /// Notes the refusal.
    Refuse(ReactionRefused),
    /// Puts it aside.
    Park(ReactionParked),
    /// Has it tried again.
    Retry,
    /// Gives it up.
    Skip {
        /// Why.
        reason: String,
    },
}

refusals! {
    /// Why nothing is done with a reaction.
    pub enum ReactionError holds () {
        /// Its command must not run: it was refused or skipped.
        Closed = "REACTION_CLOSED", "the reaction is closed";
        /// Its command must not run before somebody has it tried again.
        Parked = "REACTION_PARKED", "the reaction is parked";
        /// Only what is parked can be tried again or skipped.
        NotParked = "REACTION_NOT_PARKED", "the reaction is not parked";
    }
}

impl Reaction {
    /// What the reaction's command has to ask before it runs.
    ///
    /// # Errors
    /// When the reaction is closed or parked.
    pub fn required_open(&self) -> Result<(), ReactionError> {
        match self {
            Self::Open => Ok(()),
            Self::Parked(_) => Err(ReactionError::Parked),
            Self::Closed => Err(ReactionError::Closed),
        }
    }
}

impl Decider for Reaction {
    const CATEGORY: &'static str = "reaction";
    type Command = ReactionCommand;
    type Event = ReactionEvent;
    type Error = ReactionError;

    fn decide(&self, command: ReactionCommand) -> Result<Vec<ReactionEvent>, ReactionError> {
        match (self, command) {
            (Self::Open, ReactionCommand::Refuse(refused)) => Ok(vec![refused.into()]),
            (Self::Open, ReactionCommand::Park(parked)) => Ok(vec![parked.into()]),
            (Self::Parked(parked), ReactionCommand::Retry) => {
                let ReactionParked { process, step, cause, .. } = parked.clone();
                Ok(vec![ReactionRetried { process, step, cause }.into()])
            }
            (Self::Parked(parked), ReactionCommand::Skip { reason }) => {
                let ReactionParked { process, step, .. } = parked.clone();
                Ok(vec![ReactionSkipped { process, step, reason }.into()])
            }
            (Self::Parked(_), ReactionCommand::Refuse(_)) => Err(ReactionError::Parked),
            // The fact holds already.
            (Self::Parked(_) | Self::Closed, ReactionCommand::Park(_))
            | (Self::Closed, ReactionCommand::Refuse(_)) => Ok(Vec::new()),
            (Self::Open | Self::Closed, ReactionCommand::Retry | ReactionCommand::Skip { .. }) => {
                Err(ReactionError::NotParked)
            }
        }
    }

    fn evolve(self, event: &ReactionEvent) -> Self {
        match event {
            ReactionEvent::ReactionRefused(_) | ReactionEvent::ReactionSkipped(_) => Self::Closed,
            ReactionEvent::ReactionParked(parked) => Self::Parked(parked.clone()),
            ReactionEvent::ReactionRetried(_) => Self::Open,
        }
    }
}

#[cfg(test)]
mod tests;
