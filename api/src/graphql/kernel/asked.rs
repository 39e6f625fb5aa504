//! The input of a command that says nothing but whom it asks, and the terms where it has some: all that is said of it
//! stands where the command is declared.

use std::{any::type_name, borrow::Cow};

use async_graphql::{
    InputType, InputValueError, InputValueResult, Name, Value,
    indexmap::IndexMap,
    registry::{Deprecation, MetaInputValue, MetaType, MetaTypeId, Registry},
};
use domain::{Decider, kernel::Asks};
use uuid::Uuid;

use super::{
    Becomes, FieldName, Given, Id, Input, MutationError, Named, Place, ShownTerms, input::lower_camel,
};

/// How a command names whom it asks.
pub trait Whom: Sized {
    /// As the API takes it.
    type Given<E: Named>: InputType + Becomes<Self>;
}

impl Whom for Uuid {
    type Given<E: Named> = Id<E>;
}

impl Whom for Option<Uuid> {
    type Given<E: Named> = Option<Id<E>>;
}

/// What a command says besides.
pub trait Said: Sized + 'static {
    /// As the API takes it.
    type Given: Becomes<Self> + Send + Sync;

    /// The fields, described as they are declared.
    fn describe(registry: &mut Registry) -> IndexMap<String, MetaInputValue>;

    /// What is given of them in an input `I`.
    fn parse<I: InputType>(given: &IndexMap<Name, Value>) -> Result<Self::Given, InputValueError<I>>;

    /// The same as it came.
    fn to_value(given: &Self::Given) -> Value;
}

impl Given for () {}

impl Becomes<()> for () {
    fn read(self, _: &Place<'_>) -> Result<(), MutationError> {
        Ok(())
    }
}

impl Said for () {
    type Given = ();

    fn describe(_: &mut Registry) -> IndexMap<String, MetaInputValue> {
        IndexMap::new()
    }

    fn parse<I: InputType>(_: &IndexMap<Name, Value>) -> Result<(), InputValueError<I>> {
        Ok(())
    }

    fn to_value((): &()) -> Value {
        Value::Object(IndexMap::new())
    }
}

impl<T: ShownTerms> Said for T {
    type Given = T::Given;

    fn describe(registry: &mut Registry) -> IndexMap<String, MetaInputValue> {
        let MetaType::InputObject { mut input_fields, .. } = registry.create_fake_input_type::<T::Given>()
        else {
            return IndexMap::new();
        };
        for term in T::TERMS {
            if let Some(field) = input_fields.get_mut(&lower_camel(term.name)) {
                field.description.get_or_insert_with(term.limited);
            }
        }
        input_fields
    }

    fn parse<I: InputType>(given: &IndexMap<Name, Value>) -> Result<T::Given, InputValueError<I>> {
        T::Given::parse(Some(Value::Object(given.clone()))).map_err(InputValueError::propagate)
    }

    fn to_value(given: &T::Given) -> Value {
        InputType::to_value(given)
    }
}

/// The input of a command that [`commands!`](domain::commands) declares, which asks an entity.
pub struct Asked<E: Named, C: Asks<Whom: Whom, Terms: Said>> {
    whom: <C::Whom as Whom>::Given<E>,
    terms: <C::Terms as Said>::Given,
}

impl<E: Named, C: Asks<Whom: Whom, Terms: Said>> Asked<E, C> {
    const WHOM: FieldName =
        FieldName { command: C::ID, shown: Some(<C::Of as Decider>::CATEGORY), below: &[] };
}

impl<E: Named, C: Asks<Whom: Whom, Terms: Said>> InputType for Asked<E, C> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        format!("{}Input", C::NAME).into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::InputObject, |registry| {
            let whom = MetaInputValue {
                name: Self::WHOM.shown().into_owned(),
                description: Some(C::WHOM.to_owned()),
                ty: <<C::Whom as Whom>::Given<E> as InputType>::create_type_info(registry),
                deprecation: Deprecation::NoDeprecated,
                default_value: None,
                visible: None,
                inaccessible: false,
                tags: Vec::new(),
                is_secret: false,
                directive_invocations: Vec::new(),
            };
            let mut input_fields = IndexMap::from([(whom.name.clone(), whom)]);
            input_fields.extend(C::Terms::describe(registry));
            MetaType::InputObject {
                name: Self::type_name().into_owned(),
                description: Some(C::DESCRIPTION.to_owned()),
                input_fields,
                visible: None,
                inaccessible: false,
                tags: Vec::new(),
                rust_typename: Some(type_name::<Self>()),
                oneof: false,
                directive_invocations: Vec::new(),
            }
        })
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let Some(Value::Object(given)) = value else {
            return Err(InputValueError::expected_type(value.unwrap_or_default()));
        };
        let whom = <<C::Whom as Whom>::Given<E> as InputType>::parse(
            given.get(Self::WHOM.shown().as_ref()).cloned(),
        );
        Ok(Self { whom: whom.map_err(InputValueError::propagate)?, terms: C::Terms::parse(&given)? })
    }

    fn to_value(&self) -> Value {
        let mut given = IndexMap::from([(Name::new(Self::WHOM.shown()), self.whom.to_value())]);
        if let Value::Object(terms) = C::Terms::to_value(&self.terms) {
            given.extend(terms);
        }
        Value::Object(given)
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<E: Named, C: Asks<Whom: Whom, Terms: Said>> Given for Asked<E, C> {
    /// Those that the API calls otherwise than the program.
    const FIELDS: &'static [FieldName] = &[Self::WHOM];
}

impl<E: Named, C: Asks<Whom: Whom, Terms: Said>> Becomes<C> for Asked<E, C> {
    fn read(self, place: &Place<'_>) -> Result<C, MutationError> {
        Ok(C::new(self.whom.read(&place.field(&Self::WHOM))?, self.terms.read(place)?))
    }
}

impl<E: Named, C: Asks<Whom: Whom, Terms: Said>> Input for Asked<E, C> {
    type Made = C;
}

#[cfg(test)]
mod tests {
    use async_graphql::value;
    use domain::bookings::{DeactivateService, SaveService};

    use super::*;
    use crate::graphql::bookings::Service;

    type Save = Asked<Service, SaveService>;

    fn read(given: Value) -> Result<SaveService, MutationError> {
        Save::parse(Some(given)).ok().unwrap().read(&Place::input(Uuid::nil()))
    }

    #[test]
    fn an_input_becomes_its_command_with_what_stands_for_the_rest() {
        let given = value!({ "name": "Cut", "price": { "amountMinor": 0, "currency": "EUR" }, "paymentMode": "FREE" });
        let SaveService { service_id, terms } = read(given.clone()).unwrap();
        assert_eq!((service_id, terms.duration_min, terms.capacity), (None, 60, 1));
        let again = Save::parse(Some(given)).ok().unwrap().to_value();
        assert_eq!(read(again).unwrap().terms, terms);
        assert!(Save::parse(Some(value!({ "name": "Cut" }))).is_err(), "a price is always given");
        assert!(Asked::<Service, DeactivateService>::parse(Some(value!({}))).is_err(), "and whom");
    }

    #[test]
    fn the_error_of_a_field_names_the_field_that_the_api_has() {
        let blamed = |id: &str, currency: &str| {
            let price = value!({ "amountMinor": 0, "currency": currency });
            let given = value!({ "service": id, "name": "Cut", "price": price, "paymentMode": "FREE" });
            format!("{:?}", read(given).unwrap_err())
        };
        assert!(blamed("nonsense", "EUR").contains("\"service\""));
        let id = crate::graphql::kernel::GlobalId::encode("Service", Uuid::nil(), &Uuid::nil().to_string());
        assert!(blamed(&id, "nothing").contains("\"currency\""));
        assert_eq!(FieldName::path(Save::FIELDS, "serviceId"), "service");
        assert_eq!(FieldName::path(Save::FIELDS, "durationMin"), "durationMin");
    }
}
