//! What a caller was told so far, in time order.

use commands::ports::transcription::{
    LanguageGuess, LostPart, LostTo, Progress, Samples, Segment, Span, Watcher,
};

use super::before::TextBefore;
use crate::speech::course::WindowResult;
use crate::speech::doubts::Echo;

/// What was told.
pub(super) struct Told {
    ranges: Vec<Span>,
    echo: Echo,
    pub segments: Vec<Segment>,
    pub languages: Vec<LanguageGuess>,
    pub lost: Vec<LostPart>,
    /// Windows, which are told in the order of their numbers.
    pub windows: u64,
    /// Those of them that were left out as silence.
    pub silent: u64,
    /// Those of them on which the engine failed as a whole.
    failed: u64,
    /// The text before the next window.
    pub before: TextBefore,
}

impl Told {
    /// Nothing yet. With ranges, a segment counts if its middle lies in one of them.
    pub(super) fn new(ranges: Vec<Span>, before: TextBefore) -> Self {
        Self {
            ranges,
            echo: Echo::default(),
            segments: Vec::new(),
            languages: Vec::new(),
            lost: Vec::new(),
            windows: 0,
            silent: 0,
            failed: 0,
            before,
        }
    }

    /// Tells the next window, which ends at `end`.
    pub(super) fn tell(&mut self, end: Samples, result: WindowResult, watcher: &mut dyn Watcher) {
        self.windows += 1;
        self.silent += u64::from(result.silent);
        let fails = result.failed.iter().any(|part| part.to == LostTo::Engine);
        self.failed += u64::from(fails && result.segments.is_empty());
        self.lost.extend(result.failed);
        if let Some(heard) = result.language {
            self.hear(heard, watcher);
        }
        for mut segment in result.segments {
            if !self.is_wanted(&segment) {
                continue;
            }
            self.echo.listen(&mut segment);
            self.before.follow(&segment);
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

    /// The rest was only decoded to be heard around a range.
    fn is_wanted(&self, segment: &Segment) -> bool {
        let middle = segment.start.0.midpoint(segment.end.0);
        self.ranges.is_empty()
            || self.ranges.iter().any(|range| (range.start.0..range.end.0).contains(&middle))
    }

    /// Why there is no transcript at all: an engine that fails on every window has not found out that nothing was said.
    pub(super) fn why_nothing(&self) -> Option<String> {
        if self.windows == 0 || self.failed < self.windows {
            return None;
        }
        let first = self.lost.iter().find(|part| part.to == LostTo::Engine)?;
        Some(format!("no window could be transcribed: {}", first.reason))
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
