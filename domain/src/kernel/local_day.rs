use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A calendar day where the tenant's clock hangs. Written `2026-03-02`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LocalDay(pub NaiveDate);

impl LocalDay {
    /// The day that an instant falls on in a time zone.
    pub fn at(instant: DateTime<Utc>, zone: Tz) -> Self {
        Self(instant.with_timezone(&zone).date_naive())
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

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn half_past_eleven_at_night_in_greenwich_is_the_next_day_in_budapest() {
        let instant = Utc.with_ymd_and_hms(2026, 3, 1, 23, 30, 0).unwrap();
        let day = LocalDay::at(instant, chrono_tz::Europe::Budapest);
        assert_eq!((day.to_string(), day.compact()), ("2026-03-02".to_owned(), "20260302".to_owned()));
    }
}
