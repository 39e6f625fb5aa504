mod reading;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{
    ProcessManager, ProcessOptions,
    desk::{Desk, Handled},
    progress::Progress,
    standing::{ProcessStanding, Standing},
    tenure::{Aside, STAND_BY, Tenure},
    turns::Turns,
    work::{PACE, PAUSE, Work},
};
use crate::{
    engine::Engine,
    ports::{Advance, CheckpointStore, Position, StoreError},
    tail::{Place, Tail, holds},
};

/// How often the place in the log is kept while there is something to do, or nothing was wanted: each keeping is a write to
/// the store that the commits also go to.
const KEEP_PLACE_EVERY: TimeDelta = TimeDelta::seconds(1);

/// Brings the log's events to a process manager, and runs the commands that it wants.
///
/// **One process at a time** holds the process manager's lease and does this; the others stand by, and only look. What a former
/// holder has begun harms nobody: a reaction's outcome is one commit under an id that follows from the event, and the
/// checkpoint moves for the holder of the lease alone.
///
/// **Order.** Events of one stream are answered one after the other, those of different streams side by side; the place
/// kept is the lowest that is not done, so that after a restart some are looked at again, which does nothing more.
///
/// **Failures.** A refused command is noted and closed. One that fails otherwise is tried again, 1 s doubling to 5 min, and
/// parked when that has gone on for too long ([`ProcessOptions::retry_for`], counted by the process that tries), or after three
/// faults of the program. It holds up its own stream until then, and nobody else.
///
/// **Erasure.** An event that tells about somebody is not kept while it waits for others of its stream or for a next try, but read
/// again: whoever was erased meanwhile is told of no more.
///
/// **Newer programs.** An event that this program does not know is not passed over: this program gives the lease back for a
/// newer one, and does not ask for it again until somebody has brought the place beyond that event.
///
/// **Restored logs.** A log that was restored from a backup while the process ran is read again from where the two may part.
pub struct ProcessRunner {
    desk: Arc<Desk>,
    checkpoints: Arc<dyn CheckpointStore>,
    tail: Tail,
    holder: Uuid,
    work: Mutex<Option<Work>>,
    standing: Standing,
    aside: Aside,
}

/// What a turn found.
#[derive(PartialEq, Eq)]
enum Turn {
    /// Something moved: there may be more.
    Moved,
    /// Nothing, until the log grows or a task ends.
    Waits,
    /// The lease is with somebody else.
    StandsBy,
}

impl ProcessRunner {
    /// A runner over the engine's log, whose checkpoints and leases lie beside it.
    pub fn new(engine: Engine, checkpoints: Arc<dyn CheckpointStore>, process: impl ProcessManager) -> Self {
        let tail = Tail::of(Arc::clone(&engine.ports().store));
        Self::following(tail, engine, checkpoints, process, ProcessOptions::default())
    }

    /// A runner that follows the log by the process's one tail, and treats failures in its own way.
    pub fn following(
        tail: Tail,
        engine: Engine,
        checkpoints: Arc<dyn CheckpointStore>,
        process: impl ProcessManager,
        options: ProcessOptions,
    ) -> Self {
        let holder = engine.ports().ids.next();
        let desk = Desk { engine, process: Box::new(process), options, turns: Turns::default() };
        let (work, standing, aside) = (Mutex::default(), Standing::by(), Aside::default());
        Self { desk: Arc::new(desk), checkpoints, tail, holder, work, standing, aside }
    }

    /// The process manager's name.
    pub fn name(&self) -> &'static str {
        self.desk.name()
    }

    /// What this runner is at.
    pub fn standing(&self) -> ProcessStanding {
        self.standing.now()
    }

    /// Runs until it is dropped; safe to drop at any moment, if only [`Self::stop`] lets others take over at once.
    pub async fn run(self: Arc<Self>) {
        let mut work = self.work.lock().await;
        loop {
            let pause = match self.turn(&mut work).await {
                Ok(Turn::Moved) => continue,
                Ok(Turn::Waits) => work.as_ref().map_or(PAUSE, Work::pause),
                Ok(Turn::StandsBy) => STAND_BY,
                Err(error) => {
                    tracing::warn!(process = self.name(), %error, "a process manager waits for the store");
                    // Not at once, even where the log grows: it would be asked again and again.
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            match &mut *work {
                Some(work) => tokio::select! {
                    () = work.something_comes() => {}
                    () = tokio::time::sleep(pause) => {}
                },
                None => tokio::time::sleep(pause).await,
            }
        }
    }

    /// Handles the log to its end, and all that it calls for. `true`: there was something. `false` also when another process
    /// holds the lease.
    pub async fn catch_up(&self) -> Result<bool, StoreError> {
        let mut work = self.work.lock().await;
        if let Some(work) = &mut *work {
            work.may_have_more = true;
        }
        let mut has_moved = false;
        loop {
            match self.turn(&mut work).await? {
                Turn::Moved => has_moved = true,
                Turn::StandsBy => return Ok(has_moved),
                Turn::Waits => match work.as_mut().filter(|work| !work.tasks.is_empty()) {
                    Some(work) if work.may_have_more => tokio::select! {
                        () = work.task_ended() => {}
                        () = tokio::time::sleep(PACE) => {}
                    },
                    Some(work) => work.task_ended().await,
                    None => return Ok(has_moved),
                },
            }
        }
    }

    /// Ends what is being worked on, and lets another process take over at once.
    pub async fn stop(&self) {
        let mut held = self.work.lock().await;
        self.give_back(&mut held).await;
    }

    async fn turn(&self, held: &mut Option<Work>) -> Result<Turn, StoreError> {
        let work = match &mut *held {
            Some(work) => work,
            none => match self.begin().await? {
                Some(work) => none.insert(work),
                None => return Ok(Turn::StandsBy),
            },
        };
        if !work.tenure.goes_on(&*self.checkpoints).await? {
            return Ok(self.lost(held));
        }
        let mut has_moved = false;
        while let Some(ended) = work.next_ended() {
            has_moved = true;
            match ended.handled {
                Handled::Settled => {}
                Handled::Outdated(reason) => return Ok(self.outdated(held, ended.position, reason).await),
                Handled::ClockAhead => return Ok(self.steps_aside(held).await),
            }
            if let Some(next) = work.backlog.done(&ended.stream, ended.position) {
                work.begin_with(&self.desk, next);
            }
        }
        if work.has_died {
            self.give_back(held).await;
            return Ok(Turn::StandsBy);
        }
        if work.may_read() {
            match self.read_on(work).await? {
                Ok(has_read) => has_moved |= has_read,
                Err((position, reason)) => return Ok(self.outdated(held, position, reason).await),
            }
        }
        if let Some(from) = work.backlog.to_be_read_again() {
            match self.read_again(work, from).await? {
                Ok(has_read) => has_moved |= has_read,
                Err((position, reason)) => return Ok(self.outdated(held, position, reason).await),
            }
        }
        let now = self.now();
        work.progress.watch_clock(now);
        if !self.keep_place(work, now).await? {
            return Ok(self.lost(held));
        }
        Ok(if has_moved { Turn::Moved } else { Turn::Waits })
    }

    /// Takes the lease, if it is free and this program is not too old for what comes next.
    async fn begin(&self) -> Result<Option<Work>, StoreError> {
        if self.aside.stands() || self.is_outdated_still().await? {
            return Ok(None);
        }
        let claimed = Tenure::begin(&*self.checkpoints, self.name(), self.holder).await?;
        let Some(tenure) = claimed else {
            self.stands(ProcessStanding::StandsBy);
            return Ok(None);
        };
        let progress = self.progress_kept().await?;
        self.stands(ProcessStanding::Runs);
        Ok(Some(Work::begin(tenure, self.tail.reader(self.watched()), progress)))
    }

    /// Whether the event that this program is too old for lies before it still: in this log, and not handled by anybody.
    async fn is_outdated_still(&self) -> Result<bool, StoreError> {
        let ProcessStanding::Outdated { position, event_id, .. } = self.standing() else { return Ok(false) };
        Ok(self.checkpoints.load_checkpoint(self.name()).await? < position
            && holds(&**self.tail.log(), Place { position, event_id }).await?)
    }

    async fn progress_kept(&self) -> Result<Progress, StoreError> {
        Progress::kept(self.name(), &*self.checkpoints, &self.tail, self.now()).await
    }

    /// Keeps the place up to which all is done, when it is time to. `false`: the lease is lost.
    async fn keep_place(&self, work: &mut Work, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let done = work.done_through();
        let is_due = (now - work.progress.kept_at).abs() >= KEEP_PLACE_EVERY;
        let is_at_rest = work.is_wanted && work.backlog.is_empty();
        if !work.progress.is_to_be_kept(done) || !(is_due || is_at_rest) {
            return Ok(true);
        }
        let fence = work.tenure.fence();
        match self.checkpoints.advance_checkpoint(fence, self.name(), work.progress.kept, done).await? {
            Advance::Moved => {
                work.progress.keep(done, now);
                work.is_wanted = !work.backlog.is_empty();
            }
            Advance::Elsewhere if self.was_kept_unheard(work).await? => {}
            Advance::Elsewhere => self.start_over(work).await?,
            Advance::Fenced => return Ok(false),
        }
        Ok(true)
    }

    /// Whether the checkpoint stands elsewhere though the log is the same: the answer to its keeping was lost, or a program of an
    /// earlier release, which knows no lease, runs beside this one. What it says is done then, whoever did it.
    async fn was_kept_unheard(&self, work: &mut Work) -> Result<bool, StoreError> {
        let kept = self.checkpoints.load_checkpoint(self.name()).await?;
        let is_same_log =
            kept >= work.progress.kept && holds(&**self.tail.log(), work.progress.reached).await?;
        if is_same_log {
            work.progress.kept = kept;
        }
        Ok(is_same_log)
    }

    /// Takes the place of the log that stands there now.
    async fn start_over(&self, work: &mut Work) -> Result<(), StoreError> {
        let mut now_kept = self.progress_kept().await?;
        // A checkpoint that went back came with the log and stands on it. One that did not may stand beyond what the two logs
        // have in common: then only the beginning is sure. What is read again does nothing more.
        if now_kept.kept >= work.progress.kept {
            now_kept.set_back();
        }
        tracing::warn!(
            process = self.name(),
            was = work.progress.reached.position,
            reached = now_kept.reached.position,
            "the log was restored or replaced under a process manager, which goes back"
        );
        work.start_over(now_kept);
        Ok(())
    }

    /// This program cannot go on: a newer one can.
    async fn outdated(&self, held: &mut Option<Work>, position: Position, reason: String) -> Turn {
        tracing::error!(
            process = self.name(),
            position,
            reason,
            "a process manager needs a newer program: this one leaves it to another"
        );
        self.give_back(held).await;
        let place = self.tail.place_at(position).await.ok().flatten();
        let event_id = place.and_then(|place| place.event_id);
        self.stands(ProcessStanding::Outdated { position, event_id, reason });
        Turn::StandsBy
    }

    /// Whatever this process would commit is refused until its clock is set.
    async fn steps_aside(&self, held: &mut Option<Work>) -> Turn {
        tracing::error!(
            process = self.name(),
            "this machine's clock is ahead of the store's: a process manager is left to another process; set the clock"
        );
        self.give_back(held).await;
        self.aside.step();
        Turn::StandsBy
    }

    fn lost(&self, held: &mut Option<Work>) -> Turn {
        tracing::warn!(process = self.name(), "another process has taken a process manager over");
        *held = None;
        self.stands(ProcessStanding::StandsBy);
        Turn::StandsBy
    }

    /// Leaves the place that was come to and the lease to others.
    async fn give_back(&self, held: &mut Option<Work>) {
        let Some(work) = held.take() else { return };
        let (fence, name) = (work.tenure.fence(), self.name());
        let done = work.done_through();
        let given_back = async {
            if work.progress.is_to_be_kept(done) {
                self.checkpoints.advance_checkpoint(fence, name, work.progress.kept, done).await?;
            }
            self.checkpoints.release_lease(fence).await
        };
        if let Err(error) = given_back.await {
            tracing::warn!(process = name, %error, "a process manager could not be given back; its lease will expire");
        }
        self.stands(ProcessStanding::StandsBy);
    }

    fn stands(&self, standing: ProcessStanding) {
        self.standing.becomes(self.name(), standing);
    }

    fn now(&self) -> DateTime<Utc> {
        self.desk.engine.ports().clock.now()
    }
}
