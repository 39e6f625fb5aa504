use std::collections::{BTreeMap, HashMap, HashSet};

use async_graphql::{
    Positioned,
    parser::types::{BaseType, ExecutableDocument, Field, Selection, SelectionSet, Type},
};

use super::{
    model::{Kind, Model, named},
    problem::{Code, Problem},
};

/// A field of a set after its fragments are spread out, with the type that it is selected on.
pub(super) struct Entry<'a> {
    pub(super) field: &'a Positioned<Field>,
    pub(super) parent: &'a str,
}

/// Spreads fragments out, each once.
pub(super) fn collect<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    parent: &'a str,
    spread: &mut HashSet<&'a str>,
    entries: &mut Vec<Entry<'a>>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => entries.push(Entry { field, parent }),
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let on = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                collect(document, &fragment.node.selection_set.node, on, spread, entries);
            }
            Selection::FragmentSpread(fragment) => {
                let name = fragment.node.fragment_name.node.as_str();
                if let Some(definition) = document.fragments.get(name)
                    && spread.insert(name)
                {
                    let on = definition.node.type_condition.node.on.node.as_str();
                    collect(document, &definition.node.selection_set.node, on, spread, entries);
                }
            }
        }
    }
}

/// `OverlappingFieldsCanBeMerged`: fields with one response key have one shape, and on a common parent they are the same
/// field with the same arguments.
///
/// Both demands are equivalences, so that each field is compared with the first of its group only, and the
/// effort grows with the document, not with its square.
pub(super) fn check(
    model: &Model,
    document: &ExecutableDocument,
    set: &SelectionSet,
    root: &str,
) -> Vec<Problem> {
    let mut check = Check { model, document, problems: Vec::new(), budget: MOST_VISITS };
    let mut entries = Vec::new();
    collect(document, set, root, &mut HashSet::new(), &mut entries);
    check.same_shape(&entries);
    check.same_field(&entries);
    if check.budget == 0 {
        check.problems.push(Problem::new(Code::Cost, "the document's fragments are too entangled"));
    }
    check.problems
}

/// Visits of fields. Fragments on many types that nest in each other make sets that grow with the power of the depth; no
/// document that people write comes near this.
const MOST_VISITS: usize = 200_000;

struct Check<'a> {
    model: &'a Model,
    document: &'a ExecutableDocument,
    problems: Vec<Problem>,
    budget: usize,
}

impl<'a> Check<'a> {
    fn spend(&mut self, visits: usize) -> bool {
        self.budget = self.budget.saturating_sub(visits);
        self.budget > 0
    }

    fn same_shape(&mut self, entries: &[Entry<'a>]) {
        if !self.spend(entries.len()) {
            return;
        }
        for group in by_key(entries).into_values() {
            let Some(first) = group.first().and_then(|entry| self.type_of(entry)) else { continue };
            let clash = group
                .iter()
                .skip(1)
                .find(|entry| self.type_of(entry).is_some_and(|ty| !self.shapes_match(first, ty)));
            match clash {
                Some(entry) => self.complain(entry.field, "have different types"),
                None if group.len() > 1 || self.has_fields(&group) => {
                    let below = self.below(&group);
                    self.same_shape(&below);
                }
                None => {}
            }
        }
    }

    fn same_field(&mut self, entries: &[Entry<'a>]) {
        if !self.spend(entries.len()) {
            return;
        }
        for group in by_key(entries).into_values() {
            for family in self.families(&group) {
                let Some(first) = family.first() else { continue };
                let clash =
                    family.iter().skip(1).find(|entry| !same_call(&first.field.node, &entry.field.node));
                match clash {
                    Some(entry) => {
                        self.complain(entry.field, "are different fields, or have different arguments");
                    }
                    None => {
                        let below = self.below(&family);
                        if !below.is_empty() {
                            self.same_field(&below);
                        }
                    }
                }
            }
        }
    }

    fn complain(&mut self, field: &Positioned<Field>, why: &str) {
        let key = &field.node.response_key().node;
        let message = format!("two selections of {key} {why}; give one of them an alias");
        self.problems.push(Problem::at(Code::Invalid, field.pos, message));
    }

    fn type_of(&self, entry: &Entry<'a>) -> Option<&'a Type> {
        Some(&self.model.field(entry.parent, &entry.field.node.name.node)?.ty)
    }

    fn has_fields(&self, group: &[&Entry<'a>]) -> bool {
        group.iter().any(|entry| !entry.field.node.selection_set.node.items.is_empty())
    }

    /// The selections below all fields of a group, as one set.
    fn below(&self, group: &[&Entry<'a>]) -> Vec<Entry<'a>> {
        let mut entries = Vec::new();
        let mut spread = HashSet::new();
        for entry in group {
            if let Some(ty) = self.type_of(entry) {
                let set = &entry.field.node.selection_set.node;
                collect(self.document, set, named(ty), &mut spread, &mut entries);
            }
        }
        entries
    }

    /// Entries that may meet on one object: those of each object type, each time with those of interfaces and unions.
    fn families<'e>(&self, group: &[&'e Entry<'a>]) -> Vec<Vec<&'e Entry<'a>>> {
        let is_object =
            |entry: &Entry<'a>| self.model.types.get(entry.parent).is_some_and(|ty| ty.kind == Kind::Object);
        let mut of_objects: BTreeMap<&str, Vec<&'e Entry<'a>>> = BTreeMap::new();
        let mut of_any = Vec::new();
        for entry in group {
            if is_object(entry) {
                of_objects.entry(entry.parent).or_default().push(entry);
            } else {
                of_any.push(*entry);
            }
        }
        if of_objects.is_empty() {
            return vec![of_any];
        }
        of_objects
            .into_values()
            .map(|family| family.into_iter().chain(of_any.iter().copied()).collect())
            .collect()
    }

    fn shapes_match(&self, left: &Type, right: &Type) -> bool {
        if left.nullable != right.nullable {
            return false;
        }
        match (&left.base, &right.base) {
            (BaseType::List(left), BaseType::List(right)) => self.shapes_match(left, right),
            (BaseType::Named(left), BaseType::Named(right)) => {
                left == right || !(self.model.is_leaf(left) || self.model.is_leaf(right))
            }
            _ => false,
        }
    }
}

fn by_key<'e, 'a>(entries: &'e [Entry<'a>]) -> HashMap<&'a str, Vec<&'e Entry<'a>>> {
    let mut groups: HashMap<&str, Vec<&Entry<'_>>> = HashMap::new();
    for entry in entries {
        groups.entry(entry.field.node.response_key().node.as_str()).or_default().push(entry);
    }
    groups
}

fn same_call(left: &Field, right: &Field) -> bool {
    let same_argument = |name: &str| match (left.get_argument(name), right.get_argument(name)) {
        (Some(left), Some(right)) => left.node == right.node,
        _ => false,
    };
    left.name.node == right.name.node
        && left.arguments.len() == right.arguments.len()
        && left.arguments.iter().all(|(name, _value)| same_argument(&name.node))
}
