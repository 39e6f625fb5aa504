//! Whether a GraphQL document may run.
//!
//! [`Gate::admit`] reads a document once and checks it before anything is resolved: that it is GraphQL, that it is not too
//! large ([`Limits`], each with a code of its own), that it fits the schema as strictly as graphql-js demands, that its
//! variables fit their types, that it does not cost too much, and, where a manifest is in place, that it is listed
//! ([`TrustedDocuments`]). What passes goes to async-graphql parsed, with its variables in their final form.
//!
//! Why the gate is our own and does not stand on `apollo-compiler` (tried with 1.32 on 2026-11-30): of the 222 documents that
//! the tests put to graphql-js, it accepts seven that graphql-js refuses (a variable of a nullable list type where the list
//! may not be null, an input field given twice, a `@oneOf` object with two fields, none, or null); the executor mends none of
//! them, so these rules would stand here all the same. It judges a valid document in 28 µs, which is no gain, and its 27
//! further packages take 147 s of processor time in a release build.
//!
//! A document that was admitted is known, and neither parsed nor checked again (`known.rs`).
//!
//! Reading order: this file, `parser.rs`, `measure.rs`, `rules.rs` with its parts, `variables.rs`, `cost.rs`, `normal.rs`, `complete.rs`.

mod complete;
mod cost;
mod known;
mod lexer;
mod limits;
mod measure;
mod merge;
mod model;
mod normal;
mod parser;
mod problem;
mod rules;
mod scope;
mod strings;
mod trusted;
mod values;
mod variables;

use std::sync::Arc;

use async_graphql::{
    Positioned, Value, Variables,
    parser::types::{
        DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet,
    },
};

pub use limits::Limits;
pub use problem::{Code, Problem};
pub use trusted::{ManifestError, TrustedDocuments};

use known::{Checked, Known};
use model::Model;

/// Whether a value is one of a scalar's.
pub type FitsScalar = fn(&Value) -> bool;

/// A scalar's name in the schema, and which values fit it.
pub type Scalar = (&'static str, FitsScalar);

/// Decides which documents run against one schema.
#[derive(Debug)]
pub struct Gate {
    model: Model,
    limits: Limits,
    introspection: bool,
    trusted: Option<TrustedDocuments>,
    known: Known,
}

/// The schema does not describe itself as it should.
#[derive(Debug, thiserror::Error)]
#[error("the schema cannot be read from its introspection: {reason}")]
pub struct UnreadableSchema {
    reason: String,
}

/// An operation that may run.
#[derive(Debug)]
pub struct Admitted {
    /// The operation in the form in which it runs: fragments spread out, every field once.
    pub operation: Arc<Positioned<OperationDefinition>>,
    /// The variables in their types' form, with their defaults.
    pub variables: Variables,
    /// What kind of operation it is.
    pub operation_type: OperationType,
    /// Its static cost.
    pub cost: u64,
    /// The first field at its root: names the operation in metrics, where a client's own name must not.
    pub root_field: String,
}

impl Gate {
    /// What a schema is asked, by introspection, to answer to [`Self::new`].
    pub const QUESTION: &'static str = model::QUESTION;

    /// A gate for the schema that answered [`Self::QUESTION`] so (`data`, as JSON).
    /// `scalars` says which values fit each scalar of the schema's own; one that is not named takes any value here, and
    /// its resolver judges.
    pub fn new(
        answer: serde_json::Value,
        limits: Limits,
        scalars: &[Scalar],
    ) -> Result<Self, UnreadableSchema> {
        let mut model = Model::read(answer).map_err(|reason| UnreadableSchema { reason })?;
        model.scalars = scalars.iter().copied().collect();
        Ok(Self { model, limits, introspection: true, trusted: None, known: Known::default() })
    }

    /// Lets listed documents through only.
    #[must_use]
    pub fn trusting_only(mut self, documents: TrustedDocuments) -> Self {
        self.trusted = Some(documents);
        self
    }

    /// Refuses introspection.
    #[must_use]
    pub fn without_introspection(mut self) -> Self {
        self.introspection = false;
        self
    }

    /// The listed document with this hash.
    pub fn trusted_document(&self, hash: &str) -> Option<&str> {
        self.trusted.as_ref()?.get(hash)
    }

    /// Whether a document is GraphQL and fits the schema and the limits, whatever its variables. For tools and tests.
    pub fn judge(&self, source: &str) -> Result<(), Refused> {
        let document = parser::parse(source, self.limits.tokens)?;
        measure::check(&document, &self.limits)?;
        let problems = rules::check(&self.model, &document);
        if problems.is_empty() { Ok(()) } else { Err(Refused::Problems(problems)) }
    }

    /// Reads a document and checks everything. `mutations` is false where they must not run (GET); the caller answers that
    /// by the operation's type, before the rest is looked at.
    pub fn admit(
        &self,
        source: &str,
        operation_name: Option<&str>,
        variables: &Variables,
        may_run: impl FnOnce(OperationType) -> bool,
    ) -> Result<Admitted, Refused> {
        if self.trusted.as_ref().is_some_and(|trusted| !trusted.contains(source)) {
            return Err(Problem::new(Code::NotTrusted, "only listed documents run here").into());
        }
        let known = self.known.get(source);
        let checked = match &known {
            Some(checked) => Arc::clone(checked),
            None => Arc::new(Checked::of(parser::parse(source, self.limits.tokens)?)),
        };
        let document = &checked.document;
        let selected = select(document, operation_name)?;
        let operation = &selected.node;
        if !may_run(operation.ty) {
            return Err(Refused::OperationType(operation.ty));
        }
        if known.is_none() {
            self.check(document)?;
        }
        let variables = variables::coerce(&self.model, operation, variables).map_err(Refused::Problems)?;
        let cost = cost::of_operation(&self.model, document, operation, &variables);
        if cost > self.limits.cost {
            return Err(Problem::too_much(Code::Cost, "a cost of", cost, self.limits.cost).into());
        }
        let operation_type = operation.ty;
        let root_field = first_field(document, &operation.selection_set.node).unwrap_or_default().to_owned();
        let operation = checked.normal(source, || {
            let normal = normal::operation(&self.model, document, operation, &variables)?;
            Ok(Arc::new(Positioned::new(normal, selected.pos)))
        })?;
        // Last of all: what is refused for what it costs is not worth remembering.
        if known.is_none() {
            self.known.add(source, &checked);
        }
        Ok(Admitted { operation, variables, operation_type, cost, root_field })
    }

    /// What a document must pass, whatever its variables.
    fn check(&self, document: &ExecutableDocument) -> Result<(), Refused> {
        measure::check(document, &self.limits)?;
        let problems = rules::check(&self.model, document);
        if !problems.is_empty() {
            return Err(Refused::Problems(problems));
        }
        if !self.introspection && introspects(document) {
            return Err(Problem::new(Code::Introspection, "introspection is switched off").into());
        }
        Ok(())
    }

    /// What async-graphql has answered to an admitted operation, in the form that the specification promises.
    pub fn complete(&self, operation: &OperationDefinition, data: Value) -> Value {
        let root = self.model.root(operation.ty).unwrap_or_default();
        complete::answer(&self.model, &operation.selection_set.node, root, data)
    }
}

/// Why a document does not run.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// The document is at fault.
    Problems(Vec<Problem>),
    /// The document may be fine, but operations of its type do not run this way.
    OperationType(OperationType),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problems(vec![problem])
    }
}

fn select<'a>(
    document: &'a ExecutableDocument,
    wanted: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, Problem> {
    let mut operations = document.operations.iter();
    let found = match (wanted, &document.operations) {
        (Some(wanted), _) => operations.find(|(name, _operation)| name.is_some_and(|name| name == wanted)),
        (None, DocumentOperations::Multiple(several)) if several.len() > 1 => {
            return Err(Problem::new(Code::Operation, "the document has several operations: name one"));
        }
        (None, _) => operations.next(),
    };
    let found = found.map(|(_name, operation)| operation);
    found.ok_or_else(|| Problem::new(Code::Operation, "the document has no operation of that name"))
}

fn introspects(document: &ExecutableDocument) -> bool {
    fn within(set: &SelectionSet) -> bool {
        set.items.iter().any(|selection| match &selection.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                name == "__schema" || name == "__type" || within(&field.node.selection_set.node)
            }
            Selection::InlineFragment(fragment) => within(&fragment.node.selection_set.node),
            Selection::FragmentSpread(_) => false,
        })
    }
    let fragments = document.fragments.values().map(|fragment| &fragment.node.selection_set.node);
    let operations = document.operations.iter().map(|(_name, operation)| &operation.node.selection_set.node);
    fragments.chain(operations).any(within)
}

fn first_field<'a>(document: &'a ExecutableDocument, set: &'a SelectionSet) -> Option<&'a str> {
    set.items.iter().find_map(|selection| match &selection.node {
        Selection::Field(field) => Some(field.node.name.node.as_str()),
        Selection::InlineFragment(fragment) => first_field(document, &fragment.node.selection_set.node),
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node)?;
            first_field(document, &fragment.node.selection_set.node)
        }
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema, futures_util::FutureExt};

    use super::*;

    struct Query;

    #[Object]
    impl Query {
        async fn node(&self) -> Option<Node> {
            None
        }

        async fn nodes(&self, ids: Vec<String>) -> Vec<Node> {
            ids.iter().map(|_| Node).collect()
        }

        async fn lots(&self, first: Option<i32>) -> Lots {
            Lots { first }
        }
    }

    struct Node;

    #[Object]
    impl Node {
        async fn node(&self) -> Option<Node> {
            None
        }

        async fn lots(&self, first: Option<i32>) -> Lots {
            Lots { first }
        }
    }

    #[derive(async_graphql::SimpleObject)]
    #[graphql(complex)]
    struct Lots {
        first: Option<i32>,
    }

    #[async_graphql::ComplexObject]
    impl Lots {
        async fn nodes(&self) -> Vec<Node> {
            Vec::new()
        }

        async fn total_count(&self) -> i32 {
            0
        }
    }

    fn gate(limits: Limits) -> Gate {
        let schema = Schema::build(Query, EmptyMutation, EmptySubscription).finish();
        let answer = schema.execute(Gate::QUESTION).now_or_never().unwrap().data.into_json().unwrap();
        Gate::new(answer, limits, &[]).unwrap()
    }

    #[test]
    fn only_what_was_admitted_is_known() {
        let gate = gate(Limits { cost: 1, ..Limits::default() });
        let known = |source: &str| {
            let admitted = gate.admit(source, None, &Variables::default(), |_| true).is_ok();
            (admitted, gate.known.get(source).is_some())
        };
        assert_eq!(known("{ node { __typename } }"), (true, true));
        assert_eq!(known("{ node { node { __typename } } }"), (false, false), "too dear");
    }

    #[test]
    fn what_is_named_and_what_is_counted_costs_what_it_reads() {
        let gate = gate(Limits::default());
        let cost = |source: &str, variables: serde_json::Value| {
            gate.admit(source, None, &Variables::from_json(variables), |_| true).unwrap().cost
        };
        let ids = |count: usize| serde_json::json!({ "ids": vec!["x"; count] });
        let nodes = "query($ids: [String!]!) { nodes(ids: $ids) { node { __typename } } }";
        assert_eq!((cost(nodes, ids(3)), cost(nodes, ids(100))), (6, 200));
        let none = || serde_json::json!({});
        assert_eq!(cost("{ lots(first: 2) { totalCount } }", none()), 51);
        let each = "{ lots(first: 2) { nodes { lots(first: 1) { totalCount } } } }";
        assert_eq!(cost(each, none()), 1 + 2 * (1 + 1 + 200));
    }
}
