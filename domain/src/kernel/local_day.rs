use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidInput, Scalar, TimeZone};

/// A calendar day where the tenant's clock hangs. Written `2026-03-02`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LocalDay(pub NaiveDate);

impl LocalDay {
    /// The day that an instant falls on in a time zone.
    pub fn at(instant: DateTime<Utc>, zone: impl Into<TimeZone>) -> Self {
        Self(instant.with_timezone(&zone.into().0).date_naive())
    }

    /// `20260302`, as codes write it.
    pub fn compact(&self) -> String {
        format!("{:04}{:02}{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Display for LocalDay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for LocalDay {
    type Err = InvalidInput;

    fn from_str(given: &str) -> Result<Self, InvalidInput> {
        // As it is written and no other way: chrono also takes `2026-3-2`, and years of six digits with a sign.
        let day = given.parse().ok().map(Self);
        let day = day.filter(|day| (0..=9_999).contains(&day.0.year()) && day.to_string() == given);
        day.ok_or_else(|| {
            InvalidInput::new("date", format!("must be a day such as 2026-03-02, it is {given:?}"))
        })
    }
}

impl Scalar for LocalDay {
    type Stored = String;

    fn stored(&self) -> String {
        self.to_string()
    }

    fn from_stored(stored: String) -> Option<Self> {
        stored.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_past_eleven_at_night_in_greenwich_is_the_next_day_in_budapest() {
        let instant = Utc.with_ymd_and_hms(2026, 3, 1, 23, 30, 0).unwrap();
        let day = LocalDay::at(instant, chrono_tz::Europe::Budapest);
        assert_eq!((day.to_string(), day.compact()), ("2026-03-02".to_owned(), "20260302".to_owned()));
    }

    proptest! {
        #[test]
        fn a_day_is_read_as_it_is_written(days in 0..2_932_897_i64) {
            let day = LocalDay(NaiveDate::default() + chrono::Days::new(days.unsigned_abs()));
            prop_assert_eq!(day.to_string().parse(), Ok(day));
        }
    }

    #[test]
    fn a_day_is_written_one_way() {
        for malformed in [
            "-262143-01-01",
            "+262142-12-31",
            "+10000-01-01",
            "2026-3-2",
            "2026-02-30",
            "20260302",
            "2026-03-02 ",
            "2026-03-02T00:00:00Z",
            "",
        ] {
            assert!(malformed.parse::<LocalDay>().is_err(), "{malformed}");
        }
    }
}
