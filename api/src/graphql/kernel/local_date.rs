use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use domain::kernel::LocalDay;

/// A day in the tenant's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalDate(pub LocalDay);

/// A day in the tenant's time zone, as `2026-03-02`.
#[Scalar(name = "LocalDate")]
impl ScalarType for LocalDate {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        text.parse()
            .map(|day| Self(LocalDay(day)))
            .map_err(|_not_a_day| InputValueError::expected_type(value.clone()))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}
