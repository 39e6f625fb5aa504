use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Share;

mod currency;

pub use currency::{Currency, UnknownCurrency};

/// The greatest amount, either way: 2^53 - 1, so that it survives every reader of JSON (identity.md, section 0).
const MOST_MINOR: i64 = 9_007_199_254_740_991;

/// An amount in a currency's minor units (cents, öre, whole yen). Amounts of several currencies never mix, and none
/// grows past [`Self::MOST`] unnoticed.
///
/// Written `12.34 EUR`, and `{"amount_minor": 1234, "currency": "EUR"}` in events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Stored")]
#[schemars(!try_from)]
pub struct Money {
    #[schemars(range(min = -MOST_MINOR, max = MOST_MINOR))]
    amount_minor: i64,
    currency: Currency,
}

/// Money as it is read, before its amount is checked.
#[derive(Deserialize)]
struct Stored {
    amount_minor: i64,
    currency: Currency,
}

impl TryFrom<Stored> for Money {
    type Error = MoneyRefused;

    fn try_from(stored: Stored) -> Result<Self, MoneyRefused> {
        Self::try_new(stored.amount_minor, stored.currency)
    }
}

crate::refusals! {
    /// An amount cannot be reckoned with.
    pub enum MoneyRefused holds () {
        /// Two currencies met.
        CurrencyMismatch { left: Currency, right: Currency } = "CURRENCY_MISMATCH",
            "{left} and {right} cannot be mixed", tells { currencies: [left, right] };
        /// The amount would be greater than any that is kept.
        AmountOverflow { currency: Currency } = "AMOUNT_OVERFLOW",
            "an amount of {currency} would exceed {MOST_MINOR} minor units", tells { currencies: [currency] };
    }
}

impl Money {
    /// The greatest amount in minor units, either way.
    pub const MOST: i64 = MOST_MINOR;

    /// An amount within the bounds.
    pub fn try_new(amount_minor: i64, currency: Currency) -> Result<Self, MoneyRefused> {
        Self::bounded(amount_minor.into(), currency)
    }

    /// Nothing.
    pub const fn zero(currency: Currency) -> Self {
        Self { amount_minor: 0, currency }
    }

    /// The amount, in minor units of [`Self::currency`].
    pub const fn amount_minor(self) -> i64 {
        self.amount_minor
    }

    /// What it is an amount of.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Result<Self, MoneyRefused> {
        self.same_currency(other)?;
        Self::bounded(i128::from(self.amount_minor) + i128::from(other.amount_minor), self.currency)
    }

    /// The difference, which may be negative.
    pub fn minus(self, other: Self) -> Result<Self, MoneyRefused> {
        self.plus(other.negated())
    }

    /// So many times the amount.
    pub fn times(self, count: i64) -> Result<Self, MoneyRefused> {
        Self::bounded(i128::from(self.amount_minor) * i128::from(count), self.currency)
    }

    /// This share of the amount, rounded half away from zero.
    pub fn share<const WHOLE: u64>(self, share: Share<WHOLE>) -> Result<Self, MoneyRefused> {
        Self::bounded(share.of(self.amount_minor), self.currency)
    }

    /// The same amount the other way.
    #[must_use]
    pub const fn negated(self) -> Self {
        // The bounds are symmetric.
        Self { amount_minor: -self.amount_minor, currency: self.currency }
    }

    /// The sum of amounts of one currency.
    pub fn total(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyRefused> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::plus)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyRefused> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyRefused::CurrencyMismatch { left: self.currency, right: other.currency })
        }
    }

    fn bounded(amount_minor: i128, currency: Currency) -> Result<Self, MoneyRefused> {
        let within =
            i64::try_from(amount_minor).ok().filter(|amount| (-Self::MOST..=Self::MOST).contains(amount));
        let amount_minor = within.ok_or(MoneyRefused::AmountOverflow { currency })?;
        Ok(Self { amount_minor, currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.minor_digits();
        let sign = if self.amount_minor < 0 { "-" } else { "" };
        let minor = self.amount_minor.unsigned_abs();
        let unit = 10_u64.pow(digits.into());
        match digits {
            0 => write!(formatter, "{sign}{minor} {}", self.currency),
            _ => {
                let width = usize::from(digits);
                write!(formatter, "{sign}{}.{:0width$} {}", minor / unit, minor % unit, self.currency)
            }
        }
    }
}

/// A text is not an amount as [`Money`] writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedMoney {
    /// Not a number and a currency.
    #[error("an amount is written as 12.34 EUR, with as many decimals as the currency has")]
    Form,
    /// No such currency.
    #[error(transparent)]
    Currency(#[from] UnknownCurrency),
    /// Out of bounds.
    #[error(transparent)]
    Amount(#[from] MoneyRefused),
}

impl FromStr for Money {
    type Err = MalformedMoney;

    fn from_str(given: &str) -> Result<Self, MalformedMoney> {
        let (number, currency) = given.split_once(' ').ok_or(MalformedMoney::Form)?;
        let currency: Currency = currency.parse()?;
        let (is_negative, number) = match number.strip_prefix('-') {
            Some(magnitude) => (true, magnitude),
            None => (false, number),
        };
        let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
        let has_point = number.contains('.');
        let fits = decimals.len() == usize::from(currency.minor_digits()) && has_point != decimals.is_empty();
        if whole.is_empty()
            || !fits
            || !whole.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit())
        {
            return Err(MalformedMoney::Form);
        }
        let minor: i64 = format!("{whole}{decimals}")
            .parse()
            .map_err(|_too_long| MoneyRefused::AmountOverflow { currency })?;
        Ok(Self::try_new(if is_negative { -minor } else { minor }, currency)?)
    }
}

#[cfg(test)]
mod tests;
