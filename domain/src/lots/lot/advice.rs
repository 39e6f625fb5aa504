use super::LotState;
use crate::{
    enumeration,
    lots::{Grams, LotType},
};

/// A weight that is allowed but unusual; answered beside the success, never instead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WeightAdvice {
    /// `ROD_NOT_NOMINAL` or `WEIGHT_UNUSUAL`.
    pub code: RangeCode,
    /// The least usual weight.
    pub min_grams: Grams,
    /// The greatest.
    pub max_grams: Grams,
}

enumeration! {
    /// Which range a weight lies outside of.
    pub enum RangeCode as "WeightAdviceCode" {
        /// A rod is more than 500 g off its nominal 15 or 30 kg.
        RodNotNominal = "ROD_NOT_NOMINAL",
        /// The weight lies outside the plant's advisory range for the type.
        WeightUnusual = "WEIGHT_UNUSUAL",
    }
}

/// How far a rod may be off its nominal weight without a warning.
const ROD_TOLERANCE_GRAMS: i64 = 500;

impl LotType {
    /// The plant's advisory weight range for one lot, in grams (lots.md, section 2).
    const fn advisory_grams(self) -> Option<(i64, i64)> {
        match self {
            Self::Raw => Some((200_000, 500_000)),
            Self::Deb => Some((150_000, 400_000)),
            Self::Bulk => Some((400_000, 600_000)),
            Self::Mix => Some((700_000, 900_000)),
            Self::Skw15
            | Self::Skw30
            | Self::Skw
            | Self::Frz15
            | Self::Frz30
            | Self::Frz
            | Self::Fg15
            | Self::Fg30
            | Self::Fg => Some((15_000, 30_000)),
            Self::Pal | Self::Ship => None,
        }
    }
}

impl LotState {
    /// What is unusual about its weight, if it has been weighed.
    pub fn weight_advice(&self) -> Option<WeightAdvice> {
        if self.weight_grams == Grams::ZERO {
            return None;
        }
        let nominal = self.sku.filter(|_| self.lot_type.is_rod()).map(|sku| {
            let nominal = sku.nominal_grams();
            (RangeCode::RodNotNominal, (nominal - ROD_TOLERANCE_GRAMS, nominal + ROD_TOLERANCE_GRAMS))
        });
        let advisory = || self.lot_type.advisory_grams().map(|range| (RangeCode::WeightUnusual, range));
        let (code, (min, max)) = nominal.or_else(advisory)?;
        (!(min..=max).contains(&self.weight_grams.0)).then_some(WeightAdvice {
            code,
            min_grams: Grams(min),
            max_grams: Grams(max),
        })
    }
}
