use proptest::prelude::*;

use super::{super::BasisPoints, *};
use crate::{Refusal as _, kernel::Detail};

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

fn euros(amount_minor: i64) -> Money {
    Money::try_new(amount_minor, currency("EUR")).unwrap()
}

fn any_money() -> impl Strategy<Value = Money> {
    (-Money::MOST..=Money::MOST, prop::sample::select(vec!["EUR", "JPY", "KWD", "SEK"]))
        .prop_map(|(amount_minor, code)| Money::try_new(amount_minor, currency(code)).unwrap())
}

#[test]
fn currencies_never_mix() {
    let refused = euros(1).plus(Money::zero(currency("SEK"))).unwrap_err();
    assert_eq!(
        (refused.code(), refused.to_string().as_str()),
        ("CURRENCY_MISMATCH", "EUR and SEK cannot be mixed")
    );
    assert_eq!(refused.details(), [("currencies", Detail::List(vec!["EUR".to_owned(), "SEK".to_owned()]))]);
    assert!(euros(1).minus(Money::zero(currency("SEK"))).is_err());
    assert!(Money::total(currency("SEK"), [euros(1)]).is_err());
}

#[test]
fn no_amount_grows_past_the_greatest() {
    let most = euros(Money::MOST);
    for refused in [most.plus(euros(1)), most.negated().minus(euros(1)), most.times(2), most.times(i64::MIN)]
    {
        let refused = refused.unwrap_err();
        assert_eq!(
            (refused.code(), refused.to_string().as_str()),
            ("AMOUNT_OVERFLOW", "an amount of EUR would exceed 9007199254740991 minor units")
        );
        assert_eq!(refused.details(), [("currencies", Detail::List(vec!["EUR".to_owned()]))]);
    }
    assert!(Money::try_new(i64::MIN, currency("EUR")).is_err());
    assert!(serde_json::from_str::<Money>(r#"{"amount_minor":9007199254740992,"currency":"EUR"}"#).is_err());
    assert_eq!(most.share(BasisPoints::new(10_000)), Ok(most));
    assert!(most.share(BasisPoints::new(10_001)).is_err());
}

#[test]
fn amounts_are_written_with_the_decimals_of_their_currency() {
    let cases = [
        (1_234, "EUR", "12.34 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (1_234, "JPY", "1234 JPY"),
        (1_234, "KWD", "1.234 KWD"),
        (0, "SEK", "0.00 SEK"),
    ];
    for (minor, code, text) in cases {
        assert_eq!(Money::try_new(minor, currency(code)).unwrap().to_string(), text);
    }
    for malformed in [
        "12.34",
        "12,34 EUR",
        "12 EUR",
        "12.3 EUR",
        "12. EUR",
        ".34 EUR",
        "1.0 JPY",
        "1. JPY",
        "+1 JPY",
        "--1 JPY",
        "1 XYZ",
    ] {
        assert!(malformed.parse::<Money>().is_err(), "{malformed}");
    }
}

#[test]
fn an_event_shows_amount_and_currency() {
    let text = serde_json::to_string(&euros(-1_234)).unwrap();
    assert_eq!(text, r#"{"amount_minor":-1234,"currency":"EUR"}"#);
    let schema = schemars::schema_for!(Money).to_value();
    assert_eq!(schema["properties"]["amount_minor"]["maximum"], 9_007_199_254_740_991_i64);
    assert_eq!(schema["$defs"]["Currency"]["pattern"], "^[A-Z]{3}$");
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(money in any_money()) {
        prop_assert_eq!(money.to_string().parse(), Ok(money));
        let text = serde_json::to_string(&money).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), money);
    }

    #[test]
    fn taking_away_what_was_added_leaves_the_amount(left in -1_000_000_i64..1_000_000, right in -1_000_000_i64..1_000_000) {
        let sum = euros(left).plus(euros(right)).unwrap();
        prop_assert_eq!(sum, euros(left + right));
        prop_assert_eq!(sum.minus(euros(right)), Ok(euros(left)));
        prop_assert_eq!(euros(left).times(right), Ok(euros(left * right)));
    }
}
