use std::{collections::HashMap, panic::AssertUnwindSafe, time::Instant};

use async_graphql::{
    ErrorExtensionValues, Request, ServerError, Value,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType},
};
use axum::http::StatusCode;
use document::{Admitted, Code, Problem, Refused, TrustedDocuments};
use futures::FutureExt;

use super::{Answer, GraphqlService, Parameters};
use crate::graphql::kernel::{RequestContext, classify};

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
        match self.gate.admit(source, name, &parameters.variables, may_run) {
            Ok(admitted) => self.run_admitted(context, admitted, source).await,
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

    async fn run_admitted(&self, context: RequestContext, admitted: Admitted, source: &str) -> Answer {
        let started = Instant::now();
        let Admitted { operation, variables, operation_type, cost, root_field } = admitted;
        if operation_type == OperationType::Mutation {
            self.operators.seen(&context.caller);
        }
        let mut request = Request::new(source).variables(variables).data(context);
        let operations = DocumentOperations::Single(operation.clone());
        request.set_parsed_query(ExecutableDocument { operations, fragments: HashMap::new() });
        let running = AssertUnwindSafe(self.executor.run(request)).catch_unwind();
        let answer = match tokio::time::timeout(self.limits.timeout, running).await {
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
        let kind = match operation_type {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        };
        let labels = [("type", kind.to_owned()), ("field", root_field), ("outcome", outcome.to_owned())];
        metrics::counter!("cairn_graphql_operations_total", &labels).increment(1);
        metrics::histogram!("cairn_graphql_operation_duration_seconds", &labels[..2])
            .record(started.elapsed());
        answer
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
        Answer::Ran { data: self.gate.complete(operation, response.data), errors, cost }
    }
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
