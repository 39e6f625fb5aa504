use std::{fmt::Debug, hash::Hash};

use crate::{
    ColumnType,
    value::{Value, ValueMismatch},
};

/// One column of a [`Table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name, in lower snake case.
    pub name: &'static str,
    /// What it holds.
    pub column_type: ColumnType,
    /// Whether it may be missing.
    pub nullable: bool,
}

/// A table, declared once by [`row!`](crate::row); the SQL of every engine follows from it.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, unique over all read models. Each build of a read model adds its own suffix.
    pub name: &'static str,
    /// Its columns; the first [`Table::key_columns`] of them are the primary key.
    pub columns: &'static [Column],
    /// How many columns the key has. The first is always the tenant.
    pub key_columns: usize,
    /// The columns of each further index.
    pub indexes: &'static [&'static [&'static str]],
}

impl Table {
    /// The columns of the primary key.
    pub fn key(&self) -> &'static [Column] {
        &self.columns[..self.key_columns]
    }

    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A row type. Declared by [`row!`](crate::row), never by hand.
pub trait Row: Debug + Clone + PartialEq + Send + Sync + 'static {
    /// The primary key, as a tuple.
    type Key: Clone + Eq + Hash + Debug + Send + Sync + 'static;

    /// Where rows of this type lie.
    const TABLE: &'static Table;

    /// This row's key.
    fn key(&self) -> Self::Key;

    /// Appends a key's values, in the table's order.
    fn write_key(key: &Self::Key, values: &mut Vec<Value>);

    /// The value of one column, by its place in the table.
    fn value(&self, column: usize) -> Value;

    /// Appends the row's values, in the table's order.
    fn write(&self, values: &mut Vec<Value>);

    /// Reads a row from values in the table's order.
    fn read(values: &mut dyn Iterator<Item = Value>) -> Result<Self, ValueMismatch>;
}

/// Declares a row type and its table.
///
/// ```
/// use projections::{Row, row};
/// use uuid::Uuid;
///
/// row! {
///     /// A partner as the lists show it.
///     pub struct PartnerRow in "partners" {
///         key {
///             /// Whose partner it is.
///             tenant: Uuid,
///             /// The partner.
///             partner_id: Uuid,
///         }
///         /// Its name.
///         name: String,
///         /// Its address, if it is known.
///         address: Option<String>,
///     }
///     index (tenant, name);
/// }
///
/// assert_eq!(PartnerRow::TABLE.key().len(), 2);
/// assert!(PartnerRow::TABLE.column("address").unwrap().nullable);
/// ```
#[macro_export]
macro_rules! row {
    (
        $(#[$meta:meta])*
        pub struct $name:ident in $table:literal {
            key { $( $(#[$key_meta:meta])* $key:ident : $key_type:ty, )+ }
            $( $(#[$field_meta:meta])* $field:ident : $field_type:ty, )*
        }
        $( index ( $($index:ident),+ ); )*
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[$key_meta])* pub $key: $key_type, )+
            $( $(#[$field_meta])* pub $field: $field_type, )*
        }

        impl $crate::Row for $name {
            type Key = ($($key_type,)+);

            const TABLE: &'static $crate::Table = &$crate::Table {
                name: $table,
                columns: &[
                    $( $crate::Column {
                        name: stringify!($key),
                        column_type: <$key_type as $crate::Field<_>>::TYPE,
                        nullable: <$key_type as $crate::Field<_>>::NULLABLE,
                    }, )+
                    $( $crate::Column {
                        name: stringify!($field),
                        column_type: <$field_type as $crate::Field<_>>::TYPE,
                        nullable: <$field_type as $crate::Field<_>>::NULLABLE,
                    }, )*
                ],
                key_columns: [$(stringify!($key)),+].len(),
                indexes: &[ $( &[$(stringify!($index)),+] ),* ],
            };

            fn key(&self) -> Self::Key {
                ($(self.$key.clone(),)+)
            }

            fn write_key(key: &Self::Key, values: &mut Vec<$crate::Value>) {
                let ($($key,)+) = key;
                $( values.push($crate::Field::to_value($key)); )+
            }

            fn value(&self, column: usize) -> $crate::Value {
                let name = Self::TABLE.columns.get(column).map_or("", |column| column.name);
                $( if name == stringify!($key) { return $crate::Field::to_value(&self.$key); } )+
                $( if name == stringify!($field) { return $crate::Field::to_value(&self.$field); } )*
                $crate::Value::Null
            }

            fn write(&self, values: &mut Vec<$crate::Value>) {
                $( values.push($crate::Field::to_value(&self.$key)); )+
                $( values.push($crate::Field::to_value(&self.$field)); )*
            }

            fn read(
                values: &mut dyn Iterator<Item = $crate::Value>,
            ) -> Result<Self, $crate::ValueMismatch> {
                fn next<How, F: $crate::Field<How>>(
                    values: &mut dyn Iterator<Item = $crate::Value>,
                ) -> Result<F, $crate::ValueMismatch> {
                    F::from_value(values.next().unwrap_or($crate::Value::Null))
                }
                Ok(Self {
                    $( $key: next::<_, $key_type>(values)?, )+
                    $( $field: next::<_, $field_type>(values)?, )*
                })
            }
        }
    };
}
