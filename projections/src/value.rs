use chrono::{DateTime, SubsecRound, TimeZone, Utc};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use domain::kernel::{Enumeration, Scalar};

use crate::fold::FoldError;

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

/// How a [`Field`] says what it is: it is a [`Scalar`], stored as what that says.
pub enum Scalars {}

/// As [`Scalars`], where it may be missing.
pub enum MaybeScalars {}

/// A type that a row's column may have. Every enum of the domain is one, and every [`Scalar`].
///
/// `How` is inferred, never named: it lets all of these be fields at once, beside the types that are one each.
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
#[derive(Debug, Clone)]
pub struct Json<T> {
    value: T,
    text: String,
}

impl<T: Serialize> Json<T> {
    /// Writes the value at once, so that what does not serialise is the fold's failure, and stops its stream only: personal
    /// data, which nothing but the log may hold.
    pub fn try_new(value: T) -> Result<Self, FoldError> {
        match serde_json::to_string(&value) {
            Ok(text) => Ok(Self { value, text }),
            Err(error) => Err(FoldError::Unwritable { reason: error.to_string() }),
        }
    }
}

impl<T> std::ops::Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: PartialEq> PartialEq for Json<T> {
    /// However it was written: an older program may have spelt it otherwise.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Serialize + DeserializeOwned> Field for Json<T> {
    const TYPE: ColumnType = ColumnType::Json;

    fn to_value(&self) -> Value {
        Value::Text(self.text.clone())
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        let text = String::from_value(value)?;
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Self { value, text }),
            Err(_) => Err(ValueMismatch { expected: "JSON document" }),
        }
    }
}

impl<T: Scalar<Stored: Field>> Field<Scalars> for T {
    const TYPE: ColumnType = <T::Stored as Field>::TYPE;

    fn to_value(&self) -> Value {
        self.stored().to_value()
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        let expected = std::any::type_name::<T>();
        T::from_stored(T::Stored::from_value(value)?).ok_or(ValueMismatch { expected })
    }
}

impl<T: Scalar<Stored: Field>> Field<MaybeScalars> for Option<T> {
    const TYPE: ColumnType = <T as Field<Scalars>>::TYPE;
    const NULLABLE: bool = true;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::to_value)
    }

    fn from_value(value: Value) -> Result<Self, ValueMismatch> {
        if value == Value::Null { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

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

impl Value {
    /// An instant from milliseconds since 1970, as engines without an instant of their own store it.
    pub fn from_millis(millis: i64) -> Self {
        Utc.timestamp_millis_opt(millis).single().map_or(Self::Null, Self::Instant)
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        kernel::LocalDay,
        lots::{LotStatus, Sku, TenthsC},
    };

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
    /// A value of a domain that this module has never heard of.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Kilometres(u16);

    impl Scalar for Kilometres {
        type Stored = i64;

        fn stored(&self) -> i64 {
            self.0.into()
        }

        fn from_stored(stored: i64) -> Option<Self> {
            stored.try_into().ok().map(Self)
        }
    }

    crate::row! {
        /// A drive.
        pub struct DriveRow in "drives" {
            key {
                /// When.
                day: LocalDay,
            }
            /// How far.
            length: Kilometres,
            /// How warm it was in the van.
            warmest: Option<TenthsC>,
        }
    }

    #[test]
    fn a_scalar_is_a_column_without_a_line_for_it() {
        use crate::Row as _;

        let types: Vec<_> = DriveRow::TABLE.columns.iter().map(|column| column.column_type).collect();
        assert_eq!(types, [ColumnType::Text, ColumnType::Int64, ColumnType::Int64]);
        let nullable = DriveRow::TABLE.columns.iter().map(|column| column.nullable);
        assert_eq!(nullable.collect::<Vec<_>>(), [false, false, true]);
        let day: LocalDay = "2026-03-02".parse().unwrap();
        for warmest in [None, Some(TenthsC(-184))] {
            let (drive, mut values) = (DriveRow { day, length: Kilometres(70), warmest }, Vec::new());
            drive.write(&mut values);
            let stored = warmest.map_or(Value::Null, |_| Value::Int64(-184));
            assert_eq!(values, [Value::Text("2026-03-02".to_owned()), Value::Int64(70), stored]);
            assert_eq!(DriveRow::read(&mut values.into_iter()), Ok(drive));
        }
        assert!(<Kilometres as Field<_>>::from_value(Value::Int64(70_000)).is_err());
        assert!(<LocalDay as Field<_>>::from_value(Value::Text("2 March".to_owned())).is_err());
    }
}
