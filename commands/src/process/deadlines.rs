use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, stream};
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

use super::{
    CommandRegistry, Reacted,
    tenure::{STAND_BY, Tenure},
    turns::{OF_ONE_TENANT, Turns},
};
use crate::{
    engine::{CommandError, Engine, Envelope},
    ports::{DeadlineStore, DueDeadline, Settlement, StoreError, TenantId},
};

/// The lease, and what refusals are noted of.
const NAME: &str = "deadlines";
/// Waits this long when the store does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a deadline whose command failed waits: the first time, doubling at each failure, and at the most.
const FIRST_DELAY: TimeDelta = TimeDelta::seconds(1);
const LONGEST_DELAY: TimeDelta = TimeDelta::minutes(5);
/// How long a program that met what it is too old for leaves the deadlines to others.
const MAKE_WAY_FOR: Duration = Duration::from_secs(30);
const PAGE: usize = 256;

/// Fires deadlines: runs the commands that commits have stored, once they are due.
///
/// One process at a time holds the lease and does this; what a former holder has begun harms nobody, since a deadline's id is
/// its command's id. A deadline fires late rather than never. It is closed once its command was answered, be it by a refusal,
/// which is noted in the same commit: it does not run again, whenever it comes back. One whose command fails is tried again after
/// 1 s doubling to 5 min, behind those that are due by then: however many fail, the others have their turn. It is never
/// given up.
///
/// A program that meets a command, or a stream, of a newer program lets the others go first for a while.
pub struct DeadlineRunner {
    engine: Engine,
    deadlines: Arc<dyn DeadlineStore>,
    registry: CommandRegistry,
    turns: Turns,
    holder: Uuid,
    tenure: Mutex<Option<Tenure>>,
    /// Something is due that this program is too old for.
    met_newer: AtomicBool,
    makes_way_until: std::sync::Mutex<Option<Instant>>,
    /// How long the failing ones waited last. A restart begins anew.
    delays: std::sync::Mutex<HashMap<(TenantId, Uuid), TimeDelta>>,
}

/// What became of a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fired {
    Answered,
    Failed,
    /// This program is too old for it.
    Outdated,
}

impl DeadlineRunner {
    /// A runner over the store that the engine's commits go to.
    pub fn new(engine: Engine, deadlines: Arc<dyn DeadlineStore>, registry: CommandRegistry) -> Self {
        let holder = engine.ports().ids.next();
        Self {
            engine,
            deadlines,
            registry,
            turns: Turns::default(),
            holder,
            tenure: Mutex::default(),
            met_newer: AtomicBool::new(false),
            makes_way_until: std::sync::Mutex::default(),
            delays: std::sync::Mutex::default(),
        }
    }

    /// Runs until it is dropped; safe to drop at any moment, if only [`Self::stop`] lets others take over at once.
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

    /// Lets another process take over at once.
    pub async fn stop(&self) {
        let mut held = self.tenure.lock().await;
        self.give_back(&mut held).await;
    }

    /// Fires what is due now. `true`: something was due, so there may be more. `false` also when another process holds the
    /// lease.
    pub async fn fire_due(&self) -> Result<bool, StoreError> {
        let mut held = self.tenure.lock().await;
        let Some(tenure) = self.hold(&mut held).await? else { return Ok(false) };
        let now = self.engine.ports().clock.now();
        let due = self.deadlines.due_deadlines(now, PAGE).await?;
        if due.is_empty() {
            // Only now, so that what this program is too old for holds up nothing that it can do.
            if self.met_newer.swap(false, Ordering::Relaxed) {
                self.give_back(&mut held).await;
                *self.makes_way() = Some(Instant::now() + MAKE_WAY_FOR);
            }
            return Ok(false);
        }
        let fired: Vec<_> = stream::iter(due)
            .map(|one| async move { (self.fire(&one).await, one) })
            .buffer_unordered(OF_ONE_TENANT)
            .collect()
            .await;
        if fired.iter().any(|(fired, _)| *fired == Fired::Outdated) {
            self.met_newer.store(true, Ordering::Relaxed);
        }
        if !self.deadlines.settle_deadlines(tenure.fence(), &self.settlement(&fired)).await? {
            *held = None;
        }
        Ok(true)
    }

    /// The lease, taken if it is free.
    async fn hold<'a>(&self, held: &'a mut Option<Tenure>) -> Result<Option<&'a mut Tenure>, StoreError> {
        if let Some(tenure) = held
            && !tenure.goes_on(&*self.deadlines).await?
        {
            *held = None;
        }
        let makes_way = self.makes_way().is_some_and(|until| Instant::now() < until);
        if held.is_none() && !makes_way {
            *held = Tenure::begin(&*self.deadlines, NAME, self.holder).await?;
        }
        Ok(held.as_mut())
    }

    async fn give_back(&self, held: &mut Option<Tenure>) {
        let Some(tenure) = held.take() else { return };
        if let Err(error) = self.deadlines.release_lease(tenure.fence()).await {
            tracing::warn!(%error, "the deadlines could not be given back; their lease will expire");
        }
    }

    fn settlement(&self, fired: &[(Fired, DueDeadline)]) -> Settlement {
        let now = self.engine.ports().clock.now();
        let mut delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settlement = Settlement::default();
        for (fired, due) in fired {
            let key = (due.tenant, due.deadline.deadline_id);
            match fired {
                Fired::Answered => {
                    delays.remove(&key);
                    settlement.closed.push(key);
                }
                Fired::Failed | Fired::Outdated => {
                    let delay = delays
                        .entry(key)
                        .and_modify(|delay| *delay = (*delay * 2).min(LONGEST_DELAY))
                        .or_insert(FIRST_DELAY);
                    settlement.postponed.push((key.0, key.1, now + *delay));
                }
            }
        }
        metrics::gauge!("cairn_deadlines_failing").set(delays.len() as f64);
        settlement
    }

    async fn fire(&self, due: &DueDeadline) -> Fired {
        let deadline = &due.deadline;
        let _turn = self.turns.take(due.tenant).await;
        let envelope = Envelope::derived(due.tenant, deadline.deadline_id);
        let (name, payload) = (&deadline.command, &deadline.payload);
        let Some(running) = self.registry.run(&self.engine, envelope, NAME, name, payload) else {
            tracing::error!(command = name, deadline = %deadline.deadline_id, "a deadline asks for a command that this program does not know; it stays open");
            return Fired::Outdated;
        };
        match running.await {
            Ok(Reacted::Done) => Fired::Answered,
            Ok(Reacted::Refused { code }) => {
                tracing::info!(command = name, code, "a deadline came to nothing");
                Fired::Answered
            }
            // Also one that is too large, or was refused before: no later try would be answered otherwise.
            Err(error) if !error.is_technical() => {
                tracing::info!(command = name, code = error.code(), %error, "a deadline came to nothing");
                Fired::Answered
            }
            Err(error @ CommandError::Outdated { .. }) => {
                tracing::error!(command = name, %error, "a deadline needs a newer program; it stays open");
                Fired::Outdated
            }
            Err(error) => {
                tracing::warn!(command = name, %error, "a deadline is tried again");
                Fired::Failed
            }
        }
    }

    /// Until the next is due, at most until the next look: another process may have stored one that is due sooner. That is far
    /// more often than each 60 s (identity.md, section 0).
    async fn until_next(&self) -> Duration {
        if self.tenure.lock().await.is_none() {
            return STAND_BY;
        }
        let now = self.engine.ports().clock.now();
        match self.deadlines.next_due_at().await {
            Ok(Some(due_at)) => soon(due_at, now),
            Ok(None) => STAND_BY,
            Err(_unreachable) => PAUSE,
        }
    }

    fn makes_way(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.makes_way_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn soon(due_at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (due_at - now).to_std().unwrap_or_default().clamp(Duration::from_millis(10), STAND_BY)
}
