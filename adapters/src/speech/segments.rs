//! A window's tokens become segments: text between two times.

use super::model::Tokens;
use super::words::FRAME_SAMPLES;

/// Text between two times of a window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimedText {
    /// In samples of the window.
    pub start: u64,
    /// In samples of the window.
    pub end: u64,
    /// The text's tokens.
    pub tokens: Vec<u32>,
    /// The number of the first of them among all tokens of the window, times included.
    pub first: usize,
    /// The log probability of each.
    pub logprobs: Vec<f32>,
}

/// What a window's tokens say.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Timeline {
    /// The segments, in order.
    pub segments: Vec<TimedText>,
    /// Where the model itself stopped: the last time, if it said that the rest is for another window.
    pub seek: Option<u64>,
}

/// Cuts tokens at their times. `length`: samples of the window that hold audio; a text without an end goes on to there.
pub(super) fn timeline(tokens: &Tokens, ids: &[u32], logprobs: &[f32], length: u64) -> Timeline {
    let time = |id: u32| (u64::from(id - tokens.first_timestamp) * FRAME_SAMPLES).min(length);
    let mut timeline = Timeline::default();
    let mut open: Option<TimedText> = None;
    let mut start = 0;
    for (place, (id, logprob)) in ids.iter().zip(logprobs).enumerate() {
        if tokens.is_timestamp(*id) {
            if let Some(mut segment) = open.take() {
                segment.end = time(*id).max(segment.start);
                timeline.segments.push(segment);
            }
            start = time(*id);
            continue;
        }
        let segment = open.get_or_insert_with(|| TimedText {
            start,
            end: length,
            tokens: Vec::new(),
            first: place,
            logprobs: Vec::new(),
        });
        segment.tokens.push(*id);
        segment.logprobs.push(*logprob);
    }
    timeline.segments.extend(open);
    timeline.segments.retain(|segment| !tokens.text(&segment.tokens).trim().is_empty());
    // Two times at the end: the second begins what this window does not hold whole.
    if let [.., before, last] = ids
        && tokens.is_timestamp(*before)
        && tokens.is_timestamp(*last)
    {
        timeline.seek = Some(time(*last));
    }
    timeline
}
