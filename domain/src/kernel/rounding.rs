use std::{fmt, num::NonZeroU64};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The quotient, rounded half away from zero: the only rounding there is (identity.md, section 0).
///
/// `sign(n) * ((2*|n| + d) div (2*d))`, written so that no step can overflow.
pub const fn round_div(n: i128, d: NonZeroU64) -> i128 {
    let d = d.get() as u128;
    let (whole, rest) = (n.unsigned_abs() / d, n.unsigned_abs() % d);
    let rounded = whole + (rest >= d - rest) as u128;
    // Only i128::MIN divided by one does not fit, and it wraps to itself.
    if n < 0 { (rounded as i128).wrapping_neg() } else { rounded as i128 }
}

/// A share of something, in parts of `WHOLE`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Share<const WHOLE: u64>(i32);

/// A share in parts of ten thousand: 2,500 is a quarter.
pub type BasisPoints = Share<10_000>;
/// A share in parts of a thousand: 250 is a quarter.
pub type PerMille = Share<1_000>;

impl<const WHOLE: u64> Share<WHOLE> {
    const DIVISOR: NonZeroU64 = match NonZeroU64::new(WHOLE) {
        Some(divisor) => divisor,
        None => NonZeroU64::MIN,
    };

    /// So many parts.
    pub const fn new(parts: i32) -> Self {
        Self(parts)
    }

    /// How many parts it has.
    pub const fn parts(self) -> i32 {
        self.0
    }

    /// This share of a number, rounded. Wider than the number: a share may be more than the whole.
    pub const fn of(self, number: i64) -> i128 {
        round_div(number as i128 * self.0 as i128, Self::DIVISOR)
    }
}

impl fmt::Display for BasisPoints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bp", self.0)
    }
}

impl fmt::Display for PerMille {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ‰", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn divided(n: i128, d: u64) -> i128 {
        round_div(n, NonZeroU64::new(d).unwrap())
    }

    #[test]
    fn halves_go_away_from_zero() {
        let cases =
            [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (5, 3, 2), (-4, 3, -1), (0, 7, 0), (1, 3, 0), (-1, 2, -1)];
        for (n, d, expected) in cases {
            assert_eq!(divided(n, d), expected, "{n} / {d}");
        }
        assert_eq!((divided(i128::MAX, 1), divided(i128::MIN, 1)), (i128::MAX, i128::MIN));
    }

    #[test]
    fn a_share_is_rounded_once() {
        assert_eq!(BasisPoints::new(2_500).of(16_667), 4_167);
        assert_eq!(PerMille::new(300).of(-5), -2);
        assert_eq!(
            (BasisPoints::new(25).to_string(), PerMille::new(5).to_string()),
            ("25 bp".into(), "5 ‰".into())
        );
    }

    proptest! {
        #[test]
        fn it_is_the_formula_of_the_rules(n in -(1_i128 << 100)..1_i128 << 100, d in 1..u64::MAX) {
            let wide = i128::from(d);
            prop_assert_eq!(divided(n, d), n.signum() * ((2 * n.abs() + wide) / (2 * wide)));
        }

        #[test]
        fn it_is_odd_and_at_most_half_a_divisor_off(n in any::<i64>(), d in 1..u64::MAX) {
            let n = i128::from(n);
            let quotient = divided(n, d);
            prop_assert_eq!(divided(-n, d), -quotient);
            prop_assert!(2 * (quotient * i128::from(d) - n).abs() <= i128::from(d));
        }
    }
}
