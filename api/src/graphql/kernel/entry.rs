use std::borrow::Cow;

use async_graphql::{
    ContainerType, ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value,
    indexmap::IndexMap,
    parser::types::{Field, Selection},
    registry::Registry,
};
use futures::future::join_all;

/// An entry of a list: the same object as outside of one, resolved for less.
///
/// A page has a hundred texts and numbers where it has an edge. Async-graphql makes a future of each on the heap, as large as
/// that of the dearest field, and a queue for those of each object. Here a field without fields of its own is asked on the
/// spot, and only the others wait beside each other. They are put where the document has them.
#[derive(Debug)]
pub struct Entry<N>(pub N);

impl<N: ContainerType> OutputType for Entry<N> {
    fn type_name() -> Cow<'static, str> {
        N::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        N::create_type_info(registry)
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        let items = &context.item.node.items;
        let Some(fields) = items.iter().map(|item| plain(&item.node)).collect::<Option<Vec<_>>>() else {
            return self.0.resolve(context, field).await;
        };
        let mut answered: IndexMap<Name, Value> = IndexMap::with_capacity(fields.len());
        let mut waiting = Vec::new();
        for field in fields {
            let key = &field.node.response_key().node;
            if !field.node.selection_set.node.items.is_empty() {
                answered.insert(key.clone(), Value::Null);
                waiting.push(async move {
                    let context = context.with_field(field);
                    (key, self.0.resolve_field(&context).await)
                });
                continue;
            }
            match self.0.resolve_field(&context.with_field(field)).await {
                Ok(value) => _ = answered.insert(key.clone(), value.unwrap_or_default()),
                Err(error) => context.add_error(error),
            }
        }
        for (key, resolved) in join_all(waiting).await {
            match resolved {
                Ok(value) => {
                    if let Some(place) = answered.get_mut(key) {
                        *place = value.unwrap_or_default();
                    }
                }
                Err(error) => {
                    answered.shift_remove(key);
                    context.add_error(error);
                }
            }
        }
        Ok(if answered.is_empty() { Value::Null } else { Value::Object(answered) })
    }
}

/// A field that the object itself answers, without conditions.
fn plain(selection: &Selection) -> Option<&Positioned<Field>> {
    match selection {
        Selection::Field(field)
            if field.node.directives.is_empty() && field.node.name.node != "__typename" =>
        {
            Some(field)
        }
        Selection::Field(_) | Selection::InlineFragment(_) | Selection::FragmentSpread(_) => None,
    }
}
