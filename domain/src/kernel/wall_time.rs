use std::{borrow::Cow, fmt, str::FromStr};

use chrono::{DateTime, LocalResult, NaiveTime, TimeDelta, TimeZone as _, Timelike, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{InvalidInput, LocalDay, TimeZone};

/// A time of day as a clock on the wall shows it, to the minute. Written `08:30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(NaiveTime);

impl WallTime {
    /// Midnight, when a day begins.
    pub const MIDNIGHT: Self = Self(NaiveTime::MIN);

    /// The time that an instant shows in a time zone, its seconds left out.
    pub fn at(instant: DateTime<Utc>, zone: impl Into<TimeZone>) -> Self {
        let time = instant.with_timezone(&zone.into().0).time();
        Self(NaiveTime::from_hms_opt(time.hour(), time.minute(), 0).unwrap_or(NaiveTime::MIN))
    }

    /// Minutes since midnight, 0 to 1,439.
    pub fn minute_of_day(self) -> u32 {
        self.0.hour() * 60 + self.0.minute()
    }

    /// The instant at which a clock in the zone shows this time on that day.
    ///
    /// Where the clocks change, a time that is skipped moves forward by the gap, and of a time that comes twice it is the
    /// first (bookings.md, section 4). A day at the calendar's edge, whose instants cannot be told in UTC, is read as UTC shows it.
    pub fn on(self, day: LocalDay, zone: impl Into<TimeZone>) -> DateTime<Utc> {
        /// No clock has ever been further ahead of UTC, so that so much earlier lies before the gap.
        const FURTHEST_AHEAD: TimeDelta = TimeDelta::hours(16);
        let (zone, local) = (zone.into().0, day.0.and_time(self.0));
        match zone.from_local_datetime(&local) {
            LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.to_utc(),
            // By the offset of before the gap, the skipped time is as much later as the gap is long.
            LocalResult::None => {
                let earlier = local.checked_sub_signed(FURTHEST_AHEAD).unwrap_or(local);
                let before = chrono::Offset::fix(&zone.offset_from_utc_datetime(&earlier)).local_minus_utc();
                let instant = local.and_utc().checked_sub_signed(TimeDelta::seconds(before.into()));
                instant.unwrap_or_else(|| local.and_utc())
            }
        }
    }
}

impl FromStr for WallTime {
    type Err = InvalidInput;

    fn from_str(given: &str) -> Result<Self, InvalidInput> {
        let time = NaiveTime::parse_from_str(given, "%H:%M").ok().map(Self);
        // As it is written and no other way: chrono also takes `8:5`.
        let time = time.filter(|time| time.to_string() == given);
        time.ok_or_else(|| {
            InvalidInput::new("time", format!("must be a time such as 08:30, it is {given:?}"))
        })
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for WallTime {
    fn schema_name() -> Cow<'static, str> {
        "WallTime".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A local time of day, to the minute: 08:30.",
            "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::{Europe::Stockholm, Pacific::Apia};
    use proptest::prelude::*;

    use super::*;

    fn on(day: &str, time: &str, zone: chrono_tz::Tz) -> String {
        time.parse::<WallTime>().unwrap().on(day.parse().unwrap(), zone).to_rfc3339()
    }

    #[test]
    fn a_skipped_time_moves_forward_by_the_gap_and_a_doubled_one_is_the_first() {
        assert_eq!(on("2026-03-28", "02:30", Stockholm), "2026-03-28T01:30:00+00:00");
        assert_eq!(on("2026-03-29", "02:30", Stockholm), "2026-03-29T01:30:00+00:00", "03:30 in summer time");
        assert_eq!(on("2026-10-25", "02:30", Stockholm), "2026-10-25T00:30:00+00:00", "still in summer time");
        assert_eq!(on("2026-10-25", "03:00", Stockholm), "2026-10-25T02:00:00+00:00");
        // Samoa had no 30 December 2011.
        assert_eq!(on("2011-12-30", "10:00", Apia), "2011-12-30T20:00:00+00:00", "10:00 on the 31st");
    }

    #[test]
    fn a_time_is_written_one_way() {
        for malformed in ["8:30", "08:5", "24:00", "08:60", "08:30:00", " 08:30", ""] {
            assert!(malformed.parse::<WallTime>().is_err(), "{malformed}");
        }
        let time: WallTime = serde_json::from_str("\"08:30\"").unwrap();
        assert_eq!(
            (time.minute_of_day(), serde_json::to_string(&time).unwrap()),
            (510, "\"08:30\"".to_owned())
        );
    }

    #[test]
    fn a_day_at_the_calendars_edge_has_its_times_too() {
        for day in [chrono::NaiveDate::MIN, chrono::NaiveDate::MAX] {
            for zone in chrono_tz::TZ_VARIANTS {
                for time in ["00:00", "23:59"] {
                    time.parse::<WallTime>().unwrap().on(LocalDay(day), zone);
                }
            }
        }
    }

    fn any_zone() -> impl Strategy<Value = TimeZone> {
        prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()).prop_map(TimeZone)
    }

    proptest! {
        #[test]
        fn a_clock_shows_the_time_of_an_instant_that_the_time_stands_for(
            seconds in 0..4_000_000_000_i64,
            zone in any_zone(),
        ) {
            let instant = DateTime::from_timestamp(seconds, 0).unwrap();
            let (day, time) = (LocalDay::at(instant, zone), WallTime::at(instant, zone));
            prop_assert_eq!(time.to_string().parse(), Ok(time));
            let first = time.on(day, zone);
            prop_assert!(first <= instant, "of a doubled time, the first");
            prop_assert_eq!((LocalDay::at(first, zone), WallTime::at(first, zone)), (day, time));
        }
    }
}
