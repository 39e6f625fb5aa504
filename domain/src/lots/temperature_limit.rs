use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Step, TenthsC};
use crate::enumeration;

enumeration! {
    /// Where a thermometer was held.
    pub enum ReadingType {
        /// On the surface of the goods.
        Surface = "SURFACE",
        /// In the core of the goods.
        Core = "CORE",
        /// In the air around them.
        Ambient = "AMBIENT",
    }
}

enumeration! {
    /// Which rule a limit came from.
    pub enum LimitSource {
        /// The critical limit of the lot's step.
        CriticalLimit = "CRITICAL_LIMIT",
        /// The range of the buffer.
        BufferRange = "BUFFER_RANGE",
        /// The plant's standard for the type of reading.
        Standard = "STANDARD",
    }
}

/// The limit that a reading was judged by; kept in the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemperatureLimit {
    /// The least value allowed, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_tenths_c: Option<TenthsC>,
    /// The greatest value allowed.
    pub max_tenths_c: TenthsC,
    /// Which rule it came from.
    pub source: LimitSource,
}

impl TemperatureLimit {
    /// The limit for a reading, in this order: the critical limit of the lot's step when the type matches, else the
    /// range of the buffer (least, greatest), else the plant's standard.
    pub fn used(
        step: Option<&Step>,
        buffer_range: Option<(TenthsC, TenthsC)>,
        reading_type: ReadingType,
    ) -> Self {
        let critical = step.and_then(|step| step.critical_limit);
        if let Some(limit) = critical.filter(|limit| limit.reading_type == reading_type) {
            return Self {
                min_tenths_c: None,
                max_tenths_c: limit.max_tenths_c,
                source: LimitSource::CriticalLimit,
            };
        }
        if let Some((min, max)) = buffer_range {
            return Self { min_tenths_c: Some(min), max_tenths_c: max, source: LimitSource::BufferRange };
        }
        let max_tenths_c = match reading_type {
            ReadingType::Surface => TenthsC(40),
            ReadingType::Core | ReadingType::Ambient => TenthsC(-180),
        };
        Self { min_tenths_c: None, max_tenths_c, source: LimitSource::Standard }
    }

    /// Whether a value lies inside.
    pub fn allows(&self, value: TenthsC) -> bool {
        value <= self.max_tenths_c && self.min_tenths_c.is_none_or(|min| value >= min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lots::LotType;

    #[test]
    fn the_critical_limit_of_the_step_comes_first_when_the_type_matches() {
        let step = LotType::Frz15.step();
        let range = Some((TenthsC(-250), TenthsC(-200)));
        let limit = TemperatureLimit::used(Some(step), range, ReadingType::Core);
        assert_eq!((limit.source, limit.max_tenths_c), (LimitSource::CriticalLimit, TenthsC(-180)));
        let limit = TemperatureLimit::used(Some(step), range, ReadingType::Ambient);
        assert_eq!(limit.source, LimitSource::BufferRange);
    }

    #[test]
    fn case_10_a_buffer_of_1_to_4_degrees_allows_3_degrees_and_refuses_both_sides() {
        let limit = TemperatureLimit::used(None, Some((TenthsC(10), TenthsC(40))), ReadingType::Ambient);
        assert!(limit.allows(TenthsC(30)) && limit.allows(TenthsC(10)) && limit.allows(TenthsC(40)));
        assert!(!limit.allows(TenthsC(9)) && !limit.allows(TenthsC(41)));
    }

    #[test]
    fn the_standard_is_4_degrees_on_the_surface_and_minus_18_elsewhere() {
        let standard = |kind| TemperatureLimit::used(Some(LotType::Deb.step()), None, kind).max_tenths_c;
        assert_eq!(standard(ReadingType::Surface), TenthsC(40));
        assert_eq!(standard(ReadingType::Core), TenthsC(-180));
        assert_eq!(standard(ReadingType::Ambient), TenthsC(-180));
    }
}
