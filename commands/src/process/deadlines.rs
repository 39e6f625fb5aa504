mod failing;

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Refusal, reactions::ReactionError};
use futures::{StreamExt, stream};
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

use self::failing::{Failing, Failure};
use super::{
    CommandRegistry, ProcessOptions, Reacted,
    parked::park,
    reaction::{Step, cause},
    tenure::{Aside, STAND_BY, Tenure},
    turns::{OF_ONE_TENANT, Turns},
};
use crate::{
    engine::{CommandError, Engine, Envelope},
    ports::{DeadlineStore, DueDeadline, LogFilter, Settlement, StoreError},
};

/// Under this name deadlines have their lease, their refusals are noted, and they are parked.
pub const DEADLINES: &str = "deadlines";
/// Waits this long when the store does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// How often a parked deadline is looked at: so soon is it tried again after somebody has said so.
const PARKED_FOR: TimeDelta = TimeDelta::minutes(1);
/// How long a program that met what it is too old for goes on with what else is due, before it lets others go first.
const MAKE_WAY_AFTER: Duration = Duration::from_secs(30);
const PAGE: usize = 256;

/// Fires deadlines: runs the commands that commits have stored, once they are due.
///
/// One process at a time holds the lease and does this; what a former holder has begun harms nobody, since a deadline's id is
/// its command's id. A deadline fires late rather than never. It is closed once its command was answered, be it by a refusal,
/// which is noted in the same commit: it does not run again, whenever it comes back.
///
/// **Failures.** One whose command fails is tried again after 1 s doubling to 5 min, behind those that are due by then: however
/// many fail, the others have their turn. When that has gone on for too long ([`ProcessOptions::retry_for`], counted by the process
/// that tries), or after three faults of the program, it is parked as a reaction is: it stays stored, and runs no more until
/// somebody has it tried again. Whoever skips it closes it.
///
/// **Newer programs.** A program that meets a command, or a stream, of a newer program lets the others go first for a while. Such
/// a deadline is never parked.
pub struct DeadlineRunner {
    engine: Engine,
    deadlines: Arc<dyn DeadlineStore>,
    registry: CommandRegistry,
    options: ProcessOptions,
    turns: Turns,
    holder: Uuid,
    tenure: Mutex<Option<Tenure>>,
    /// Since when something is due that this program is too old for.
    met_newer: std::sync::Mutex<Option<Instant>>,
    aside: Aside,
    failing: Failing,
}

/// What became of a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fired {
    Answered,
    /// It is tried again after this pause.
    Failed {
        pause: TimeDelta,
    },
    /// It waits for somebody to decide, from now or from before.
    Parked,
    /// This program is too old for it; it is looked at again after this pause.
    Outdated {
        pause: TimeDelta,
    },
}

impl DeadlineRunner {
    /// A runner over the store that the engine's commits go to.
    pub fn new(engine: Engine, deadlines: Arc<dyn DeadlineStore>, registry: CommandRegistry) -> Self {
        Self::with_options(engine, deadlines, registry, ProcessOptions::default())
    }

    /// A runner that treats failures in its own way.
    pub fn with_options(
        engine: Engine,
        deadlines: Arc<dyn DeadlineStore>,
        registry: CommandRegistry,
        options: ProcessOptions,
    ) -> Self {
        let holder = engine.ports().ids.next();
        Self {
            engine,
            deadlines,
            registry,
            options,
            turns: Turns::default(),
            holder,
            tenure: Mutex::default(),
            met_newer: std::sync::Mutex::default(),
            aside: Aside::default(),
            failing: Failing::default(),
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
        let due = match self.due().await {
            Err(ahead @ StoreError::ClockAhead { .. }) => {
                self.step_aside(&mut held).await;
                return Err(ahead);
            }
            due => due?,
        };
        if self.is_to_make_way(due.is_empty()) {
            self.step_aside(&mut held).await;
            return Ok(false);
        }
        if due.is_empty() {
            return Ok(false);
        }
        let fired: Vec<_> = stream::iter(due)
            .map(|one| async move { (self.fire(&one).await, one) })
            .buffer_unordered(OF_ONE_TENANT)
            .collect()
            .await;
        if fired.iter().any(|(fired, _)| matches!(fired, Fired::Outdated { .. })) {
            self.met_newer().get_or_insert_with(Instant::now);
        }
        if !self.deadlines.settle_deadlines(tenure.fence(), &self.settlement(&fired)).await? {
            self.let_go(&mut held);
        }
        Ok(true)
    }

    /// What is due, by a clock that may say so.
    async fn due(&self) -> Result<Vec<DueDeadline>, StoreError> {
        let now = self.now();
        let due = self.deadlines.due_deadlines(now, PAGE).await?;
        if !due.is_empty() {
            self.deadlines.check_clock(now).await?;
        }
        Ok(due)
    }

    /// The lease, taken if it is free.
    async fn hold<'a>(&self, held: &'a mut Option<Tenure>) -> Result<Option<&'a mut Tenure>, StoreError> {
        if let Some(tenure) = held
            && !tenure.goes_on(&*self.deadlines).await?
        {
            self.let_go(held);
        }
        if held.is_none() && !self.aside.stands() {
            *held = Tenure::begin(&*self.deadlines, DEADLINES, self.holder).await?;
        }
        Ok(held.as_mut())
    }

    async fn give_back(&self, held: &mut Option<Tenure>) {
        let Some(tenure) = self.let_go(held) else { return };
        if let Err(error) = self.deadlines.release_lease(tenure.fence()).await {
            tracing::warn!(%error, "the deadlines could not be given back; their lease will expire");
        }
    }

    /// Leaves the deadlines to others for a while: to a newer program, or to a process whose clock is right.
    async fn step_aside(&self, held: &mut Option<Tenure>) {
        self.give_back(held).await;
        self.aside.step();
    }

    /// Whether a newer program is to go first: as a rule once nothing else is due, so that what this one is too old for holds up
    /// nothing that it can do; after a while in any case.
    fn is_to_make_way(&self, nothing_is_due: bool) -> bool {
        let mut met_newer = self.met_newer();
        met_newer.take_if(|since| nothing_is_due || since.elapsed() >= MAKE_WAY_AFTER).is_some()
    }

    /// What fails now is told by whoever comes next.
    fn let_go(&self, held: &mut Option<Tenure>) -> Option<Tenure> {
        self.failing.forget_all();
        metrics::gauge!("cairn_deadlines_failing").set(0.0);
        held.take()
    }

    fn settlement(&self, fired: &[(Fired, DueDeadline)]) -> Settlement {
        let now = self.now();
        let mut settlement = Settlement::default();
        for (fired, due) in fired {
            let (tenant, id) = (due.tenant, due.deadline.deadline_id);
            match fired {
                Fired::Answered => settlement.closed.push((tenant, id)),
                Fired::Parked => settlement.postponed.push((tenant, id, now + PARKED_FOR)),
                Fired::Failed { pause } | Fired::Outdated { pause } => {
                    settlement.postponed.push((tenant, id, now + *pause));
                }
            }
        }
        metrics::gauge!("cairn_deadlines_failing").set(self.failing.count() as f64);
        settlement
    }

    async fn fire(&self, due: &DueDeadline) -> Fired {
        let fired = self.run_once(due).await;
        if matches!(fired, Fired::Answered | Fired::Parked) {
            self.failing.forget(due);
        }
        fired
    }

    async fn run_once(&self, due: &DueDeadline) -> Fired {
        let deadline = &due.deadline;
        let Some((step, run)) = self.registry.find(DEADLINES, &deadline.command) else {
            tracing::error!(command = deadline.command, deadline = %deadline.deadline_id, "a deadline asks for a command that this program does not know; it stays open");
            return Fired::Outdated { pause: self.failed(due, false).pause };
        };
        let command = step.command;
        let turn = self.turns.take(due.tenant).await;
        let envelope = Envelope::derived(due.tenant, deadline.deadline_id);
        let answer = run(self.engine.clone(), envelope, step.clone(), deadline.payload.clone()).await;
        drop(turn);
        match answer {
            Ok(Reacted::Done) => Fired::Answered,
            Ok(Reacted::Refused { code }) => {
                tracing::info!(command, code, "a deadline came to nothing");
                Fired::Answered
            }
            // What the command itself is refused is noted, and answered above.
            Err(CommandError::Refused(refusal)) if refusal.code() == ReactionError::Parked.code() => {
                Fired::Parked
            }
            // Also one that is too large, or was refused before: no later try would be answered otherwise.
            Err(error) if !error.is_technical() => {
                tracing::info!(command, code = error.code(), %error, "a deadline came to nothing");
                Fired::Answered
            }
            Err(error @ CommandError::Outdated { .. }) => {
                tracing::error!(command, %error, "a deadline needs a newer program; it stays open");
                Fired::Outdated { pause: self.failed(due, false).pause }
            }
            Err(error) => {
                let failure = self.failed(due, matches!(error, CommandError::Fault { .. }));
                if self.options.gives_up(failure.lasted, failure.faults)
                    && self.park(due, &step, &error, failure.tries).await
                {
                    return Fired::Parked;
                }
                tracing::warn!(command, %error, "a deadline is tried again");
                Fired::Failed { pause: failure.pause }
            }
        }
    }

    fn failed(&self, due: &DueDeadline, is_fault: bool) -> Failure {
        self.failing.again(due, is_fault, self.now(), &self.options)
    }

    /// `false`: it could not be noted.
    async fn park(&self, due: &DueDeadline, step: &Step, error: &CommandError, tries: u32) -> bool {
        let everything = LogFilter::default();
        let log = &self.engine.ports().store;
        let page = log.read_log(due.asked_at.saturating_sub(1), &everything, 1).await;
        let Ok(page) = page else { return false };
        let asked = page.events.first().filter(|event| event.stream.tenant == due.tenant);
        let parked = step.parked(asked.map(cause), error, tries);
        park(&self.engine, due.tenant, asked, due.deadline.deadline_id, parked).await.is_ok()
    }

    /// Until the next is due, at most until the next look: another process may have stored one that is due sooner. That is far
    /// more often than each 60 s (identity.md, section 0).
    async fn until_next(&self) -> Duration {
        if self.tenure.lock().await.is_none() {
            return STAND_BY;
        }
        let now = self.now();
        match self.deadlines.next_due_at().await {
            Ok(Some(due_at)) => soon(due_at, now),
            Ok(None) => STAND_BY,
            Err(_unreachable) => PAUSE,
        }
    }

    fn met_newer(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.met_newer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> DateTime<Utc> {
        self.engine.ports().clock.now()
    }
}

fn soon(due_at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (due_at - now).to_std().unwrap_or_default().clamp(Duration::from_millis(10), STAND_BY)
}
