use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, InputType, InputValueError, InputValueResult, Name, OutputType, Positioned,
    ServerResult, Value,
    parser::types::Field,
    registry::{Deprecation, MetaEnumValue, MetaType, MetaTypeId, Registry},
};
use domain::kernel::Enumeration;

/// An enum of the domain as the API shows and takes it: names and descriptions are those of its declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct E<T>(pub T);

impl<T> From<T> for E<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Enumeration> E<T> {
    fn describe(registry: &mut Registry) -> String {
        let value = |shown: &str, description: &str| MetaEnumValue {
            name: shown.to_owned(),
            description: Some(description.to_owned()),
            deprecation: Deprecation::NoDeprecated,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            directive_invocations: Vec::new(),
        };
        let values =
            T::VALUES.iter().map(|about| (about.shown.to_owned(), value(about.shown, about.description)));
        registry.create_output_type::<Self, _>(MetaTypeId::Enum, |_| MetaType::Enum {
            name: T::NAME.to_owned(),
            description: Some(T::DESCRIPTION.to_owned()),
            enum_values: values.clone().collect(),
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            rust_typename: Some(std::any::type_name::<Self>()),
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        })
    }

    fn name(self) -> Value {
        Value::Enum(Name::new(self.0.about().shown))
    }
}

impl<T: Enumeration> InputType for E<T> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Self::describe(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        let name = match &value {
            Value::Enum(name) => name.as_str(),
            Value::String(name) => name, // From a variable.
            _ => return Err(InputValueError::expected_type(value)),
        };
        let unknown = || InputValueError::custom(format!("{} has no value {name}", T::NAME));
        T::from_shown(name).map(Self).ok_or_else(unknown)
    }

    fn to_value(&self) -> Value {
        self.name()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<T: Enumeration> OutputType for E<T> {
    fn type_name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Self::describe(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(self.name())
    }
}
