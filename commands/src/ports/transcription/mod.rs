//! Speech to text: what a caller asks of a transcription engine, and what it answers. The engine is an adapter; jobs and
//! recordings call it as a library.
//!
//! Times are counted in samples of 16 kHz mono audio from the start of the source, so that they add up exactly, and are
//! kept so; what people read shows them in seconds.

mod answer;
mod options;
mod time;
mod watch;

use std::error::Error;
use std::path::PathBuf;

pub use answer::{Flag, LanguageGuess, LostPart, LostTo, Segment, Transcript, TranscriptInfo, Word};
pub use options::{Language, Options, Quality, SpokenLanguage, Task, VoiceOptions};
pub use time::{SAMPLE_RATE, Samples, Span};
pub use watch::{Cancel, Progress, Watcher};

/// Something that can be listened to.
pub enum Source {
    /// A file, in any container that the engine can open.
    File(PathBuf),
    /// A stream that is read once, to its end, such as standard input.
    Stream {
        /// What it is called in messages.
        name: String,
        /// The bytes of a container, as they would stand in a file.
        bytes: Box<dyn std::io::Read + Send>,
    },
}

/// One recording to transcribe.
pub struct Job {
    /// What to listen to.
    pub source: Source,
    /// How.
    pub options: Options,
    /// Where finished windows are kept, so that a job that was broken off goes on where it stopped. With none, a job
    /// starts anew each time.
    pub checkpoint: Option<PathBuf>,
}

/// Turns speech into text. One engine serves many callers at once; what one asks never changes what another gets.
pub trait Transcriber: Send + Sync {
    /// Transcribes one recording; blocks until it is done. `watcher` is told of progress and of each segment, in time
    /// order, as soon as it is certain; `cancel` stops the job within one step of the decoder.
    ///
    /// # Errors
    /// Says why there is no transcript. Audio that ends in garbage is not an error: what could be decoded is
    /// transcribed, and [`TranscriptInfo::lost`] tells the rest. Nor is it one that the engine fails on a part: that part
    /// is lost too ([`LostTo::Engine`]); but an engine that gives no text at all, or stops, is one.
    fn transcribe(
        &self,
        job: Job,
        watcher: &mut dyn Watcher,
        cancel: &Cancel,
    ) -> Result<Transcript, TranscriptionError>;
}

/// Why a recording could not be transcribed. Each kind has a stable code.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptionError {
    /// The source cannot be read at all.
    #[error("{name} cannot be read")]
    Unreadable {
        /// The source.
        name: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no audio in it that can be decoded.
    #[error("{name} holds no audio that can be decoded: {reason}")]
    NoAudio {
        /// The source.
        name: String,
        /// What was found instead, and what would help.
        reason: String,
    },
    /// The options ask for what the model cannot do.
    #[error("{0}")]
    Unsuitable(String),
    /// A checkpoint belongs to another job, or cannot be written.
    #[error("the checkpoint {path} cannot be used")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The caller stopped it. What was finished stands in the checkpoint.
    #[error("transcription was stopped")]
    Cancelled,
    /// The engine failed.
    #[error("the speech engine failed")]
    Engine(#[source] Box<dyn Error + Send + Sync>),
}

impl TranscriptionError {
    /// The stable code of this kind of error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "AUDIO_UNREADABLE",
            Self::NoAudio { .. } => "AUDIO_NOT_DECODABLE",
            Self::Unsuitable(_) => "TRANSCRIPTION_OPTIONS",
            Self::Checkpoint { .. } => "TRANSCRIPTION_CHECKPOINT",
            Self::Cancelled => "TRANSCRIPTION_CANCELLED",
            Self::Engine(_) => "TRANSCRIPTION_ENGINE",
        }
    }
}
