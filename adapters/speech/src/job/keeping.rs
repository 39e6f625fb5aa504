//! Keeping what is finished, as long as it can be kept: a disk that is full costs the resume, not the transcript.

use commands::ports::transcription::{Progress, TranscriptionError, Watcher};

use super::Transcription;
use crate::checkpoint::Checkpoint;
use crate::in_full;

/// Whether what is finished is kept.
#[derive(Default)]
pub(super) struct Keeping {
    /// Why nothing is kept any more.
    pub ended: Option<String>,
    told: bool,
}

impl Transcription<'_> {
    /// Writes to the checkpoint, if there is one that can still be written. Lines after one that is missing would be
    /// worth something, but a disk that is full once is full again at the next window.
    pub(super) fn keep(&mut self, write: impl FnOnce(&mut Checkpoint) -> Result<(), TranscriptionError>) {
        if self.keeping.ended.is_some() {
            return;
        }
        if let Some(Err(error)) = self.checkpoint.as_mut().map(write) {
            let error = in_full(&error);
            tracing::warn!(error, "what is finished from now on is not kept");
            self.keeping.ended = Some(error);
        }
    }

    /// Tells once that it is not.
    pub(super) fn tell_keeping(&mut self, watcher: &mut dyn Watcher) {
        if let Some(reason) = self.keeping.ended.as_deref().filter(|_| !self.keeping.told) {
            watcher.progress(Progress::NotKept(reason));
            self.keeping.told = true;
        }
    }
}
