//! A stretch of a window that is decoded as a whole, the texts that were tried for it, and which of them is kept.

use std::cmp::Ordering;
use std::sync::Arc;

use commands::ports::transcription::{Samples, Span};

use super::timeline::Timeline;
use crate::decode::Decoded;
use crate::doubts::{COMPRESSION_LIMIT, LOGPROB_LIMIT, NO_SPEECH_LIMIT};
use crate::mel::{Spectrogram, SpectrogramError};
use crate::scheduler::Features;
use crate::tally::Cause;

/// A stretch of a window that is decoded as a whole. All its places are in samples of the window.
pub(super) struct Part {
    /// What the model hears.
    pub heard: Span,
    /// What it is asked about: what it says of the rest, which is heard so that the first and last words are whole, has
    /// been told.
    pub asked: Span,
    pub features: Features,
    /// Which of the temperatures is being tried.
    pub attempt: usize,
    pub tried: Vec<Attempt>,
    /// Whether any of it came of the graphs of last resort.
    pub second_try: bool,
    /// A text that repeats itself or the text before it, while the part is decoded without that in view.
    pub suspect: Option<Attempt>,
    /// Whether the text before is in view.
    pub prompted: bool,
    /// Whether speech without text has been decoded once more.
    pub looked_again: bool,
    /// The text that was kept, while its words are timed.
    pub kept: Option<Attempt>,
}

/// A text that was tried.
pub(super) struct Attempt {
    pub temperature: f32,
    /// Whether the text before was in view.
    pub prompted: bool,
    pub decoded: Decoded,
    pub timeline: Timeline,
    pub compression_ratio: f32,
    /// Whether it repeats itself, or the text before.
    pub is_suspicious: bool,
}

impl Part {
    /// A stretch that is still to be decoded.
    pub(super) fn new(heard: Span, asked: Span, features: Features) -> Self {
        Self {
            heard,
            asked,
            features,
            attempt: 0,
            tried: Vec::new(),
            suspect: None,
            second_try: false,
            prompted: false,
            looked_again: false,
            kept: None,
        }
    }

    /// How much the model hears.
    pub(super) fn length(&self) -> Samples {
        self.heard.length()
    }
}

/// What the model hears of a stretch of a window's samples.
///
/// # Errors
/// When there is no spectrogram of it.
pub(super) fn features(
    spectrogram: &Spectrogram,
    samples: &[f32],
    heard: Span,
) -> Result<Features, SpectrogramError> {
    // Both are at most the length of a vector.
    let samples = &samples[heard.start.0 as usize..heard.end.0 as usize];
    Ok(Features::Spectrogram(Arc::new(spectrogram.of(samples)?)))
}

impl Attempt {
    pub(super) fn is_poor(&self) -> bool {
        self.why_poor().is_some()
    }

    /// Which gate it does not pass, if any.
    pub(super) fn why_poor(&self) -> Option<Cause> {
        if self.compression_ratio > COMPRESSION_LIMIT {
            Some(Cause::Compression)
        } else {
            (self.decoded.avg_logprob < LOGPROB_LIMIT).then_some(Cause::Confidence)
        }
    }

    /// Whether there is nothing to keep: no text, or one that the model itself takes for silence.
    pub(super) fn has_no_text(&self) -> bool {
        self.timeline.is_empty() || (self.is_silence() && self.decoded.avg_logprob < LOGPROB_LIMIT)
    }

    /// Whether the model heard nobody speak. What it writes all the same counts if it is sure of that.
    pub(super) fn is_silence(&self) -> bool {
        self.decoded.no_speech_prob > NO_SPEECH_LIMIT
    }

    /// The better of two: one that has text, one that does not repeat itself, then the likelier.
    fn by_text(&self, other: &Self) -> Ordering {
        let key = |one: &Self| (!one.has_no_text(), one.compression_ratio <= COMPRESSION_LIMIT);
        key(self).cmp(&key(other)).then(self.likelier(other))
    }

    /// The better of a text and of what was decoded in its place: one that has text, that passes the gates, that repeats
    /// nothing, then the likelier.
    fn by_gates(&self, other: &Self) -> Ordering {
        let key = |one: &Self| (!one.has_no_text(), !one.is_poor(), !one.is_suspicious);
        key(self).cmp(&key(other)).then(self.likelier(other))
    }

    fn likelier(&self, other: &Self) -> Ordering {
        self.decoded.avg_logprob.total_cmp(&other.decoded.avg_logprob)
    }

    /// The better of this text and of what was decoded in its place.
    pub(super) fn or(self, again: Self) -> Self {
        if self.by_gates(&again).is_gt() { self } else { again }
    }
}

/// The best of the texts that were tried; of equal ones the first.
pub(super) fn best(tried: Vec<Attempt>) -> Option<Attempt> {
    tried.into_iter().reduce(|best, next| if next.by_text(&best).is_gt() { next } else { best })
}
