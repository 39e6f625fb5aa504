use std::collections::BTreeMap;

use futures::future::BoxFuture;

use super::{Reacted, Reacting, reaction::Step};
use crate::engine::{Command, CommandError, Engine, Envelope};

type Run = fn(Engine, Envelope, Step, String) -> BoxFuture<'static, Result<Reacted, CommandError>>;

/// The commands that can be stored and run later, by name.
#[derive(Default, Clone)]
pub struct CommandRegistry {
    commands: BTreeMap<&'static str, Run>,
}

impl CommandRegistry {
    /// Makes a command known.
    #[must_use]
    pub fn with<C: Command>(mut self) -> Self {
        self.commands.insert(C::NAME, |engine, envelope, step, payload| {
            Box::pin(async move {
                let command: C = serde_json::from_str(&payload)
                    .map_err(|error| CommandError::Fault { command: C::NAME, reason: error.to_string() })?;
                Reacting::new(step, command).execute(&engine, envelope).await
            })
        });
        self
    }

    /// Runs a stored command as a reaction of `process`; `None` if this program does not know its name.
    pub(super) fn run(
        &self,
        engine: &Engine,
        envelope: Envelope,
        process: &'static str,
        name: &str,
        payload: &str,
    ) -> Option<BoxFuture<'static, Result<Reacted, CommandError>>> {
        let (command, run) = self.commands.get_key_value(name)?;
        let step = Step { process, name: name.to_owned(), command };
        Some(run(engine.clone(), envelope, step, payload.to_owned()))
    }
}
