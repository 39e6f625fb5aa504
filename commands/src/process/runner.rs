use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::reactions::ReactionRefused;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{ProcessManager, Reaction, RecordRefusedReaction};
use crate::{
    engine::{Caller, Command, CommandError, Engine, Envelope},
    ports::{CheckpointStore, LogFilter, Position, RecordedEvent, StoreError},
};

const PAGE: usize = 256;
/// How often it is looked whether the log is still the same one.
const LOOK_BACK_EVERY: TimeDelta = TimeDelta::seconds(1);
/// How often the place in the log is kept while nothing was wanted: each keeping is a write to the store that the commits
/// also go to.
const KEEP_PLACE_EVERY: TimeDelta = TimeDelta::seconds(1);
/// Looks at the log at least this often, woken or not.
const POLL: Duration = Duration::from_secs(1);
/// How often a command that fails inside the program is tried.
const FAULTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How far the clocks of machines that write to one log may differ before it is said.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// Brings the log's events to a process manager, in order, and runs the commands that it wants.
///
/// A refused command is noted and closed; a technical failure is tried again, 1 s doubling to 5 min, before anything
/// later is looked at. A fault of the program, which as a rule concerns one stream of one tenant, is closed like a refusal
/// after three tries, so that it does not hold up everybody else.
///
/// Its place in the log is kept after each page in which something was wanted, else once a second. What lies between the
/// place kept and the place reached is looked at again after a restart; the commands' ids are derived, so nothing is done twice.
///
/// Once a second it looks whether the log that it reads is still the one that it has read: a log that was restored from a
/// backup while the process ran ends before the place reached, or has other events there, and is read again from where the
/// two may part.
pub struct ProcessRunner<P> {
    engine: Engine,
    checkpoints: Arc<dyn CheckpointStore>,
    process: P,
    place: Mutex<Option<Place>>,
}

/// How far a runner has come.
struct Place {
    reached: Position,
    kept: Position,
    kept_at: DateTime<Utc>,
    /// The latest event known at the place reached or before it: it must go on standing there.
    anchor: Option<(Position, Uuid)>,
    looked_back_at: DateTime<Utc>,
    /// Whose time is the latest seen in the log.
    newest_at: DateTime<Utc>,
    /// Whether it was said already that the log's clock is ahead.
    is_ahead: bool,
}

impl<P: ProcessManager> ProcessRunner<P> {
    /// A runner over the engine's log.
    pub fn new(engine: Engine, checkpoints: Arc<dyn CheckpointStore>, process: P) -> Self {
        Self { engine, checkpoints, process, place: Mutex::default() }
    }

    /// Runs until it is dropped; safe to drop at any moment.
    pub async fn run(self: Arc<Self>) {
        let mut wake_up = self.engine.ports().store.wake_up();
        loop {
            match self.catch_up().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(process = P::NAME, %error, "a process manager waits for the store");
                }
            }
            tokio::select! {
                changed = wake_up.changed() => if changed.is_err() { tokio::time::sleep(POLL).await },
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Handles one page of the log. `true`: there may be more.
    pub async fn catch_up(&self) -> Result<bool, StoreError> {
        let mut place = self.place.lock().await;
        let place = match &mut *place {
            Some(place) => place,
            none => none.insert(self.place_kept().await?),
        };
        self.look_back(place).await?;
        let categories = P::CATEGORIES.iter().map(|category| (*category).into()).collect();
        let filter = LogFilter { categories, event_types: Vec::new() };
        let page = self.engine.ports().store.read_log(place.reached, &filter, PAGE).await?;
        if let Some(newest) = page.events.last() {
            place.newest_at = newest.recorded_at;
        }
        self.watch_clock(place, page.read_through);
        let mut is_wanted = false;
        for event in &page.events {
            is_wanted |= self.handle(event).await;
        }
        if let Some(newest) = page.events.last() {
            place.anchor = Some((newest.position, newest.event_id));
        }
        let has_moved = page.read_through != place.reached;
        place.reached = page.read_through;
        let is_due = (self.now() - place.kept_at).abs() >= KEEP_PLACE_EVERY;
        if place.reached != place.kept && (is_wanted || is_due) {
            self.keep(place).await?;
        }
        Ok(has_moved)
    }

    /// Now and then makes sure that the event at the place reached still stands there, and goes back where it does not.
    async fn look_back(&self, place: &mut Place) -> Result<(), StoreError> {
        if (self.now() - place.looked_back_at).abs() < LOOK_BACK_EVERY {
            return Ok(());
        }
        if let Some((position, event_id)) = place.anchor
            && self.event_id_at(position).await? != Some(event_id)
        {
            return self.start_over(place).await;
        }
        if place.anchor.is_none_or(|(position, _)| position < place.reached) {
            match self.event_id_at(place.reached).await? {
                Some(event_id) => place.anchor = Some((place.reached, event_id)),
                None if self.engine.ports().store.head().await? < place.reached => {
                    return self.start_over(place).await;
                }
                None => {}
            }
        }
        place.looked_back_at = self.now();
        Ok(())
    }

    async fn event_id_at(&self, position: Position) -> Result<Option<Uuid>, StoreError> {
        let Some(before) = position.checked_sub(1) else { return Ok(None) };
        let page = self.engine.ports().store.read_log(before, &LogFilter::default(), 1).await?;
        Ok(page.events.first().filter(|event| event.position == position).map(|event| event.event_id))
    }

    /// Takes the place of the log that stands there now.
    async fn start_over(&self, place: &mut Place) -> Result<(), StoreError> {
        let now_kept = self.place_kept().await?;
        // A checkpoint that went back came with the log and stands on it. One that did not may stand beyond what the two logs
        // have in common: then only the beginning is sure. What is read again does nothing more.
        let reached = if now_kept.kept < place.kept { now_kept.reached } else { 0 };
        tracing::warn!(
            process = P::NAME,
            was = place.reached,
            reached,
            "the log was restored or replaced under a process manager, which goes back"
        );
        *place = Place { reached, ..now_kept };
        Ok(())
    }

    /// Says when the log's clock is ahead of this process's: since it never runs backwards, one process whose clock is an hour
    /// ahead stamps that hour on all that comes after it, whoever writes it.
    fn watch_clock(&self, place: &mut Place, position: Position) {
        let ahead = place.newest_at - self.now();
        metrics::gauge!("cairn_log_clock_ahead_seconds").set(ahead.num_seconds().max(0) as f64);
        let is_ahead = ahead > CLOCK_TOLERANCE;
        if is_ahead && !place.is_ahead {
            tracing::error!(position, recorded_at = %place.newest_at, "the log's clock is ahead of this process's: compare the clocks of all machines that write to it; events keep this time until it has come");
        }
        place.is_ahead = is_ahead;
    }

    fn now(&self) -> DateTime<Utc> {
        self.engine.ports().clock.now()
    }

    async fn place_kept(&self) -> Result<Place, StoreError> {
        let kept = self.checkpoints.load_checkpoint(P::NAME).await?;
        let now = self.now();
        // A log that was cut behind the back of its checkpoints: what comes next in it would lie before the place kept.
        let reached = if kept > self.engine.ports().store.head().await? { 0 } else { kept };
        let (anchor, looked_back_at) = (None, DateTime::UNIX_EPOCH);
        Ok(Place { reached, kept, kept_at: now, anchor, looked_back_at, newest_at: now, is_ahead: false })
    }

    async fn keep(&self, place: &mut Place) -> Result<(), StoreError> {
        if self.checkpoints.advance_checkpoint(P::NAME, place.kept, place.reached).await? {
            place.kept = place.reached;
        } else {
            // Another process has moved it. Its commands had the same ids as these: what it has passed needs no second look.
            let kept = self.checkpoints.load_checkpoint(P::NAME).await?;
            if kept < place.kept {
                // A checkpoint goes back only with its log, or for a log that was restored.
                return self.start_over(place).await;
            }
            if kept > place.reached {
                (place.reached, place.anchor) = (kept, None);
            }
            place.kept = kept;
        }
        place.kept_at = self.now();
        Ok(())
    }

    /// `true`: something was wanted.
    async fn handle(&self, event: &RecordedEvent) -> bool {
        let reactions = match self.process.react(event) {
            Ok(reactions) => reactions,
            Err(fault) => {
                // An event that cannot be read now can be neither acted on nor waited for without stopping all later ones.
                tracing::error!(process = P::NAME, position = event.position, %fault, "a process manager cannot read an event and passes over it");
                metrics::counter!("cairn_process_faults_total", "process" => P::NAME).increment(1);
                return true;
            }
        };
        for reaction in &reactions {
            self.run_to_an_answer(event, reaction).await;
        }
        !reactions.is_empty()
    }

    async fn run_to_an_answer(&self, event: &RecordedEvent, reaction: &Reaction) {
        let command_id = reaction.command_id(P::NAME, event.event_id);
        let give = || (reaction.run)(self.engine.clone(), self.envelope(event, command_id));
        let Err(error) = self.answer(reaction.command, give).await else { return };
        if let CommandError::Fault { reason, .. } = &error {
            tracing::error!(process = P::NAME, command = reaction.command, position = event.position, stream = %event.stream, reason, "a reaction failed inside the program and is closed");
            metrics::counter!("cairn_process_faults_total", "process" => P::NAME).increment(1);
        } else {
            tracing::info!(
                process = P::NAME,
                command = reaction.command,
                code = error.code(),
                "a reaction was refused and is closed"
            );
        }
        self.note(event, reaction, command_id, &error).await;
    }

    /// Keeps in the log that the reaction came to nothing.
    async fn note(&self, event: &RecordedEvent, reaction: &Reaction, command_id: Uuid, error: &CommandError) {
        let refused = ReactionRefused {
            process: P::NAME.to_owned(),
            step: reaction.step.clone(),
            command: reaction.command.to_owned(),
            code: error.code().to_owned(),
            message: match error {
                // The reason speaks of the program's inside: it stands in the process's own log only.
                CommandError::Fault { command, .. } => format!("{command} failed inside the program"),
                told => told.to_string(),
            },
        };
        let note = RecordRefusedReaction { command_id, refused };
        let note_id = Uuid::new_v5(&command_id, b"refused");
        let give = || self.engine.execute(self.envelope(event, note_id), note.clone());
        if let Err(error) = self.answer(RecordRefusedReaction::NAME, give).await {
            tracing::error!(process = P::NAME, command = reaction.command, position = event.position, %error, "that a reaction came to nothing could not be noted");
        }
    }

    /// Gives a command until it is answered: for ever after a technical failure, [`FAULTS`] times after a fault.
    async fn answer<T, F>(&self, command: &'static str, give: impl Fn() -> F) -> Result<(), CommandError>
    where
        F: Future<Output = Result<T, CommandError>>,
    {
        let mut pause = FIRST_PAUSE;
        let mut faults = 0;
        loop {
            let Err(error) = give().await else { return Ok(()) };
            faults += u32::from(matches!(error, CommandError::Fault { .. }));
            if !error.is_technical() || faults == FAULTS {
                return Err(error);
            }
            tracing::warn!(process = P::NAME, command, %error, ?pause, "a process manager tries again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn envelope(&self, event: &RecordedEvent, command_id: Uuid) -> Envelope {
        Envelope {
            key_given: true,
            correlation_id: event.metadata.correlation_id,
            causation_id: Some(event.event_id),
            traceparent: event.metadata.traceparent.clone(),
            ..Envelope::new(Caller::system(event.stream.tenant), command_id)
        }
    }
}
