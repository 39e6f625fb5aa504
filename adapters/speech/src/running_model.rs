//! A model at work: what all jobs of an engine share.

use std::sync::Arc;

use super::loading::{EngineError, EngineOptions, Loaded};
use super::mel::Spectrogram;
use super::scheduler::{LastResort, Scheduler};
use super::tally::Counter;

/// A loaded model, and the thread that runs it for whoever asks.
pub(super) struct RunningModel {
    pub loaded: Loaded,
    sha256: String,
    /// The same with the graph for word times.
    words_sha256: String,
    /// Why a text may depend on what else runs, if it may.
    pub depends_on_batch: Option<String>,
    pub spectrogram: Spectrogram,
    pub scheduler: Scheduler,
    /// Windows that are decoded together at most.
    pub max_rows: usize,
    why_no_words: Option<String>,
    pub counter: Counter,
}

impl RunningModel {
    /// Loads a model, runs it once, and starts its thread.
    pub(super) fn start(options: &EngineOptions) -> Result<Self, EngineError> {
        let (loaded, graphs) = Loaded::load(options)?;
        let model = &loaded.model;
        let max_rows = options.max_rows.unwrap_or(loaded.usual_rows());
        let depends_on_batch = (loaded.mixes_rows && max_rows > 1).then(|| {
            format!("the {} graphs take one scale for all of up to {max_rows} windows", model.precision)
        });
        let why_no_words = graphs.why_no_words().map(str::to_owned);
        let last_resort = LastResort::new(&loaded.runtime, model, loaded.device, loaded.threads);
        let scheduler = Scheduler::start(graphs, last_resort, Arc::clone(model), max_rows);
        Ok(Self {
            spectrogram: Spectrogram::new(model.config.num_mel_bins),
            sha256: model.digest(false)?,
            words_sha256: model.digest(true)?,
            depends_on_batch,
            scheduler: scheduler.map_err(EngineError::Thread)?,
            max_rows,
            why_no_words,
            counter: Counter::default(),
            loaded,
        })
    }

    /// Why it cannot tell the times of words, if it cannot: known since the graphs were loaded.
    pub(super) fn why_no_words(&self) -> Option<&str> {
        self.why_no_words.as_deref()
    }

    /// What a transcript depends on beside the audio and the options, as one digest.
    pub(super) fn sha256(&self, words: bool) -> &str {
        if words { &self.words_sha256 } else { &self.sha256 }
    }
}
