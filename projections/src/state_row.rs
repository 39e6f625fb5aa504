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
/// [`ReadModel`](crate::ReadModel) by hand, and so does a state with personal data, which no row may hold: its streams
/// would be parked. A state or column that changes is a new `version`.
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
                let before = rows.get::<$row>(&(tenant, $id))?.map(|row| (*row.state).clone());
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
                    state: $crate::Json::try_new($shown)?,
                    version: event.version,
                });
                Ok(())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use commands::ports::{Metadata, RecordedEvent, StreamKey};
    use domain::{
        Decider, Event,
        bookings::{PaymentMode, ServiceCreated, ServiceEvent, ServiceRefusal, ServiceTerms},
        kernel::{Money, Personal},
    };
    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    use crate::{FoldError, fold, rows_of};

    /// Whose service it is, which no row may tell.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct HostState {
        name: Option<Personal<String>>,
    }

    #[derive(Default)]
    struct Host(Option<HostState>);

    impl Decider for Host {
        const CATEGORY: &'static str = "service";
        type Command = ();
        type Event = ServiceEvent;
        type Error = ServiceRefusal;

        fn initial() -> Self {
            Self::default()
        }

        fn decide(&self, (): ()) -> Result<Vec<ServiceEvent>, ServiceRefusal> {
            Ok(Vec::new())
        }

        fn evolve(self, event: &ServiceEvent) -> Self {
            let name = match event {
                ServiceEvent::ServiceCreated(ServiceCreated(terms)) => {
                    Some(Personal::of("u-1", terms.name.clone()))
                }
                ServiceEvent::ServiceChanged(_)
                | ServiceEvent::ServiceDeactivated(_)
                | ServiceEvent::ServiceActivated(_) => None,
            };
            Self(Some(HostState { name }))
        }
    }

    crate::state_rows! {
        /// Whose services are there?
        Hosts answers "test_model", version 1;
        /// A host.
        pub struct HostRow of Host(HostState) as host_id |host| {
            /// Whether there is a name.
            is_named: bool = host.name.is_some();
        }
    }

    fn recorded(event: &ServiceEvent) -> RecordedEvent {
        let mut payload = Vec::new();
        event.serialize_payload(&mut serde_json::Serializer::new(&mut payload)).unwrap();
        RecordedEvent {
            position: 1,
            stream: StreamKey::new(Uuid::nil(), Host::CATEGORY, Uuid::nil().to_string()),
            version: 1,
            event_id: Uuid::nil(),
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            payload: Arc::from(String::from_utf8(payload).unwrap()),
            metadata: Metadata {
                command_id: Uuid::nil(),
                correlation_id: Uuid::nil(),
                causation_id: None,
                actor: "ann".to_owned(),
                traceparent: None,
            },
            recorded_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_state_that_may_not_be_written_down_stops_its_stream_and_leaves_no_row() {
        let terms = ServiceTerms {
            name: "Haircut".to_owned(),
            duration_min: 30,
            capacity: 1,
            price: Money::zero("EUR".parse().unwrap()),
            payment_mode: PaymentMode::Free,
        };
        let refused = fold::<Hosts>(&[recorded(&ServiceCreated(terms).into())]).map(|_rows| ());
        assert!(matches!(refused, Err(FoldError::Unwritable { .. })), "{refused:?}");
        let nameless = recorded(&domain::bookings::ServiceActivated {}.into());
        let rows = rows_of::<Hosts, HostRow>(&[nameless]).unwrap();
        assert!(!rows[0].is_named && rows[0].state.name.is_none());
    }
}
