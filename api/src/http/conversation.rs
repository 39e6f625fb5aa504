use std::{panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use tracing::Instrument;
use uuid::Uuid;

use super::HttpProblem;

/// What ties a request to everything that it sets off.
#[derive(Debug, Clone)]
pub(super) struct Conversation {
    pub(super) correlation_id: Uuid,
    pub(super) traceparent: Option<String>,
}

/// The outermost layer: correlation id, span, metrics, security headers, and an end for handlers that panic.
pub(super) async fn converse(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let conversation = Conversation {
        correlation_id: correlation_id(request.headers()),
        traceparent: traceparent(request.headers()),
    };
    let correlation_id = conversation.correlation_id;
    let method = method_name(request.method());
    let route =
        request.extensions().get::<MatchedPath>().map_or("unmatched", |path| route_name(path.as_str()));
    let span = tracing::info_span!("request", %correlation_id, method, route, tenant = tracing::field::Empty);
    request.extensions_mut().insert(conversation);
    let in_progress = InProgress::begin();
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    drop(in_progress);
    let mut response = handled.unwrap_or_else(|_panic| {
        span.in_scope(|| tracing::error!("a handler panicked"));
        HttpProblem::internal().into_response()
    });
    add_headers(response.headers_mut(), correlation_id);
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
    metrics::counter!("cairn_http_requests_total", &labels).increment(1);
    metrics::histogram!("cairn_http_request_duration_seconds", &labels[..2]).record(elapsed);
    span.in_scope(|| {
        let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(status, duration_ms, "answered");
    });
    response
}

/// Counts a request as long as it is worked on, also when its client goes away meanwhile.
struct InProgress;

impl InProgress {
    fn begin() -> Self {
        metrics::gauge!("cairn_http_requests_in_progress").increment(1.0);
        Self
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        metrics::gauge!("cairn_http_requests_in_progress").decrement(1.0);
    }
}

/// The client's `X-Request-Id` where it is a UUID, else a fresh one.
fn correlation_id(headers: &HeaderMap) -> Uuid {
    let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    given.and_then(|text| Uuid::try_parse(text).ok()).filter(|id| !id.is_nil()).unwrap_or_else(Uuid::now_v7)
}

/// The W3C trace context, where it is well formed; anything else is as good as none.
fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let lower_hex = |part: &&str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let set = |part: &str| part.bytes().any(|byte| byte != b'0');
    let well_formed = lengths == [2, 32, 16, 2] && parts.iter().all(lower_hex) && parts[0] == "00";
    (well_formed && set(parts[1]) && set(parts[2])).then(|| text.to_owned())
}

fn add_headers(headers: &mut HeaderMap, correlation_id: Uuid) {
    const FIXED: [(&str, &str); 6] = [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ];
    for (name, value) in FIXED {
        if !headers.contains_key(name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if let Ok(value) = HeaderValue::from_str(&correlation_id.to_string()) {
        headers.insert("x-request-id", value);
    }
    // What an answer is depends on both.
    headers.append(header::VARY, HeaderValue::from_static("accept, authorization"));
}

/// A label must not grow with what clients think of.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "OTHER",
    }
}

/// GraphQL at the tenant that the path names.
pub(super) const TENANTS_GRAPHQL: &str = "/t/{slug}/graphql";

fn route_name(path: &str) -> &'static str {
    match path {
        "/graphql" => "/graphql",
        "/health/live" => "/health/live",
        "/health/ready" => "/health/ready",
        "/metrics" => "/metrics",
        TENANTS_GRAPHQL => TENANTS_GRAPHQL,
        _ => "other",
    }
}
