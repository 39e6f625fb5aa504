use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    ports::{CheckpointStore, Position, StoreError},
    tail::{Page, Place, Tail},
};

/// How far the clocks of machines that write to one log may differ before it is said.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::minutes(1);

/// How far a runner has read, and how much of that its checkpoint says is done.
pub(super) struct Progress {
    pub(super) reached: Place,
    pub(super) kept: Position,
    pub(super) kept_at: DateTime<Utc>,
    /// The checkpoint stands beyond what this log can tell to be done, and is to be moved back.
    is_set_back: bool,
    /// Whose time is the latest seen in the log.
    newest_at: DateTime<Utc>,
    /// Whether it was said already that the log's clock is ahead.
    is_ahead: bool,
}

impl Progress {
    /// What the checkpoint says.
    pub(super) async fn kept(
        process: &str,
        checkpoints: &dyn CheckpointStore,
        tail: &Tail,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let kept = checkpoints.load_checkpoint(process).await?;
        // A log that was cut behind the back of its checkpoints: what comes next in it would lie before the place kept.
        let found = tail.place_at(kept).await?;
        let (reached, is_set_back) = (found.unwrap_or(Place::BEGINNING), found.is_none());
        Ok(Self { reached, kept, kept_at: now, is_set_back, newest_at: now, is_ahead: false })
    }

    /// Begins at the beginning, whatever the checkpoint says.
    pub(super) fn set_back(&mut self) {
        (self.reached, self.is_set_back) = (Place::BEGINNING, true);
    }

    /// Whether the checkpoint is to say that all is done up to here. Not where somebody else has come further.
    pub(super) fn is_to_be_kept(&self, done: Position) -> bool {
        done > self.kept || (done < self.kept && self.is_set_back)
    }

    pub(super) fn keep(&mut self, done: Position, now: DateTime<Utc>) {
        (self.kept, self.kept_at, self.is_set_back) = (done, now, false);
    }

    pub(super) fn read(&mut self, page: &Page) {
        if let Some(newest) = page.events.last() {
            self.newest_at = newest.recorded_at;
        }
        self.reached = page.end;
    }

    /// Says when the log's clock is ahead of this process's: since it never runs backwards, one process whose clock is an hour
    /// ahead stamps that hour on all that comes after it, whoever writes it.
    pub(super) fn watch_clock(&mut self, now: DateTime<Utc>) {
        let ahead = self.newest_at - now;
        metrics::gauge!("cairn_log_clock_ahead_seconds").set(ahead.num_seconds().max(0) as f64);
        let is_ahead = ahead > CLOCK_TOLERANCE;
        if is_ahead && !self.is_ahead {
            tracing::error!(position = self.reached.position, recorded_at = %self.newest_at, "the log's clock is ahead of this process's: compare the clocks of all machines that write to it; events keep this time until it has come");
        }
        self.is_ahead = is_ahead;
    }
}
