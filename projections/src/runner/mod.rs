//! Keeps read models current, rebuilds them beside the live ones, and repairs what was parked.
//!
//! Reading order: [`ReadSide`] (what the rest of the program holds), `projector` (the loop that keeps live builds
//! current), `folding` (one build and a batch of events), `standing` (what a process knows of it
//! all), `foreign` (builds of another log), `rebuild` (blue and green; `pass` reads the log once for several builds, `ride` is a seat
//! in it for others, `rebuilt` is what it tells), `repair` (parked streams), `scratch` (a read model as of a position).
//!
//! **Who writes.** One process at a time holds the lease `projector` and folds for all live builds, so that their
//! rows stand at one position; others stand by and take over when it is free. A process that does not know a live
//! build, because it is of a newer program, leaves the lease to those that do. Rebuilds and repairs take the same
//! lease by force for their last step: the projector is fenced, writes nothing, and begins anew from what is stored.
//! There is no other way to touch a live row, which is why a checkpoint is exact.
//!
//! **Who stands by** reads the lease once a second and writes nothing; while somebody waits for a position there, it looks
//! twenty times a second how far the others have come.
//!
//! **Of which log.** A checkpoint is a position and the id of the event there. When a process starts, whenever it wins
//! the lease, and whenever the log's tail finds that the log is another one, both are looked up in the log; a build that
//! stands on an event which the log does not have there is retired, and built anew.

mod borrowed_lease;
mod folding;
mod foreign;
mod pages;
mod pass;
mod projector;
mod read_side;
mod rebuild;
mod rebuilt;
mod repair;
mod ride;
mod scratch;
mod standing;

use std::time::Duration;

use commands::ports::{Position, StoreError};

pub use read_side::{ReadSide, ReadSideOptions, WaitError};
pub use rebuild::Rebuild;
pub use rebuilt::{Phase, Progress, Rebuilt, TableComparison};
pub use repair::{Parked, Repair, Repaired};
pub use ride::Ride;
pub use scratch::Scratch;
pub use standing::Lag;

use crate::{ValueMismatch, ports::ReadStoreError};

/// The lease of whoever folds for the live builds.
pub const PROJECTOR_LEASE: &str = "projector";

/// How long a lease outlives its holder's last sign of life.
const LEASE_TTL: Duration = Duration::from_secs(10);

/// Why a runner stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The log could not be read.
    #[error("the log could not be read")]
    Events(#[from] StoreError),
    /// The read store failed.
    #[error("the read store failed")]
    Rows(#[from] ReadStoreError),
    /// A table holds values that this program cannot read.
    #[error("a table holds values that this program cannot read")]
    Values(#[from] ValueMismatch),
    /// Somebody else holds the lease now. Nothing was written.
    #[error("another process has taken over")]
    Fenced,
    /// Another process is rebuilding this read model.
    #[error("{model} is being rebuilt already")]
    RebuildRunning {
        /// Which.
        model: &'static str,
    },
    /// Somebody asked for it to stop. It goes on where it stood when it is run again.
    #[error("it was interrupted")]
    Interrupted,
    /// No read model of this name is registered.
    #[error("there is no read model {0}")]
    UnknownModel(String),
    /// Nothing of this stream is parked in this read model.
    #[error("nothing of {stream} is parked in {model}")]
    NothingParked {
        /// The read model.
        model: &'static str,
        /// The stream.
        stream: String,
    },
    /// An event that this build has parked was skipped while it was made: the next run begins anew.
    #[error("an event that the new build of {model} had parked was skipped meanwhile: rebuild it again")]
    SkippedMeanwhile {
        /// The read model.
        model: &'static str,
    },
    /// A newer program's version of this read model is live. Nothing was written.
    #[error("{model} is live in version {version}, of a newer program: rebuild it with that program")]
    NewerIsLive {
        /// The read model.
        model: &'static str,
        /// The live version.
        version: u32,
    },
    /// The log ends before a position that it had reached: it was replaced meanwhile.
    #[error("the log ends at {end}, but {wanted} was in it: it was restored or replaced meanwhile")]
    LogCut {
        /// Where it ends.
        end: Position,
        /// What it held before.
        wanted: Position,
    },
    /// A task of the runner ended without an answer.
    #[error("a task of the runner broke off: {0}")]
    BrokenOff(String),
}
