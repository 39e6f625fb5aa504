use std::sync::Arc;

use async_graphql::{PathSegment, Pos, ServerError, Value};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use document::Problem;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{media::Media, parameters::Malformed};

/// What a GraphQL request came to.
#[derive(Debug)]
pub(super) enum Answer {
    /// It ran: data, perhaps with errors beside it.
    Ran { data: Data, errors: Vec<ServerError>, cost: u64 },
    /// It was no request, or could not run. `status` is what `application/graphql-response+json` answers; for
    /// `application/json`, a well-formed request is answered 200 all the same.
    Refused { status: StatusCode, well_formed: bool, errors: Vec<Refusal> },
}

/// What was asked for.
#[derive(Debug)]
pub(super) enum Data {
    Value(Value),
    /// As JSON already.
    Json(Arc<RawValue>),
}

impl Serialize for Data {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Json(json) => json.serialize(serializer),
        }
    }
}

/// An error of a request that did not run.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) locations: Vec<Pos>,
    pub(super) field: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Data>,
    extensions: ExtensionsBody,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "<[Pos]>::is_empty")]
    locations: &'a [Pos],
    #[serde(skip_serializing_if = "<[PathSegment]>::is_empty")]
    path: &'a [PathSegment],
    extensions: serde_json::Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtensionsBody {
    correlation_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<u64>,
}

impl Answer {
    /// Not a request: 400, whatever the client accepts.
    pub(super) fn malformed(malformed: Malformed) -> Self {
        let Malformed { code, message } = malformed;
        let refusal = Refusal { code, message, locations: Vec::new(), field: None };
        Self::Refused { status: StatusCode::BAD_REQUEST, well_formed: false, errors: vec![refusal] }
    }

    /// A request whose document may not run.
    pub(super) fn refused(status: StatusCode, problems: Vec<Problem>) -> Self {
        let refusal = |problem: Problem| Refusal {
            code: problem.code.as_str(),
            message: problem.message,
            locations: problem.locations,
            field: problem.field,
        };
        Self::Refused { status, well_formed: true, errors: problems.into_iter().map(refusal).collect() }
    }

    /// A failure with a status of its own, also for `application/json`.
    pub(super) fn failed(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let refusal = Refusal { code, message: message.into(), locations: Vec::new(), field: None };
        Self::Refused { status, well_formed: false, errors: vec![refusal] }
    }

    fn status(&self, media: Media) -> StatusCode {
        match self {
            Self::Ran { .. } => StatusCode::OK,
            Self::Refused { well_formed: true, .. } if media == Media::Json => StatusCode::OK,
            Self::Refused { status, .. } => *status,
        }
    }

    fn body(&self, correlation_id: Uuid) -> Body<'_> {
        match self {
            Self::Ran { data, errors, cost } => Body {
                errors: errors.iter().map(error_body).collect(),
                data: Some(data),
                extensions: ExtensionsBody { correlation_id, cost: Some(*cost) },
            },
            Self::Refused { errors, .. } => Body {
                errors: errors.iter().map(refusal_body).collect(),
                data: None,
                extensions: ExtensionsBody { correlation_id, cost: None },
            },
        }
    }

    pub(super) fn into_response(self, media: Media, correlation_id: Uuid) -> Response {
        let mut response = json(self.status(media), media, &self.body(correlation_id));
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The answers of a batch, in its order. A batch that could be read is answered 200; each answer says how it went.
pub(super) fn batch(answers: Vec<Answer>, media: Media, correlation_id: Uuid) -> Response {
    let bodies: Vec<Body<'_>> = answers.iter().map(|answer| answer.body(correlation_id)).collect();
    json(StatusCode::OK, media, &bodies)
}

fn json(status: StatusCode, media: Media, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, media.content_type())], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            crate::http::HttpProblem::internal().into_response()
        }
    }
}

fn error_body(error: &ServerError) -> ErrorBody<'_> {
    let extensions = error.extensions.as_ref().and_then(|extensions| serde_json::to_value(extensions).ok());
    ErrorBody {
        message: &error.message,
        locations: &error.locations,
        path: &error.path,
        extensions: extensions.unwrap_or_else(|| serde_json::json!({ "code": "INTERNAL" })),
    }
}

fn refusal_body(refusal: &Refusal) -> ErrorBody<'_> {
    let mut extensions = serde_json::json!({ "code": refusal.code });
    if let Some(field) = &refusal.field {
        extensions["fields"] = serde_json::json!([field]);
    }
    ErrorBody { message: &refusal.message, locations: &refusal.locations, path: &[], extensions }
}
