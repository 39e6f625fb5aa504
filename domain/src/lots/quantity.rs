use std::{fmt, iter::Sum};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::{Detail, InvalidInput, Scalar, ToDetail};

/// A weight in whole grams.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Grams(pub i64);

impl Grams {
    /// Nothing; as a lot's weight: not yet weighed.
    pub const ZERO: Self = Self(0);
    /// The most that one lot may weigh: ten tonnes.
    pub const MAX_LOT: Self = Self(10_000_000);

    /// A lot's weight, 0 to [`Self::MAX_LOT`].
    pub fn weight(field: &'static str, grams: i64) -> Result<Self, InvalidInput> {
        Self::within(field, grams, 0)
    }

    /// An amount that is taken or moved, 1 to [`Self::MAX_LOT`].
    pub fn amount(field: &'static str, grams: i64) -> Result<Self, InvalidInput> {
        Self::within(field, grams, 1)
    }

    fn within(field: &'static str, grams: i64, least: i64) -> Result<Self, InvalidInput> {
        if (least..=Self::MAX_LOT.0).contains(&grams) {
            Ok(Self(grams))
        } else {
            let most = Self::MAX_LOT.0;
            Err(InvalidInput::new(field, format!("must be {least} to {most} grams, it is {grams}")))
        }
    }

    /// The sum; never wraps.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left after taking `other`; never less than nothing.
    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0).max(0))
    }
}

impl Sum for Grams {
    fn sum<I: Iterator<Item = Self>>(weights: I) -> Self {
        weights.fold(Self::ZERO, Self::plus)
    }
}

impl ToDetail for Grams {
    fn to_detail(&self) -> Detail {
        Detail::Integer(self.0)
    }
}

impl Scalar for Grams {
    type Stored = i64;

    fn stored(&self) -> i64 {
        self.0
    }

    fn from_stored(stored: i64) -> Option<Self> {
        Some(Self(stored))
    }
}

impl ToDetail for TenthsC {
    fn to_detail(&self) -> Detail {
        Detail::Integer(self.0.into())
    }
}

impl fmt::Display for Grams {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} g", self.0)
    }
}

/// A temperature in tenths of a degree Celsius: 40 is 4.0 °C.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TenthsC(pub i32);

impl TenthsC {
    /// What a thermometer of the plant may show: -50.0 to 100.0 °C.
    pub fn reading(field: &'static str, tenths_c: i32) -> Result<Self, InvalidInput> {
        if (-500..=1_000).contains(&tenths_c) {
            Ok(Self(tenths_c))
        } else {
            Err(InvalidInput::new(
                field,
                format!("must be -500 to 1000 tenths of a degree, it is {tenths_c}"),
            ))
        }
    }
}

impl Scalar for TenthsC {
    type Stored = i64;

    fn stored(&self) -> i64 {
        self.0.into()
    }

    fn from_stored(stored: i64) -> Option<Self> {
        stored.try_into().ok().map(Self)
    }
}

impl fmt::Display for TenthsC {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        write!(formatter, "{sign}{}.{} °C", magnitude / 10, magnitude % 10)
    }
}
