use chrono::{DateTime, SubsecRound, TimeZone, Utc};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use domain::{
    kernel::{Enumeration, LocalDay},
    lots::{Grams, LotCode, TenthsC},
};

/// What a column holds. Every engine stores each of them so that equal values compare equal and sort alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// A 64-bit integer.
    Int64,
    /// Text, compared by its bytes.
    Text,
    /// A UUID.
    Uuid,
    /// An instant with millisecond precision.
    Instant,
    /// Yes or no.
    Bool,
    /// JSON, kept as text.
    Json,
    /// Bytes.
    Bytes,
}

impl ColumnType {
    /// Whether a value that is not missing is of this type.
    pub const fn holds(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (Self::Int64, Value::Int64(_))
                | (Self::Text | Self::Json, Value::Text(_))
                | (Self::Uuid, Value::Uuid(_))
                | (Self::Instant, Value::Instant(_))
                | (Self::Bool, Value::Bool(_))
                | (Self::Bytes, Value::Bytes(_))
        )
    }
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, serde::Deserialize)]
pub enum Value {
    /// Nothing.
    Null,
    /// A 64-bit integer.
    Int64(i64),
    /// Text or JSON.
    Text(String),
    /// A UUID.
    Uuid(Uuid),
    /// An instant with millisecond precision.
    Instant(DateTime<Utc>),
    /// Yes or no.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A stored value is not what the row's type expects: another program wrote the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a stored value is not a {expected}")]
pub struct ValueMismatch {
    /// What was expected.
    pub expected: &'static str,
}

/// How a [`Field`] says what it is: by itself.
pub enum Plain {}

/// How a [`Field`] says what it is: it is an [`Enumeration`], stored as the text that its declaration names.
pub enum Named {}

/// As [`Named`], where it may be missing.
pub enum MaybeNamed {}

/// A type that a row's column may have. Every enum of the domain is one.
///
/// `How` is inferred, never named: it lets all enumerations be fields at once, beside the types that are one each.
pub trait Field<How = Plain>: Sized {
    /// How it is stored.
    const TYPE: ColumnType;
    /// Whether it may be missing.
    const NULLABLE: bool = false;

    /// The stored form.
    fn to_value(&self) -> Value;

    /// Reads the stored form.
    fn from_value(value: Value) -> Result<Self, ValueMismatch>;
}

macro_rules! plain_field {
    ($type:ty, $column:ident, $variant:ident) => {
        impl Field for $type {
            const TYPE: ColumnType = ColumnType::$column;

            fn to_value(&self) -> Value {
                Value::$variant(self.clone().into())
            }

            fn from_value(value: Value) -> Result<Self, ValueMismatch> {
                match value {
                    Value::$variant(value) => {
                        value.try_into().map_err(|_| ValueMismatch { expected: stringify!($type) })
                    }
                    _ => Err(ValueMismatch { expected: stringify!($type) }),
                }
            }
        }
    };
}

plain_field!(i64, Int64, Int64);
plain_field!(i32, Int64, Int64);
plain_field!(u32, Int64, Int64);
plain_field!(u8, Int64, Int64);
plain_field!(String, Text, Text);
plain_field!(Uuid, Uuid, Uuid);
plain_field!(bool, Bool, Bool);

impl Field for u64 {
    const TYPE: ColumnType = ColumnType::Int64;

    fn to_value(&self) -> Value {
        Value::Int64(i64::try_from(*self).unwrap_or(i64::MAX))
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        i64::from_value(value)?.try_into().map_err(|_| ValueMismatch { expected: "u64" })
    }
}

impl Field for DateTime<Utc> {
    const TYPE: ColumnType = ColumnType::Instant;

    fn to_value(&self) -> Value {
        Value::Instant(self.trunc_subsecs(3))
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        match value {
            Value::Instant(value) => Ok(value),
            _ => Err(ValueMismatch { expected: "instant" }),
        }
    }
}

impl<T: Field> Field for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::to_value)
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

/// Anything that serialises, in one column as JSON. Nothing can be filtered by its inside.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Json<T>(pub T);

impl<T> std::ops::Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Serialize + DeserializeOwned> Field for Json<T> {
    const TYPE: ColumnType = ColumnType::Json;

    fn to_value(&self) -> Value {
        // Rows hold plain data with text keys, which always serialises.
        Value::Text(serde_json::to_string(&self.0).unwrap_or_default())
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        let text = String::from_value(value)?;
        serde_json::from_str(&text).map(Json).map_err(|_| ValueMismatch { expected: "JSON document" })
    }
}

/// Domain types that serialise as a text are stored as that text.
macro_rules! text_field {
    ($($type:ty),+) => { $(
        impl Field for $type {
            const TYPE: ColumnType = ColumnType::Text;

            fn to_value(&self) -> Value {
                match serde_json::to_value(self) {
                    Ok(serde_json::Value::String(text)) => Value::Text(text),
                    _ => Value::Null,
                }
            }

            fn from_value(value: Value) -> Result<Self, ValueMismatch> {
                let text = serde_json::Value::String(String::from_value(value)?);
                serde_json::from_value(text).map_err(|_| ValueMismatch { expected: stringify!($type) })
            }
        }
    )+ };
}

text_field!(LocalDay, LotCode);

impl<T: Enumeration> Field<Named> for T {
    const TYPE: ColumnType = ColumnType::Text;

    fn to_value(&self) -> Value {
        Value::Text(self.about().text.to_owned())
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        Self::from_text(&String::from_value(value)?).ok_or(ValueMismatch { expected: T::NAME })
    }
}

impl<T: Enumeration> Field<MaybeNamed> for Option<T> {
    const TYPE: ColumnType = <T as Field<Named>>::TYPE;
    const NULLABLE: bool = true;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::to_value)
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

impl Field for Grams {
    const TYPE: ColumnType = ColumnType::Int64;

    fn to_value(&self) -> Value {
        Value::Int64(self.0)
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        i64::from_value(value).map(Grams)
    }
}

impl Field for TenthsC {
    const TYPE: ColumnType = ColumnType::Int64;

    fn to_value(&self) -> Value {
        Value::Int64(self.0.into())
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        i32::from_value(value).map(TenthsC)
    }
}

impl Value {
    /// An instant from milliseconds since 1970, as engines without an instant of their own store it.
    pub fn from_millis(millis: i64) -> Self {
        Utc.timestamp_millis_opt(millis).single().map_or(Self::Null, Self::Instant)
    }
}

#[cfg(test)]
mod tests {
    use domain::lots::{LotStatus, Sku};

    use super::*;

    crate::row! {
        /// A shelf.
        pub struct ShelfRow in "shelves" {
            key {
                /// What it is for.
                status: LotStatus,
            }
            /// Of which class.
            sku: Option<Sku>,
        }
    }

    #[test]
    fn an_enumeration_is_a_column_without_a_line_for_it() {
        use crate::Row as _;

        assert!(ShelfRow::TABLE.columns.iter().all(|column| column.column_type == ColumnType::Text));
        assert!(!ShelfRow::TABLE.columns[0].nullable && ShelfRow::TABLE.columns[1].nullable);
        for sku in [None, Some(Sku::Kg15)] {
            let (shelf, mut values) = (ShelfRow { status: LotStatus::Hold, sku }, Vec::new());
            shelf.write(&mut values);
            let stored = sku.map_or(Value::Null, |_| Value::Text("15".to_owned()));
            assert_eq!(values, [Value::Text("HOLD".to_owned()), stored]);
            assert_eq!(ShelfRow::read(&mut values.into_iter()), Ok(shelf));
        }
        assert!(<Sku as Field<_>>::from_value(Value::Text("KG15".to_owned())).is_err());
    }
}
