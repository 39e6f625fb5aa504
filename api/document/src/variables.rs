use async_graphql::{
    Name, Variables,
    indexmap::IndexMap,
    parser::types::{BaseType, OperationDefinition, Type},
};
use async_graphql_value::ConstValue;

use super::{
    model::{Kind, Model, TypeDef},
    problem::{Code, Problem},
    values::is_int,
};

/// The values that an operation runs with: those given, checked and brought into their types' form, and the defaults.
/// What the operation does not declare is left behind.
pub(super) fn coerce(
    model: &Model,
    operation: &OperationDefinition,
    given: &Variables,
) -> Result<Variables, Vec<Problem>> {
    let mut coerced = Variables::default();
    let mut problems = Vec::new();
    for definition in &operation.variable_definitions {
        let (name, ty) = (&definition.node.name.node, &definition.node.var_type.node);
        let value = match (given.get(name), &definition.node.default_value) {
            (Some(value), _) => value_of(model, value, ty, name),
            (None, Some(default)) => Ok(default.node.clone()),
            (None, None) if ty.nullable => continue,
            (None, None) => Err((name.to_string(), format!("a value of type {ty} is required"))),
        };
        match value {
            Ok(value) => drop(coerced.insert(name.clone(), value)),
            Err((field, message)) => problems.push(Problem {
                field: Some(field.clone()),
                ..Problem::at(
                    Code::Variables,
                    definition.pos,
                    format!("the variable ${field} is wrong: {message}"),
                )
            }),
        }
    }
    if problems.is_empty() { Ok(coerced) } else { Err(problems) }
}

/// What is wrong, and where: `input.lines.2.weightGrams`.
type Complaint = (String, String);

fn value_of(model: &Model, value: &ConstValue, ty: &Type, path: &str) -> Result<ConstValue, Complaint> {
    if *value == ConstValue::Null {
        return if ty.nullable { Ok(ConstValue::Null) } else { wrong(path, ty) };
    }
    match &ty.base {
        BaseType::List(inner) => match value {
            ConstValue::List(items) => {
                let items = items.iter().enumerate();
                let read = |(index, item)| value_of(model, item, inner, &format!("{path}.{index}"));
                Ok(ConstValue::List(items.map(read).collect::<Result<_, _>>()?))
            }
            single => Ok(ConstValue::List(vec![value_of(model, single, inner, path)?])),
        },
        BaseType::Named(name) => match model.types.get(name.as_str()) {
            Some(def) if def.kind == Kind::InputObject => object(model, value, name, def, path),
            Some(def) if def.kind == Kind::Enum => match value {
                ConstValue::String(text) if def.enum_values.contains(text) => {
                    Ok(ConstValue::Enum(Name::new(text)))
                }
                _ => wrong(path, ty),
            },
            _ => scalar(model, value, name).ok_or(()).or_else(|()| wrong(path, ty)),
        },
    }
}

fn wrong<T>(path: &str, ty: &Type) -> Result<T, Complaint> {
    Err((path.to_owned(), format!("a value of type {ty} is expected")))
}

fn object(
    model: &Model,
    value: &ConstValue,
    name: &Name,
    def: &TypeDef,
    path: &str,
) -> Result<ConstValue, Complaint> {
    let ConstValue::Object(given) = value else {
        return Err((path.to_owned(), format!("an input object {name} is expected")));
    };
    let mut read = IndexMap::new();
    for (key, value) in given {
        let at = format!("{path}.{key}");
        let Some(input) = def.input_fields.iter().find(|input| input.name == key.as_str()) else {
            return Err((at, format!("{name} has no such field")));
        };
        read.insert(key.clone(), value_of(model, value, &input.ty, &at)?);
    }
    for input in def.input_fields.iter().filter(|input| input.is_required()) {
        if !given.contains_key(input.name.as_str()) {
            return Err((
                format!("{path}.{}", input.name),
                format!("a value of type {} is required", input.ty),
            ));
        }
    }
    if def.one_of && (given.len() != 1 || given.values().any(|value| *value == ConstValue::Null)) {
        return Err((path.to_owned(), format!("{name} takes exactly one field, and not null")));
    }
    Ok(ConstValue::Object(read))
}

fn scalar(model: &Model, value: &ConstValue, name: &Name) -> Option<ConstValue> {
    let fits = match (name.as_str(), value) {
        ("Int", ConstValue::Number(number)) => {
            let whole = number.as_i64().or_else(|| whole_float(number.as_f64()?));
            return whole.filter(|number| is_int(*number)).map(ConstValue::from);
        }
        ("ID", ConstValue::Number(number)) => !number.is_f64(),
        ("Float", ConstValue::Number(_)) => true,
        ("String" | "ID", ConstValue::String(_)) => true,
        ("Boolean", ConstValue::Boolean(_)) => true,
        ("Int" | "Float" | "String" | "Boolean" | "ID", _) => false,
        (named, value) => model.scalars.get(named).is_none_or(|fits| fits(value)),
    };
    fits.then(|| value.clone())
}

/// JSON knows one kind of number: `1.0` is a whole one.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and of 32 bits")]
fn whole_float(number: f64) -> Option<i64> {
    let whole = number.fract() == 0.0 && number.abs() <= f64::from(i32::MAX) + 1.0;
    whole.then_some(number as i64)
}
