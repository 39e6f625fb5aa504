//! Which language a recording or a window is in.

use commands::ports::transcription::{
    Language, LanguageGuess, Progress, SpokenLanguage, TranscriptionError, Watcher,
};

use super::Transcription;
use crate::model::Tokens;
use crate::scheduler::{Features, Outcome, Work};
use crate::window::{PreparedWindow, WindowResult};
use crate::wording::rounded;

/// Windows whose language is asked for before it is decided for a recording.
pub(super) const LANGUAGE_WINDOWS: usize = 5;
/// Below this probability a language is uncertain.
const CERTAIN: f32 = 0.5;
/// Languages that are told.
pub(super) const LANGUAGES_TOLD: usize = 5;

/// What is known of the language.
#[derive(Clone)]
pub(super) enum RecordingLanguage {
    /// It is found out from the first windows.
    Unknown,
    /// It is found out for each window.
    EachWindow,
    /// It is known; none in a model of one language.
    Known { language: Option<Language>, uncertain: bool },
}

impl RecordingLanguage {
    /// What the options say of it.
    pub(super) fn of(options: &SpokenLanguage, tokens: &Tokens) -> Self {
        match options {
            _ if tokens.languages.is_empty() => Self::Known { language: None, uncertain: false },
            SpokenLanguage::Given(language) => {
                Self::Known { language: Some(language.clone()), uncertain: false }
            }
            SpokenLanguage::Auto => Self::Unknown,
            SpokenLanguage::Multilingual => Self::EachWindow,
        }
    }
}

impl Transcription<'_> {
    /// Asks which language a window is in.
    pub(super) fn ask_language(&mut self, prepared: PreparedWindow) {
        self.submit(prepared.number, prepared.features.clone(), Work::Languages);
        self.asking.insert(prepared.number, prepared);
    }

    /// Takes the answer.
    pub(super) fn heard(
        &mut self,
        mut prepared: PreparedWindow,
        outcome: Outcome,
        features: Option<Features>,
    ) -> Result<(), TranscriptionError> {
        let found = match outcome {
            Outcome::Languages(found) => Ok(found),
            Outcome::Failed(reason) => Err(reason),
            Outcome::Decoded(_) | Outcome::Attention(_) | Outcome::Cancelled | Outcome::Stopped => {
                Err("the engine gave another answer than was asked for".to_owned())
            }
        };
        if let Some(features) = features {
            prepared.features = features;
        }
        match (&self.language, found) {
            (RecordingLanguage::EachWindow, Ok(found)) => self.start_in_own_language(prepared, &found),
            (RecordingLanguage::EachWindow, Err(reason)) => {
                self.lose(&prepared, reason);
                Ok(())
            }
            (RecordingLanguage::Unknown | RecordingLanguage::Known { .. }, found) => {
                self.heard.push((prepared, found));
                Ok(())
            }
        }
    }

    /// A window whose language cannot be found out has no text.
    fn lose(&mut self, prepared: &PreparedWindow, reason: String) {
        let result = WindowResult::lost(&prepared.window, reason);
        self.finish_window(prepared.number, prepared.window.end(), result);
    }

    /// Decides when five windows were heard, or all that there are, by those of them that the engine did not fail on;
    /// whether there are windows that can be begun now. Where it failed on all, the next ones are heard.
    pub(super) fn decide_when_heard(
        &mut self,
        watcher: &mut dyn Watcher,
    ) -> Result<bool, TranscriptionError> {
        let enough = self.all_fed || self.heard.len() >= LANGUAGE_WINDOWS;
        if !matches!(self.language, RecordingLanguage::Unknown)
            || !self.asking.is_empty()
            || self.heard.is_empty()
            || !enough
        {
            return Ok(false);
        }
        if self.heard.iter().all(|(_, found)| found.is_err()) {
            for (prepared, found) in std::mem::take(&mut self.heard) {
                self.lose(&prepared, found.err().unwrap_or_default());
            }
            return Ok(!self.ready.is_empty());
        }
        let languages = self.mean_of_heard();
        let first = self.heard.iter().min_by_key(|(prepared, _)| prepared.number);
        if let Some(digest) = first.map(|(first, _)| first.digest.clone()) {
            self.keeping.keep(|checkpoint| checkpoint.keep_languages(digest, &languages));
        }
        self.decide(languages, watcher);
        let mut heard: Vec<PreparedWindow> =
            std::mem::take(&mut self.heard).into_iter().map(|(prepared, _)| prepared).collect();
        heard.sort_by_key(|prepared| prepared.number);
        // They go before those that wait already, and are begun like them.
        for prepared in heard.into_iter().rev() {
            self.ready.push_front(prepared);
        }
        Ok(true)
    }

    fn mean_of_heard(&self) -> Vec<LanguageGuess> {
        let heard: Vec<&Vec<f32>> = self.heard.iter().filter_map(|(_, found)| found.as_ref().ok()).collect();
        let languages = &self.plan.tokens.languages;
        let sum = |place: usize| heard.iter().filter_map(|found| found.get(place)).sum::<f32>();
        let mean = |place: usize| sum(place) / heard.len().max(1) as f32;
        let guesses = languages.iter().enumerate().map(|(place, known)| LanguageGuess {
            language: known.language.clone(),
            probability: rounded(mean(place)),
        });
        let mut guesses: Vec<LanguageGuess> = guesses.collect();
        guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        guesses.truncate(LANGUAGES_TOLD);
        guesses
    }

    /// Takes the language that an earlier run heard in a recording that begins with the same window.
    pub(super) fn recall_languages(&mut self, prepared: &PreparedWindow, watcher: &mut dyn Watcher) {
        let kept = self.keeping.kept().filter(|_| prepared.number == 0);
        let languages = kept.and_then(|kept| kept.languages(&prepared.digest)).map(<[LanguageGuess]>::to_vec);
        if let (RecordingLanguage::Unknown, Some(languages)) = (&self.language, languages) {
            self.decide(languages, watcher);
        }
    }

    /// What an earlier run made of a window, if that was in the language that the recording is in now. As long as it is not
    /// known which one that is, nothing: the first windows decide it, as they would in a run from the start.
    pub(super) fn recall(&mut self, prepared: &PreparedWindow) -> Option<WindowResult> {
        let now = match &self.language {
            RecordingLanguage::Unknown => return None,
            RecordingLanguage::EachWindow => None,
            RecordingLanguage::Known { language, .. } => language.clone(),
        };
        let result = self.keeping.kept()?.take(&prepared.digest)?;
        let is_in_it = |now: Language| result.segments.iter().all(|segment| segment.language == now);
        now.is_none_or(is_in_it).then_some(result)
    }

    /// The language of the recording is known.
    pub(super) fn decide(&mut self, languages: Vec<LanguageGuess>, watcher: &mut dyn Watcher) {
        let first = languages.first();
        self.language = RecordingLanguage::Known {
            language: first.map(|guess| guess.language.clone()),
            uncertain: first.is_none_or(|guess| guess.probability < CERTAIN),
        };
        watcher.progress(Progress::Language(&languages));
        self.told.languages = languages;
    }

    fn start_in_own_language(
        &mut self,
        prepared: PreparedWindow,
        found: &[f32],
    ) -> Result<(), TranscriptionError> {
        let best = found.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let known = best.and_then(|(place, _)| self.plan.tokens.languages.get(place));
        let language = known.map(|known| known.language.clone());
        let probability = best.map_or(0.0, |(_, probability)| rounded(*probability));
        let heard = language.clone().map(|language| LanguageGuess { language, probability });
        self.start(prepared, language, probability < CERTAIN, heard)
    }
}
