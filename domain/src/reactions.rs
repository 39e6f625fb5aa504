//! What became of a process manager's commands that were refused.

use std::convert::Infallible;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Decider, events, kernel::Refusal};

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

events! {
    /// What happens to a reaction.
    pub enum ReactionEvent {
        ReactionRefused = 1;
    }
}

/// One reaction of a process manager to one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reaction {
    /// Nothing is known against it.
    Open,
    /// Refused for good.
    Closed,
}

impl Refusal for Infallible {
    fn code(&self) -> &'static str {
        match *self {}
    }
}

impl Decider for Reaction {
    const CATEGORY: &'static str = "reaction";
    /// The refusal to note.
    type Command = ReactionRefused;
    type Event = ReactionEvent;
    type Error = Infallible;

    fn initial() -> Self {
        Self::Open
    }

    fn decide(&self, refused: ReactionRefused) -> Result<Vec<ReactionEvent>, Infallible> {
        Ok(match self {
            Self::Open => vec![refused.into()],
            Self::Closed => Vec::new(),
        })
    }

    fn evolve(self, event: &ReactionEvent) -> Self {
        match event {
            ReactionEvent::ReactionRefused(_) => Self::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_reaction_is_noted_once() {
        let refused = ReactionRefused {
            process: "lot_finisher".to_owned(),
            step: "finish".to_owned(),
            command: "FinishLot".to_owned(),
            code: "CHILDREN_OPEN".to_owned(),
            message: "a child is open".to_owned(),
        };
        let events = Reaction::initial().decide(refused.clone()).unwrap();
        assert_eq!(events, [ReactionEvent::from(refused.clone())]);
        let closed = events.iter().fold(Reaction::initial(), Reaction::evolve);
        assert_eq!(closed.decide(refused).unwrap(), []);
    }
}
