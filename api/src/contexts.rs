//! Every context with all that the program must know of it: the one place where an aggregate is made known.
//!
//! From this list come the roots and nodes of the GraphQL schema, the read models, what `cairn as-of` can tell, the
//! contracts of the events, the commands that are run later, and the process managers. What is named here and does
//! not exist does not compile; what exists and is not named fails `api/tests/edge/contexts.rs`.

use async_graphql::MergedObject;
use commands::{
    engine::Aggregate,
    ports::{EventStore, StreamKey},
    process::{CommandRegistry, ProcessManager},
};
use domain::{
    Event,
    claims::KeyClaim,
    kernel::{EventSchema, personal},
    reactions::Reaction,
};
use futures::future::BoxFuture;
use projections::{
    Model,
    history::{self, AsOf, At, HistoryError},
};
use serde_json::Value;

use crate::graphql::kernel::NodeQueries;

/// One category of streams, whatever the type of its aggregate.
#[derive(Clone, Copy)]
pub struct Category {
    /// Its name.
    pub name: &'static str,
    /// Whether nobody asks for its streams by themselves: no read model is folded from them.
    pub is_internal: bool,
    /// Its event types with their schemas.
    pub events: fn() -> Vec<EventSchema>,
    /// An aggregate of it as of a moment, its state as JSON.
    pub as_of: for<'a> fn(&'a dyn EventStore, &'a StreamKey, At) -> Told<'a>,
    /// What stored events, as one stream, are to this program.
    pub read_again: fn(&[Stored<'_>]) -> Result<Vec<ReadAgain>, String>,
}

/// An event as it was stored once.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its type.
    pub event_type: &'a str,
    /// The version of its payload's schema.
    pub schema_version: u16,
    /// Its payload.
    pub payload: &'a Value,
}

/// What a stored event is to this program.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadAgain {
    /// The version of the schema that it would be written in now.
    pub schema_version: u16,
    /// Its payload as it would be written now.
    pub payload: Value,
    /// Whether it changed that state.
    pub left_a_trace: bool,
}

fn read_again<A: Aggregate>(stored: &[Stored<'_>]) -> Result<Vec<ReadAgain>, String> {
    let json = |state: &A| serde_json::to_value(state).map_err(|error| error.to_string());
    let mut state = A::initial();
    let mut before = json(&state)?;
    let mut read = Vec::with_capacity(stored.len());
    for Stored { event_type, schema_version, payload } in stored {
        let unreadable = |error: serde_json::Error| {
            format!("{event_type}.v{schema_version} is not read any more: {error}")
        };
        let event =
            A::Event::deserialize_payload(event_type, *schema_version, *payload).map_err(unreadable)?;
        let payload = event.serialize_payload(serde_json::value::Serializer).map_err(unreadable)?;
        state = state.evolve(&event);
        let after = json(&state)?;
        let left_a_trace = after != before;
        before = after;
        read.push(ReadAgain { schema_version: event.schema_version(), payload, left_a_trace });
    }
    Ok(read)
}

/// An aggregate's state at a moment, once it is told.
pub type Told<'a> = BoxFuture<'a, Result<AsOf<Value>, HistoryError>>;

impl Category {
    /// The streams of an aggregate.
    pub const fn of<A: Aggregate>() -> Self {
        Self {
            name: A::CATEGORY,
            is_internal: false,
            events: A::Event::schemas,
            as_of: |events, stream, at| {
                Box::pin(async move {
                    let AsOf { state, version, position, recorded_at } =
                        history::as_of::<A>(events, stream, at).await?;
                    // A state has text keys alone; should one not fit into JSON, there is nothing to show of it.
                    let state = personal::masked(&state).unwrap_or_default();
                    Ok(AsOf { state, version, position, recorded_at })
                })
            },
            read_again: read_again::<A>,
        }
    }

    /// The same, when no read model is folded from them.
    pub const fn internal<A: Aggregate>() -> Self {
        Self { is_internal: true, ..Self::of::<A>() }
    }
}

/// Takes each process manager in turn, so that nobody else has to name them.
pub trait EachProcess {
    /// Takes one.
    fn process<P: ProcessManager + Default>(&mut self);
}

macro_rules! contexts {
    ($(
        $(#[$meta:meta])*
        $context:ident {
            aggregates { $( $aggregate:ident ),* $(,)? }
            $( internal { $( $internal:ident ),* $(,)? } )?
            models { $( $model:ident ),* $(,)? }
            nodes { $( $node:ident ),* $(,)? }
            queries { $( $query:ident ),* $(,)? }
            mutations { $( $mutation:ident ),* $(,)? }
            $( run_later { $( $command:ident ),* $(,)? } )?
            $( processes { $( $process:ident ),* $(,)? } )?
        }
    )*) => {
        /// Every category that can lie on the log.
        pub fn categories() -> Vec<Category> {
            vec![
                Category::internal::<KeyClaim>(),
                Category::internal::<Reaction>(),
                $(
                    $( Category::of::<domain::$context::$aggregate>(), )*
                    $( $( Category::internal::<domain::$context::$internal>(), )* )?
                )*
            ]
        }

        /// Every read model.
        pub fn models() -> Vec<Model> {
            vec![ $( $( Model::of::<projections::$context::$model>(), )* )* ]
        }

        /// The commands that are stored and run later.
        pub fn commands_run_later() -> CommandRegistry {
            CommandRegistry::default()
                $( $( $( .with::<commands::$context::$command>() )* )? )*
        }

        /// Every process manager.
        pub fn each_process(each: &mut impl EachProcess) {
            $( $( $( each.process::<commands::$context::$process>(); )* )? )*
        }

        /// The types that have the fields of the roots: lists, other queries, mutations.
        pub fn roots() -> Vec<&'static str> {
            vec![ $( $( stringify!($query), )* $( stringify!($mutation), )* )* ]
        }

        /// What each mutation needs.
        pub fn mutations() -> Vec<(&'static str, domain::identity::Permission)> {
            [ $( $( crate::graphql::$context::$mutation::NEEDS, )* )* ].concat()
        }

        crate::nodes! {
            /// An entity with a global id.
            pub enum Node { $( $( $node(crate::graphql::$context::$node), )* )* }
        }

        /// Everything that can be asked.
        #[derive(MergedObject, Default)]
        pub struct Query(NodeQueries<Node>, $( $( crate::graphql::$context::$query, )* )*);

        /// Everything that can be done.
        #[derive(MergedObject, Default)]
        pub struct Mutation($( $( crate::graphql::$context::$mutation, )* )*);
    };
}

contexts! {
    /// Lots, quality and traceability of a food plant.
    lots {
        aggregates { Partner, Lot, Inspection, Deviation, TemperatureLog }
        internal { CodeSequence }
        models { LotBoard, LotLinks, Shipments, Inspections, TemperatureReadings, Deviations, Partners }
        nodes { Lot, Partner, Inspection, Deviation, TemperatureReading }
        queries {
            LotQueries, LotLists, PartnerLists, DeviationLists, InspectionLists, TemperatureLists, TracingQueries,
        }
        mutations { LotMutations, PartnerMutations, DeviationMutations, InspectionMutations, TemperatureMutations }
        run_later { RemindDeviation }
        processes { LotFinisher }
    }

    /// Services, their slots, and who has booked a seat.
    bookings {
        aggregates { Service }
        models { Services }
        nodes { Service }
        queries { ServiceLists }
        mutations { ServiceMutations }
    }
}
