use std::{borrow::Cow, collections::BTreeSet, fmt, marker::PhantomData, str::FromStr};

use async_graphql::{ID, InputType, InputValueError, InputValueResult, Value, registry::Registry};
use commands::ports::TenantId;
use domain::{
    Refusal,
    kernel::{Enumeration, LocalDay},
};
use uuid::Uuid;

use super::{GlobalId, GlobalIdError, Int64, LocalDate, MutationError, Named};

/// What a field of an input is called in its command and in the API.
#[derive(Debug, Clone, Copy)]
pub struct FieldName {
    /// In the command, in snake case: `supplier_id`.
    pub command: &'static str,
    /// In the API, if it is another one: `supplier`.
    pub shown: Option<&'static str>,
    /// The fields below it.
    pub below: &'static [FieldName],
}

impl FieldName {
    /// What the API calls it.
    pub fn shown(&self) -> Cow<'static, str> {
        self.shown.map_or_else(|| lower_camel(self.command).into(), Cow::Borrowed)
    }

    /// What the API calls a field that a refusal names: `inputs.lotId` of the command is `inputs.lot` of the input.
    pub fn path(names: &[Self], field: &str) -> String {
        let mut names = names;
        let shown = field.split('.').map(|part| -> Cow<'_, str> {
            let known = names.iter().find(|name| lower_camel(name.command) == part);
            names = known.map_or(&[], |name| name.below);
            known.map_or(Cow::Borrowed(part), |name| name.shown())
        });
        shown.collect::<Vec<_>>().join(".")
    }
}

/// What the API calls what the program calls so.
pub fn lower_camel(snake: &str) -> String {
    let mut parts = snake.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut name, part| {
        let mut letters = part.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

/// Where in an input a value stands, and whose input it is.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    tenant: TenantId,
    above: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Input,
    Field(&'a FieldName),
    Element(usize),
}

impl<'a> Place<'a> {
    /// The input as a whole.
    pub fn input(tenant: TenantId) -> Self {
        Self { tenant, above: None, step: Step::Input }
    }

    /// A field of it.
    pub fn field(&'a self, name: &'a FieldName) -> Self {
        Self { tenant: self.tenant, above: Some(self), step: Step::Field(name) }
    }

    fn element(&'a self, index: usize) -> Self {
        Self { tenant: self.tenant, above: Some(self), step: Step::Element(index) }
    }
}

impl fmt::Display for Place<'_> {
    /// As the path of an error writes it: `inputs.2.lot`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(above) = self.above.filter(|above| !matches!(above.step, Step::Input)) {
            write!(formatter, "{above}.")?;
        }
        match self.step {
            Step::Input => Ok(()),
            Step::Field(name) => formatter.write_str(&name.shown()),
            Step::Element(index) => write!(formatter, "{index}"),
        }
    }
}

/// A value of an input.
pub trait Given: Sized {
    /// The fields below it.
    const FIELDS: &'static [FieldName] = &[];
}

/// How a value of an input becomes a value of its command.
pub trait Becomes<C>: Given {
    /// The value, or the error of the place that it stands at.
    fn read(self, place: &Place<'_>) -> Result<C, MutationError>;
}

/// Input of a mutation. Declared by [`inputs!`](crate::inputs).
pub trait Input: InputType + Becomes<Self::Made> {
    /// What it becomes: a command, or a part of one.
    type Made;
}

macro_rules! as_it_is {
    ($($given:ty => $read:ty, |$value:ident| $as:expr;)+) => { $(
        impl Becomes<$read> for $given {
            fn read(self, _: &Place<'_>) -> Result<$read, MutationError> {
                let $value = self;
                Ok($as)
            }
        }
    )+ };
}

impl Given for String {}
impl Given for bool {}
impl Given for i32 {}
impl Given for Int64 {}
impl Given for LocalDate {}

as_it_is! {
    String => String, |text| text;
    bool => bool, |yes| yes;
    i32 => i32, |number| number;
    i32 => i64, |number| number.into();
    Int64 => i64, |number| number.0;
    LocalDate => LocalDay, |day| day.0;
}

impl<T: Enumeration> Given for super::E<T> {}

impl<T: Enumeration> Becomes<T> for super::E<T> {
    fn read(self, _: &Place<'_>) -> Result<T, MutationError> {
        Ok(self.0)
    }
}

impl<G: Given> Given for Option<G> {
    const FIELDS: &'static [FieldName] = G::FIELDS;
}

impl<C, G: Becomes<C>> Becomes<Option<C>> for Option<G> {
    fn read(self, place: &Place<'_>) -> Result<Option<C>, MutationError> {
        self.map(|given| given.read(place)).transpose()
    }
}

impl<G: Given> Given for Vec<G> {
    const FIELDS: &'static [FieldName] = G::FIELDS;
}

fn elements<C, G: Becomes<C>, All: FromIterator<C>>(
    given: Vec<G>,
    place: &Place<'_>,
) -> Result<All, MutationError> {
    given.into_iter().enumerate().map(|(index, one)| one.read(&place.element(index))).collect()
}

impl<C, G: Becomes<C>> Becomes<Vec<C>> for Vec<G> {
    fn read(self, place: &Place<'_>) -> Result<Vec<C>, MutationError> {
        elements(self, place)
    }
}

impl<C: Ord, G: Becomes<C>> Becomes<BTreeSet<C>> for Vec<G> {
    fn read(self, place: &Place<'_>) -> Result<BTreeSet<C>, MutationError> {
        elements(self, place)
    }
}

/// A scalar that is `ID` or `String` in the schema and means more to the program.
macro_rules! text_input {
    ($name:ident as $scalar:ty) => {
        impl<T: 'static> InputType for $name<T> {
            type RawValueType = Self;

            fn type_name() -> Cow<'static, str> {
                <$scalar as InputType>::type_name()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                <$scalar as InputType>::create_type_info(registry)
            }

            fn parse(value: Option<Value>) -> InputValueResult<Self> {
                let read = <$scalar as InputType>::parse(value);
                read.map(|text| Self(text, PhantomData)).map_err(InputValueError::propagate)
            }

            fn to_value(&self) -> Value {
                InputType::to_value(&self.0)
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }

        impl<T> Given for $name<T> {}

        impl<T> Clone for $name<T> {
            fn clone(&self) -> Self {
                Self(self.0.clone(), PhantomData)
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }
    };
}

/// The global id of an entity of one type.
pub struct Id<T>(ID, PhantomData<fn() -> T>);

text_input!(Id as ID);

impl<T: Named> Id<T> {
    /// The entity's own id, if it is one of this type and tenant.
    pub fn within(&self, tenant: TenantId) -> Result<Uuid, GlobalIdError> {
        let stream_id = GlobalId::decode_as(&self.0, T::TYPE, tenant)?;
        Uuid::try_parse(&stream_id).map_err(|_not_a_uuid| GlobalIdError::Malformed)
    }
}

impl<T: Named> Becomes<Uuid> for Id<T> {
    fn read(self, place: &Place<'_>) -> Result<Uuid, MutationError> {
        self.within(place.tenant).map_err(|error| match error {
            GlobalIdError::Malformed => MutationError::invalid(&place.to_string(), error.to_string()),
            GlobalIdError::Foreign => MutationError::not_found(&place.to_string(), error.to_string()),
        })
    }
}

/// A text that names a value of the domain, such as a gate's key.
pub struct Key<T>(String, PhantomData<fn() -> T>);

text_input!(Key as String);

impl<T: FromStr<Err: Refusal>> Key<T> {
    /// The value that it names.
    pub fn named(&self) -> Result<T, T::Err> {
        self.0.parse()
    }
}

impl<T: FromStr<Err: Refusal>> Becomes<T> for Key<T> {
    fn read(self, place: &Place<'_>) -> Result<T, MutationError> {
        self.named().map_err(|refusal| MutationError::invalid(&place.to_string(), refusal.to_string()))
    }
}

/// Declares inputs: their fields are those of what they become, by the names that the API has for them.
///
/// ```
/// use api::graphql::{kernel::Id, lots::Lot};
/// use commands::lots::HoldLot;
///
/// api::inputs! {
///     /// Holds a released lot by hand.
///     HoldInput => HoldLot {
///         /// The lot.
///         lot_id as "lot": Id<Lot>,
///         /// 10 to 500 characters.
///         reason: String,
///     }
/// }
/// ```
///
/// The input of a command that [`commands!`](domain::commands) declares is an [`Asked`](super::Asked), and declared by that alone.
#[macro_export]
macro_rules! inputs {
    ($(
        $(#[$meta:meta])*
        $name:ident => $($made:ident)::+ {
            $( $(#[$field_meta:meta])* $field:ident $(as $shown:literal)? : $type:ty ),* $(,)?
        }
    )*) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, async_graphql::InputObject)]
        pub struct $name {
            $( $(#[$field_meta])* $(#[graphql(name = $shown)])? pub $field: $type, )*
        }

        impl $crate::graphql::kernel::Given for $name {
            const FIELDS: &'static [$crate::graphql::kernel::FieldName] = &[ $( $crate::field_name!(
                $field $($shown)?, <$type as $crate::graphql::kernel::Given>::FIELDS
            ), )* ];
        }

        impl $crate::graphql::kernel::Becomes<$($made)::+> for $name {
            fn read(
                self,
                place: &$crate::graphql::kernel::Place<'_>,
            ) -> Result<$($made)::+, $crate::graphql::kernel::MutationError> {
                Ok($($made)::+ { $( $field: {
                    let name = $crate::field_name!($field $($shown)?, &[]);
                    $crate::graphql::kernel::Becomes::read(self.$field, &place.field(&name))?
                }, )* })
            }
        }

        impl $crate::graphql::kernel::Input for $name {
            type Made = $($made)::+;
        }
    )* };
}

/// What a field is called in its command and in the API.
#[doc(hidden)]
#[macro_export]
macro_rules! field_name {
    ($field:ident, $below:expr) => {
        $crate::graphql::kernel::FieldName { command: stringify!($field), shown: None, below: $below }
    };
    ($field:ident $shown:literal, $below:expr) => {
        $crate::graphql::kernel::FieldName { command: stringify!($field), shown: Some($shown), below: $below }
    };
}
