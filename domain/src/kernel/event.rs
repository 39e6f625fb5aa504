use serde::{Deserializer, Serializer};

/// One published event type: its name on the log, the version of its payload's schema, and that schema.
pub struct EventSchema {
    /// `LotCreated`: noun and past participle, final once stored.
    pub event_type: &'static str,
    /// Starts at 1. Optional fields may be added to a version; anything else is a new version and an upcaster.
    pub schema_version: u16,
    /// The payload's JSON Schema.
    pub schema: fn() -> schemars::Schema,
}

/// The log holds an event type that this program does not know, or knows in other versions only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event type {event_type} in schema version {schema_version} is unknown to this program")]
pub struct UnknownEvent {
    /// The stored type.
    pub event_type: String,
    /// The stored version of the payload's schema.
    pub schema_version: u16,
}

/// The facts of one aggregate. Implemented by [`events!`](crate::events), never by hand.
pub trait Event: Sized + Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// Every type of this aggregate with its current schema.
    fn schemas() -> Vec<EventSchema>;

    /// The type's name on the log.
    fn event_type(&self) -> &'static str;

    /// The version in which [`Self::serialize_payload`] writes.
    fn schema_version(&self) -> u16;

    /// Whether this program can read a stored type in a stored version. One that it cannot was written by a newer program.
    fn is_known(event_type: &str, schema_version: u16) -> bool;

    /// Writes the payload alone: type and version have columns of their own.
    fn serialize_payload<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Reads a payload of a stored type and version; an unknown one answers [`UnknownEvent`] through `D::Error`.
    fn deserialize_payload<'de, D: Deserializer<'de>>(
        event_type: &str,
        schema_version: u16,
        deserializer: D,
    ) -> Result<Self, D::Error>;
}

/// The fact, unless it holds already: then the command has succeeded and nothing happens.
pub fn unless<E: Event>(holds: bool, fact: impl Into<E>) -> Vec<E> {
    if holds { Vec::new() } else { vec![fact.into()] }
}

/// Declares an aggregate's events: an enum whose variants each wrap the payload struct of the same name.
///
/// ```
/// use domain::{Event, events};
/// use serde::{Deserialize, Serialize};
///
/// /// A lot's weight was taken.
/// #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
/// pub struct LotWeighed {
///     /// What the scale showed.
///     pub weight_grams: i64,
/// }
///
/// events! {
///     /// What happens to a lot.
///     pub enum LotEvent {
///         LotWeighed = 1;
///     }
/// }
///
/// let event = LotEvent::from(LotWeighed { weight_grams: 15_000 });
/// assert_eq!(event.event_type(), "LotWeighed");
/// ```
///
/// The number is the version of the payload's schema. An older version that still lies in logs is listed after
/// it with its upcaster, a function from the old payload struct to the new one: `LotWeighed = 2, 1 => LotWeighedV1::upcast;`.
///
/// A payload that is another type as it is, or nothing at all, is declared in its line, with its documentation:
/// `ServiceCreated of ServiceTerms = 1;`, `ServiceDeactivated {} = 1;`.
#[macro_export]
macro_rules! events {
    (@payload [$($meta:meta)*] $visibility:vis $variant:ident) => {};
    (@payload [$($meta:meta)*] $visibility:vis $variant:ident of $told:ty) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        $visibility struct $variant(
            /// All of it.
            pub $told,
        );
    };
    (@payload [$($meta:meta)*] $visibility:vis $variant:ident $nothing:block) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        $visibility struct $variant {}
    };
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident {
            $(
                $(#[$payload_meta:meta])*
                $variant:ident $(of $told:ty)? $($nothing:block)?
                    = $version:literal $(, $old_version:literal => $old:ident :: $upcast:ident)* ;
            )*
        }
    ) => {
        $( $crate::events!(@payload [$($payload_meta)*] $visibility $variant $(of $told)? $($nothing)?); )*

        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        $visibility enum $name {
            $( #[doc = concat!("See [`struct@", stringify!($variant), "`].")] $variant($variant), )*
        }

        $( impl From<$variant> for $name {
            fn from(payload: $variant) -> Self { Self::$variant(payload) }
        } )*

        impl $crate::Event for $name {
            fn schemas() -> Vec<$crate::kernel::EventSchema> {
                vec![ $( $crate::kernel::EventSchema {
                    event_type: stringify!($variant),
                    schema_version: $version,
                    schema: || schemars::schema_for!($variant),
                }, )* ]
            }

            fn event_type(&self) -> &'static str {
                match self { $( Self::$variant(_) => stringify!($variant), )* }
            }

            fn schema_version(&self) -> u16 {
                match self { $( Self::$variant(_) => $version, )* }
            }

            fn is_known(event_type: &str, schema_version: u16) -> bool {
                match event_type {
                    $( stringify!($variant) => [$version $(, $old_version)*].contains(&schema_version), )*
                    _ => false,
                }
            }

            fn serialize_payload<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $( Self::$variant(payload) => serde::Serialize::serialize(payload, serializer), )* }
            }

            fn deserialize_payload<'de, D: serde::Deserializer<'de>>(
                event_type: &str,
                schema_version: u16,
                deserializer: D,
            ) -> Result<Self, D::Error> {
                match (event_type, schema_version) {
                    $(
                        (stringify!($variant), $version) => {
                            <$variant as serde::Deserialize>::deserialize(deserializer).map(Self::$variant)
                        }
                        $( (stringify!($variant), $old_version) => {
                            <$old as serde::Deserialize>::deserialize(deserializer).map($old::$upcast).map(Self::$variant)
                        } )*
                    )*
                    _ => Err(serde::de::Error::custom($crate::kernel::UnknownEvent {
                        event_type: event_type.to_owned(),
                        schema_version,
                    })),
                }
            }
        }
    };
}
