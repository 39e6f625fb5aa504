use chrono::{DateTime, TimeDelta, Utc};

use super::Position;

/// How far a process's clock may be ahead of the store's.
pub const CLOCK_AHEAD_AT_MOST: TimeDelta = TimeDelta::minutes(1);

/// A technical failure of a store. The caller's commit may or may not stand; repeating it under its command id is safe.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, or answered with an error that may pass.
    #[error("the event store cannot be reached while {doing}: {reason}")]
    Unavailable {
        /// What was tried.
        doing: &'static str,
        /// The database's words.
        reason: String,
    },
    /// The database refuses this data, and would refuse it again. Nothing of it was written.
    #[error("the event store refuses the data while {doing}: {reason}")]
    Rejected {
        /// What was tried.
        doing: &'static str,
        /// The database's words.
        reason: String,
    },
    /// No space is left.
    #[error("the event store's disk is full while {doing}")]
    DiskFull {
        /// What was tried.
        doing: &'static str,
    },
    /// The file or database is not what it should be. Nothing was written to it.
    #[error("the event store is damaged or foreign: {reason}")]
    Corrupt {
        /// What is wrong, and with which file or table.
        reason: String,
    },
    /// The database was written by a newer program.
    #[error("the event store has schema version {found}, this program knows {known}: use a newer program")]
    TooNew {
        /// The version found.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// This process's clock is ahead of the store's: what it would write could never be followed by an event of its true time.
    /// Nothing of it was written.
    #[error("this machine's clock says {ours}, the event store's {theirs}: set the clock, then start again")]
    ClockAhead {
        /// What this process takes for the present.
        ours: DateTime<Utc>,
        /// What the store takes for it.
        theirs: DateTime<Utc>,
    },
    /// An unfiltered reader found a hole in the log. Reading stops here: an event must never be skipped.
    #[error("the log has a gap: position {expected} was due, {found} came")]
    Gap {
        /// What should have come.
        expected: Position,
        /// What came.
        found: Position,
    },
}
