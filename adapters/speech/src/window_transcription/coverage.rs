//! Speech and the text that covers it: what is left without, what of that is worth decoding by itself, and what a user
//! is told.

use commands::ports::transcription::{SAMPLE_RATE, Samples, Span};

use crate::doubts::overlap;

/// How far a model's times are off, 0.5 s: what openai-whisper allows for between a segment's times and its words'
/// (`timing.py`), and what lies within the 0.4 s that the fixture model is held to.
const TIME_ERROR: Samples = Samples(SAMPLE_RATE / 2);
/// A gap in speech that has text, from which on it is told, 1 s: times that are off at both of its ends explain a
/// shorter one.
const TOLD_GAP: Samples = Samples(2 * TIME_ERROR.0);
/// A gap in speech that has text, from which on it is decoded by itself, 2 s: in a shorter one the words beside it would
/// be heard once more.
const REDONE_GAP: Samples = Samples(4 * TIME_ERROR.0);
/// Speech behind the point where the model said that it stopped, from which on it is decoded by itself, 1 s: the point
/// is one of its times.
const REDONE_REST: Samples = Samples(2 * TIME_ERROR.0);
/// Speech that has next to no text, from which on it is decoded by itself, 0.5 s. A shorter piece ("Yes.", a breath)
/// is told, but alone it is more padding than sound, and a model invents for it.
const REDONE_REGION: Samples = Samples(SAMPLE_RATE / 2);
/// Speech that has next to no text, from which on it is told: 0.1 s, the shortest that the voice detector takes for
/// speech by default.
const TOLD_REGION: Samples = Samples(SAMPLE_RATE / 10);
/// Speech without text from which on it is among what was lost, 0.5 s: a shorter piece is a word at most, and is flagged.
pub(crate) const LOST: Samples = REDONE_REGION;
/// The part of a stretch of speech that text must cover so that what is left may be an error of its times.
const COVERED_SHARE: u64 = 4;

/// Speech without text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    /// Where it lies.
    pub span: Span,
    /// Whether less than a quarter of the stretch of speech around it has text.
    is_bare: bool,
}

impl Gap {
    /// Whether a user is told.
    pub(super) fn is_told(&self) -> bool {
        self.span.length() >= if self.is_bare { TOLD_REGION } else { TOLD_GAP }
    }

    /// Whether it is decoded by itself.
    fn is_redone(&self, stopped: Option<EarlyEnd>) -> bool {
        let least = if self.is_bare { REDONE_REGION } else { REDONE_GAP };
        let behind = |stop: EarlyEnd| {
            let length = self.span.end.saturating_sub(self.span.start.max(stop.at));
            length >= if stop.lost_text { TOLD_REGION } else { REDONE_REST }
        };
        self.span.length() >= least || stopped.is_some_and(behind)
    }
}

/// Where a model stopped before the end of what it heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct EarlyEnd {
    pub at: Samples,
    /// Whether it had begun a text behind that, which is dropped: all of the speech there needs another.
    pub lost_text: bool,
}

/// What of the speech no text covers.
pub(super) fn gaps(speech: &[Span], texts: &[Span]) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for region in speech {
        let is_bare = overlap(*region, texts).0 * COVERED_SHARE < region.length().0;
        gaps.extend(without(*region, texts).into_iter().map(|span| Gap { span, is_bare }));
    }
    gaps
}

/// The gaps that are worth decoding by themselves; those that no text parts, as one: a model hears more in a long piece.
pub(super) fn redone(gaps: &[Gap], texts: &[Span], stopped: Option<EarlyEnd>) -> Vec<Span> {
    let mut redone: Vec<Span> = Vec::new();
    for gap in gaps.iter().filter(|gap| gap.is_redone(stopped)) {
        let parted = |from: Samples| texts.iter().any(|text| text.start < gap.span.start && text.end > from);
        match redone.last_mut() {
            Some(last) if !parted(last.end) => last.end = gap.span.end,
            _ => redone.push(gap.span),
        }
    }
    redone
}

/// What lies behind the point where the model stopped, where nobody listened for speech.
pub(super) fn rest(stop: EarlyEnd, asked: Span) -> Option<Span> {
    (asked.start < stop.at && stop.at + REDONE_REGION <= asked.end).then_some(Span::new(stop.at, asked.end))
}

/// Whether any of a stretch of the source lies in what was asked for, which is everything where there are no ranges. One
/// without a length lies where it begins.
pub(crate) fn is_asked_for(ranges: &[Span], stretch: Span) -> bool {
    let end = stretch.end.max(Samples(stretch.start.0.saturating_add(1)));
    ranges.is_empty() || ranges.iter().any(|range| range.overlaps(Span { end, ..stretch }))
}

/// What of a stretch none of the others covers.
pub(super) fn without(stretch: Span, others: &[Span]) -> Vec<Span> {
    let mut others: Vec<&Span> = others.iter().filter(|other| other.overlaps(stretch)).collect();
    others.sort_by_key(|other| other.start);
    let mut left = Vec::new();
    let mut covered = stretch.start;
    for other in others {
        if other.start > covered {
            left.push(Span::new(covered, other.start));
        }
        covered = covered.max(other.end);
    }
    if covered < stretch.end {
        left.push(Span::new(covered, stretch.end));
    }
    left
}

/// What of the stretches lies within another.
pub(super) fn within(stretches: &[Span], bounds: Span) -> Vec<Span> {
    stretches.iter().map(|one| one.within(bounds)).filter(|one| !one.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = SAMPLE_RATE;

    fn span(start: u64, end: u64) -> Span {
        Span::new(Samples(start), Samples(end))
    }

    fn seconds(spans: &[(u64, u64)]) -> Vec<Span> {
        spans.iter().map(|(start, end)| span(start * SECOND, end * SECOND)).collect()
    }

    #[test]
    fn a_short_word_without_text_is_told_and_not_decoded_by_itself() {
        let yes = span(3 * SECOND, 3 * SECOND + SECOND * 2 / 5);
        let found = gaps(&[span(0, 2 * SECOND), yes], &seconds(&[(0, 2)]));
        assert_eq!(found.len(), 1);
        assert!(found[0].is_told() && found[0].span == yes);
        assert!(redone(&found, &seconds(&[(0, 2)]), None).is_empty());
    }

    #[test]
    fn what_times_that_are_off_explain_is_not_told() {
        let mut texts = seconds(&[(0, 9)]);
        texts[0].start = Samples(SECOND / 2);
        assert!(gaps(&seconds(&[(0, 9)]), &texts).iter().all(|gap| !gap.is_told()));
        let middle = seconds(&[(0, 4), (5, 9)]);
        assert!(gaps(&seconds(&[(0, 9)]), &middle).iter().all(Gap::is_told), "a second is too much");
    }

    #[test]
    fn gaps_that_no_text_parts_are_one() {
        let speech = seconds(&[(0, 4), (6, 9), (11, 14), (16, 20)]);
        let texts = seconds(&[(0, 4), (16, 20)]);
        assert_eq!(redone(&gaps(&speech, &texts), &texts, None), seconds(&[(6, 14)]));
        let texts = seconds(&[(0, 4), (9, 11)]);
        assert_eq!(redone(&gaps(&speech, &texts), &texts, None), seconds(&[(6, 9), (11, 20)]));
    }
}
