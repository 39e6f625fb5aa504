use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::CommandRegistry;
use crate::{
    engine::{Caller, Engine, Envelope},
    ports::{DeadlineStore, DueDeadline, StoreError, TenantId},
};

/// Looks at the store at least this often, whatever was announced (identity.md, section 0).
const SWEEP: Duration = Duration::from_secs(60);
/// Waits this long when the store does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a deadline whose command failed waits: the first time, doubling at each failure, and at the most.
const FIRST_DELAY: TimeDelta = TimeDelta::seconds(1);
const LONGEST_DELAY: TimeDelta = TimeDelta::minutes(5);
const PAGE: usize = 256;

/// Fires deadlines: runs the commands that commits have stored, once they are due.
///
/// A deadline fires late rather than never, and perhaps twice: its id is its command's id, so the second time does
/// nothing. It is closed once its command was answered, be it by a refusal. One whose command fails is tried again after
/// 1 s doubling to 5 min, behind those that are due by then: however many fail, the others have their turn.
pub struct DeadlineRunner {
    engine: Engine,
    deadlines: Arc<dyn DeadlineStore>,
    registry: CommandRegistry,
    /// How long the failing ones waited last. A restart begins anew.
    delays: Mutex<HashMap<(TenantId, Uuid), TimeDelta>>,
}

impl DeadlineRunner {
    /// A runner over the store that the engine's commits go to.
    pub fn new(engine: Engine, deadlines: Arc<dyn DeadlineStore>, registry: CommandRegistry) -> Self {
        Self { engine, deadlines, registry, delays: Mutex::default() }
    }

    /// Runs until it is dropped; safe to drop at any moment.
    pub async fn run(self: Arc<Self>) {
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

    /// Fires what is due now. `true`: something was due, so there may be more.
    pub async fn fire_due(&self) -> Result<bool, StoreError> {
        let now = self.engine.ports().clock.now();
        let due = self.deadlines.due_deadlines(now, PAGE).await?;
        for one in &due {
            let id = one.deadline.deadline_id;
            if self.fire(one).await {
                self.deadlines.close_deadline(one.tenant, id).await?;
                self.delays().remove(&(one.tenant, id));
            } else {
                let due_at = self.next_try(one);
                self.deadlines.postpone_deadline(one.tenant, id, due_at).await?;
            }
        }
        Ok(!due.is_empty())
    }

    fn next_try(&self, failed: &DueDeadline) -> DateTime<Utc> {
        let mut delays = self.delays();
        let delay = delays
            .entry((failed.tenant, failed.deadline.deadline_id))
            .and_modify(|delay| *delay = (*delay * 2).min(LONGEST_DELAY))
            .or_insert(FIRST_DELAY);
        self.engine.ports().clock.now() + *delay
    }

    fn delays(&self) -> std::sync::MutexGuard<'_, HashMap<(TenantId, Uuid), TimeDelta>> {
        self.delays.lock().unwrap_or_else(PoisonError::into_inner)
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
            // Also one that was used for another command or is too large: no later try would be answered otherwise.
            Err(error) if !error.is_technical() => {
                tracing::info!(
                    command = deadline.command,
                    code = error.code(),
                    %error,
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
            Ok(Some(due_at)) => {
                (due_at - now).to_std().unwrap_or_default().clamp(Duration::from_millis(10), SWEEP)
            }
            Ok(None) => SWEEP,
            Err(_unreachable) => PAUSE,
        }
    }
}
