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
pub(super) fn answer(model: &Model, set: &SelectionSet, root: &str, mut data: Value) -> Value {
    // With nothing resolved at all, the root is null as well; its fields decide whether it may be more than that.
    if data == Value::Null {
        data = Value::Object(IndexMap::new());
    }
    if object(model, &[set], root, &mut data) { data } else { Value::Null }
}

/// Whether it may stand where it is; otherwise null stands where it may not.
fn value(model: &Model, ty: &Type, sets: &[&SelectionSet], data: &mut Value) -> bool {
    let stands = match (&ty.base, &mut *data) {
        (BaseType::List(inner), Value::List(items)) => {
            items.iter_mut().all(|item| value(model, inner, sets, item))
        }
        (BaseType::Named(name), Value::Object(_)) if !model.is_leaf(name) => object(model, sets, name, data),
        // An object all of whose fields failed comes as null.
        (BaseType::Named(name), Value::Null) if !ty.nullable && !model.is_leaf(name) => {
            *data = Value::Object(IndexMap::new());
            object(model, sets, name, data)
        }
        (_, Value::Null) => false,
        _ => true,
    };
    if !stands && ty.nullable {
        *data = Value::Null;
    }
    stands || ty.nullable
}

fn object(model: &Model, sets: &[&SelectionSet], parent: &str, data: &mut Value) -> bool {
    let Value::Object(found) = data else { return true };
    if let [set] = sets
        && let Some(fields) = fields_of(set, found)
    {
        return found.values_mut().zip(fields).all(|(data, field)| {
            let below = &field.selection_set.node;
            model.field(parent, &field.name.node).is_none_or(|def| value(model, &def.ty, &[below], data))
        });
    }
    match put_in_order(model, sets, parent, std::mem::take(found)) {
        Some(completed) => *found = completed,
        None => return false,
    }
    true
}

/// The fields of a set without conditions, if they are what was found, in the same order: mostly nothing has to be put elsewhere.
fn fields_of<'a>(
    set: &'a SelectionSet,
    found: &IndexMap<Name, Value>,
) -> Option<impl Iterator<Item = &'a Field> + use<'a>> {
    let field = |selection: &'a Positioned<Selection>| match &selection.node {
        Selection::Field(field) => Some(&field.node),
        Selection::InlineFragment(_) | Selection::FragmentSpread(_) => None,
    };
    let is_same = found.len() == set.items.len()
        && found.keys().zip(&set.items).all(|(key, item)| {
            field(item).is_some_and(|field| field.response_key().node == *key && key != TYPE_MARK)
        });
    is_same.then(|| set.items.iter().filter_map(field))
}

fn put_in_order(
    model: &Model,
    sets: &[&SelectionSet],
    parent: &str,
    mut found: IndexMap<Name, Value>,
) -> Option<IndexMap<Name, Value>> {
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
        let mut data = found.swap_remove(key).unwrap_or_default();
        let def = model.field(concrete, &field.name.node).or_else(|| model.field(parent, &field.name.node));
        if !def.is_none_or(|def| value(model, &def.ty, &below, &mut data)) {
            return None;
        }
        completed.insert(key.clone(), data);
    }
    Some(completed)
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
