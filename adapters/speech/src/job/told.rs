//! What a caller was told so far, in time order.

use commands::ports::transcription::{
    LanguageGuess, LostPart, LostTo, Progress, Samples, Segment, Span, Watcher,
};

use super::text_before::TextBefore;
use crate::doubts::RepeatedSegments;
use crate::window::WindowResult;
use crate::window_transcription::{LOST, is_asked_for};

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
    /// Speech without text.
    pub uncovered: Samples,
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
            uncovered: Samples(0),
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
        let part = |span: &Span, to: LostTo, reason: &str| LostPart {
            start: span.start,
            end: span.end,
            to,
            reason: reason.to_owned(),
        };
        let has_text = result.segments.iter().any(|segment| segment.lies_in(&self.ranges));
        for (span, reason) in &result.failed {
            if is_asked_for(&self.ranges, *span) {
                self.lost.push(part(span, LostTo::Engine, reason));
            }
        }
        for span in &result.uncovered {
            if !is_asked_for(&self.ranges, *span) {
                continue;
            }
            self.uncovered = self.uncovered + span.length();
            if span.length() >= LOST || !has_text {
                self.lost.push(part(span, LostTo::Model, "the model gave no text for speech"));
            }
        }
    }

    /// Takes note of audio that could not be decoded. What was only passed over, or heard around a range, is not told.
    pub(super) fn lose(&mut self, audio: Vec<LostPart>) {
        let ranges = &self.ranges;
        let asked = |part: &LostPart| is_asked_for(ranges, Span::new(part.start, part.end));
        self.lost.extend(audio.into_iter().filter(asked));
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

#[cfg(test)]
mod tests {
    use commands::ports::transcription::Options;

    use super::super::tests::segment;
    use super::*;
    use crate::fixtures::whisper_tiny;
    use crate::model::{ModelFolder, Precision};
    use crate::runtime::Device;

    fn told(ranges: &[(u64, u64)]) -> Told {
        let tokens = ModelFolder::open(&whisper_tiny(), &Precision::Auto, Device::Cpu).unwrap().tokens;
        let span = |(start, end): &(u64, u64)| Span::new(Samples(*start), Samples(*end));
        let before = TextBefore::new(&Options::default(), &tokens, 448).unwrap();
        Told::new(ranges.iter().map(span).collect(), before)
    }

    fn places(told: &Told) -> Vec<(u64, u64)> {
        told.lost.iter().map(|part| (part.start.0, part.end.0)).collect()
    }

    #[test]
    fn a_short_word_without_text_is_told_where_no_text_of_the_range_can_be_flagged_for_it() {
        let (segments, uncovered) =
            (vec![segment(0, 16_000, "green")], Span::new(Samples(40_000), Samples(44_000)));
        let window = || WindowResult {
            segments: segments.clone(),
            uncovered: vec![uncovered],
            ..WindowResult::default()
        };
        for (ranges, lost) in [
            (vec![], vec![]),
            (vec![(0, 64_000)], vec![]),
            (vec![(32_000, 64_000)], vec![(40_000, 44_000)]),
            (vec![(0, 32_000)], vec![]),
        ] {
            let mut told = told(&ranges);
            told.tell(Samples(64_000), window(), &mut |_: Progress<'_>| ());
            assert_eq!(places(&told), lost, "{ranges:?}");
        }
    }

    #[test]
    fn damage_outside_of_what_was_asked_for_is_not_told() {
        let damage = || {
            let part = |start, end| LostPart {
                start: Samples(start),
                end: Samples(end),
                to: LostTo::Audio,
                reason: "damaged".to_owned(),
            };
            vec![part(10, 20), part(40, 40), part(70, 90)]
        };
        for (ranges, lost) in [
            (vec![], vec![(10, 20), (40, 40), (70, 90)]),
            (vec![(20, 40)], vec![]),
            (vec![(40, 60)], vec![(40, 40)]),
            (vec![(0, 11), (80, 100)], vec![(10, 20), (70, 90)]),
        ] {
            let mut told = told(&ranges);
            told.lose(damage());
            assert_eq!(places(&told), lost, "{ranges:?}");
        }
    }
}
