use std::fmt;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LotType;
use crate::kernel::{Detail, InvalidInput, LocalDay, Scalar, ToDetail};

/// A site's four capitals: `DUNA`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Site(String);

impl Site {
    /// Four capitals from A to Z.
    pub fn try_new(site: &str) -> Result<Self, InvalidInput> {
        if site.len() == 4 && site.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(Self(site.to_owned()))
        } else {
            Err(InvalidInput::new("site", "must be four capitals, such as DUNA"))
        }
    }

    /// The four capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is printed on the label: `RAW-20260302-DUNA-0001`, unique within the tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct LotCode(String);

impl ToDetail for LotCode {
    fn to_detail(&self) -> Detail {
        Detail::Text(self.0.clone())
    }
}

impl Scalar for LotCode {
    type Stored = String;

    fn stored(&self) -> String {
        self.0.clone()
    }

    fn from_stored(stored: String) -> Option<Self> {
        Some(Self(stored))
    }
}

impl LotCode {
    /// The code with a number from its sequence.
    pub fn numbered(lot_type: LotType, day: LocalDay, site: &Site, number: u16) -> Self {
        Self(format!("{}-{}-{}-{number:04}", lot_type.code_prefix(), day.compact(), site.as_str()))
    }

    /// A code given by hand: it must match the pattern of its type, number 0001 to 9999.
    pub fn by_hand(lot_type: LotType, given: &str) -> Result<Self, InvalidInput> {
        let code = given.trim();
        let parts: Vec<&str> = code.split('-').collect();
        let matches = match parts.as_slice() {
            [prefix, day, site, number] => {
                *prefix == lot_type.code_prefix()
                    && day.len() == 8
                    && day.bytes().all(|byte| byte.is_ascii_digit())
                    && NaiveDate::parse_from_str(day, "%Y%m%d").is_ok()
                    && Site::try_new(site).is_ok()
                    && number.len() == 4
                    && number.bytes().all(|byte| byte.is_ascii_digit())
                    && *number != "0000"
            }
            _ => false,
        };
        if matches {
            Ok(Self(code.to_owned()))
        } else {
            let problem = format!(
                "must read {}-YYYYMMDD-SITE-NNNN, such as 20260302-DUNA-0001",
                lot_type.code_prefix()
            );
            Err(InvalidInput::new("code", problem))
        }
    }

    /// The stream id of the series that the code belongs to, and its number there.
    pub fn series(&self) -> Option<(&str, u16)> {
        let (series, number) = self.0.rsplit_once('-')?;
        Some((series, number.parse().ok()?))
    }

    /// The code as printed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LotCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_prefix_day_site_and_four_digits() {
        let day = LocalDay(NaiveDate::from_ymd_opt(2026, 3, 2).unwrap());
        let site = Site::try_new("DUNA").unwrap();
        assert_eq!(LotCode::numbered(LotType::Raw, day, &site, 1).as_str(), "RAW-20260302-DUNA-0001");
        let raw = LotCode::numbered(LotType::Raw, day, &site, 42);
        assert_eq!(raw.series(), Some(("RAW-20260302-DUNA", 42)), "as the sequence's stream is called");
        assert_eq!(LotCode::numbered(LotType::Mix, day, &site, 9_999).as_str(), "MIXLOT-20260302-DUNA-9999");
    }

    #[test]
    fn a_code_given_by_hand_must_match_the_pattern_of_its_type() {
        assert!(LotCode::by_hand(LotType::Raw, " RAW-20260302-DUNA-0042 ").is_ok());
        for wrong in [
            "DEB-20260302-DUNA-0042",
            "RAW-20260231-DUNA-0042",
            "RAW-20260302-duna-0042",
            "RAW-20260302-DUNA-0000",
            "RAW-20260302-DUNA-42",
            "RAW-20260302-DUNA-00é",
            "RAW-+2602020-DUNA-0001",
            "RAW",
            "",
        ] {
            assert!(LotCode::by_hand(LotType::Raw, wrong).is_err(), "{wrong}");
        }
    }
}
