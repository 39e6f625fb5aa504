use std::collections::BTreeSet;

use async_graphql::{Enum, InputType, Result};
use commands::ports::TenantId;
use domain::{Refusal, kernel::Enumeration};
use projections::{Direction, Filter, Query, Value};

use super::{E, Id, Int64, Key, LocalDate, Named, refused};

/// In which order a list comes: by when its entries came to be, or by name where the list says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ListOrder {
    /// Oldest first, or by name from A.
    Ascending,
    /// Newest first, or by name from Z.
    Descending,
}

/// A list while it is being narrowed.
#[derive(Debug, Clone)]
pub struct Narrowing {
    /// The rows so far.
    pub query: Query,
    /// Whose rows they are.
    pub tenant: TenantId,
}

impl Narrowing {
    /// Keeps rows that also pass this.
    #[must_use]
    pub fn keep(mut self, filter: Filter) -> Self {
        self.query = self.query.filter(filter);
        self
    }

    /// The rows in the order that is asked for, else in the list's own.
    pub fn ordered(self, order: Option<ListOrder>) -> Query {
        let direction = match order {
            None => self.query.direction,
            Some(ListOrder::Ascending) => Direction::Ascending,
            Some(ListOrder::Descending) => Direction::Descending,
        };
        Query { direction, ..self.query }
    }
}

/// What a list can be narrowed by.
pub trait Narrows: InputType {
    /// Keeps the rows whose column fits.
    fn narrow(self, list: Narrowing, column: &'static str) -> Result<Narrowing>;
}

macro_rules! equals {
    ($($type:ty, |$given:ident| $value:expr;)+) => { $(
        impl Narrows for $type {
            fn narrow(self, list: Narrowing, column: &'static str) -> Result<Narrowing> {
                let $given = self;
                Ok(list.keep(Filter::Is(column, $value)))
            }
        }
    )+ };
}

equals! {
    bool, |yes| Value::Bool(yes);
    i32, |number| Value::Int64(number.into());
    Int64, |number| Value::Int64(number.0);
    LocalDate, |day| Value::Text(day.0.to_string());
    String, |text| Value::Text(text);
}

fn stored<T: Enumeration>(value: E<T>) -> Value {
    Value::Text(value.0.about().text.to_owned())
}

impl<T: Enumeration> Narrows for E<T> {
    fn narrow(self, list: Narrowing, column: &'static str) -> Result<Narrowing> {
        Ok(list.keep(Filter::Is(column, stored(self))))
    }
}

impl<T: Enumeration> Narrows for Vec<E<T>> {
    /// Keeps the rows that have one of them.
    fn narrow(self, list: Narrowing, column: &'static str) -> Result<Narrowing> {
        // Each value once: an enum has few, however many the client sends.
        let values: BTreeSet<Value> = self.into_iter().map(stored).collect();
        Ok(list.keep(Filter::In(column, values.into_iter().collect())))
    }
}

impl<T: Named> Narrows for Id<T> {
    fn narrow(self, list: Narrowing, column: &'static str) -> Result<Narrowing> {
        let id = self.within(list.tenant)?;
        Ok(list.keep(Filter::Is(column, Value::Uuid(id))))
    }
}

impl<T> Narrows for Key<T>
where
    T: std::str::FromStr<Err: Refusal> + Enumeration,
{
    fn narrow(self, list: Narrowing, column: &'static str) -> Result<Narrowing> {
        let named = self.named().map_err(|unknown| refused("VALIDATION_FAILED", unknown.to_string()))?;
        E(named).narrow(list, column)
    }
}

/// Declares filters: each field may be left out, and keeps the rows whose column fits it.
///
/// ```
/// use api::graphql::{kernel::{E, Id}, lots::Run};
/// use domain::lots::LotStatus;
///
/// api::filters! {
///     /// Which lots.
///     LotFilter {
///         /// One of these.
///         status: Vec<E<LotStatus>> => status,
///         /// Of this run.
///         run: Id<Run> => run_id,
///         /// The code contains this.
///         code: String => ~lot_code,
///     }
/// }
/// ```
#[macro_export]
macro_rules! filters {
    ($(
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$field_meta:meta])* $field:ident $(as $shown:literal)? : $type:ty => $(~ $part:ident)? $($column:ident)? ),* $(,)?
        }
    )*) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, async_graphql::InputObject)]
        pub struct $name {
            $( $(#[$field_meta])* $(#[graphql(name = $shown)])? $field: Option<$type>, )*
        }

        impl $crate::graphql::kernel::Narrows for $name {
            fn narrow(
                self,
                mut list: $crate::graphql::kernel::Narrowing,
                _: &'static str,
            ) -> async_graphql::Result<$crate::graphql::kernel::Narrowing> {
                $( if let Some(given) = self.$field {
                    let narrowed: async_graphql::Result<_> = {
                        $( Ok(list.keep(projections::Filter::Contains(stringify!($part), given))) )?
                        $( $crate::graphql::kernel::Narrows::narrow(given, list, stringify!($column)) )?
                    };
                    let name = $crate::field_name!($field $($shown)?, &[]);
                    list = narrowed.map_err(|error| $crate::graphql::kernel::blame(error, &name.shown()))?;
                } )*
                Ok(list)
            }
        }
    )* };
}

/// Declares lists of an entity as Relay connections: what each may be narrowed by, and its own order. As a part of
/// [`entity!`](crate::entity) or, beside it, by itself:
///
/// ```
/// use api::graphql::{kernel::{E, Narrows as _}, lots::Partner};
/// use domain::lots::PartnerRole;
///
/// api::lists! {
///     /// The lists of partners.
///     PartnersByWhatTheyDo of Partner {
///         /// The partners, by name.
///         partners(is_carrier: bool, "Who carries, or does not.") by name, Ascending;
///         /// The partners, newest first.
///         latest_partners(role: E<PartnerRole>, "With this role.") by saved_at, Descending:
///             |role, list| (role.0 == PartnerRole::Carrier).narrow(list, "is_carrier");
///     }
/// }
/// ```
///
/// What is given narrows the column of its name, a filter its own columns; whatever else is meant by it, a function says.
#[macro_export]
macro_rules! lists {
    (@narrow $argument:ident) => {
        |given, list| $crate::graphql::kernel::Narrows::narrow(given, list, stringify!($argument))
    };
    (@narrow $argument:ident, $narrow:expr) => { $narrow };
    (
        $(#[$root_meta:meta])*
        $root:ident of $node:ident { $(
            $(#[$meta:meta])*
            $field:ident($argument:ident: $narrowing:ty, $described:tt) by $order:ident, $direction:ident
                $(: $narrow:expr)?;
        )+ }
    ) => {
        $(#[$root_meta])*
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $root;

        #[async_graphql::Object]
        impl $root {
            $(
                $(#[$meta])*
                #[expect(clippy::too_many_arguments, reason = "a Relay list's own arguments")]
                async fn $field(
                    &self,
                    context: &async_graphql::Context<'_>,
                    #[graphql(desc = $described)] $argument: Option<$narrowing>,
                    #[graphql(desc = "Another order than the list's own.")] order: Option<
                        $crate::graphql::kernel::ListOrder,
                    >,
                    #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
                    #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
                    #[graphql(desc = "Entries from the back, at most 200.")] last: Option<i32>,
                    #[graphql(desc = "End before this cursor.")] before: Option<String>,
                    #[graphql(desc = "Waits until the answer holds everything up to this position.")]
                    min_position: Option<$crate::graphql::kernel::Int64>,
                ) -> async_graphql::Result<$crate::graphql::kernel::List<$node>> {
                    use $crate::graphql::kernel as kernel;
                    let allowed = kernel::Allowed::<$node>::ask(context)?;
                    kernel::FromReads::wait::<<$node as kernel::Shown>::Model>(context, min_position).await?;
                    let direction = projections::Direction::$direction;
                    let query = allowed.rows().order_by(&[stringify!($order)], direction);
                    let mut list = kernel::Narrowing { query, tenant: allowed.tenant() };
                    if let Some(given) = $argument {
                        let narrow: fn($narrowing, kernel::Narrowing) -> async_graphql::Result<kernel::Narrowing> =
                            $crate::lists!(@narrow $argument $(, $narrow)?);
                        list = narrow(given, list)
                            .map_err(|error| kernel::blame(error, &$crate::field_name!($argument, &[]).shown()))?;
                    }
                    let arguments = kernel::PageArguments { first, after, last, before };
                    kernel::Shows::list(context, allowed, arguments, list.ordered(order)).await
                }
            )+
        }
    };
}
