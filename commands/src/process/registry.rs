use std::collections::BTreeMap;

use futures::future::BoxFuture;

use crate::engine::{Command, CommandError, Engine, Envelope};

type Run = fn(Engine, Envelope, String) -> BoxFuture<'static, Result<(), CommandError>>;

/// The commands that can be stored and run later, by name.
#[derive(Default, Clone)]
pub struct CommandRegistry {
    commands: BTreeMap<&'static str, Run>,
}

impl CommandRegistry {
    /// Makes a command known.
    #[must_use]
    pub fn with<C: Command>(mut self) -> Self {
        self.commands.insert(C::NAME, |engine, envelope, payload| {
            Box::pin(async move {
                let command: C = serde_json::from_str(&payload)
                    .map_err(|error| CommandError::Fault { command: C::NAME, reason: error.to_string() })?;
                engine.execute(envelope, command).await.map(|_done| ())
            })
        });
        self
    }

    /// Runs a stored command; `None` if this program does not know its name.
    pub fn run(
        &self,
        engine: &Engine,
        envelope: Envelope,
        name: &str,
        payload: &str,
    ) -> Option<BoxFuture<'static, Result<(), CommandError>>> {
        let run = self.commands.get(name)?;
        Some(run(engine.clone(), envelope, payload.to_owned()))
    }
}
