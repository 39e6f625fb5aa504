use std::{borrow::Cow, fmt, str::FromStr, sync::LazyLock};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A currency of ISO 4217, by its code of three letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: &'static str,
    minor_digits: u8,
}

/// ISO 4217 has no such currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a currency; wanted is a code of ISO 4217, such as EUR")]
pub struct UnknownCurrency {
    /// What was given, shortened.
    pub given: String,
}

/// ISO 4217, list one, by the number of decimals of the minor unit; without metals, units of account, bond markets, the
/// code for tests and XXX, in which nobody pays.
const CODES: [(u8, &str); 3] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF \
         CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF \
         IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR \
         MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP \
         SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR \
         ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
];

impl Currency {
    /// `EUR`.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// How many decimals its minor unit has: 2 for cents, 0 where there is none.
    pub const fn minor_digits(self) -> u8 {
        self.minor_digits
    }

    /// Every currency, in the order of their codes.
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Currency>> = LazyLock::new(|| {
            let rows = CODES.iter().flat_map(|(minor_digits, codes)| {
                codes.split_ascii_whitespace().map(|code| Currency { code, minor_digits: *minor_digits })
            });
            let mut all: Vec<_> = rows.collect();
            all.sort();
            all
        });
        &ALL
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(given: &str) -> Result<Self, UnknownCurrency> {
        let all = Self::all();
        let found = all.binary_search_by(|currency| currency.code.cmp(given)).ok();
        found
            .and_then(|index| all.get(index).copied())
            .ok_or_else(|| UnknownCurrency { given: given.chars().take(16).collect() })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A currency of ISO 4217.", "pattern": "^[A-Z]{3}$" })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_currency_stands_once_and_is_read_by_its_code() {
        let codes: BTreeSet<_> = Currency::all().iter().map(|currency| currency.code()).collect();
        assert_eq!(codes.len(), Currency::all().len());
        for code in codes {
            assert!(code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()), "{code}");
            assert_eq!(code.parse::<Currency>().unwrap().to_string(), code);
        }
        assert_eq!("JPY".parse().map(Currency::minor_digits), Ok(0));
        for unknown in ["eur", "XXX", "XTS", "DEM", "", "EURO"] {
            assert!(unknown.parse::<Currency>().is_err(), "{unknown}");
        }
    }
}
