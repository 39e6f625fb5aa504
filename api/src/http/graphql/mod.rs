//! GraphQL over HTTP: the specification of that name, to the letter.
//!
//! A request is negotiated (`media.rs`), read (`parameters.rs`), admitted ([`document::Gate`]), run and masked
//! (`run.rs`), and answered (`answer.rs`), or answered as before while that answer holds (`answers.rs`). What may run is decided before anything runs.

mod answer;
mod answers;
mod media;
mod parameters;
mod run;
mod strict_json;

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_graphql::{ObjectType, Request, Response, Schema, SchemaBuilder, SubscriptionType, ValidationMode};
use async_trait::async_trait;
use axum::{
    body::Body,
    extract::{Extension, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response as HttpResponse},
};
use commands::engine::Caller;
use document::{Gate, Limits, TrustedDocuments, UnreadableSchema};
use futures::FutureExt;
use projections::ports::ReadStore;

use self::{answer::Answer, answers::Answers, media::Media, parameters::Parameters};
use super::{HttpProblem, body, conversation::Conversation, operators::Operators, rates::Peer};
use crate::graphql::kernel::{Floor, Gathering, IdempotencyKey, RequestContext, SCALARS, Used};

/// Runs admitted requests: a schema, its types forgotten.
#[async_trait]
pub trait GraphqlExecutor: Send + Sync + 'static {
    /// Runs a request to its end.
    async fn run(&self, request: Request) -> Response;
}

#[async_trait]
impl<Q, M, S> GraphqlExecutor for Schema<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    async fn run(&self, request: Request) -> Response {
        self.execute(request).await
    }
}

/// Settings of every schema that is served here: documents come checked, so that async-graphql need not check them
/// again, and its errors make no suggestions.
pub fn prepare_schema<Q, M, S>(builder: SchemaBuilder<Q, M, S>) -> SchemaBuilder<Q, M, S>
where
    Q: ObjectType + 'static,
    M: ObjectType + 'static,
    S: SubscriptionType + 'static,
{
    // The gate's own limits are lower; this one would count fragments as depth.
    const RECURSION: usize = 512;
    builder.validation_mode(ValidationMode::Fast).limit_recursive_depth(RECURSION).disable_suggestions()
}

/// What a GraphQL request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GraphqlLimits {
    /// What a document may ask for.
    pub document: Limits,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Operations in one request.
    pub batch: usize,
    /// Time for one operation.
    pub timeout: Duration,
}

impl Default for GraphqlLimits {
    /// 256 KiB, 5 operations, 30 s.
    fn default() -> Self {
        Self {
            document: Limits::default(),
            body_bytes: 256 * 1024,
            batch: 5,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Answers `/graphql`.
pub struct GraphqlService {
    executor: Arc<dyn GraphqlExecutor>,
    gate: Gate,
    limits: GraphqlLimits,
    operators: Arc<Operators>,
    answers: Option<Answers>,
    open_fields: HashSet<&'static str>,
}

impl GraphqlService {
    /// Serves a schema. It is asked to describe itself, once.
    pub fn new(executor: impl GraphqlExecutor, limits: GraphqlLimits) -> Result<Self, UnreadableSchema> {
        // Introspection is answered from memory: it is ready at once.
        let answer = executor.run(Request::new(Gate::QUESTION)).now_or_never().unwrap_or_default();
        let data = answer.data.into_json().unwrap_or_default();
        let gate = Gate::new(data, limits.document, SCALARS)?;
        Ok(Self {
            executor: Arc::new(executor),
            gate,
            limits,
            operators: Arc::default(),
            answers: None,
            open_fields: HashSet::new(),
        })
    }

    /// Lets strangers, who have no token, ask for these fields of the roots. An operation that asks for any other needs a
    /// token: what is not named here is closed.
    #[must_use]
    pub fn opening(mut self, fields: impl IntoIterator<Item = &'static str>) -> Self {
        self.open_fields.extend(fields);
        self
    }

    pub(super) fn serves_strangers(&self) -> bool {
        !self.open_fields.is_empty()
    }

    pub(super) fn operators(&self) -> Arc<Operators> {
        Arc::clone(&self.operators)
    }

    /// Runs listed documents only; a client may send a document's hash alone, as `extensions.persistedQuery`.
    #[must_use]
    pub fn trusting_only(mut self, documents: TrustedDocuments) -> Self {
        self.gate = self.gate.trusting_only(documents);
        self
    }

    /// Keeps answers while the rows stand that they were made of, in so many bytes of memory; 0 keeps none.
    #[must_use]
    pub fn keeping_answers(mut self, rows: Arc<dyn ReadStore>, most_bytes: usize) -> Self {
        self.answers = (most_bytes > 0).then(|| Answers::new(rows, most_bytes));
        self
    }

    /// Refuses introspection.
    #[must_use]
    pub fn without_introspection(mut self) -> Self {
        self.gate = self.gate.without_introspection();
        self
    }
}

pub(super) async fn get(
    State(service): State<Arc<GraphqlService>>,
    Extension(caller): Extension<Caller>,
    Extension(conversation): Extension<Conversation>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    uri: Uri,
) -> HttpResponse {
    let media = match Media::negotiate(&headers) {
        Ok(media) => media,
        Err(problem) => return problem.into_response(),
    };
    let context = match context(caller, conversation, peer, &headers) {
        Ok(context) => context,
        Err(problem) => return problem.into_response(),
    };
    let id = context.correlation_id;
    match Parameters::from_query(uri.query().unwrap_or_default()) {
        Ok(parameters) => {
            service.run(context, parameters, run::Methods::QueriesOnly).await.into_response(media, id)
        }
        Err(malformed) => Answer::malformed(malformed).into_response(media, id),
    }
}

pub(super) async fn post(
    State(service): State<Arc<GraphqlService>>,
    Extension(caller): Extension<Caller>,
    Extension(conversation): Extension<Conversation>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> HttpResponse {
    let negotiated =
        Media::negotiate(&headers).and_then(|media| media::require_json(&headers).map(|()| media));
    let media = match negotiated {
        Ok(media) => media,
        Err(problem) => return problem.into_response(),
    };
    let read = match body::read(body, service.limits.body_bytes).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    let context = match context(caller, conversation, peer, &headers) {
        Ok(context) => context,
        Err(problem) => return problem.into_response(),
    };
    let id = context.correlation_id;
    match Parameters::from_body(&read, service.limits.batch) {
        Ok(parameters::Body::One(parameters)) => {
            service.run(context, *parameters, run::Methods::All).await.into_response(media, id)
        }
        Ok(parameters::Body::Batch(batch)) => {
            let mut answers = Vec::with_capacity(batch.len());
            // One after the other: a batch is no way round the limits on what runs at once.
            for parameters in batch {
                answers.push(service.run(context.clone(), parameters, run::Methods::All).await);
            }
            answer::batch(answers, media, id)
        }
        Err(malformed) => Answer::malformed(malformed).into_response(media, id),
    }
}

pub(super) async fn other_method(_method: Method) -> HttpProblem {
    HttpProblem::method_not_allowed("GET, HEAD, POST")
}

/// Who is asking and how, as resolvers see it.
fn context(
    caller: Caller,
    conversation: Conversation,
    peer: Option<Extension<Peer>>,
    headers: &HeaderMap,
) -> Result<RequestContext, HttpProblem> {
    let malformed = || {
        let detail = "the header Idempotency-Key holds one key of 1 to 128 visible ASCII characters";
        HttpProblem::new(StatusCode::BAD_REQUEST, "VALIDATION_FAILED", detail)
    };
    let mut given = headers.get_all("idempotency-key").iter();
    let idempotency_key = match (given.next(), given.next()) {
        (None, _) => None,
        (Some(_), Some(_)) => return Err(malformed()),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_error| malformed())?;
            Some(IdempotencyKey::try_new(text).map_err(|_error| malformed())?)
        }
    };
    let Conversation { correlation_id, traceparent } = conversation;
    let address = peer.map(|Extension(Peer(address))| address);
    Ok(RequestContext {
        caller,
        address,
        correlation_id,
        traceparent,
        idempotency_key,
        floor: Floor::default(),
        gathering: Gathering::default(),
        used: Used::default(),
    })
}
