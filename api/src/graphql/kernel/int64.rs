use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// A 64-bit integer. GraphQL's `Int` ends at 32 bits and JavaScript's numbers at 53, so it leaves as a JSON string; it
/// is taken as a string or as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Int64(pub i64);

impl Int64 {
    /// Reads a literal or a variable's value; `None` for anything but a whole number of 64 bits in plain decimal.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_i64().map(Self),
            // Exactly one spelling a number, so that a key built from it is unique.
            Value::String(text) => {
                text.parse().ok().filter(|number: &i64| number.to_string() == *text).map(Self)
            }
            _ => None,
        }
    }

    /// The number as a count or position; a negative one answers `None`.
    pub fn to_u64(self) -> Option<u64> {
        u64::try_from(self.0).ok()
    }
}

impl From<i64> for Int64 {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl From<u64> for Int64 {
    /// Counts and positions stay far below the limit; one beyond it shows as the limit.
    fn from(number: u64) -> Self {
        Self(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// A 64-bit integer: a JSON string on output, a string or a number on input.
#[Scalar(name = "Int64")]
impl ScalarType for Int64 {
    fn parse(value: Value) -> InputValueResult<Self> {
        Self::read(&value).ok_or_else(|| InputValueError::expected_type(value))
    }

    fn is_valid(value: &Value) -> bool {
        Self::read(value).is_some()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_int64_is_taken_as_string_or_number_and_leaves_as_string() {
        assert_eq!(Int64::parse(Value::from("9007199254740993")).unwrap(), Int64(9_007_199_254_740_993));
        assert_eq!(Int64::parse(Value::from(i64::MIN)).unwrap(), Int64(i64::MIN));
        assert_eq!(Int64(i64::MAX).to_value(), Value::from("9223372036854775807"));
    }

    #[test]
    fn other_spellings_and_larger_numbers_are_refused() {
        for text in ["", "+1", "01", "1.0", "1e3", " 1", "9223372036854775808", "０"] {
            assert!(Int64::parse(Value::from(text)).is_err(), "{text}");
        }
        assert!(Int64::parse(Value::from(u64::MAX)).is_err());
        assert!(Int64::parse(Value::from(1.5)).is_err());
        assert!(Int64::parse(Value::from(true)).is_err());
    }
}
