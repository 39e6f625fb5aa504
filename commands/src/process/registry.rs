use std::collections::BTreeMap;

use futures::future::BoxFuture;

use super::{Reacted, Reacting, reaction::Step};
use crate::engine::{CommandError, Engine, Envelope, RunLater};

pub(super) type Run = fn(Engine, Envelope, Step, String) -> BoxFuture<'static, Result<Reacted, CommandError>>;

/// The commands that can be stored and run later, by name.
#[derive(Default, Clone)]
pub struct CommandRegistry {
    commands: BTreeMap<&'static str, Run>,
}

impl CommandRegistry {
    /// Makes a command known.
    #[must_use]
    pub fn with<C: RunLater>(mut self) -> Self {
        self.commands.insert(C::NAME, |engine, envelope, step, payload| {
            Box::pin(async move {
                let command: C = serde_json::from_str(&payload)
                    .map_err(|error| CommandError::Fault { command: C::NAME, reason: error.to_string() })?;
                Reacting::new(step, command).execute(&engine, envelope).await
            })
        });
        self
    }

    /// The names of the commands that it knows.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.commands.keys().copied()
    }

    /// A stored command as a reaction of `process`, and how it is run; `None` if this program does not know its name.
    pub(super) fn find(&self, process: &'static str, name: &str) -> Option<(Step, Run)> {
        let (command, run) = self.commands.get_key_value(name)?;
        Some((Step { process, name: name.to_owned(), command }, *run))
    }
}
