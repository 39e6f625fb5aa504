use std::cell::Cell;

use async_graphql::{
    Name, Positioned, Variables,
    indexmap::IndexMap,
    parser::types::{
        Directive, ExecutableDocument, Field, InlineFragment, OperationDefinition, Selection, SelectionSet,
        TypeCondition,
    },
};
use async_graphql_value::{ConstValue, Value};

use super::{
    model::{Kind, Model, named},
    problem::{Code, Problem},
};

/// The alias under which an object of an interface or union tells its type, so that `complete.rs` knows which of
/// the conditional fields are its own. Taken out of the answer again.
pub(super) const TYPE_MARK: &str = "__cairn_type";

/// An operation in the form in which it runs: fragments spread out, `@skip` and `@include` decided, and every field
/// once, with all of its selections under it (`CollectFields` of the specification).
///
/// Async-graphql would run a field that is selected twice two times, which for a mutation is once too often.
pub(super) fn operation(
    model: &Model,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Result<OperationDefinition, Problem> {
    let normal = Normal { budget: Cell::new(MOST_FIELDS), model, document, variables };
    let root = model.root(operation.ty).unwrap_or_default();
    let set = &operation.selection_set;
    let selection_set = Positioned::new(normal.set(&[&set.node], root), set.pos);
    if normal.budget.get() == 0 {
        return Err(Problem::new(Code::Cost, "the document's fragments are too entangled"));
    }
    let variable_definitions = operation.variable_definitions.clone();
    Ok(OperationDefinition { ty: operation.ty, variable_definitions, directives: Vec::new(), selection_set })
}

/// Fields of the spread-out form. Fragments on unions multiply with their members, level by level.
const MOST_FIELDS: usize = 20_000;

fn on_slot<'a>(slots: &mut IndexMap<Slot<'a>, Content<'a>>, on: &'a str, set: &'a SelectionSet) {
    match slots.entry(Slot::OnType(on)).or_insert_with(|| Content::OnType(Vec::new())) {
        Content::Field(_, sets) | Content::OnType(sets) => sets.push(set),
    }
}

struct Normal<'a> {
    budget: Cell<usize>,
    model: &'a Model,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
}

/// What a set holds, in the order of first appearance.
#[derive(PartialEq, Eq, Hash)]
enum Slot<'a> {
    Field(&'a str),
    /// Fields of an interface's or union's objects of one type.
    OnType(&'a str),
}

enum Content<'a> {
    Field(&'a Positioned<Field>, Vec<&'a SelectionSet>),
    OnType(Vec<&'a SelectionSet>),
}

impl<'a> Normal<'a> {
    fn set(&self, sets: &[&'a SelectionSet], parent: &str) -> SelectionSet {
        let mut slots = IndexMap::new();
        if self.budget.get() == 0 {
            return SelectionSet::default();
        }
        for set in sets {
            self.gather(set, parent, &mut slots);
        }
        self.budget.set(self.budget.get().saturating_sub(slots.len()));
        let mut items = Vec::with_capacity(slots.len());
        let mut conditional = false;
        for (slot, content) in slots {
            items.push(match (slot, content) {
                (_, Content::Field(field, below)) => self.field(field, &below, parent),
                (Slot::Field(on) | Slot::OnType(on), Content::OnType(below)) => {
                    conditional = true;
                    self.on_type(on, &below)
                }
            });
        }
        if conditional {
            items.push(type_mark());
        }
        SelectionSet { items }
    }

    fn gather(&self, set: &'a SelectionSet, parent: &str, slots: &mut IndexMap<Slot<'a>, Content<'a>>) {
        for selection in &set.items {
            if self.is_skipped(selection.node.directives()) {
                continue;
            }
            match &selection.node {
                Selection::Field(field) => {
                    let below = &field.node.selection_set.node;
                    let slot = slots.entry(Slot::Field(&field.node.response_key().node));
                    match slot.or_insert_with(|| Content::Field(field, Vec::new())) {
                        Content::Field(_, sets) | Content::OnType(sets) => sets.push(below),
                    }
                }
                Selection::InlineFragment(fragment) => {
                    let on = fragment.node.type_condition.as_ref();
                    let on = on.map(|condition| condition.node.on.node.as_str());
                    self.fragment(on, &fragment.node.selection_set.node, parent, slots);
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        let on = fragment.node.type_condition.node.on.node.as_str();
                        self.fragment(Some(on), &fragment.node.selection_set.node, parent, slots);
                    }
                }
            }
        }
    }

    fn fragment(
        &self,
        on: Option<&'a str>,
        set: &'a SelectionSet,
        parent: &str,
        slots: &mut IndexMap<Slot<'a>, Content<'a>>,
    ) {
        let Some(on) = on.filter(|on| *on != parent) else {
            return self.gather(set, parent, slots);
        };
        let (Some(parent_type), Some(on_type)) = (self.model.types.get(parent), self.model.types.get(on))
        else {
            return;
        };
        let applies_to_all = parent_type.possible.is_subset(&on_type.possible);
        match (parent_type.kind, on_type.kind) {
            (Kind::Object, _) if applies_to_all => self.gather(set, parent, slots),
            (Kind::Object, _) => {}
            // A union has no fields of its own, only conditions of its own.
            (_, Kind::Union) if applies_to_all => self.gather(set, parent, slots),
            // Async-graphql drops what stands under a union that is not the field's own.
            (_, Kind::Union) => {
                let mut objects: Vec<_> = parent_type.possible.intersection(&on_type.possible).collect();
                objects.sort();
                objects.into_iter().for_each(|object| on_slot(slots, object, set));
            }
            _ => on_slot(slots, on, set),
        }
    }

    fn field(
        &self,
        field: &'a Positioned<Field>,
        below: &[&'a SelectionSet],
        parent: &str,
    ) -> Positioned<Selection> {
        let node = &field.node;
        let target = self.model.field(parent, &node.name.node).map(|def| named(&def.ty));
        let set = match target {
            Some(target) if !self.model.is_leaf(target) => self.set(below, target),
            _ => SelectionSet::default(),
        };
        let decided = |directive: &&Positioned<Directive>| {
            directive.node.name.node != "skip" && directive.node.name.node != "include"
        };
        let field = Field {
            alias: node.alias.clone(),
            name: node.name.clone(),
            arguments: node.arguments.clone(),
            directives: node.directives.iter().filter(decided).cloned().collect(),
            selection_set: Positioned::new(set, node.selection_set.pos),
        };
        let pos = node.name.pos;
        Positioned::new(Selection::Field(Positioned::new(field, pos)), pos)
    }

    fn on_type(&self, on: &str, below: &[&'a SelectionSet]) -> Positioned<Selection> {
        let pos = async_graphql::Pos::default();
        let condition = TypeCondition { on: Positioned::new(Name::new(on), pos) };
        let fragment = InlineFragment {
            type_condition: Some(Positioned::new(condition, pos)),
            directives: Vec::new(),
            selection_set: Positioned::new(self.set(below, on), pos),
        };
        Positioned::new(Selection::InlineFragment(Positioned::new(fragment, pos)), pos)
    }

    fn is_skipped(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let skips_when = match directive.node.name.node.as_str() {
                "skip" => true,
                "include" => false,
                _ => return false,
            };
            let given = directive.node.get_argument("if").map(|value| &value.node);
            let condition = match given {
                Some(Value::Boolean(condition)) => Some(*condition),
                Some(Value::Variable(name)) => match self.variables.get(name) {
                    Some(ConstValue::Boolean(condition)) => Some(*condition),
                    _ => None,
                },
                _ => None,
            };
            condition == Some(skips_when)
        })
    }
}

fn type_mark() -> Positioned<Selection> {
    let pos = async_graphql::Pos::default();
    let field = Field {
        alias: Some(Positioned::new(Name::new(TYPE_MARK), pos)),
        name: Positioned::new(Name::new("__typename"), pos),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::new(SelectionSet::default(), pos),
    };
    Positioned::new(Selection::Field(Positioned::new(field, pos)), pos)
}
