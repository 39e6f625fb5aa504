use std::{sync::Arc, time::Duration};

use super::CommandRegistry;
use crate::{
    engine::{Caller, CommandError, Engine, Envelope},
    ports::{DeadlineStore, DueDeadline, StoreError},
};

/// Looks at the store at least this often, whatever was announced (identity.md, section 0).
const SWEEP: Duration = Duration::from_secs(60);
/// Waits this long after a technical failure.
const PAUSE: Duration = Duration::from_secs(1);
const PAGE: usize = 256;

/// Fires deadlines: runs the commands that commits have stored, once they are due.
///
/// A deadline fires late rather than never, and perhaps twice: its id is its command's id, so the second time does
/// nothing. It is closed once its command was answered, be it by a refusal.
pub struct DeadlineRunner {
    engine: Engine,
    deadlines: Arc<dyn DeadlineStore>,
    registry: CommandRegistry,
}

impl DeadlineRunner {
    /// A runner over the store that the engine's commits go to.
    pub fn new(engine: Engine, deadlines: Arc<dyn DeadlineStore>, registry: CommandRegistry) -> Self {
        Self { engine, deadlines, registry }
    }

    /// Runs until it is dropped; safe to drop at any moment.
    pub async fn run(self) {
        loop {
            let pause = match self.fire_due().await {
                Ok(true) => continue,
                Ok(false) => self.until_next().await,
                Err(error) => {
                    tracing::warn!(%error, "deadlines wait for the store");
                    PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.engine.deadline_stored() => {}
            }
        }
    }

    /// Fires what is due now. `true`: at least one was closed, so there may be more.
    pub async fn fire_due(&self) -> Result<bool, StoreError> {
        let due = self.deadlines.due_deadlines(self.engine.ports().clock.now(), PAGE).await?;
        let mut progress = false;
        for one in &due {
            if self.fire(one).await {
                self.deadlines.close_deadline(one.tenant, one.deadline.deadline_id).await?;
                progress = true;
            }
        }
        Ok(progress)
    }

    /// `true`: the command was answered.
    async fn fire(&self, due: &DueDeadline) -> bool {
        let deadline = &due.deadline;
        let envelope =
            Envelope { key_given: true, ..Envelope::new(Caller::system(due.tenant), deadline.deadline_id) };
        let Some(running) = self.registry.run(&self.engine, envelope, &deadline.command, &deadline.payload)
        else {
            tracing::error!(command = deadline.command, deadline = %deadline.deadline_id, "a deadline asks for a command that this program does not know; it stays open");
            return false;
        };
        match running.await {
            Ok(()) => true,
            Err(CommandError::Refused(refusal)) => {
                tracing::info!(
                    command = deadline.command,
                    code = refusal.code(),
                    "a deadline came to nothing"
                );
                true
            }
            Err(error) => {
                tracing::warn!(command = deadline.command, %error, "a deadline is tried again");
                false
            }
        }
    }

    async fn until_next(&self) -> Duration {
        let now = self.engine.ports().clock.now();
        match self.deadlines.next_due_at().await {
            // One that is due already but stayed open has just failed: it waits too.
            Ok(Some(due_at)) => {
                (due_at - now).to_std().unwrap_or(PAUSE).clamp(Duration::from_millis(10), SWEEP)
            }
            Ok(None) => SWEEP,
            Err(_unreachable) => PAUSE,
        }
    }
}
