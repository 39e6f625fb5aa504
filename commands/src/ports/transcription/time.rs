//! Points in a recording.

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
}
