//! Points and stretches of audio.

use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Samples a second of all audio inside the engine, as Whisper's models want it.
pub const SAMPLE_RATE: u64 = 16_000;

/// A point in, or a length of, audio: a count of 16 kHz samples. It is kept as that count, exactly; whoever shows it to
/// people makes seconds of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Samples(pub u64);

impl Samples {
    /// The count nearest to `seconds`; what is negative or no number is zero.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        // A float that does not fit saturates; NaN is zero.
        Self((seconds * SAMPLE_RATE as f64).round() as u64)
    }

    /// Seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / SAMPLE_RATE as f64
    }

    /// Whole milliseconds, the nearest ones.
    #[must_use]
    pub fn milliseconds(self) -> u64 {
        const EACH: u64 = SAMPLE_RATE / 1_000;
        self.0.saturating_add(EACH / 2) / EACH
    }

    /// The difference, or nothing where `other` is more.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Samples {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

/// Of what is known to be no less; see [`Samples::saturating_sub`].
impl Sub for Samples {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

/// A stretch of audio, end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Span {
    /// The first sample.
    pub start: Samples,
    /// The sample after the last.
    pub end: Samples,
}

impl Span {
    /// From `start` up to `end`.
    #[must_use]
    pub const fn new(start: Samples, end: Samples) -> Self {
        Self { start, end }
    }

    /// How long it is; nothing where it ends before it begins.
    #[must_use]
    pub fn length(self) -> Samples {
        self.end.saturating_sub(self.start)
    }

    /// The point half way.
    #[must_use]
    pub fn middle(self) -> Samples {
        Samples(self.start.0.midpoint(self.end.0))
    }

    /// Whether the point lies in it.
    #[must_use]
    pub fn contains(self, at: Samples) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether the two have samples in common, or one without a length lies inside of the other.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && self.end > other.start
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// What of it lies within `bounds`; an empty span where that is nothing.
    #[must_use]
    pub fn within(self, bounds: Self) -> Self {
        Self { start: self.start.max(bounds.start), end: self.end.min(bounds.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u64, end: u64) -> Span {
        Span::new(Samples(start), Samples(end))
    }

    #[test]
    fn spans_that_touch_have_nothing_in_common() {
        assert!(span(0, 10).overlaps(span(9, 20)) && !span(0, 10).overlaps(span(10, 20)));
        assert_eq!(span(0, 10).within(span(4, 20)), span(4, 10));
        assert_eq!(span(0, 10).within(span(12, 20)).length(), Samples(0));
    }

    #[test]
    fn a_span_holds_its_start_and_not_its_end() {
        assert!(span(3, 5).contains(Samples(3)) && !span(3, 5).contains(Samples(5)));
        assert_eq!(span(3, 6).middle(), Samples(4));
    }
}
