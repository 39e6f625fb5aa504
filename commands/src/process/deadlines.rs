mod failing;
mod firing;
mod in_flight;

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

use self::{
    failing::Failing,
    firing::{Fired, Firing},
    in_flight::InFlight,
};
use super::{
    CommandRegistry, ProcessOptions,
    tenure::{Aside, STAND_BY, Tenure},
    turns::Turns,
};
use crate::{
    engine::Engine,
    ports::{DeadlineStore, DueDeadline, Settlement, StoreError},
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
/// How long what is due waits for what has begun before it.
const SLOW: Duration = Duration::from_secs(1);
/// For so long is a deadline put aside that runs longer, each time. A process that takes over meets it after that.
const RUNS_FOR: Duration = Duration::from_secs(30);
/// For so long is one put aside whose tenant has too many that run.
const WAITS_FOR: TimeDelta = TimeDelta::seconds(15);

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
/// **Slow ones.** What runs for longer than a second is put aside: what is due behind it is begun, and each is settled when it
/// ends. A tenant that has too many of them waits with its others. Whoever takes over begins those again within half a minute.
///
/// **Newer programs.** A program that meets a command, a version of one ([`RunLater::VERSION`](crate::engine::RunLater::VERSION)), or
/// a stream of a newer program lets the others go first for a while. Such a deadline is never parked by it: of a version that it
/// knows, what cannot be read is damaged, and is.
pub struct DeadlineRunner {
    firing: Arc<Firing>,
    deadlines: Arc<dyn DeadlineStore>,
    holder: Uuid,
    held: Mutex<Option<Held>>,
    /// Since when something is due that this program is too old for.
    met_newer: std::sync::Mutex<Option<Instant>>,
    aside: Aside,
}

/// What there is while the lease is held.
struct Held {
    tenure: Tenure,
    in_flight: InFlight,
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
        let (turns, failing) = (Turns::default(), Failing::default());
        let firing = Arc::new(Firing { engine, registry, options, turns, failing });
        let (held, met_newer, aside) = (Mutex::default(), std::sync::Mutex::default(), Aside::default());
        Self { firing, deadlines, holder, held, met_newer, aside }
    }

    /// Runs until it is dropped; safe to drop at any moment, if only [`Self::stop`] lets others take over at once.
    pub async fn run(self: Arc<Self>) {
        loop {
            let pause = match self.turn(Some(SLOW)).await {
                Ok(true) => continue,
                Ok(false) => self.until_next().await,
                Err(error) => {
                    tracing::warn!(%error, "deadlines wait for the store");
                    PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.firing.engine.deadline_stored() => {}
            }
        }
    }

    /// Ends what has begun, and lets another process take over at once.
    pub async fn stop(&self) {
        let mut held = self.held.lock().await;
        self.give_back(&mut held).await;
    }

    /// Fires what is due now, to its end. `true`: something was due, so there may be more. `false` also when another process
    /// holds the lease.
    pub async fn fire_due(&self) -> Result<bool, StoreError> {
        self.turn(None).await
    }

    /// Begins with what is due, waits for it as long as `patience` says, and settles what has ended.
    async fn turn(&self, patience: Option<Duration>) -> Result<bool, StoreError> {
        let mut lock = self.held.lock().await;
        let Some(held) = self.hold(&mut lock).await? else { return Ok(false) };
        let due = match self.due().await {
            Err(ahead @ StoreError::ClockAhead { .. }) => {
                // By such a clock nothing is put off; what has begun is found again.
                held.in_flight = InFlight::default();
                self.step_aside(&mut lock).await;
                return Err(ahead);
            }
            due => due?,
        };
        if self.is_to_make_way(due.is_empty() && held.in_flight.is_empty()) {
            self.step_aside(&mut lock).await;
            return Ok(false);
        }
        let was_due = !due.is_empty();
        if !was_due && held.in_flight.is_empty() {
            return Ok(false);
        }
        let waiting = self.begin_with(&mut held.in_flight, due);
        held.in_flight.those_due_ended(patience.map(|patience| Instant::now() + patience)).await;
        let settlement = self.settlement(&mut held.in_flight, waiting);
        let has_nothing = settlement == Settlement::default();
        if !has_nothing && !self.deadlines.settle_deadlines(held.tenure.fence(), &settlement).await? {
            self.let_go(&mut lock);
        }
        Ok(was_due)
    }

    /// Answers those that wait, since their tenants have too many in flight.
    fn begin_with(&self, in_flight: &mut InFlight, due: Vec<DueDeadline>) -> Vec<DueDeadline> {
        let mut waiting = Vec::new();
        for one in due {
            if !in_flight.begin(&one, Arc::clone(&self.firing).fire(one.clone())) {
                waiting.push(one);
            }
        }
        waiting
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
    async fn hold<'a>(&self, held: &'a mut Option<Held>) -> Result<Option<&'a mut Held>, StoreError> {
        if let Some(held_still) = held
            && !held_still.tenure.goes_on(&*self.deadlines).await?
        {
            self.let_go(held);
        }
        if held.is_none() && !self.aside.stands() {
            let tenure = Tenure::begin(&*self.deadlines, DEADLINES, self.holder).await?;
            *held = tenure.map(|tenure| Held { tenure, in_flight: InFlight::default() });
        }
        Ok(held.as_mut())
    }

    /// Leaves the lease to others, and what has begun too.
    async fn give_back(&self, held: &mut Option<Held>) {
        let Some(Held { tenure, mut in_flight }) = self.let_go(held) else { return };
        let now = self.now();
        let mut settlement = self.settlement_of(in_flight.take_ended());
        settlement.postponed.extend(in_flight.ids().map(|(tenant, id)| (tenant, id, now)));
        drop(in_flight);
        let given_back = async {
            if settlement != Settlement::default() {
                self.deadlines.settle_deadlines(tenure.fence(), &settlement).await?;
            }
            self.deadlines.release_lease(tenure.fence()).await
        };
        if let Err(error) = given_back.await {
            tracing::warn!(%error, "the deadlines could not be given back; their lease will expire");
        }
    }

    /// Leaves the deadlines to others for a while: to a newer program, or to a process whose clock is right.
    async fn step_aside(&self, held: &mut Option<Held>) {
        self.give_back(held).await;
        self.aside.step();
    }

    /// Whether a newer program is to go first: as a rule once it has nothing else to do, so that what this one is too old for holds up
    /// nothing that it can do; after a while in any case.
    fn is_to_make_way(&self, has_nothing_else: bool) -> bool {
        let mut met_newer = self.met_newer();
        met_newer.take_if(|since| has_nothing_else || since.elapsed() >= MAKE_WAY_AFTER).is_some()
    }

    /// What fails now is told by whoever comes next.
    fn let_go(&self, held: &mut Option<Held>) -> Option<Held> {
        self.firing.failing.forget_all();
        metrics::gauge!("cairn_deadlines_failing").set(0.0);
        held.take()
    }

    /// Of what has ended, what runs still, and what waits.
    fn settlement(&self, in_flight: &mut InFlight, waiting: Vec<DueDeadline>) -> Settlement {
        let ended = in_flight.take_ended();
        if ended.iter().any(|(_, fired)| matches!(fired, Fired::Outdated { .. })) {
            self.met_newer().get_or_insert_with(Instant::now);
        }
        let mut settlement = self.settlement_of(ended);
        let now = self.now();
        let aside = in_flight.put_aside(RUNS_FOR).into_iter();
        settlement.postponed.extend(aside.map(|(tenant, id)| (tenant, id, now + RUNS_FOR)));
        let waiting = waiting.into_iter().map(|due| (due.tenant, due.deadline.deadline_id, now + WAITS_FOR));
        settlement.postponed.extend(waiting);
        settlement
    }

    fn settlement_of(&self, ended: Vec<(DueDeadline, Fired)>) -> Settlement {
        let now = self.now();
        let mut settlement = Settlement::default();
        for (due, fired) in ended {
            let (tenant, id) = (due.tenant, due.deadline.deadline_id);
            match fired {
                Fired::Answered => settlement.closed.push((tenant, id)),
                Fired::Parked => settlement.postponed.push((tenant, id, now + PARKED_FOR)),
                Fired::Failed { pause } | Fired::Outdated { pause } => {
                    settlement.postponed.push((tenant, id, now + pause));
                }
            }
        }
        metrics::gauge!("cairn_deadlines_failing").set(self.firing.failing.count() as f64);
        settlement
    }

    /// Until the next is due, at most until the next look: another process may have stored one that is due sooner. That is far
    /// more often than each 60 s (identity.md, section 0).
    async fn until_next(&self) -> Duration {
        match &*self.held.lock().await {
            None => return STAND_BY,
            Some(held) if !held.in_flight.is_empty() => return SLOW,
            Some(_) => {}
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
        self.firing.now()
    }
}

fn soon(due_at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    (due_at - now).to_std().unwrap_or_default().clamp(Duration::from_millis(10), STAND_BY)
}
