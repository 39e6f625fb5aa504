use std::{borrow::Cow, fmt, str::FromStr};

use chrono_tz::Tz;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::InvalidInput;

/// A time zone of the IANA database, by its name: `Europe/Budapest`. UTC unless somebody says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeZone(pub Tz);

impl Default for TimeZone {
    fn default() -> Self {
        Self(Tz::UTC)
    }
}

impl From<Tz> for TimeZone {
    fn from(zone: Tz) -> Self {
        Self(zone)
    }
}

impl FromStr for TimeZone {
    type Err = InvalidInput;

    fn from_str(given: &str) -> Result<Self, InvalidInput> {
        given.parse().map(Self).map_err(|_unknown| {
            let problem = format!("must be an IANA time zone such as Europe/Budapest, it is {given:?}");
            InvalidInput::new("timeZone", problem)
        })
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.name())
    }
}

impl Serialize for TimeZone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for TimeZone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for TimeZone {
    fn schema_name() -> Cow<'static, str> {
        "TimeZone".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A time zone of the IANA database, such as Europe/Budapest." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_is_read_as_it_is_written() {
        for zone in chrono_tz::TZ_VARIANTS {
            let zone = TimeZone(zone);
            assert_eq!(zone.to_string().parse(), Ok(zone));
            let text = serde_json::to_string(&zone).unwrap();
            assert_eq!(serde_json::from_str::<TimeZone>(&text).unwrap(), zone);
        }
        assert_eq!(TimeZone::default().to_string(), "UTC");
        for unknown in ["Europe/Buda", "", "+02:00", "europe/budapest"] {
            assert!(unknown.parse::<TimeZone>().is_err(), "{unknown}");
        }
    }
}
