//! A window's way from samples to segments: decoded, checked, decoded again where a check fails, the rest decoded where
//! the model stopped early, timed. Says what to ask of the scheduler next; knows neither threads nor files.

mod coverage;
mod finishing;
mod part;
#[cfg(test)]
mod tests;
mod timeline;
mod word_times;
mod writing;

use std::collections::VecDeque;
use std::sync::Arc;

use commands::ports::transcription::{Flag, Language, LanguageGuess, SAMPLE_RATE, Samples, Segment, Span};
use ndarray::Array2;

use super::decode::{Decoded, Search};
use super::doubts::{self, PlainWords};
use super::mel::Spectrogram;
use super::model::Tokens;
use super::scheduler::{Features, Work};
use super::tally::{Cause, Counter};
use super::window::{PreparedWindow, WindowResult};
use super::windows::Window;
use super::wording::in_full;
use coverage::{EarlyEnd, gaps, redone, rest, within};
pub(super) use coverage::{LOST, is_asked_for};
use part::{Attempt, Part, best};
use timeline::timeline;

/// Temperatures in the order in which they are tried.
const TEMPERATURES: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// What is heard around a stretch that is decoded by itself, so that its first and last words are whole: 0.2 s, a
/// syllable.
const AROUND_PART: Samples = Samples(SAMPLE_RATE / 5);
/// How much shorter than the last a part must be, so that decoding it can give anything new: what is heard around it and
/// a little more, 0.5 s.
const LEAST_PROGRESS: Samples = Samples(SAMPLE_RATE / 2);
/// Parts that a window is decoded in at most: one for each second of it.
const MOST_PARTS: usize = 30;

/// What all windows of a job share.
pub(super) struct Plan {
    pub tokens: Tokens,
    pub spectrogram: Spectrogram,
    pub search: Search,
    pub translate: bool,
    pub words: bool,
    pub seed: u64,
    /// What of the recording was asked for; none where that is all of it.
    pub ranges: Vec<Span>,
    /// Whether the windows' speech is known from a voice detector.
    pub listens: bool,
    /// Where it is noted what is decoded again.
    pub counter: Counter,
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
    /// The text before, as tokens: what is said once more of it is an echo.
    pub before: Vec<u32>,
}

/// What to do next.
pub(super) enum Next {
    /// Ask the scheduler.
    Ask(Features, Work),
    /// The window is finished.
    Done(WindowResult),
}

/// One window on its way. Until it is finished, all places in it are in the window's time.
pub(super) struct WindowTranscription {
    plan: Arc<Plan>,
    setting: Setting,
    /// The words of the text before.
    before: PlainWords,
    window: Window,
    digest: String,
    /// What is being decoded: the window, then what it left.
    part: Part,
    /// Parts that wait.
    parts: VecDeque<Part>,
    /// Parts that were cut so far.
    cut: usize,
    texts: Vec<Segment>,
    failed: Vec<(Span, String)>,
    /// What got no text, where nobody listened for speech.
    empty: Vec<Span>,
    untimed: Option<String>,
    /// Whether a part was left out as silence.
    has_silence: bool,
}

impl WindowTranscription {
    /// Starts with a window.
    pub(super) fn new(plan: Arc<Plan>, setting: Setting, prepared: PreparedWindow) -> Self {
        let PreparedWindow { window, features, digest, .. } = prepared;
        let whole = Span::new(Samples(0), window.length());
        let mut part = Part::new(whole, whole, features);
        part.prompted = !setting.before.is_empty();
        Self {
            before: PlainWords::of(&plan.tokens.text(&setting.before)),
            plan,
            setting,
            window,
            digest,
            part,
            parts: VecDeque::new(),
            cut: 0,
            texts: Vec::new(),
            failed: Vec::new(),
            empty: Vec::new(),
            untimed: None,
            has_silence: false,
        }
    }

    /// Where the window ends in the recording.
    pub(super) fn end(&self) -> Samples {
        self.window.end()
    }

    /// What the window is called in a checkpoint.
    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// The first thing to ask.
    pub(super) fn begin(&self) -> Next {
        self.ask()
    }

    fn prompt(&self, with_text_before: bool) -> Vec<u32> {
        let tokens = &self.plan.tokens;
        let mut prompt = Vec::with_capacity(self.setting.before.len() + 4);
        if with_text_before {
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
        let Part { attempt, prompted, .. } = self.part;
        let temperature = TEMPERATURES[attempt];
        let search = if attempt == 0 { self.plan.search } else { Search::Sample };
        let start = self.window.map.source_of_start(self.part.heard.start);
        let seed = self.plan.seed ^ start.0.rotate_left(20) ^ (attempt as u64).rotate_left(50);
        Next::Ask(
            self.part.features.clone(),
            Work::Decode { prompt: self.prompt(prompted), temperature, seed, search },
        )
    }

    fn ask_again(&self, cause: Cause) -> Next {
        self.plan.counter.again(cause, TEMPERATURES[self.part.attempt]);
        self.ask()
    }

    /// Takes a text, and the window as far as it has come.
    pub(super) fn decoded(&mut self, decoded: Decoded, features: Option<Features>) -> Next {
        if let Some(features) = features {
            self.part.features = features;
        }
        let attempt = self.weighed(decoded);
        let can_go_on = self.part.attempt + 1 < TEMPERATURES.len();
        if attempt.has_no_text() {
            if !self.should_have_text(&attempt) {
                self.has_silence = true;
                return self.next_part();
            }
            if !self.part.looked_again && can_go_on {
                self.part.looked_again = true;
                self.part.attempt = if self.part.prompted { 0 } else { self.part.attempt + 1 };
                self.part.prompted = false;
                self.part.tried.push(attempt);
                return self.ask_again(Cause::NoText);
            }
        } else if let Some(cause) = attempt.why_poor().filter(|_| can_go_on) {
            self.part.attempt += 1;
            self.part.tried.push(attempt);
            return self.ask_again(cause);
        }
        self.part.tried.push(attempt);
        self.choose()
    }

    fn weighed(&self, decoded: Decoded) -> Attempt {
        let tokens = &self.plan.tokens;
        let timeline = timeline(tokens, &decoded, self.part.length());
        let text = tokens.text(&decoded.tokens);
        let is_doubtful = |words: &PlainWords| words.loops() || self.is_echo(words, self.part.prompted);
        let one_is_doubtful =
            timeline.segments.iter().any(|one| is_doubtful(&PlainWords::of(&tokens.text(&one.tokens))));
        Attempt {
            temperature: TEMPERATURES[self.part.attempt],
            prompted: self.part.prompted,
            compression_ratio: doubts::compression_ratio(&text),
            is_suspicious: one_is_doubtful || is_doubtful(&PlainWords::of(&text)),
            timeline,
            decoded,
        }
    }

    fn is_echo(&self, words: &PlainWords, prompted: bool) -> bool {
        prompted && words.echoes(&self.before)
    }

    /// Silence is what the voice detector hears no speech in; where nobody listened for it, the model alone says so.
    fn should_have_text(&self, attempt: &Attempt) -> bool {
        if self.plan.listens {
            doubts::overlap(self.part.asked, &self.window.speech) > Samples(0)
        } else {
            !attempt.is_silence()
        }
    }

    /// Decides between the texts that were tried. One that repeats itself or the text before it is decoded once more
    /// without that in view; the better of the two is kept.
    fn choose(&mut self) -> Next {
        let Some(found) = best(std::mem::take(&mut self.part.tried)) else { return self.give_up() };
        if found.is_suspicious && self.part.prompted {
            self.part.prompted = false;
            self.part.attempt = 0;
            self.part.suspect = Some(found);
            return self.ask_again(Cause::Echo);
        }
        let kept = match self.part.suspect.take() {
            Some(suspect) => suspect.or(found),
            None => found,
        };
        if kept.has_no_text() { self.give_up() } else { self.keep(kept) }
    }

    /// What is left to do with a text that is kept are the times of its words.
    fn keep(&mut self, kept: Attempt) -> Next {
        let ask = self.plan.words.then(|| {
            // The last token's look tells where a token after it would be: there is none.
            let mut ids = self.prompt(kept.prompted);
            ids.extend(&kept.decoded.tokens);
            Next::Ask(self.part.features.clone(), Work::Attention { ids })
        });
        self.part.kept = Some(kept);
        ask.unwrap_or_else(|| self.settle(None))
    }

    /// Takes note that what comes next came on the second try, on other graphs than the usual ones.
    pub(super) fn tried_again(&mut self) {
        self.part.second_try = true;
    }

    /// Takes the attention of the text that was kept.
    pub(super) fn attended(&mut self, attention: &[Array2<f32>]) -> Next {
        if attention.is_empty() {
            return self
                .failed("the model's graph for word times has none of its alignment heads".to_owned());
        }
        self.settle(Some(attention))
    }

    /// Takes note that something cannot be done. A text whose words cannot be timed stays a text, and one that was to be
    /// decoded once more stays as it was.
    pub(super) fn failed(&mut self, reason: String) -> Next {
        if self.part.kept.is_some() {
            tracing::warn!(%reason, "the words of a window cannot be timed");
            self.untimed.get_or_insert(reason);
            return self.settle(None);
        }
        let tried = std::mem::take(&mut self.part.tried).into_iter().chain(self.part.suspect.take());
        if let Some(found) = best(tried.collect()).filter(|found| !found.has_no_text()) {
            tracing::warn!(%reason, "a window cannot be decoded once more; its first text is kept");
            return self.keep(found);
        }
        self.failed.push((self.part.asked, reason));
        self.next_part()
    }

    /// The text becomes segments; speech that it leaves out becomes parts of its own. A text that the model had no room
    /// to end is dropped where the rest can be decoded from the last time on, as openai-whisper does.
    fn settle(&mut self, attention: Option<&[Array2<f32>]>) -> Next {
        let Some(mut kept) = self.part.kept.take() else { return self.next_part() };
        let segments = std::mem::take(&mut kept.timeline.segments);
        self.place(&kept, &segments, attention);
        let tail = kept.timeline.tail.take();
        let lost_text = tail.is_some();
        let stop = kept.timeline.seek.map(|seek| EarlyEnd { at: self.part.heard.start + seek, lost_text });
        // Without a time there is nowhere to go on from.
        let goes_on = (stop.is_some() || !lost_text) && self.cut_what_is_left(stop);
        if let Some(tail) = tail.filter(|_| !goes_on) {
            let placed = self.place(&kept, &[tail], attention);
            for text in &mut self.texts[placed..] {
                doubts::add(&mut text.flags, Flag::UncoveredSpeech);
            }
        }
        self.next_part()
    }

    /// Makes parts of the speech without text; whether the model goes on behind the point where it stopped.
    fn cut_what_is_left(&mut self, stop: Option<EarlyEnd>) -> bool {
        let texts = self.spans();
        let asked = self.part.asked;
        let left = if self.plan.listens {
            redone(&gaps(&within(&self.window.speech, asked), &texts), &texts, stop)
        } else {
            stop.and_then(|stop| rest(stop, asked)).into_iter().collect()
        };
        let mut goes_on = false;
        for span in left {
            let is_rest = stop.is_some_and(|stop| span.end > stop.at);
            if let Some(part) = self.cut(span, is_rest, &texts) {
                self.parts.push_back(part);
                goes_on |= is_rest;
            }
        }
        goes_on
    }

    /// A part around a stretch. None where that would be nearly the whole once more, which would only give the same.
    fn cut(&mut self, span: Span, is_rest: bool, texts: &[Span]) -> Option<Part> {
        let length = self.window.length();
        let heard = Span::new(span.start.saturating_sub(AROUND_PART), (span.end + AROUND_PART).min(length));
        if heard.length() + LEAST_PROGRESS > self.part.length() || self.cut == MOST_PARTS {
            return None;
        }
        self.cut += 1;
        // What is heard around it and has a text is told by that.
        let before = texts.iter().map(|text| text.end).filter(|end| *end <= span.start).max();
        let after = texts.iter().map(|text| text.start).filter(|start| *start >= span.end).min();
        let asked = heard.within(Span::new(before.unwrap_or_default(), after.unwrap_or(length)));
        let features = part::features(&self.plan.spectrogram, &self.window.samples, heard);
        let features = features.map_err(|error| self.failed.push((asked, in_full(&error)))).ok()?;
        // A rest is new to the model and stands behind the same text before; speech that it passed over has been decoded
        // once already, with that in view.
        let prompted = is_rest && !self.setting.before.is_empty();
        Some(Part { looked_again: !is_rest, prompted, ..Part::new(heard, asked, features) })
    }

    /// The part has no text although it should.
    fn give_up(&mut self) -> Next {
        self.empty.push(self.part.asked);
        self.next_part()
    }

    fn next_part(&mut self) -> Next {
        match self.parts.pop_front() {
            Some(part) => {
                self.part = part;
                self.ask()
            }
            None => Next::Done(self.finished()),
        }
    }
}
