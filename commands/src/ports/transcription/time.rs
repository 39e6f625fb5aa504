//! Points in a recording.

use serde::{Deserialize, Serialize};

/// Samples a second of all audio inside the engine, as Whisper's models want it.
pub const SAMPLE_RATE: u64 = 16_000;

/// A point in, or a length of, audio: a count of 16 kHz samples. In JSON it is seconds, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
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

impl Serialize for Samples {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.milliseconds() as f64 / 1_000.0)
    }
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from_seconds)
    }
}
