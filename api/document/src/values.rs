use async_graphql::{
    Name, Pos,
    parser::types::{BaseType, Type},
};
use async_graphql_value::Value;

use super::model::{InputDef, Kind, Model, TypeDef};

/// A variable where a value is expected.
pub(super) struct Usage<'a> {
    pub(super) name: &'a Name,
    pub(super) pos: Pos,
    /// The type of the place; none within a scalar of a shape of its own.
    pub(super) expected: Option<&'a Type>,
    /// Whether the place has a default to fall back on.
    pub(super) has_default: bool,
    /// Whether the place is the one field of a `@oneOf` input.
    pub(super) one_of: bool,
}

/// Checks a literal against the type of its place (`ValuesOfCorrectType`), and collects the variables in it.
pub(super) struct Literals<'a> {
    pub(super) model: &'a Model,
    pub(super) usages: Vec<Usage<'a>>,
    pub(super) complaints: Vec<(Pos, String)>,
}

/// A place for a value.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) ty: &'a Type,
    pub(super) has_default: bool,
    pub(super) one_of: bool,
}

impl<'a> Place<'a> {
    pub(super) fn of(input: &'a InputDef) -> Self {
        Self { ty: &input.ty, has_default: input.has_default, one_of: false }
    }
}

impl<'a> Literals<'a> {
    pub(super) fn check(&mut self, value: &'a Value, place: Place<'a>, pos: Pos) {
        if let Value::Variable(name) = value {
            let (expected, has_default) = (Some(place.ty), place.has_default);
            self.usages.push(Usage { name, pos, expected, has_default, one_of: place.one_of });
            return;
        }
        if *value == Value::Null {
            if !place.ty.nullable || place.one_of {
                self.complain(pos, format!("null stands where {} is expected", place.ty));
            }
            return;
        }
        match &place.ty.base {
            BaseType::List(inner) => {
                let place = Place { ty: inner, has_default: false, one_of: false };
                match value {
                    Value::List(items) => items.iter().for_each(|item| self.check(item, place, pos)),
                    single => self.check(single, place, pos),
                }
            }
            BaseType::Named(name) => match self.model.types.get(name.as_str()) {
                Some(ty) if ty.kind == Kind::InputObject => self.object(value, name, ty, pos),
                Some(ty) if ty.kind == Kind::Enum => self.enum_value(value, name, ty, pos),
                Some(_) => self.scalar(value, name, pos),
                None => {}
            },
        }
    }

    fn complain(&mut self, pos: Pos, message: String) {
        self.complaints.push((pos, message));
    }

    fn object(&mut self, value: &'a Value, name: &Name, ty: &'a TypeDef, pos: Pos) {
        let Value::Object(fields) = value else {
            self.complain(pos, format!("an input object {name} is expected"));
            return;
        };
        for (field, value) in fields {
            match ty.input_fields.iter().find(|input| input.name == field.as_str()) {
                Some(input) => self.check(value, Place { one_of: ty.one_of, ..Place::of(input) }, pos),
                None => self.complain(pos, format!("{name} has no field {field}")),
            }
        }
        for input in ty.input_fields.iter().filter(|input| input.is_required()) {
            if !fields.contains_key(input.name.as_str()) {
                self.complain(pos, format!("the field {} of {name} is required", input.name));
            }
        }
        if ty.one_of && fields.len() != 1 {
            self.complain(pos, format!("{name} takes exactly one field"));
        }
    }

    fn enum_value(&mut self, value: &Value, name: &Name, ty: &TypeDef, pos: Pos) {
        let known = matches!(value, Value::Enum(given) if ty.enum_values.contains(given.as_str()));
        if !known {
            self.complain(pos, format!("a value of the enumeration {name} is expected"));
        }
    }

    fn scalar(&mut self, value: &'a Value, name: &Name, pos: Pos) {
        let fits = match name.as_str() {
            "Int" => matches!(value, Value::Number(number) if number.as_i64().is_some_and(is_int)),
            "Float" => matches!(value, Value::Number(_)),
            "String" => matches!(value, Value::String(_)),
            "Boolean" => matches!(value, Value::Boolean(_)),
            "ID" => match value {
                Value::Number(number) => !number.is_f64(),
                other => matches!(other, Value::String(_)),
            },
            named => match self.model.scalars.get(named) {
                Some(fits) => value.clone().into_const().is_some_and(|value| fits(&value)),
                None => {
                    // A scalar of its own shape: its resolver reads it. Variables in it have no type to keep to.
                    self.free_variables(value, pos);
                    true
                }
            },
        };
        if !fits {
            self.complain(pos, format!("a value of type {name} is expected"));
        }
    }

    fn free_variables(&mut self, value: &'a Value, pos: Pos) {
        match value {
            Value::Variable(name) => {
                self.usages.push(Usage { name, pos, expected: None, has_default: false, one_of: false });
            }
            Value::List(items) => items.iter().for_each(|item| self.free_variables(item, pos)),
            Value::Object(fields) => fields.values().for_each(|value| self.free_variables(value, pos)),
            _ => {}
        }
    }
}

/// Whether a number is one of GraphQL's 32-bit integers.
pub(super) fn is_int(number: i64) -> bool {
    i32::try_from(number).is_ok()
}
