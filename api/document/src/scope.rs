use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{BaseType, OperationDefinition, Type};
use async_graphql_value::ConstValue;

use super::{
    problem::{Code, Problem},
    values::Usage,
};

/// What an operation or a fragment uses: variables, and other fragments.
#[derive(Default)]
pub(super) struct Scope<'a> {
    pub(super) usages: Vec<Usage<'a>>,
    pub(super) spreads: Vec<&'a str>,
}

/// The fragments that are used from here, directly or through others.
pub(super) fn reachable<'a>(scope: &Scope<'a>, fragments: &HashMap<&'a str, Scope<'a>>) -> HashSet<&'a str> {
    let mut reached = HashSet::new();
    let mut waiting: Vec<&str> = scope.spreads.clone();
    while let Some(name) = waiting.pop() {
        if let Some(fragment) = fragments.get(name)
            && reached.insert(name)
        {
            waiting.extend(&fragment.spreads);
        }
    }
    reached
}

/// Every variable is declared, used, and stands where its type may.
pub(super) fn check<'a>(
    operation: &'a OperationDefinition,
    scope: &Scope<'a>,
    reachable: &HashSet<&'a str>,
    fragments: &HashMap<&'a str, Scope<'a>>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut used = HashSet::new();
    let within = reachable.iter().filter_map(|name| fragments.get(name));
    for usage in std::iter::once(scope).chain(within).flat_map(|scope| &scope.usages) {
        let definition =
            operation.variable_definitions.iter().find(|definition| definition.node.name.node == *usage.name);
        let Some(definition) = definition else {
            let message = format!("the variable ${} is not declared", usage.name);
            problems.push(Problem::at(Code::Invalid, usage.pos, message));
            continue;
        };
        used.insert(usage.name);
        let Some(expected) = usage.expected else { continue };
        let given = &definition.node.var_type.node;
        let default = definition.node.default_value.as_ref().map(|default| &default.node);
        let fits = fits_with_default(given, default, expected, usage.has_default);
        if !fits || (usage.one_of && given.nullable) {
            let message =
                format!("the variable ${} of type {given} stands where {expected} is expected", usage.name);
            problems.push(Problem::at(Code::Invalid, usage.pos, message));
        }
    }
    for definition in &operation.variable_definitions {
        if !used.contains(&definition.node.name.node) {
            let message = format!("the variable ${} is never used", definition.node.name.node);
            problems.push(Problem::at(Code::Invalid, definition.pos, message));
        }
    }
    problems
}

/// `IsVariableUsageAllowed`: a default, the variable's or the place's, makes up for a missing exclamation mark.
fn fits_with_default(
    given: &Type,
    default: Option<&ConstValue>,
    expected: &Type,
    place_has_default: bool,
) -> bool {
    if expected.nullable || !given.nullable {
        return fits(given, expected);
    }
    let has_default = default.is_some_and(|default| *default != ConstValue::Null);
    let nullable = Type { nullable: true, base: expected.base.clone() };
    (has_default || place_has_default) && fits(given, &nullable)
}

/// `AreTypesCompatible`.
fn fits(given: &Type, expected: &Type) -> bool {
    if !expected.nullable && given.nullable {
        return false;
    }
    match (&given.base, &expected.base) {
        (BaseType::List(given), BaseType::List(expected)) => fits(given, expected),
        (BaseType::Named(given), BaseType::Named(expected)) => given == expected,
        _ => false,
    }
}
