use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_graphql::{
    Positioned,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
    },
};
use async_graphql_value::{ConstValue, Value};
use lru::LruCache;

use super::Problem;

/// How many documents are known; clients have some dozens.
const MOST: usize = 256;
/// Bytes that all of them may take in memory, roughly. Bounds what strangers make the gate remember.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of one that is worth knowing: no honest client's is larger, and a few strange ones must not drive the others out.
const LARGEST: usize = MOST_BYTES / 16;

/// A document that was read, and checked where it is known.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) document: ExecutableDocument,
    /// The form in which its one operation runs, where no variable has a say in it.
    normal: OnceLock<Arc<Positioned<OperationDefinition>>>,
}

impl Checked {
    pub(super) fn of(document: ExecutableDocument) -> Self {
        Self { document, normal: OnceLock::new() }
    }

    /// The form in which the operation runs: kept, unless directives may make another one of it at the next request.
    pub(super) fn normal(
        &self,
        source: &str,
        make: impl FnOnce() -> Result<Arc<Positioned<OperationDefinition>>, Problem>,
    ) -> Result<Arc<Positioned<OperationDefinition>>, Problem> {
        let is_single = match &self.document.operations {
            DocumentOperations::Single(_) => true,
            DocumentOperations::Multiple(several) => several.len() == 1,
        };
        if !is_single || source.contains('@') {
            return make();
        }
        if let Some(normal) = self.normal.get() {
            return Ok(Arc::clone(normal));
        }
        let normal = make()?;
        Ok(Arc::clone(self.normal.get_or_init(|| normal)))
    }

    /// What it takes in memory, roughly: far more than its text, since fragments are spread out in its normal form.
    fn bytes(&self) -> usize {
        let operations = self.document.operations.iter().map(|(_name, operation)| &operation.node);
        let normal = self.normal.get().map(|normal| &normal.node);
        let operations: usize = operations.chain(normal).map(operation_bytes).sum();
        let fragments = self.document.fragments.values().map(|fragment| {
            set_bytes(&fragment.node.selection_set.node) + directives_bytes(&fragment.node.directives)
        });
        operations + fragments.sum::<usize>()
    }
}

fn operation_bytes(operation: &OperationDefinition) -> usize {
    let variables = operation.variable_definitions.iter().map(|variable| {
        let default = variable.node.default_value.as_ref();
        NODE_BYTES
            + default.map_or(0, |value| const_bytes(&value.node))
            + directives_bytes(&variable.node.directives)
    });
    let set = set_bytes(&operation.selection_set.node);
    set + directives_bytes(&operation.directives) + variables.sum::<usize>()
}

fn directives_bytes(directives: &[Positioned<Directive>]) -> usize {
    let arguments = |directive: &Positioned<Directive>| {
        directive.node.arguments.iter().map(|(_name, value)| value_bytes(&value.node)).sum::<usize>()
    };
    directives.iter().map(|directive| NODE_BYTES + arguments(directive)).sum()
}

fn set_bytes(set: &SelectionSet) -> usize {
    let below = |selection: &Positioned<Selection>| match &selection.node {
        Selection::Field(field) => {
            let arguments = field.node.arguments.iter().map(|(_name, value)| value_bytes(&value.node));
            let directives = directives_bytes(&field.node.directives);
            set_bytes(&field.node.selection_set.node) + arguments.sum::<usize>() + directives
        }
        Selection::InlineFragment(fragment) => {
            set_bytes(&fragment.node.selection_set.node) + directives_bytes(&fragment.node.directives)
        }
        Selection::FragmentSpread(spread) => directives_bytes(&spread.node.directives),
    };
    set.items.iter().map(|selection| NODE_BYTES + below(selection)).sum()
}

fn value_bytes(value: &Value) -> usize {
    NODE_BYTES
        + match value {
            Value::String(text) => text.len(),
            Value::List(items) => items.iter().map(value_bytes).sum(),
            Value::Object(fields) => fields.values().map(value_bytes).sum(),
            _ => 0,
        }
}

/// The default of a variable.
fn const_bytes(value: &ConstValue) -> usize {
    NODE_BYTES
        + match value {
            ConstValue::String(text) => text.len(),
            ConstValue::List(items) => items.iter().map(const_bytes).sum(),
            ConstValue::Object(fields) => fields.values().map(const_bytes).sum(),
            _ => 0,
        }
}

/// A field, a value, with the names and vectors that hang on it.
const NODE_BYTES: usize = 256;

/// The documents that were admitted last, by their text.
#[derive(Debug)]
pub(super) struct Known(Mutex<Shelf>);

#[derive(Debug)]
struct Shelf {
    documents: LruCache<Box<str>, (Arc<Checked>, usize)>,
    bytes: usize,
}

impl Default for Known {
    fn default() -> Self {
        Self(Mutex::new(Shelf { documents: LruCache::unbounded(), bytes: 0 }))
    }
}

impl Known {
    pub(super) fn get(&self, source: &str) -> Option<Arc<Checked>> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.documents.get(source).map(|(checked, _bytes)| Arc::clone(checked))
    }

    /// Remembers a document that was admitted; in its normal form, if it has run in it.
    pub(super) fn add(&self, source: &str, checked: &Arc<Checked>) {
        let bytes = 2 * source.len() + checked.bytes();
        if bytes > LARGEST {
            return;
        }
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shelf.documents.put(source.into(), (Arc::clone(checked), bytes));
        shelf.bytes = shelf.bytes + bytes - before.map_or(0, |(_checked, bytes)| bytes);
        while shelf.bytes > MOST_BYTES || shelf.documents.len() > MOST {
            let Some((_source, (_checked, bytes))) = shelf.documents.pop_lru() else { break };
            shelf.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(source: &str) -> Arc<Checked> {
        Arc::new(Checked::of(crate::parser::parse(source, 10_000).unwrap()))
    }

    #[test]
    fn what_is_known_is_bounded_by_what_it_takes_and_the_last_stay() {
        let known = Known::default();
        let document = format!("{{ {} }}", "lot { code } ".repeat(150));
        for number in 0..1_000 {
            let source = format!("{document} # {number}");
            known.add(&source, &checked(&source));
        }
        let shelf = known.0.lock().unwrap();
        let weighed: usize = shelf.documents.iter().map(|(_, (_, bytes))| bytes).sum();
        assert_eq!(shelf.bytes, weighed);
        assert!(shelf.bytes <= MOST_BYTES && shelf.documents.len() > 50, "{}", shelf.documents.len());
        assert!(shelf.documents.contains(format!("{document} # 999").as_str()));
    }

    #[test]
    fn what_stands_as_a_variables_default_or_at_a_directive_is_weighed_too() {
        let defaults =
            format!("query($a: [S!] = [{}]) {{ lots(states: $a) {{ code }} }}", "A ".repeat(2_000));
        let directives = format!("{{ lot {} {{ code }} }}", "@a(b: [C, C, C, C, C, C, C, C]) ".repeat(250));
        for source in [defaults, directives] {
            let known = Known::default();
            known.add(&source, &checked(&source));
            let bytes = known.0.lock().unwrap().bytes;
            assert!(bytes == 0 || bytes > 2_000 * NODE_BYTES, "{bytes} bytes");
        }
    }

    #[test]
    fn a_document_whose_fragments_spread_to_many_fields_is_not_worth_knowing() {
        let (source, known) = ("{ lot { code } }", Known::default());
        let small = checked(source);
        let spread = checked(&format!("{{ {} }}", "lot { code } ".repeat(2_000)));
        let normal = spread.document.operations.iter().next().unwrap().1.clone();
        small.normal(source, || Ok(Arc::new(normal))).unwrap();
        known.add(source, &small);
        assert!(known.get(source).is_none());
    }
}
