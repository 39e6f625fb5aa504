//! A window's tokens become segments: text between two times.

use commands::ports::transcription::{Samples, Span};

use super::word_times::FRAME;
use crate::decode::Decoded;
use crate::model::Tokens;

/// Text between two times of what was decoded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimedText {
    /// Where it lies in what was decoded.
    pub span: Span,
    /// Whether it begins behind the audio, in the silence that fills up a model's 30 s: nobody can have said it.
    pub is_behind_audio: bool,
    /// The text's tokens.
    pub tokens: Vec<u32>,
    /// The number of the first of them among all tokens, times included.
    pub first: usize,
    /// The log probability of each.
    pub logprobs: Vec<f32>,
}

/// What tokens say.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Timeline {
    /// The segments, in order.
    pub segments: Vec<TimedText>,
    /// Where the model itself stopped: the last time, if it said that the rest is for another window, or if there was no
    /// room for more text.
    pub seek: Option<Samples>,
    /// The text for which there was no room: it began, and nobody knows where it would have ended.
    pub tail: Option<TimedText>,
}

impl Timeline {
    /// Whether there is no text at all.
    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.tail.is_none()
    }
}

/// Cuts tokens at their times. `length`: how much holds audio; a text that the model ended without a time goes on to
/// there. One that it had no room to end is the tail.
pub(super) fn timeline(tokens: &Tokens, decoded: &Decoded, length: Samples) -> Timeline {
    let said = |id: u32| Samples(u64::from(id - tokens.first_timestamp) * FRAME.0);
    let time = |id: u32| said(id).min(length);
    let has_text = |segment: &TimedText| !tokens.text(&segment.tokens).trim().is_empty();
    let mut timeline = Timeline::default();
    let mut open: Option<TimedText> = None;
    let mut start = Samples(0);
    let mut closed = None;
    for (place, (id, logprob)) in decoded.tokens.iter().zip(&decoded.logprobs).enumerate() {
        if tokens.is_timestamp(*id) {
            if let Some(mut segment) = open.take() {
                segment.span.end = time(*id).max(segment.span.start);
                closed = Some(segment.span.end);
                timeline.segments.push(segment);
            }
            start = said(*id);
            continue;
        }
        let segment = open.get_or_insert_with(|| TimedText {
            span: Span::new(start.min(length), length),
            is_behind_audio: start >= length,
            tokens: Vec::new(),
            first: place,
            logprobs: Vec::new(),
        });
        segment.tokens.push(*id);
        segment.logprobs.push(*logprob);
    }
    timeline.segments.retain(has_text);
    let open = open.filter(has_text);
    if decoded.ended_at_cap {
        timeline.seek = closed;
        timeline.tail = open;
        return timeline;
    }
    timeline.segments.extend(open);
    // Two times at the end: the second begins what this window does not hold whole.
    if let [.., before, last] = decoded.tokens.as_slice()
        && tokens.is_timestamp(*before)
        && tokens.is_timestamp(*last)
    {
        timeline.seek = Some(time(*last));
    }
    timeline
}
