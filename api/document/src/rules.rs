use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{
        Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
        TypeCondition, VariableDefinition,
    },
};
use async_graphql_value::Value;

use super::{
    merge,
    model::{InputDef, Model, named},
    problem::{Code, Problem},
    scope::{self, Scope},
    values::{Literals, Place},
};

/// The rules of the specification's chapter on validation, over one walk through the document.
///
/// Async-graphql's own rules let much through that graphql-js refuses (unknown directives beside `@ifdef`, `Int` literals
/// beyond 32 bits, variables within lists and objects, conflicts between fragments); a test compares these with
/// graphql-js itself, document by document.
pub(super) fn check(model: &Model, document: &ExecutableDocument) -> Vec<Problem> {
    let mut walk = Walk { model, document, problems: Vec::new() };
    let mut fragments = HashMap::new();
    let mut spread = HashSet::new();
    for (name, fragment) in &document.fragments {
        let mut scope = Scope::default();
        walk.directives(&fragment.node.directives, "FRAGMENT_DEFINITION", &mut scope);
        if let Some(on) = walk.condition(&fragment.node.type_condition) {
            walk.set(&fragment.node.selection_set, on, &mut scope);
        }
        fragments.insert(name.as_str(), scope);
    }
    for (_name, operation) in document.operations.iter() {
        let scope = walk.operation(operation);
        let reachable = scope::reachable(&scope, &fragments);
        walk.problems.extend(scope::check(&operation.node, &scope, &reachable, &fragments));
        spread.extend(reachable);
    }
    for (name, fragment) in &document.fragments {
        if !spread.contains(name.as_str()) {
            walk.complain(fragment.pos, "a fragment is never used");
        }
    }
    // What follows relies on fields that exist and fragments that do.
    if walk.problems.is_empty() {
        for (_name, operation) in document.operations.iter() {
            if let Some(root) = model.root(operation.node.ty) {
                let set = &operation.node.selection_set.node;
                walk.problems.extend(merge::check(model, document, set, root));
                walk.one_field_a_subscription(&operation.node, operation.pos);
            }
        }
    }
    let mut problems = walk.problems;
    problems.sort_by_key(|problem| problem.locations.first().map(|pos| (pos.line, pos.column)));
    problems.truncate(MOST_PROBLEMS);
    problems
}

/// A client mends the first few and asks again.
const MOST_PROBLEMS: usize = 20;

struct Walk<'a> {
    model: &'a Model,
    document: &'a ExecutableDocument,
    problems: Vec<Problem>,
}

impl<'a> Walk<'a> {
    fn complain(&mut self, pos: Pos, message: impl Into<String>) {
        self.problems.push(Problem::at(Code::Invalid, pos, message));
    }

    fn operation(&mut self, operation: &'a Positioned<OperationDefinition>) -> Scope<'a> {
        let mut scope = Scope::default();
        let node = &operation.node;
        let location = match node.ty {
            OperationType::Query => "QUERY",
            OperationType::Mutation => "MUTATION",
            OperationType::Subscription => "SUBSCRIPTION",
        };
        self.directives(&node.directives, location, &mut scope);
        let mut seen = HashSet::new();
        for definition in &node.variable_definitions {
            if !seen.insert(&definition.node.name.node) {
                self.complain(definition.pos, "a variable is declared twice");
            }
            self.variable(definition, &mut scope);
        }
        match self.model.root(node.ty) {
            Some(root) => self.set(&node.selection_set, root, &mut scope),
            None => self.complain(operation.pos, format!("there are no {}s here", node.ty)),
        }
        scope
    }

    fn variable(&mut self, definition: &'a Positioned<VariableDefinition>, scope: &mut Scope<'a>) {
        let ty = &definition.node.var_type.node;
        match self.model.types.get(named(ty)) {
            None => self.complain(definition.pos, format!("there is no type {}", named(ty))),
            Some(def) if !def.is_input() => {
                self.complain(definition.pos, format!("a variable cannot be of type {ty}"));
            }
            Some(_) => {
                if let Some(default) = &definition.node.default_value {
                    let literal = default.node.clone().into_value();
                    let mut literals =
                        Literals { model: self.model, usages: Vec::new(), complaints: Vec::new() };
                    literals.check(&literal, Place { ty, has_default: false, one_of: false }, default.pos);
                    let complaints = literals.complaints;
                    complaints.into_iter().for_each(|(pos, message)| self.complain(pos, message));
                }
            }
        }
        self.directives(&definition.node.directives, "VARIABLE_DEFINITION", scope);
    }

    /// The type that a fragment speaks of, if it may.
    fn condition(&mut self, condition: &'a Positioned<TypeCondition>) -> Option<&'a str> {
        let name = condition.node.on.node.as_str();
        match self.model.types.get(name) {
            Some(ty) if ty.is_composite() => return Some(name),
            Some(_) => self.complain(condition.pos, format!("a fragment cannot be on {name}")),
            None => self.complain(condition.pos, format!("there is no type {name}")),
        }
        None
    }

    fn set(&mut self, set: &'a Positioned<SelectionSet>, parent: &'a str, scope: &mut Scope<'a>) {
        for selection in &set.node.items {
            match &selection.node {
                Selection::Field(field) => self.field(field, parent, scope),
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives, "FRAGMENT_SPREAD", scope);
                    let name = spread.node.fragment_name.node.as_str();
                    scope.spreads.push(name);
                    match self.document.fragments.get(name) {
                        None => self.complain(spread.pos, format!("there is no fragment {name}")),
                        Some(fragment) => {
                            let on = fragment.node.type_condition.node.on.node.as_str();
                            self.possible(parent, on, spread.pos);
                        }
                    }
                }
                Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.node.directives, "INLINE_FRAGMENT", scope);
                    let on = match &fragment.node.type_condition {
                        Some(condition) => self.condition(condition),
                        None => Some(parent),
                    };
                    if let Some(on) = on {
                        self.possible(parent, on, fragment.pos);
                        self.set(&fragment.node.selection_set, on, scope);
                    }
                }
            }
        }
    }

    fn possible(&mut self, parent: &str, on: &str, pos: Pos) {
        let composite = |name| self.model.types.get(name).is_some_and(|ty| ty.is_composite());
        if composite(on) && !self.model.overlap(parent, on) {
            self.complain(pos, format!("nothing is both {parent} and {on}"));
        }
    }

    fn field(&mut self, field: &'a Positioned<Field>, parent: &'a str, scope: &mut Scope<'a>) {
        let (node, pos) = (&field.node, field.pos);
        self.directives(&node.directives, "FIELD", scope);
        let Some(def) = self.model.field(parent, &node.name.node) else {
            self.complain(pos, format!("{parent} has no field {}", node.name.node));
            return;
        };
        self.arguments(&node.arguments, &def.args, &format!("the field {}", node.name.node), pos, scope);
        let target = named(&def.ty);
        let has_selection = !node.selection_set.node.items.is_empty();
        if self.model.is_leaf(target) && has_selection {
            self.complain(pos, format!("{} is a {target}, which has no fields", node.name.node));
        } else if !self.model.is_leaf(target) && !has_selection {
            self.complain(pos, format!("{} is a {target}: say which of its fields", node.name.node));
        } else {
            self.set(&node.selection_set, target, scope);
        }
    }

    fn arguments(
        &mut self,
        given: &'a [(Positioned<Name>, Positioned<Value>)],
        known: &'a [InputDef],
        of: &str,
        pos: Pos,
        scope: &mut Scope<'a>,
    ) {
        let mut seen = HashSet::new();
        let mut literals = Literals { model: self.model, usages: Vec::new(), complaints: Vec::new() };
        for (name, value) in given {
            if !seen.insert(name.node.as_str()) {
                literals.complaints.push((name.pos, format!("{of} is given {} twice", name.node)));
            }
            match known.iter().find(|input| input.name == name.node.as_str()) {
                Some(input) => literals.check(&value.node, Place::of(input), value.pos),
                None => literals.complaints.push((name.pos, format!("{of} has no argument {}", name.node))),
            }
        }
        for input in known.iter().filter(|input| input.is_required() && !seen.contains(input.name.as_str())) {
            literals.complaints.push((pos, format!("{of} needs the argument {}", input.name)));
        }
        let Literals { usages, complaints, .. } = literals;
        scope.usages.extend(usages);
        complaints.into_iter().for_each(|(pos, message)| self.complain(pos, message));
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>], location: &str, scope: &mut Scope<'a>) {
        let mut seen = HashSet::new();
        for directive in directives {
            let name = directive.node.name.node.as_str();
            let Some(def) = self.model.directives.get(name) else {
                self.complain(directive.pos, format!("there is no directive @{name}"));
                continue;
            };
            if !def.locations.contains(location) {
                self.complain(directive.pos, format!("the directive @{name} cannot stand here"));
            }
            if !seen.insert(name) && !def.repeatable {
                self.complain(directive.pos, format!("the directive @{name} is given twice"));
            }
            let of = format!("the directive @{name}");
            self.arguments(&directive.node.arguments, &def.args, &of, directive.pos, scope);
        }
    }

    fn one_field_a_subscription(&mut self, operation: &'a OperationDefinition, pos: Pos) {
        if operation.ty != OperationType::Subscription {
            return;
        }
        let mut fields = Vec::new();
        merge::collect(self.document, &operation.selection_set.node, "", &mut HashSet::new(), &mut fields);
        let keys: HashSet<_> =
            fields.iter().map(|entry| entry.field.node.response_key().node.as_str()).collect();
        let introspects = fields.iter().any(|entry| entry.field.node.name.node.starts_with("__"));
        if keys.len() != 1 || introspects {
            self.complain(pos, "a subscription has exactly one field at its root");
        }
    }
}
