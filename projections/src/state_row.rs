//! The short form of a read model: one row a stream, which shows the aggregate's own state.

/// Declares a read model whose rows are the states of an aggregate, one a stream, with the columns that lists need.
///
/// ```
/// use domain::{bookings::{Service, ServiceTerms}, kernel::Entry};
///
/// projections::state_rows! {
///     /// What can be booked?
///     Offers answers "offers", version 1;
///     /// A service, as it is.
///     pub struct OfferRow of Service(Entry<ServiceTerms>) as service_id |service| {
///         /// Its name.
///         name: String = service.terms.name.clone();
///     }
///     index (tenant, name);
/// }
/// ```
///
/// The aggregate is a struct around `Option` of its state. The row keeps that state beside the columns and `evolve` moves it
/// on, so that no event is interpreted twice; what is asked in another way than the aggregate's own takes a
/// [`ReadModel`](crate::ReadModel) by hand. A state or column that changes is a new `version`.
#[macro_export]
macro_rules! state_rows {
    (
        $(#[$model_meta:meta])*
        $model:ident answers $name:literal, version $version:literal;
        $(#[$row_meta:meta])*
        pub struct $row:ident of $aggregate:ident($state:ty) as $id:ident |$shown:ident| {
            $( $(#[$field_meta:meta])* $field:ident : $type:ty = $value:expr; )*
        }
        $( index ( $($index:ident),+ ); )*
    ) => {
        $crate::row! {
            $(#[$row_meta])*
            pub struct $row in $name {
                key {
                    /// Whose it is.
                    tenant: uuid::Uuid,
                    /// Which one.
                    $id: uuid::Uuid,
                }
                $( $(#[$field_meta])* $field: $type, )*
                /// All of it.
                state: $crate::Json<$state>,
                /// The version of its stream that the row shows.
                version: commands::ports::Version,
            }
            $( index ( $($index),+ ); )*
        }

        $(#[$model_meta])*
        pub struct $model;

        impl $crate::ReadModel for $model {
            const NAME: &'static str = $name;
            const VERSION: u32 = $version;
            const CATEGORIES: &'static [&'static str] = &[<$aggregate as domain::Decider>::CATEGORY];

            fn tables() -> Vec<&'static $crate::Table> {
                vec![<$row as $crate::Row>::TABLE]
            }

            fn keys(event: &commands::ports::RecordedEvent, keys: &mut $crate::Keys<'_>) {
                if let Ok(id) = $crate::stream_uuid(event) {
                    keys.row::<$row>((event.stream.tenant, id));
                }
            }

            fn apply(
                event: &commands::ports::RecordedEvent,
                rows: &mut $crate::Rows,
            ) -> Result<(), $crate::FoldError> {
                let (tenant, $id) = (event.stream.tenant, $crate::stream_uuid(event)?);
                let before = rows.get::<$row>(&(tenant, $id))?.map(|row| row.state.0.clone());
                let event_of_it = $crate::decode(event)?;
                let $aggregate(state) = domain::Decider::evolve($aggregate(before), &event_of_it);
                let Some($shown) = state else {
                    rows.delete::<$row>((tenant, $id));
                    return Ok(());
                };
                rows.put($row {
                    tenant,
                    $id,
                    $( $field: $value, )*
                    state: $crate::Json($shown),
                    version: event.version,
                });
                Ok(())
            }
        }
    };
}
