//! What a caller was told so far, in time order.

use std::ops::Range;

use commands::ports::transcription::{
    LanguageGuess, LostPart, LostTo, Progress, Samples, Segment, Span, Watcher,
};

use super::before::TextBefore;
use crate::speech::course::{LOST, WindowResult};
use crate::speech::doubts::RepeatedSegments;

/// What was told.
pub(super) struct Told {
    ranges: Vec<Span>,
    repeated: RepeatedSegments,
    pub segments: Vec<Segment>,
    pub languages: Vec<LanguageGuess>,
    pub lost: Vec<LostPart>,
    /// Windows, which are told in the order of their numbers.
    pub windows: u64,
    /// Those of them that were left out as silence.
    pub silent: u64,
    /// Those of them on which the engine failed as a whole.
    failed: u64,
    /// Samples of speech without text.
    pub uncovered: u64,
    /// Windows some of whose words have no times, and why the first of them has none.
    untimed: Option<(u64, String)>,
    /// The text before the next window.
    pub before: TextBefore,
}

impl Told {
    /// Nothing yet. With ranges, a segment counts if its middle lies in one of them.
    pub(super) fn new(ranges: Vec<Span>, before: TextBefore) -> Self {
        Self {
            ranges,
            repeated: RepeatedSegments::default(),
            segments: Vec::new(),
            languages: Vec::new(),
            lost: Vec::new(),
            windows: 0,
            silent: 0,
            failed: 0,
            uncovered: 0,
            untimed: None,
            before,
        }
    }

    /// Tells the next window, which ends at `end`.
    pub(super) fn tell(&mut self, end: Samples, result: WindowResult, watcher: &mut dyn Watcher) {
        self.windows += 1;
        self.silent += u64::from(result.silent);
        self.failed += u64::from(!result.failed.is_empty() && result.segments.is_empty());
        self.miss(&result);
        if let Some(reason) = result.untimed {
            self.untimed.get_or_insert((0, reason)).0 += 1;
        }
        if let Some(heard) = result.language {
            self.hear(heard, watcher);
        }
        let mut told = result.segments;
        // The rest was only decoded to be heard around a range.
        told.retain(|segment| segment.lies_in(&self.ranges));
        told.iter_mut().for_each(|segment| self.repeated.listen(segment));
        self.before.follow(&told);
        for segment in told {
            watcher.progress(Progress::Segment(&segment));
            self.segments.push(segment);
        }
        watcher.progress(Progress::Done { until: end });
    }

    /// Another window of its own language.
    fn hear(&mut self, heard: LanguageGuess, watcher: &mut dyn Watcher) {
        match self.languages.iter_mut().find(|known| known.language == heard.language) {
            Some(known) => known.probability = known.probability.max(heard.probability),
            None => {
                self.languages.push(heard);
                watcher.progress(Progress::Language(&self.languages));
            }
        }
    }

    /// Takes note of what has no text although it should. Of speech, single short words are flagged and counted; but where
    /// there is nothing to flag, they are told too.
    fn miss(&mut self, result: &WindowResult) {
        let part = |span: &Range<u64>, to: LostTo, reason: &str| LostPart {
            start: Samples(span.start),
            end: Samples(span.end),
            to,
            reason: reason.to_owned(),
        };
        for (span, reason) in &result.failed {
            if self.is_asked_for(span) {
                self.lost.push(part(span, LostTo::Engine, reason));
            }
        }
        for span in &result.uncovered {
            if !self.is_asked_for(span) {
                continue;
            }
            let length = span.end - span.start;
            self.uncovered += length;
            if length >= LOST.0 || result.segments.is_empty() {
                self.lost.push(part(span, LostTo::Model, "the model gave no text for speech"));
            }
        }
    }

    /// Whether any of it lies in what was asked for.
    fn is_asked_for(&self, span: &Range<u64>) -> bool {
        let touches = |range: &Span| range.start.0 < span.end && range.end.0 > span.start;
        self.ranges.is_empty() || self.ranges.iter().any(touches)
    }

    /// Why there is no transcript at all: an engine that fails on every window has not found out that nothing was said.
    pub(super) fn why_nothing(&self) -> Option<String> {
        if self.windows == 0 || self.failed < self.windows {
            return None;
        }
        let first = self.lost.iter().find(|part| part.to == LostTo::Engine)?;
        Some(format!("no window could be transcribed: {}", first.reason))
    }

    /// Why words have no times, if some have none.
    pub(super) fn why_untimed(&self) -> Option<String> {
        let (windows, reason) = self.untimed.as_ref()?;
        Some(format!("in {windows} of {} windows words could not be timed: {reason}", self.windows))
    }

    /// Why there is no text of a recording of this length, if there is none.
    pub(super) fn why_empty(&self, duration: Samples) -> Option<&'static str> {
        let beyond = !self.ranges.is_empty() && self.ranges.iter().all(|range| range.start >= duration);
        match (self.segments.is_empty(), self.windows) {
            (false, _) => None,
            (true, _) if beyond => Some("the recording ends before what was asked for"),
            (true, 0) => Some("no speech was heard"),
            (true, _) => Some("what was heard gave no text"),
        }
    }
}
