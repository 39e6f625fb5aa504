use std::collections::HashMap;

use async_graphql::{
    Variables,
    parser::types::{
        BaseType, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
    },
};
use async_graphql_value::{ConstValue, Value};

use super::model::{FieldDef, Model, named};

/// Rows of a list that does not say how many it has.
const DEFAULT_ROWS: u64 = 50;

/// Lists that come whole, without `first`, and may be longer than most: a recall names everybody who received a part of
/// the lot. Counted as the longest page of the plant's other lists.
const WHOLE: [&str; 1] = ["consignees"];
const WHOLE_ROWS: u64 = 200;

/// Fields that are told from the log, event by event, and what one of them costs besides its objects: a stream is a list
/// that does not say how many it has.
const TOLD_FROM_THE_LOG: [&str; 2] = ["asOf", "history"];
const LOG_READ: u64 = DEFAULT_ROWS;

/// What is counted, and what it costs: rows are looked at one by one, up to the cap of a count. What hangs on an entity is
/// counted once for each that stands there, as dear as the longest page.
const COUNTED: &str = "totalCount";
const COUNT_READ: u64 = DEFAULT_ROWS;
const EDGE_COUNT_READ: u64 = 200;

/// The entries of a list that names them.
const NAMED_ENTRIES: &str = "ids";

/// The static cost of an operation: 1 for each object it may resolve, scalars free; a `totalCount`, for which rows are
/// read beyond the page, 50, and 200 on an edge. A field with `first` or `last` (50 when neither is given) multiplies what
/// stands in its lists; a list of `ids` has as many entries as are named, one without any of these counts as 50, a
/// recall's consignees as 200. What is told from the log costs 50 more.
pub(super) fn of_operation(
    model: &Model,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> u64 {
    let Some(root) = model.root(operation.ty) else { return 0 };
    let mut estimate = Estimate { model, document, variables, root, fragments: HashMap::new() };
    estimate.set(&operation.selection_set.node, root, None)
}

/// What a connection's sets are told of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Page {
    rows: u64,
    /// Whether it hangs on an entity.
    is_edge: bool,
}

struct Estimate<'a> {
    model: &'a Model,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    /// The type of the operation's root.
    root: &'a str,
    /// By fragment, and the page that it stands in.
    fragments: HashMap<(&'a str, Option<Page>), u64>,
}

impl<'a> Estimate<'a> {
    /// `page`: the rows that the lists of this set have, when it is a connection's.
    fn set(&mut self, set: &'a SelectionSet, parent: &'a str, page: Option<Page>) -> u64 {
        let mut cost = 0_u64;
        for selection in &set.items {
            let part = match &selection.node {
                Selection::Field(field) => self.field(&field.node, parent, page),
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.node.type_condition.as_ref();
                    let on = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.set(&fragment.node.selection_set.node, on, page)
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node, page),
            };
            cost = cost.saturating_add(part);
        }
        cost
    }

    fn fragment(&mut self, name: &'a str, page: Option<Page>) -> u64 {
        if let Some(cost) = self.fragments.get(&(name, page)) {
            return *cost;
        }
        let Some(fragment) = self.document.fragments.get(name) else { return 0 };
        let on = fragment.node.type_condition.node.on.node.as_str();
        let cost = self.set(&fragment.node.selection_set.node, on, page);
        self.fragments.insert((name, page), cost);
        cost
    }

    fn field(&mut self, field: &'a Field, parent: &'a str, page: Option<Page>) -> u64 {
        let name = field.name.node.as_str();
        // Introspection answers from memory and has a depth of its own.
        if name.starts_with("__") {
            return 0;
        }
        let Some(def) = self.model.field(parent, name) else { return 0 };
        let target = named(&def.ty);
        if self.model.is_leaf(target) {
            return match page {
                _ if name != COUNTED => 0,
                Some(Page { is_edge: true, .. }) => EDGE_COUNT_READ,
                Some(_) | None => COUNT_READ,
            };
        }
        let own_page = self.page(field, def).map(|rows| Page { rows, is_edge: parent != self.root });
        let is_list = matches!(inner(&def.ty), BaseType::List(_));
        let rows = match (is_list, own_page, page) {
            (false, ..) => 1,
            // A list that takes `first` itself, a list within a connection, any other list.
            (true, Some(page), _) | (true, None, Some(page)) => page.rows,
            (true, None, None) if WHOLE.contains(&name) => WHOLE_ROWS,
            (true, None, None) => self.named_entries(field).unwrap_or(DEFAULT_ROWS),
        };
        let below_page = if is_list { None } else { own_page };
        let below = self.set(&field.selection_set.node, target, below_page);
        let log_read = if TOLD_FROM_THE_LOG.contains(&name) { LOG_READ } else { 0 };
        rows.saturating_mul(below.saturating_add(1)).saturating_add(log_read)
    }

    /// The rows that the field's `first` or `last` asks for, which may stand in an argument `page`; `None` when it has
    /// neither.
    fn page(&self, field: &Field, def: &FieldDef) -> Option<u64> {
        let paged = def.args.iter().any(|argument| ["first", "last", "page"].contains(&&*argument.name));
        let argument = |name| field.get_argument(name).and_then(|value| self.constant(&value.node));
        let asked = |name| {
            let number = match (argument(name), argument("page")) {
                (Some(ConstValue::Number(number)), _) => number,
                (_, Some(ConstValue::Object(page))) => match page.get(name) {
                    Some(ConstValue::Number(number)) => number.clone(),
                    _ => return None,
                },
                _ => return None,
            };
            number.as_u64().map(|rows| rows.max(1))
        };
        paged.then(|| asked("first").or_else(|| asked("last")).unwrap_or(DEFAULT_ROWS))
    }

    /// How many entries the field names.
    fn named_entries(&self, field: &Field) -> Option<u64> {
        match self.constant(&field.get_argument(NAMED_ENTRIES)?.node)? {
            ConstValue::List(named) => u64::try_from(named.len()).ok().map(|count| count.max(1)),
            _ => Some(1),
        }
    }

    /// An argument's value with the variables in their places.
    fn constant(&self, value: &Value) -> Option<ConstValue> {
        let variable = |name: async_graphql::Name| {
            Ok::<_, std::convert::Infallible>(self.variables.get(&name).cloned().unwrap_or_default())
        };
        value.clone().into_const_with(variable).ok()
    }
}

fn inner(ty: &Type) -> &BaseType {
    &ty.base
}
