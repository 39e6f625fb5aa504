//! Values on their way to PostgreSQL and back.

use bytes::BytesMut;
use chrono::{DateTime, Utc};
use projections::{ColumnType, Value};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::read::pages::Parameter;

/// A [`Value`], or several, as PostgreSQL binds them.
#[derive(Debug)]
pub(super) enum Bound<'v> {
    One(&'v Value),
    Many(ColumnType, &'v [Value]),
}

impl<'v> From<&'v Parameter> for Bound<'v> {
    fn from(parameter: &'v Parameter) -> Self {
        match parameter {
            Parameter::One(value) => Self::One(value),
            Parameter::Many(column_type, values) => Self::Many(*column_type, values),
        }
    }
}

impl Bound<'_> {
    pub(super) fn sql_type(&self) -> Type {
        match self {
            Self::One(Value::Null | Value::Text(_)) => Type::TEXT,
            Self::One(Value::Int64(_)) => Type::INT8,
            Self::One(Value::Uuid(_)) => Type::UUID,
            Self::One(Value::Bytes(_)) => Type::BYTEA,
            Self::One(Value::Instant(_)) => Type::TIMESTAMPTZ,
            Self::One(Value::Bool(_)) => Type::BOOL,
            Self::Many(ColumnType::Text | ColumnType::Json, _) => Type::TEXT_ARRAY,
            Self::Many(ColumnType::Int64, _) => Type::INT8_ARRAY,
            Self::Many(ColumnType::Uuid, _) => Type::UUID_ARRAY,
            Self::Many(ColumnType::Bytes, _) => Type::BYTEA_ARRAY,
            Self::Many(ColumnType::Instant, _) => Type::TIMESTAMPTZ_ARRAY,
            Self::Many(ColumnType::Bool, _) => Type::BOOL_ARRAY,
        }
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        sql_type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::One(Value::Null) => Ok(IsNull::Yes),
            Self::One(Value::Int64(value)) => value.to_sql(sql_type, out),
            Self::One(Value::Text(value)) => value.to_sql(sql_type, out),
            Self::One(Value::Uuid(value)) => value.to_sql(sql_type, out),
            Self::One(Value::Bytes(value)) => value.to_sql(sql_type, out),
            Self::One(Value::Instant(value)) => value.to_sql(sql_type, out),
            Self::One(Value::Bool(value)) => value.to_sql(sql_type, out),
            Self::Many(column_type, values) => {
                array(*column_type, 0, 1, values).to_sql_checked(sql_type, out)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Whether there is a value, of whatever type.
pub(super) struct Present(pub(super) bool);

impl<'a> FromSql<'a> for Present {
    fn from_sql(_: &Type, _: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(true))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(false))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Appends a row's values, from a column on.
pub(super) fn read_row(
    row: &tokio_postgres::Row,
    from: usize,
    columns: impl Iterator<Item = ColumnType>,
    found: &mut Vec<Value>,
) -> Result<(), tokio_postgres::Error> {
    for (index, column_type) in (from..).zip(columns) {
        let value = match column_type {
            ColumnType::Int64 => row.try_get::<_, Option<i64>>(index)?.map(Value::Int64),
            ColumnType::Text | ColumnType::Json => row.try_get::<_, Option<String>>(index)?.map(Value::Text),
            ColumnType::Uuid => row.try_get::<_, Option<Uuid>>(index)?.map(Value::Uuid),
            ColumnType::Bytes => row.try_get::<_, Option<Vec<u8>>>(index)?.map(Value::Bytes),
            ColumnType::Instant => row.try_get::<_, Option<DateTime<Utc>>>(index)?.map(Value::Instant),
            ColumnType::Bool => row.try_get::<_, Option<bool>>(index)?.map(Value::Bool),
        };
        found.push(value.unwrap_or(Value::Null));
    }
    Ok(())
}

pub(super) type Array = Box<dyn ToSql + Sync + Send>;

/// One column's values out of rows that lie one after the other.
fn array(column_type: ColumnType, index: usize, width: usize, values: &[Value]) -> Array {
    let column = || values.iter().skip(index).step_by(width);
    macro_rules! of {
        ($variant:ident, $type:ty) => {
            Box::new(
                column()
                    .map(|value| match value {
                        Value::$variant(value) => Some(value.clone()),
                        _ => None,
                    })
                    .collect::<Vec<Option<$type>>>(),
            )
        };
    }
    match column_type {
        ColumnType::Int64 => of!(Int64, i64),
        ColumnType::Text | ColumnType::Json => of!(Text, String),
        ColumnType::Uuid => of!(Uuid, Uuid),
        ColumnType::Bytes => of!(Bytes, Vec<u8>),
        ColumnType::Instant => of!(Instant, DateTime<Utc>),
        ColumnType::Bool => of!(Bool, bool),
    }
}

pub(super) fn arrays(columns: &[projections::Column], values: &[Value]) -> Vec<Array> {
    let types = columns.iter().map(|column| column.column_type).enumerate();
    types.map(|(index, column_type)| array(column_type, index, columns.len(), values)).collect()
}
