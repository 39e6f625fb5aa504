//! The engine: one model on one device, for as many callers as there are. Each call prepares its own audio on its own
//! threads (`feeder.rs`), hands windows to the one thread that owns the model (`scheduler.rs`), and follows each of them
//! to its segments (`job.rs`, `course.rs`).

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use commands::ports::transcription::{
    Cancel, Job, Language, SpokenLanguage, Task, Transcriber, Transcript, TranscriptionError, Watcher,
};

use super::RuntimeError;
use super::clockwork::Clockwork;
use super::job;
use super::loaded::Loaded;
use super::mel::Spectrogram;
use super::model::{ModelError, ModelFolder, Precision, mixes_rows};
use super::scheduler::{LastResort, Scheduler};
use super::tally::{Counter, Tally};
use super::voice::VoiceError;

/// Which device to run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A card if there is one, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// A card; without one the engine does not start.
    Cuda,
}

/// What an engine is started with.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// The model's folder.
    pub model: PathBuf,
    /// Which of its graphs.
    pub precision: Precision,
    /// Where to run.
    pub device: DeviceChoice,
    /// Threads of the processor; none means one for each core.
    pub threads: Option<usize>,
    /// Windows decoded together; none means 8 on a processor, 32 on a card. Of a model whose graphs quantise what they
    /// compute over the whole batch (operator `DynamicQuantizeLinear`: most int8 models) none means 1: there a text
    /// depends on what else is in the batch, and more is faster but gives up that equal input gives equal output.
    pub max_rows: Option<usize>,
    /// ONNX Runtime's library; none means the one that is found.
    pub library: Option<PathBuf>,
    /// The voice detector's model; none means the one that is found.
    pub voice_model: Option<PathBuf>,
}

/// Why an engine did not start. Each kind has a stable code.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// ONNX Runtime, or the card.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The voice detector.
    #[error(transparent)]
    Voice(#[from] VoiceError),
    /// The system gave no thread.
    #[error("the speech engine's thread cannot be started")]
    Thread(#[source] std::io::Error),
}

impl EngineError {
    /// The stable code of this kind of error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Runtime(RuntimeError::NoCard { .. }) => "SPEECH_DEVICE",
            Self::Runtime(_) => "SPEECH_RUNTIME",
            Self::Model(_) => "SPEECH_MODEL",
            Self::Voice(_) => "SPEECH_VOICE_MODEL",
            Self::Thread(_) => "SPEECH_THREAD",
        }
    }
}

/// A model that is ready.
pub struct Engine {
    pub(super) loaded: Loaded,
    model_sha256: String,
    /// The same with the graph for word times.
    words_sha256: String,
    /// Why a text may depend on what else runs, if it may.
    pub(super) depends_on_batch: Option<String>,
    /// One for all jobs.
    pub(super) spectrogram: Spectrogram,
    pub(super) scheduler: Scheduler,
    pub(super) max_rows: usize,
    /// Why it cannot tell the times of words, if it cannot.
    why_no_words: Option<String>,
    jobs: AtomicU64,
    pub(super) counter: Counter,
}

impl Engine {
    /// Loads a model and runs it once.
    ///
    /// # Errors
    /// Says what is missing or does not fit, and what to do about it.
    pub fn start(options: &EngineOptions) -> Result<Self, EngineError> {
        let (loaded, graphs) = Loaded::load(options)?;
        let model = &loaded.model;
        let mixes_rows = mixes(model)?;
        let usual_rows = if mixes_rows { 1 } else { loaded.device.usual_rows() };
        let max_rows = options.max_rows.unwrap_or(usual_rows);
        let depends_on_batch = (mixes_rows && max_rows > 1).then(|| {
            format!("the {} graphs take one scale for all of up to {max_rows} windows", model.precision)
        });
        let why_no_words = graphs.why_no_words().map(str::to_owned);
        let last_resort = LastResort::new(&loaded.runtime, model, loaded.device, loaded.threads);
        let scheduler = Scheduler::start(graphs, last_resort, Arc::clone(model), max_rows);
        Ok(Self {
            spectrogram: Spectrogram::new(model.config.num_mel_bins),
            model_sha256: model.digest(false)?,
            words_sha256: model.digest(true)?,
            depends_on_batch,
            scheduler: scheduler.map_err(EngineError::Thread)?,
            max_rows,
            why_no_words,
            jobs: AtomicU64::new(0),
            counter: Counter::default(),
            loaded,
        })
    }

    /// The model, and what it runs on.
    #[must_use]
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Why it cannot tell the times of words, if it cannot: known since the graphs were loaded.
    #[must_use]
    pub fn why_no_words(&self) -> Option<&str> {
        self.why_no_words.as_deref()
    }

    /// What a transcript depends on beside the audio and the options, as one digest.
    pub(super) fn sha256(&self, words: bool) -> &str {
        if words { &self.words_sha256 } else { &self.model_sha256 }
    }

    /// What it has done so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.counter.told(self.scheduler.clockwork())
    }

    /// Where the time of decoding has gone so far.
    #[must_use]
    pub fn clockwork(&self) -> Clockwork {
        self.scheduler.clockwork()
    }

    /// Refuses what the model cannot do.
    fn check(&self, job: &Job) -> Result<(), TranscriptionError> {
        let model = &self.loaded.model;
        let tokens = &model.tokens;
        let unsuitable = |reason: String| Err(TranscriptionError::Unsuitable(reason));
        let options = &job.options;
        if tokens.languages.is_empty() {
            if options.task == Task::Translate {
                return unsuitable(format!("{} knows English alone and cannot translate", model.name()));
            }
            if matches!(&options.language, SpokenLanguage::Given(Language(language)) if language != "en") {
                return unsuitable(format!("{} knows English alone; leave --language out", model.name()));
            }
        } else if let SpokenLanguage::Given(language) = &options.language
            && tokens.language(language).is_none()
        {
            let known: Vec<&str> = tokens.languages.iter().map(|known| known.language.0.as_str()).collect();
            return unsuitable(format!(
                "{} does not know the language '{}'; it knows {}",
                model.name(),
                language.0,
                known.join(" ")
            ));
        }
        let mut end = None;
        for range in &options.ranges {
            if range.start >= range.end || end.is_some_and(|end| range.start < end) {
                return unsuitable(
                    "ranges must be in time order, not empty and apart from each other".to_owned(),
                );
            }
            end = Some(range.end);
        }
        Ok(())
    }
}

impl Transcriber for Engine {
    fn transcribe(
        &self,
        job: Job,
        watcher: &mut dyn Watcher,
        cancel: &Cancel,
    ) -> Result<Transcript, TranscriptionError> {
        self.check(&job)?;
        let number = self.jobs.fetch_add(1, Ordering::Relaxed);
        let transcript = job::run(self, number, job, watcher, cancel)?;
        self.counter.transcript(&transcript);
        Ok(transcript)
    }
}

/// Whether any of the model's graphs lets the rows of a batch change each other.
fn mixes(model: &ModelFolder) -> Result<bool, ModelError> {
    for graph in model.graphs().chain(&model.align) {
        match mixes_rows(graph) {
            Ok(false) => {}
            Ok(true) => return Ok(true),
            Err(source) => return Err(ModelError::Unreadable { path: graph.clone(), source }),
        }
    }
    Ok(false)
}
