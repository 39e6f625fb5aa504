//! A window's way from samples to segments: decoded, checked, decoded again where a check fails, the rest decoded where
//! the model stopped early, timed. Says what to ask of the scheduler next; knows neither threads nor files.

use std::ops::Range;
use std::sync::Arc;

use commands::ports::transcription::{Flag, Language, Samples, Segment, Word};
use ndarray::Array2;

use super::decode::{Decoded, Search};
use super::doubts::{self, COMPRESSION_LIMIT, LOGPROB_LIMIT, NO_SPEECH_LIMIT};
use super::feeder::Prepared;
use super::mel::Spectrogram;
use super::model::Tokens;
use super::scheduler::{Features, Work};
use super::segments::{TimedText, Timeline, timeline};
use super::windows::Window;
use super::words::{SpokenWord, word_times};

/// Temperatures in the order in which they are tried.
const TEMPERATURES: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// Speech without text that is worth another look; shorter pieces are breaths and beginnings.
const WORTH_A_LOOK: u64 = 8_000;
/// What is kept before a rest, so that its first word is whole.
const MARGIN: u64 = 3_200;

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
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// Its language; none for a model of one language.
    pub language: Option<Language>,
    /// Whether that language is uncertain.
    pub uncertain: bool,
    /// The text before, as tokens.
    pub before: Vec<u32>,
    /// The same as text, to notice its echo.
    pub before_text: Option<String>,
}

/// What a window came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct WindowResult {
    /// In source time, in order.
    pub segments: Vec<Segment>,
    /// Whether it was left out as silence.
    pub silent: bool,
    /// Why a part of it has no text, with its span in the source.
    pub failed: Vec<(Range<u64>, String)>,
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
    result: WindowResult,
    /// Whether any part had text.
    spoken: bool,
}

/// A stretch of audio that is decoded as a whole.
struct Part {
    window: Window,
    features: Features,
    /// Which of the temperatures is being tried.
    attempt: usize,
    tried: Vec<Attempt>,
    /// Whether the text before is in view.
    prompted: bool,
    /// Whether this part came of another one; parts of parts are not cut again for speech without text.
    cut: bool,
    /// The text that was kept, while its words are timed.
    kept: Option<Kept>,
}

/// A text that was tried.
struct Attempt {
    temperature: f32,
    decoded: Decoded,
    compression_ratio: f32,
}

/// The text that was kept.
struct Kept {
    attempt: Attempt,
    timeline: Timeline,
    doubtful: bool,
}

impl Course {
    /// Starts with a window.
    pub(super) fn new(plan: Arc<Plan>, setting: Setting, prepared: Prepared) -> Self {
        let Prepared { window, features, digest, .. } = prepared;
        let prompted = !setting.before.is_empty();
        let end = window.end();
        let part = Part { window, features, attempt: 0, tried: Vec::new(), prompted, cut: false, kept: None };
        Self {
            plan,
            setting,
            end,
            digest,
            part,
            parts: Vec::new(),
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

    /// Takes a text.
    pub(super) fn decoded(&mut self, decoded: Decoded, features: Features) -> Next {
        self.part.features = features;
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
            let mut ids = self.prompt();
            ids.extend(&attempt.decoded.tokens);
            ids.push(self.plan.tokens.end);
            Next::Ask(self.part.features.clone(), Work::Attention { ids })
        });
        self.part.kept = Some(Kept { attempt, timeline, doubtful });
        ask.unwrap_or_else(|| self.settle(&[]))
    }

    /// Takes the attention of the text that was kept.
    pub(super) fn attended(&mut self, attention: &[Array2<f32>]) -> Next {
        self.settle(attention)
    }

    /// Takes note that a part cannot be done.
    pub(super) fn failed(&mut self, reason: String) -> Next {
        let window = &self.part.window;
        self.result.failed.push((window.start().0..window.end().0, reason));
        self.part.kept = None;
        self.next_part()
    }

    /// The text becomes segments of the source; speech that it leaves out becomes parts of its own.
    fn settle(&mut self, attention: &[Array2<f32>]) -> Next {
        let Some(kept) = self.part.kept.take() else { return self.next_part() };
        self.spoken |= !kept.timeline.segments.is_empty();
        let left = self.left(&kept.timeline);
        for segment in &kept.timeline.segments {
            let segment = self.segment(&kept, segment, attention);
            self.result.segments.push(segment);
        }
        if !left.is_empty() && self.part.cut {
            self.flag_near(&left);
        } else {
            let parts: Vec<Part> = left.into_iter().filter_map(|span| self.cut(span)).collect();
            self.parts.extend(parts);
        }
        self.next_part()
    }

    fn next_part(&mut self) -> Next {
        if self.parts.is_empty() {
            let mut result = std::mem::take(&mut self.result);
            result.silent = !self.spoken && result.failed.is_empty();
            result.segments.sort_by_key(|segment| (segment.start, segment.end));
            return Next::Done(result);
        }
        self.part = self.parts.remove(0);
        self.ask()
    }

    /// Stretches of the part that hold speech and have no text: what lies behind the point where the model stopped, and
    /// what it passed over.
    fn left(&self, timeline: &Timeline) -> Vec<Range<u64>> {
        if !self.plan.listens {
            let end = self.part.window.samples.len() as u64;
            let rest = timeline.seek.filter(|seek| *seek > 0 && seek + WORTH_A_LOOK < end);
            return rest.map(|seek| seek..end).into_iter().collect();
        }
        let texts: Vec<Range<u64>> =
            timeline.segments.iter().map(|segment| segment.start..segment.end).collect();
        let uncovered = |speech: &&Range<u64>| {
            let length = speech.end - speech.start;
            length >= WORTH_A_LOOK && doubts::overlap(speech, &texts) * 4 < length
        };
        self.part.speech().iter().filter(uncovered).cloned().collect()
    }

    /// A part of the window around a stretch of it.
    fn cut(&self, span: Range<u64>) -> Option<Part> {
        let length = self.part.window.samples.len() as u64;
        let around = span.start.saturating_sub(MARGIN)..(span.end + MARGIN).min(length);
        // The whole once more would only give the same.
        if around.end - around.start >= length {
            return None;
        }
        let window = self.part.window.part(Samples(around.start), Samples(around.end));
        let features = Features::Spectrogram(Arc::new(self.plan.spectrogram.of(&window.samples)));
        Some(Part { window, features, attempt: 0, tried: Vec::new(), prompted: false, cut: true, kept: None })
    }

    /// Marks what stands next to speech that got no text even when it was decoded by itself.
    fn flag_near(&mut self, left: &[Range<u64>]) {
        for span in left {
            let at = self.part.window.map.source_of_start(Samples(span.start)).0;
            let distance =
                |segment: &&mut Segment| segment.start.0.abs_diff(at).min(segment.end.0.abs_diff(at));
            if let Some(segment) = self.result.segments.iter_mut().min_by_key(distance) {
                doubts::add(&mut segment.flags, Flag::UncoveredSpeech);
            }
        }
    }

    fn segment(&self, kept: &Kept, timed: &TimedText, attention: &[Array2<f32>]) -> Segment {
        let map = &self.part.window.map;
        let text = self.plan.tokens.text(&timed.tokens);
        let speech = self.part.speech();
        let speech = self.plan.listens.then_some(speech.as_slice());
        let span = speech.map_or(timed.start..timed.end, |speech| to_speech(timed.start..timed.end, speech));
        let mut flags = doubts::of_times(&text, &span, speech);
        let looping = doubts::loops(&text) || kept.attempt.compression_ratio > COMPRESSION_LIMIT;
        for (found, flag) in [
            (kept.doubtful, Flag::LowConfidence),
            (looping, Flag::Repetition),
            (self.echoes(&text), Flag::PromptEcho),
            (self.setting.uncertain, Flag::UncertainLanguage),
        ] {
            if found {
                flags.push(flag);
            }
        }
        flags.sort_unstable();
        Segment {
            start: map.source_of_start(Samples(span.start)),
            end: map.source_of_end(Samples(span.end)),
            text: text.trim().to_owned(),
            words: self.plan.words.then(|| self.words(timed, attention, &span)),
            tokens: timed.tokens.clone(),
            avg_logprob: rounded(kept.attempt.decoded.avg_logprob),
            compression_ratio: rounded(kept.attempt.compression_ratio),
            no_speech_prob: rounded(kept.attempt.decoded.no_speech_prob),
            temperature: kept.attempt.temperature,
            language: self.setting.language.clone().unwrap_or_else(|| Language("en".to_owned())),
            flags,
        }
    }

    /// The words of one segment, inside of its times.
    fn words(&self, timed: &TimedText, attention: &[Array2<f32>], span: &Range<u64>) -> Vec<Word> {
        let language = self.setting.language.as_ref().map(|language| language.0.as_str());
        // The line in which a token is decided is that of the token before it.
        let line = self.prompt().len() + timed.first - 1;
        let words = word_times(&self.plan.tokens, &timed.tokens, attention, line, span, language);
        let map = &self.part.window.map;
        let word = |word: SpokenWord| Word {
            start: map.source_of_start(Samples(word.start)),
            end: map.source_of_end(Samples(word.end)),
            probability: {
                let logprobs = &timed.logprobs[word.tokens.clone()];
                rounded(
                    logprobs.iter().map(|logprob| logprob.exp()).sum::<f32>() / logprobs.len().max(1) as f32,
                )
            },
            text: word.text,
        };
        words.into_iter().map(word).collect()
    }
}

/// Moves ends that lie in silence to the speech next to them, inside of the span.
fn to_speech(span: Range<u64>, speech: &[Range<u64>]) -> Range<u64> {
    let inside = speech.iter().filter(|one| one.start < span.end && one.end > span.start);
    let (first, last) = (inside.clone().next(), inside.last());
    match (first, last) {
        (Some(first), Some(last)) => span.start.max(first.start)..span.end.min(last.end),
        _ => span,
    }
}

/// To four decimals: what lies beyond depends on the order of additions.
fn rounded(value: f32) -> f32 {
    (value * 10_000.0).round() / 10_000.0
}

impl Part {
    /// Where somebody speaks, in samples of the part.
    fn speech(&self) -> Vec<Range<u64>> {
        self.window.speech.iter().map(|span| span.start.0..span.end.0).collect()
    }
}

impl Attempt {
    fn is_poor(&self) -> bool {
        self.compression_ratio > COMPRESSION_LIMIT || self.decoded.avg_logprob < LOGPROB_LIMIT
    }

    fn is_silence(&self) -> bool {
        self.decoded.no_speech_prob > NO_SPEECH_LIMIT && self.decoded.avg_logprob < LOGPROB_LIMIT
    }
}

/// The likeliest of the texts that do not repeat themselves, or of all.
fn best(tried: Vec<Attempt>) -> Option<Attempt> {
    let (plain, looping): (Vec<Attempt>, Vec<Attempt>) =
        tried.into_iter().partition(|attempt| attempt.compression_ratio <= COMPRESSION_LIMIT);
    let likeliest = |attempts: Vec<Attempt>| {
        let better = |best: Attempt, next: Attempt| {
            if next.decoded.avg_logprob > best.decoded.avg_logprob { next } else { best }
        };
        attempts.into_iter().reduce(better)
    };
    likeliest(plain).or_else(|| likeliest(looping))
}
