//! Following a job while it runs, and stopping it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{LanguageGuess, Samples, Segment};

/// Something that happened in a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress<'a> {
    /// The source is open. Its length is known for files that state it.
    Opened {
        /// The length of the audio, as the container states it.
        duration: Option<Samples>,
    },
    /// Finished windows were found in a checkpoint; their segments follow.
    Resumed {
        /// How many.
        windows: u64,
    },
    /// From here on nothing is kept in the checkpoint, for this reason; told once. The job goes on.
    NotKept(&'a str),
    /// The language is known; most likely first.
    Language(&'a [LanguageGuess]),
    /// The next segment, final.
    Segment(&'a Segment),
    /// Everything before this point is done.
    Done {
        /// The point.
        until: Samples,
    },
}

/// Is told of progress, from the thread that called the engine.
pub trait Watcher {
    /// Called once for each thing that happens.
    fn progress(&mut self, progress: Progress<'_>);
}

impl<F: FnMut(Progress<'_>)> Watcher for F {
    fn progress(&mut self, progress: Progress<'_>) {
        self(progress);
    }
}

/// Stops a job from another thread. Clones stop the same job.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the job to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was asked to.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
