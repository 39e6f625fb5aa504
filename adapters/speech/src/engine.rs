//! The engine: one model on one device, for as many callers as there are. Each call prepares its own audio on its own
//! threads (`feeder.rs`), hands windows to the one thread that owns the model (`scheduler.rs`), and follows each of them
//! to its segments (`job.rs`, `window_transcription.rs`).

use std::sync::atomic::{AtomicU64, Ordering};

use commands::ports::transcription::{
    Cancel, Job, Language, SpokenLanguage, Task, Transcriber, Transcript, TranscriptionError, Watcher,
};

use super::clockwork::Clockwork;
use super::job;
use super::loading::{EngineError, EngineOptions, Loaded};
use super::running_model::RunningModel;
use super::tally::Tally;

/// A model that is ready.
pub struct Engine {
    model: RunningModel,
    /// Jobs so far.
    jobs: AtomicU64,
}

impl Engine {
    /// Loads a model and runs it once.
    ///
    /// # Errors
    /// Says what is missing or does not fit, and what to do about it.
    pub fn start(options: &EngineOptions) -> Result<Self, EngineError> {
        Ok(Self { model: RunningModel::start(options)?, jobs: AtomicU64::new(0) })
    }

    /// The model, and what it runs on.
    #[must_use]
    pub fn loaded(&self) -> &Loaded {
        &self.model.loaded
    }

    /// Why it cannot tell the times of words, if it cannot: known since the graphs were loaded.
    #[must_use]
    pub fn why_no_words(&self) -> Option<&str> {
        self.model.why_no_words()
    }

    /// What it has done so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.model.counter.told(self.clockwork())
    }

    /// Where the time of decoding has gone so far.
    #[must_use]
    pub fn clockwork(&self) -> Clockwork {
        self.model.scheduler.clockwork()
    }

    /// Refuses what the model cannot do.
    fn check(&self, job: &Job) -> Result<(), TranscriptionError> {
        let model = &self.loaded().model;
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
        let transcript = job::run(&self.model, number, job, watcher, cancel)?;
        self.model.counter.transcript(&transcript);
        Ok(transcript)
    }
}
