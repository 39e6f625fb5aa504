//! The end of a window: its segments in order and in the source's time, and what got no text.

use commands::ports::transcription::{Flag, Samples, Segment, Span};

use super::WindowTranscription;
use super::coverage::{gaps, is_asked_for, without};
use super::writing::SHORTEST_SEGMENT;
use crate::doubts;
use crate::window::WindowResult;

impl WindowTranscription {
    /// What the window came to, when nothing is left to ask.
    pub(super) fn finished(&mut self) -> WindowResult {
        let mut texts = std::mem::take(&mut self.texts);
        set_apart(&mut texts, self.window.length());
        let spans: Vec<Span> = texts.iter().map(span).collect();
        let uncovered = self.uncovered(&spans);
        let mut segments: Vec<Segment> = texts.into_iter().map(|text| self.segment_in_source(text)).collect();
        self.flag_beside(&uncovered, &mut segments, &spans);
        let failed: Vec<(Span, String)> =
            self.failed.iter().map(|(span, reason)| (self.in_source(*span), reason.clone())).collect();
        let uncovered: Vec<Span> = uncovered.into_iter().map(|span| self.in_source(span)).collect();
        let silent = self.has_silence && segments.is_empty() && failed.is_empty() && uncovered.is_empty();
        let (untimed, language) = (self.untimed.take(), self.setting.heard.take());
        WindowResult { segments, silent, failed, uncovered, untimed, language }
    }

    /// Flags what stands next to speech without text. What is only heard around the ranges that were asked for counts as
    /// neither: its speech is not told, and a flag on its text would be lost with it.
    fn flag_beside(&self, uncovered: &[Span], segments: &mut [Segment], places: &[Span]) {
        let ranges = &self.plan.ranges;
        for gap in uncovered.iter().copied().filter(|gap| is_asked_for(ranges, self.in_source(*gap))) {
            let told = segments.iter_mut().zip(places).filter(|(segment, _)| segment.lies_in(ranges));
            if let Some((segment, _)) = told.min_by_key(|(_, place)| distance(**place, gap)) {
                doubts::add(&mut segment.flags, Flag::UncoveredSpeech);
            }
        }
    }

    /// Where there are texts.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.texts.iter().map(span).collect()
    }

    /// What got no text although it should have, beside what failed.
    fn uncovered(&self, texts: &[Span]) -> Vec<Span> {
        if !self.plan.listens {
            return self.empty.clone();
        }
        let failed: Vec<Span> = self.failed.iter().map(|(span, _)| *span).collect();
        let speech: Vec<Span> =
            self.window.speech.iter().flat_map(|speech| without(*speech, &failed)).collect();
        gaps(&speech, texts).into_iter().filter(|gap| gap.is_told()).map(|gap| gap.span).collect()
    }

    /// A stretch of the window in the source. What has no length has none there either, even where silence is left out
    /// just at it.
    fn in_source(&self, span: Span) -> Span {
        let start = self.window.map.source_of_start(span.start);
        Span::new(start, self.window.map.source_of_end(span.end).max(start))
    }

    /// A segment of the window in the source's time.
    fn segment_in_source(&self, mut segment: Segment) -> Segment {
        let place = |start: &mut Samples, end: &mut Samples| {
            let found = self.in_source(Span::new(*start, *end));
            (*start, *end) = (found.start, found.end);
        };
        place(&mut segment.start, &mut segment.end);
        for word in segment.words.iter_mut().flatten() {
            place(&mut word.start, &mut word.end);
        }
        segment
    }
}

/// Where a segment lies.
fn span(segment: &Segment) -> Span {
    Span::new(segment.start, segment.end)
}

/// How far a text is from a stretch.
fn distance(text: Span, stretch: Span) -> Samples {
    let before = stretch.start.saturating_sub(text.end);
    before.max(text.start.saturating_sub(stretch.end))
}

/// Puts the segments of a window of this length in order, so that no two are said at once and each has a length: of
/// two that overlap, the second begins where the first ends. Words stay inside of their segments.
fn set_apart(segments: &mut [Segment], length: Samples) {
    segments.sort_by_key(|segment| (segment.start, segment.end));
    let shortest = SHORTEST_SEGMENT.min(Samples(length.0 / (segments.len() as u64).max(1)));
    let mut from = Samples(0);
    for segment in segments.iter_mut() {
        segment.start = segment.start.max(from);
        segment.end = segment.end.max(segment.start + shortest);
        from = segment.end;
    }
    let mut until = length;
    for segment in segments.iter_mut().rev() {
        segment.end = segment.end.min(until);
        segment.start = segment.start.min(segment.end.saturating_sub(shortest));
        until = segment.start;
        for word in segment.words.iter_mut().flatten() {
            word.start = word.start.clamp(segment.start, segment.end);
            word.end = word.end.clamp(segment.start, segment.end);
        }
    }
}
