use std::collections::BTreeMap;

use futures::future::BoxFuture;

use super::{Reacted, Reacting, reaction::Step};
use crate::engine::{CommandError, Engine, Envelope, RunLater};

pub(super) type Run = fn(Engine, Envelope, Step, String) -> BoxFuture<'static, Result<Reacted, CommandError>>;

/// The commands that can be stored and run later, by name.
#[derive(Default, Clone)]
pub struct CommandRegistry {
    commands: BTreeMap<&'static str, Known>,
}

#[derive(Clone, Copy)]
struct Known {
    /// The latest stored form that this program reads.
    version: u32,
    run: Run,
}

impl CommandRegistry {
    /// Makes a command known.
    #[must_use]
    pub fn with<C: RunLater>(mut self) -> Self {
        let run: Run = |engine, envelope, step, payload| {
            Box::pin(async move {
                let command: C = serde_json::from_str(&payload)
                    .map_err(|error| CommandError::Fault { command: C::NAME, reason: error.to_string() })?;
                Reacting::new(step, command).execute(&engine, envelope).await
            })
        };
        self.commands.insert(C::NAME, Known { version: C::VERSION, run });
        self
    }

    /// The names of the commands that it knows.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.commands.keys().copied()
    }

    /// A stored command as a reaction of `process`, and how it is run; `None` if this program does not know its name, or not that
    /// version of it.
    pub(super) fn find(&self, process: &'static str, stored_as: &str) -> Option<(Step, Run)> {
        let (name, version) = match stored_as.rsplit_once('.') {
            Some((name, version)) => (name, version.parse().ok()?),
            None => (stored_as, 1),
        };
        let (command, known) = self.commands.get_key_value(name)?;
        let step = Step { process, name: (*command).to_owned(), command };
        (version <= known.version).then_some((step, known.run))
    }
}
