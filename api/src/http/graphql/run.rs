use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use async_graphql::{
    ErrorExtensionValues, Positioned, Request, ServerError, Value,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection},
};
use axum::http::StatusCode;
use document::{Admitted, Code, Problem, Refused, TrustedDocuments};
use futures::FutureExt;

use super::{
    GraphqlService, Parameters,
    answer::{Answer, Data},
    answers::Question,
};
use crate::graphql::kernel::{RequestContext, Used, classify};

/// Which operations the HTTP method lets run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Methods {
    /// GET changes nothing.
    QueriesOnly,
    /// POST.
    All,
}

impl GraphqlService {
    /// Runs one operation to an answer, whatever happens.
    pub(super) async fn run(
        &self,
        context: RequestContext,
        parameters: Parameters,
        methods: Methods,
    ) -> Answer {
        // The operation's time is that of all that is done for it.
        let begun = Instant::now();
        let source = match self.document(&parameters) {
            Ok(source) => source,
            Err(answer) => return answer,
        };
        let may_run = |operation| match operation {
            OperationType::Query => true,
            OperationType::Mutation => methods == Methods::All,
            OperationType::Subscription => false,
        };
        let name = parameters.operation_name.as_deref();
        let question = self.question(source, &parameters, &context);
        if let Some((answers, question)) = self.answers.as_ref().zip(question.as_ref()) {
            let started = Instant::now();
            if let Some(kept) = answers.find(question).await {
                count(OperationType::Query, &kept.root_field, "ok", started);
                return Answer::Ran {
                    data: Data::Json(Arc::clone(&kept.data)),
                    errors: Vec::new(),
                    cost: kept.cost,
                };
            }
        }
        match self.gate.admit(source, name, &parameters.variables, may_run) {
            Ok(admitted) => {
                let context = context.for_one_operation();
                let (used, root_field) = (context.used.clone(), admitted.root_field.clone());
                let is_query = admitted.operation_type == OperationType::Query;
                let answer = self.run_admitted(context, admitted, source, begun).await;
                let question = question.filter(|_| is_query);
                self.keep(question, answer, &used, &root_field)
            }
            Err(refused) => {
                let answer = refusal(refused);
                if let Answer::Refused { errors, .. } = &answer {
                    let code = errors.first().map_or("UNKNOWN", |error| error.code);
                    metrics::counter!("cairn_graphql_refused_total", "code" => code).increment(1);
                }
                answer
            }
        }
    }

    fn question(&self, source: &str, parameters: &Parameters, context: &RequestContext) -> Option<Question> {
        let Parameters { operation_name, variables, .. } = parameters;
        self.answers.as_ref()?;
        Question::new(source, operation_name.as_deref(), variables, &context.caller)
    }

    /// Keeps an answer to a query that has no errors, and gives it in the form in which it was kept.
    fn keep(&self, question: Option<Question>, answer: Answer, used: &Used, root_field: &str) -> Answer {
        let (Some(answers), Some(question)) = (&self.answers, question) else { return answer };
        match answer {
            Answer::Ran { data: Data::Value(data), errors, cost } if errors.is_empty() => {
                let data = match serde_json::value::to_raw_value(&data) {
                    Ok(json) => {
                        let json = Arc::from(json);
                        answers.keep(question, used, (&json, cost, root_field));
                        Data::Json(json)
                    }
                    Err(_not_json) => Data::Value(data),
                };
                Answer::Ran { data, errors, cost }
            }
            other => other,
        }
    }

    /// The document's text: given, or listed under the hash that was given.
    fn document<'a>(&'a self, parameters: &'a Parameters) -> Result<&'a str, Answer> {
        match (&parameters.query, &parameters.document_hash) {
            (Some(query), Some(hash)) if TrustedDocuments::hash(query) != *hash => {
                let message = "the document does not have the hash that stands beside it";
                Err(Answer::failed(StatusCode::BAD_REQUEST, "DOCUMENT_HASH_MISMATCH", message))
            }
            (Some(query), _) => Ok(query),
            (None, Some(hash)) => self.gate.trusted_document(hash).ok_or_else(|| {
                let message = "no document is listed under this hash";
                Answer::failed(StatusCode::BAD_REQUEST, "DOCUMENT_NOT_FOUND", message)
            }),
            (None, None) => Err(Answer::failed(StatusCode::BAD_REQUEST, "BAD_REQUEST", "query is missing")),
        }
    }

    async fn run_admitted(
        &self,
        context: RequestContext,
        admitted: Admitted,
        source: &str,
        begun: Instant,
    ) -> Answer {
        let started = Instant::now();
        if context.caller.is_anonymous() && !self.is_open(&admitted.operation.node) {
            return Answer::failed(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "a bearer token is needed");
        }
        let Admitted { operation, variables, operation_type, cost, root_field } = admitted;
        if operation_type == OperationType::Mutation {
            self.operators.seen(&context.caller);
        }
        let mut request = Request::new(source).variables(variables).data(context);
        let operations = DocumentOperations::Single(Positioned::clone(&operation));
        request.set_parsed_query(ExecutableDocument { operations, fragments: HashMap::new() });
        let left = self.limits.timeout.saturating_sub(begun.elapsed());
        let running = AssertUnwindSafe(self.executor.run(request)).catch_unwind();
        let answer = match tokio::time::timeout(left, running).await {
            Ok(Ok(response)) => self.answer(response, &operation.node, cost),
            Ok(Err(_panic)) => {
                tracing::error!(field = root_field, "a resolver panicked");
                Answer::failed(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", MASKED)
            }
            Err(_elapsed) => {
                tracing::warn!(field = root_field, "an operation ran out of time");
                let message =
                    "the operation took too long; a mutation may still take effect, repeat it under its key";
                Answer::failed(StatusCode::GATEWAY_TIMEOUT, "TIMEOUT", message)
            }
        };
        let outcome = match &answer {
            Answer::Ran { errors, .. } if errors.is_empty() => "ok",
            Answer::Ran { .. } => "errors",
            Answer::Refused { .. } => "failed",
        };
        count(operation_type, &root_field, outcome, started);
        answer
    }

    /// Whether the operation asks for nothing but what strangers may ask for. The gate has put fragments in their places.
    fn is_open(&self, operation: &OperationDefinition) -> bool {
        operation.selection_set.node.items.iter().all(|selection| match &selection.node {
            Selection::Field(field) => self.open_fields.contains(field.node.name.node.as_str()),
            Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
        })
    }

    fn answer(
        &self,
        response: async_graphql::Response,
        operation: &OperationDefinition,
        cost: u64,
    ) -> Answer {
        let mut errors = response.errors;
        for error in &mut errors {
            if !classify(error) {
                mask(error);
            }
        }
        // Without data, and without a path in any error, nothing was resolved: async-graphql itself has refused.
        let nothing_ran = response.data == Value::Null && !errors.is_empty();
        if nothing_ran && errors.iter().all(|error| error.path.is_empty()) {
            return Answer::failed(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", MASKED);
        }
        Answer::Ran { data: Data::Value(self.gate.complete(operation, response.data)), errors, cost }
    }
}

fn count(operation_type: OperationType, root_field: &str, outcome: &'static str, started: Instant) {
    let kind = match operation_type {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    };
    let labels =
        [("type", kind.to_owned()), ("field", root_field.to_owned()), ("outcome", outcome.to_owned())];
    metrics::counter!("cairn_graphql_operations_total", &labels).increment(1);
    metrics::histogram!("cairn_graphql_operation_duration_seconds", &labels[..2]).record(started.elapsed());
}

const MASKED: &str = "something failed inside the program; the correlation id leads to it";

fn refusal(refused: Refused) -> Answer {
    match refused {
        Refused::Problems(problems) => Answer::refused(StatusCode::BAD_REQUEST, problems),
        Refused::OperationType(OperationType::Subscription) => {
            let problem = Problem {
                code: Code::Operation,
                message: "subscriptions do not run over this transport".to_owned(),
                locations: Vec::new(),
                field: None,
            };
            Answer::refused(StatusCode::BAD_REQUEST, vec![problem])
        }
        Refused::OperationType(_) => {
            let message = "a GET changes nothing: send mutations with POST";
            Answer::failed(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
        }
    }
}

/// Logs a technical error with all it knows, and leaves the client a code.
fn mask(error: &mut ServerError) {
    let path: Vec<String> = error.path.iter().map(segment).collect();
    tracing::error!(error = error.message, path = path.join("."), "a resolver failed");
    error.message = MASKED.to_owned();
    error.source = None;
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", "INTERNAL");
    error.extensions = Some(extensions);
}

fn segment(segment: &async_graphql::PathSegment) -> String {
    match segment {
        async_graphql::PathSegment::Field(name) => name.clone(),
        async_graphql::PathSegment::Index(index) => index.to_string(),
    }
}
