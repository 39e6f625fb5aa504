use async_graphql::{InputObject, Object};
use domain::kernel::Money;

use super::{Becomes, FieldName, Given, Int64, MutationError, Place};

/// An amount of money, as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(pub Money);

/// An amount of money.
#[Object(name = "Money")]
impl Amount {
    /// In minor units of its currency: cents, öre, whole yen.
    async fn amount_minor(&self) -> Int64 {
        self.0.amount_minor().into()
    }

    /// Its currency, by the code of ISO 4217.
    async fn currency(&self) -> &str {
        self.0.currency().code()
    }
}

/// An amount of money.
#[derive(Debug, Clone, InputObject)]
#[graphql(name = "MoneyInput")]
pub struct GivenAmount {
    /// In minor units of its currency: cents, öre, whole yen.
    pub amount_minor: Int64,
    /// Its currency, by the code of ISO 4217: `EUR`.
    pub currency: String,
}

const AMOUNT_MINOR: FieldName = FieldName { command: "amount_minor", shown: None, below: &[] };
const CURRENCY: FieldName = FieldName { command: "currency", shown: None, below: &[] };

impl Given for GivenAmount {
    const FIELDS: &'static [FieldName] = &[AMOUNT_MINOR, CURRENCY];
}

impl Becomes<Money> for GivenAmount {
    fn read(self, place: &Place<'_>) -> Result<Money, MutationError> {
        let refused = |field: &FieldName, why: String| {
            Err(MutationError::invalid(&place.field(field).to_string(), why))
        };
        let currency = match self.currency.parse() {
            Ok(currency) => currency,
            Err(unknown) => return refused(&CURRENCY, format!("{unknown}")),
        };
        Money::try_new(self.amount_minor.0, currency)
            .or_else(|beyond| refused(&AMOUNT_MINOR, beyond.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_amount_becomes_money_or_an_error_at_the_field_to_blame() {
        let read = |amount, currency: &str| {
            let given = GivenAmount { amount_minor: Int64(amount), currency: currency.to_owned() };
            given.read(&Place::input(Uuid::nil()).field(&FieldName {
                command: "price",
                shown: None,
                below: &[],
            }))
        };
        assert_eq!(read(1_250, "EUR").unwrap().to_string(), "12.50 EUR");
        for (amount, currency, field) in
            [(1, "eur", "price.currency"), (i64::MAX, "EUR", "price.amountMinor")]
        {
            assert!(format!("{:?}", read(amount, currency).unwrap_err()).contains(field), "{currency}");
        }
    }
}
