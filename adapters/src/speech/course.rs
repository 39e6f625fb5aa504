//! A window's way from samples to segments: decoded, checked, decoded again where a check fails, the rest decoded where
//! the model stopped early, timed. Says what to ask of the scheduler next; knows neither threads nor files.

mod part;
#[cfg(test)]
mod tests;
mod writing;

use std::ops::Range;
use std::sync::Arc;

use commands::ports::transcription::{Flag, Language, LanguageGuess, LostPart, LostTo, Samples, Segment};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::decode::{Decoded, Search};
use super::doubts;
use super::feeder::Prepared;
use super::mel::Spectrogram;
use super::model::Tokens;
use super::scheduler::{Features, Work};
use super::segments::timeline;
use super::windows::Window;
use part::{Attempt, Kept, Part, best};

/// Temperatures in the order in which they are tried.
const TEMPERATURES: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];

/// What all windows of a job share.
pub(super) struct Plan {
    pub tokens: Tokens,
    pub spectrogram: Spectrogram,
    pub search: Search,
    pub translate: bool,
    pub words: bool,
    pub seed: u64,
    /// Whether the windows' speech is known from a voice detector.
    pub listens: bool,
}

/// What one window needs to know beside itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Setting {
    /// Its language; none for a model of one language.
    pub language: Option<Language>,
    /// Whether that language is uncertain.
    pub uncertain: bool,
    /// The same as it was heard, where each window is asked for its own.
    pub heard: Option<LanguageGuess>,
    /// The text before, as tokens.
    pub before: Vec<u32>,
    /// The same as text, to notice its echo.
    pub before_text: Option<String>,
}

/// What a window came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct WindowResult {
    /// In source time, in order.
    pub segments: Vec<Segment>,
    /// Whether it was left out as silence.
    pub silent: bool,
    /// Parts of it that have no text although they should.
    pub failed: Vec<LostPart>,
    /// Its language, where each window was asked for its own.
    pub language: Option<LanguageGuess>,
}

impl WindowResult {
    /// A window that the engine failed on as a whole.
    pub(super) fn lost(window: &Window, reason: String) -> Self {
        Self { failed: vec![lost(window, reason)], ..Self::default() }
    }
}

fn lost(window: &Window, reason: String) -> LostPart {
    LostPart { start: window.start(), end: window.end(), to: LostTo::Engine, reason }
}

/// What to do next.
pub(super) enum Next {
    /// Ask the scheduler.
    Ask(Features, Work),
    /// The window is finished.
    Done(WindowResult),
}

/// One window on its way.
pub(super) struct Course {
    plan: Arc<Plan>,
    setting: Setting,
    end: Samples,
    digest: String,
    /// What is being decoded: the window, then what it left.
    part: Part,
    /// Parts that wait, in time order.
    parts: Vec<Part>,
    /// Speech that got no text even when it was decoded by itself, in the source.
    uncovered: Vec<Range<u64>>,
    result: WindowResult,
    /// Whether any part had text.
    spoken: bool,
}

impl Course {
    /// Starts with a window.
    pub(super) fn new(plan: Arc<Plan>, setting: Setting, prepared: Prepared) -> Self {
        let Prepared { window, features, digest, .. } = prepared;
        let end = window.end();
        let mut part = Part::new(window, features);
        part.prompted = !setting.before.is_empty();
        Self {
            plan,
            setting,
            end,
            digest,
            part,
            parts: Vec::new(),
            uncovered: Vec::new(),
            result: WindowResult::default(),
            spoken: false,
        }
    }

    /// Where the window ends in the recording.
    pub(super) fn end(&self) -> Samples {
        self.end
    }

    /// What the window is called in a checkpoint.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// The first thing to ask.
    pub(super) fn begin(&self) -> Next {
        self.ask()
    }

    fn prompt(&self) -> Vec<u32> {
        let tokens = &self.plan.tokens;
        let mut prompt = Vec::with_capacity(self.setting.before.len() + 4);
        if self.part.prompted {
            prompt.push(tokens.previous);
            prompt.extend_from_slice(&self.setting.before);
        }
        prompt.push(tokens.start);
        if let Some(language) = self.setting.language.as_ref().and_then(|language| tokens.language(language))
        {
            prompt.push(language);
            prompt.extend(if self.plan.translate { tokens.translate } else { tokens.transcribe });
        }
        prompt
    }

    fn ask(&self) -> Next {
        let temperature = TEMPERATURES[self.part.attempt];
        let search = if self.part.attempt == 0 { self.plan.search } else { Search::Sample };
        let start = self.part.window.start();
        let seed = self.plan.seed ^ start.0.rotate_left(20) ^ (self.part.attempt as u64).rotate_left(50);
        Next::Ask(
            self.part.features.clone(),
            Work::Decode { prompt: self.prompt(), temperature, seed, search },
        )
    }

    /// Takes a text, and the window as far as it has come.
    pub(super) fn decoded(&mut self, decoded: Decoded, features: Option<Features>) -> Next {
        if let Some(features) = features {
            self.part.features = features;
        }
        let text = self.plan.tokens.text(&decoded.tokens);
        let attempt = Attempt {
            temperature: TEMPERATURES[self.part.attempt],
            compression_ratio: doubts::compression_ratio(&text),
            decoded,
        };
        let again = attempt.is_poor() && !attempt.is_silence();
        self.part.tried.push(attempt);
        if again && self.part.attempt + 1 < TEMPERATURES.len() {
            self.part.attempt += 1;
            return self.ask();
        }
        let Some(attempt) = best(std::mem::take(&mut self.part.tried)) else { return self.next_part() };
        let text = self.plan.tokens.text(&attempt.decoded.tokens);
        let suspicious = doubts::loops(&text) || self.echoes(&text);
        if suspicious && self.part.prompted {
            self.part.prompted = false;
            self.part.attempt = 0;
            return self.ask();
        }
        self.keep(attempt)
    }

    fn echoes(&self, text: &str) -> bool {
        self.part.prompted && doubts::echoes(text, self.setting.before_text.as_deref())
    }

    /// Decides for a text; what is left to do with it are the times of its words.
    fn keep(&mut self, attempt: Attempt) -> Next {
        if attempt.is_silence() {
            return self.next_part();
        }
        let length = self.part.window.samples.len() as u64;
        let doubtful = attempt.is_poor();
        let timeline =
            timeline(&self.plan.tokens, &attempt.decoded.tokens, &attempt.decoded.logprobs, length);
        let wants_words = self.plan.words && !timeline.segments.is_empty();
        let ask = wants_words.then(|| {
            // The last token's look tells where a token after it would be: there is none.
            let mut ids = self.prompt();
            ids.extend(&attempt.decoded.tokens);
            Next::Ask(self.part.features.clone(), Work::Attention { ids })
        });
        self.part.kept = Some(Kept { attempt, timeline, doubtful });
        ask.unwrap_or_else(|| self.settle(&[]))
    }

    /// Takes note that what comes next came on the second try, on other graphs than the usual ones.
    pub(super) fn tried_again(&mut self) {
        self.part.second_try = true;
    }

    /// Takes the attention of the text that was kept.
    pub(super) fn attended(&mut self, attention: &[Array2<f32>]) -> Next {
        self.settle(attention)
    }

    /// Takes note that a part cannot be done. A text whose words cannot be timed stays a text.
    pub(super) fn failed(&mut self, reason: String) -> Next {
        if self.part.kept.is_some() {
            tracing::warn!(%reason, "the words of a window cannot be timed");
            return self.settle(&[]);
        }
        self.result.failed.push(lost(&self.part.window, reason));
        self.next_part()
    }

    /// The text becomes segments of the source; speech that it leaves out becomes parts of its own.
    fn settle(&mut self, attention: &[Array2<f32>]) -> Next {
        let Some(kept) = self.part.kept.take() else { return self.next_part() };
        self.spoken |= !kept.timeline.segments.is_empty();
        for segment in &kept.timeline.segments {
            let segment = self.segment(&kept, segment, attention);
            self.result.segments.push(segment);
        }
        for span in self.part.left(&kept.timeline, self.plan.listens) {
            match self.part.cut(&span, &self.plan.spectrogram) {
                Some(part) => self.parts.push(part),
                None => self.uncovered.push(self.part.in_source(&span)),
            }
        }
        self.next_part()
    }

    fn next_part(&mut self) -> Next {
        if self.parts.is_empty() {
            return Next::Done(self.finished());
        }
        self.part = self.parts.remove(0);
        self.ask()
    }

    fn finished(&mut self) -> WindowResult {
        let mut result = std::mem::take(&mut self.result);
        for span in std::mem::take(&mut self.uncovered) {
            let distance = |segment: &&mut Segment| {
                segment.start.0.abs_diff(span.start).min(segment.end.0.abs_diff(span.start))
            };
            match result.segments.iter_mut().min_by_key(distance) {
                Some(segment) => doubts::add(&mut segment.flags, Flag::UncoveredSpeech),
                // There is nothing to flag in a window without text.
                None => result.failed.push(LostPart {
                    start: Samples(span.start),
                    end: Samples(span.end),
                    to: LostTo::Model,
                    reason: "the model gave no text for speech".to_owned(),
                }),
            }
        }
        result.silent = !self.spoken && result.failed.is_empty();
        result.segments.sort_by_key(|segment| (segment.start, segment.end));
        result.language = self.setting.heard.take();
        result
    }
}
