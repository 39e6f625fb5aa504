//! What a Whisper model hears at once: windows of at most 30 s, cut in silence, and the one map between the times in them
//! and the times of the recording.
//!
//! Speech is packed to between 20 and 30 s, because a model makes more mistakes in short pieces and takes as long for them.
//! Silence between is shortened, never replaced: every sample of a window is one of the recording, in order, and every
//! sample of speech stands in exactly one window.

mod cutter;
mod map;
mod packer;

use commands::ports::transcription::{Samples, Span, VoiceOptions};
use sha2::{Digest, Sha256};

pub use cutter::Cutter;
pub use map::{Piece, TimeMap};

use super::voice::{Detector, VoiceError, VoiceModel};
use super::wording::half;

/// Samples of the longest window: 30 s.
pub const LONGEST_WINDOW: u64 = super::mel::WINDOW.0;

/// A stretch for the model to hear.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// At most [`LONGEST_WINDOW`].
    pub samples: Vec<f32>,
    /// Where they stand in the recording.
    pub map: TimeMap,
    /// Where the detector heard speech, in the window's time; all of it where nobody listened.
    pub speech: Vec<Span>,
}

impl Window {
    /// How much there is of it.
    #[must_use]
    pub fn length(&self) -> Samples {
        Samples(self.samples.len() as u64)
    }

    /// Where the window begins in the recording.
    #[must_use]
    pub fn start(&self) -> Samples {
        self.map.pieces().first().map_or(Samples(0), |piece| Samples(piece.source_start))
    }

    /// Where it ends in the recording.
    #[must_use]
    pub fn end(&self) -> Samples {
        self.map.pieces().last().map_or(Samples(0), |piece| Samples(piece.source_end))
    }

    /// Names it by where each part of it lies, where speech was heard in it, and what it holds.
    pub(super) fn digest(&self) -> String {
        // In one go: a call for each sample would take longer than the hashing.
        let mut bytes = Vec::with_capacity(self.samples.len() * 4 + 1_024);
        let mut number = |number: u64| bytes.extend_from_slice(&number.to_le_bytes());
        number(self.map.pieces().len() as u64);
        for piece in self.map.pieces() {
            [piece.source_start, piece.source_end, piece.window_start].into_iter().for_each(&mut number);
        }
        number(self.speech.len() as u64);
        for speech in &self.speech {
            [speech.start.0, speech.end.0].into_iter().for_each(&mut number);
        }
        bytes.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        half(&Sha256::digest(&bytes))
    }
}

/// Listens to one stretch of a recording and gives its windows, each as soon as it is certain. What it gives does not
/// depend on the portions in which it gets the audio, and how much audio it keeps does not depend on how long that is.
pub struct Listener {
    detector: Option<Detector>,
    cutter: Cutter,
    probabilities: Vec<f32>,
}

impl Listener {
    /// For audio whose first sample is `origin`. Each range of a recording gets one of its own, so that no window crosses
    /// an edge; a range that is to be heard with what is around it is simply given with it. Without a model, or where the
    /// options say so, nobody listens for speech and everything comes in windows.
    #[must_use]
    pub fn new(model: Option<&VoiceModel>, options: VoiceOptions, origin: Samples) -> Self {
        let model = model.filter(|_| options.enabled);
        let options = VoiceOptions { enabled: model.is_some(), ..options };
        Self {
            detector: model.map(VoiceModel::detector),
            cutter: Cutter::new(options, origin),
            probabilities: Vec::new(),
        }
    }

    /// Ends windows after this much silence, if not before: somebody else may speak next, in another language.
    #[must_use]
    pub fn ending_at(mut self, silence: Samples) -> Self {
        self.cutter = self.cutter.ending_at(silence);
        self
    }

    /// Takes the next samples and appends the windows that are certain now.
    ///
    /// # Errors
    /// When the voice detector fails.
    pub fn push(&mut self, samples: &[f32], windows: &mut Vec<Window>) -> Result<(), VoiceError> {
        self.probabilities.clear();
        match &mut self.detector {
            Some(detector) => detector.push(samples, &mut self.probabilities)?,
            None => self.probabilities.resize(self.cutter.frames_with(samples.len()), 1.0),
        }
        self.cutter.push(samples, &self.probabilities, windows);
        Ok(())
    }

    /// The audio is over: appends its last windows, and says how much speech there was in all.
    ///
    /// # Errors
    /// When the voice detector fails.
    pub fn finish(mut self, windows: &mut Vec<Window>) -> Result<Samples, VoiceError> {
        self.probabilities.clear();
        match self.detector {
            Some(detector) => detector.finish(&mut self.probabilities)?,
            None => self.probabilities.push(1.0),
        }
        Ok(self.cutter.finish(&self.probabilities, windows))
    }
}
