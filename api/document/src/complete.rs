use async_graphql::{
    Name, Positioned, Value,
    indexmap::IndexMap,
    parser::types::{BaseType, Field, Selection, SelectionSet, Type},
};

use super::{model::Model, normal::TYPE_MARK};

/// Brings an answer into the form that the specification promises: every selected field is there, in the document's
/// order; one that failed is null, and where null may not stand its parent is null instead.
///
/// Async-graphql leaves a failed field out, lets the others stand whatever their types say, and orders fields by when
/// they were done.
pub(super) fn answer(model: &Model, set: &SelectionSet, root: &str, data: Value) -> Value {
    // With nothing resolved at all, the root is null as well; its fields decide whether it may be more than that.
    let data = if data == Value::Null { Value::Object(IndexMap::new()) } else { data };
    object(model, &[set], root, data).unwrap_or_default()
}

/// `None`: null stands where it may not.
fn value(model: &Model, ty: &Type, sets: &[&SelectionSet], data: Value) -> Option<Value> {
    let completed = match (&ty.base, data) {
        (BaseType::List(inner), Value::List(items)) => {
            let items = items.into_iter().map(|item| value(model, inner, sets, item));
            items.collect::<Option<Vec<_>>>().map(Value::List)
        }
        (BaseType::Named(name), data @ Value::Object(_)) if !model.is_leaf(name) => {
            object(model, sets, name, data)
        }
        // An object all of whose fields failed comes as null.
        (BaseType::Named(name), Value::Null) if !ty.nullable && !model.is_leaf(name) => {
            object(model, sets, name, Value::Object(IndexMap::new()))
        }
        (_, Value::Null) => None,
        (_, data) => Some(data),
    };
    if completed.is_none() && ty.nullable { Some(Value::Null) } else { completed }
}

fn object(model: &Model, sets: &[&SelectionSet], parent: &str, data: Value) -> Option<Value> {
    let Value::Object(mut found) = data else { return Some(data) };
    let mark = found.swap_remove(TYPE_MARK);
    let concrete = match &mark {
        Some(Value::String(name)) => name.as_str(),
        _ => parent,
    };
    let mut fields: IndexMap<&Name, (&Field, Vec<&SelectionSet>)> = IndexMap::with_capacity(found.len());
    for set in sets {
        gather(model, set, concrete, &mut fields);
    }
    let mut completed = IndexMap::with_capacity(fields.len());
    for (key, (field, below)) in fields {
        let data = found.swap_remove(key).unwrap_or_default();
        let def = model.field(concrete, &field.name.node).or_else(|| model.field(parent, &field.name.node));
        let data = match def {
            Some(def) => value(model, &def.ty, &below, data)?,
            None => data,
        };
        completed.insert(key.clone(), data);
    }
    Some(Value::Object(completed))
}

fn gather<'a>(
    model: &Model,
    set: &'a SelectionSet,
    concrete: &str,
    fields: &mut IndexMap<&'a Name, (&'a Field, Vec<&'a SelectionSet>)>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(Positioned { node, .. }) => {
                let key = &node.response_key().node;
                if key.as_str() != TYPE_MARK {
                    fields.entry(key).or_insert_with(|| (node, Vec::new())).1.push(&node.selection_set.node);
                }
            }
            Selection::InlineFragment(fragment) => {
                let on =
                    fragment.node.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
                let applies =
                    on.is_none_or(|on| model.types.get(on).is_some_and(|on| on.possible.contains(concrete)));
                if applies {
                    gather(model, &fragment.node.selection_set.node, concrete, fields);
                }
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}
