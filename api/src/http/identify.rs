use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use commands::engine::Caller;
use domain::identity::Permission;

use super::{HttpProblem, TenantSlugs, tenancy};
use crate::auth::{Authenticator, Unauthenticated};

pub(super) struct Identity {
    pub(super) authenticator: Authenticator,
    pub(super) tenants: TenantSlugs,
    /// Whether GraphQL has a field that strangers may ask for.
    pub(super) graphql_open: bool,
    pub(super) metrics_open: bool,
}

/// How long a request waits to know who is asking. Only an identity provider whose key is not known takes that long.
const PATIENCE: Duration = Duration::from_secs(5);

/// Puts the caller into the request, or answers 401; 404 where the path names a tenant that is not the caller's.
/// Closed by default: only what is named here is anonymous.
pub(super) async fn identify(
    State(identity): State<Arc<Identity>>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let is_metrics = path == "/metrics";
    if path == "/health/live" || path == "/health/ready" || (is_metrics && identity.metrics_open) {
        return next.run(request).await;
    }
    let slug = tenancy::slug(path);
    let asking = caller(&identity.authenticator, request.headers());
    let caller = match tokio::time::timeout(PATIENCE, asking).await {
        Ok(Ok(caller)) => match identity.tenants.agree(slug, caller.tenant) {
            Ok(()) => caller,
            Err(none) => return HttpProblem::from(none).into_response(),
        },
        Ok(Err(Unauthenticated::NoToken)) => match identity.stranger(path, slug) {
            Ok(stranger) => stranger,
            Err(problem) => return problem.into_response(),
        },
        Ok(Err(Unauthenticated::ProviderOut)) => return provider_unavailable().into_response(),
        Ok(Err(reason)) => return refused(reason).into_response(),
        Err(_elapsed) => return provider_unavailable().into_response(),
    };
    if is_metrics && !caller.permissions.contains(Permission::OperationsRead) {
        return forbidden(Permission::OperationsRead).into_response();
    }
    tracing::Span::current().record("tenant", tracing::field::display(caller.tenant));
    request.extensions_mut().insert(caller);
    next.run(request).await
}

impl Identity {
    /// Somebody without a token. Where nothing is open to him the answer is 401, whichever tenant the path names, so that it
    /// does not tell which ones there are.
    fn stranger(&self, path: &str, slug: Option<&str>) -> Result<Caller, HttpProblem> {
        let tenant = self.tenants.of_stranger(slug);
        let is_graphql = path.ends_with("/graphql");
        match tenant {
            Ok(tenant) if is_graphql && self.graphql_open => Ok(Caller::anonymous(tenant)),
            Err(none) if is_graphql && self.graphql_open => Err(none.into()),
            Ok(_) | Err(_) => Err(refused(Unauthenticated::NoToken)),
        }
    }
}

async fn caller(authenticator: &Authenticator, headers: &HeaderMap) -> Result<Caller, Unauthenticated> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let first = given.next();
    // Two of them, and it would be a matter of taste whom to believe.
    if given.next().is_some() {
        return Err(Unauthenticated::Malformed);
    }
    authenticator.authenticate(first.map(|value| value.as_bytes())).await
}

fn refused(reason: Unauthenticated) -> HttpProblem {
    let label = match reason {
        Unauthenticated::NoToken => "no_token",
        Unauthenticated::Malformed => "malformed",
        Unauthenticated::UnknownKey => "unknown_key",
        Unauthenticated::ProviderOut => "provider_unavailable",
        Unauthenticated::Expired => "expired",
        Unauthenticated::Invalid => "invalid",
    };
    metrics::counter!("cairn_http_unauthenticated_total", "reason" => label).increment(1);
    // RFC 6750: a request without a token is told what is needed, one with a bad token what is wrong.
    let challenge = match reason {
        Unauthenticated::NoToken => "Bearer",
        _ => "Bearer error=\"invalid_token\"",
    };
    HttpProblem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", reason.to_string())
        .with_header("www-authenticate", challenge)
}

/// Whether the token is good cannot be told while its key cannot be had: that is not the client's fault.
fn provider_unavailable() -> HttpProblem {
    metrics::counter!("cairn_http_unauthenticated_total", "reason" => "provider_unavailable").increment(1);
    let detail = "the identity provider does not answer; nobody can be signed in with a new key";
    HttpProblem::new(StatusCode::SERVICE_UNAVAILABLE, "PROVIDER_UNAVAILABLE", detail)
        .with_header("retry-after", "10")
}

/// 403 with the permission that is missing.
fn forbidden(required: Permission) -> HttpProblem {
    let detail = format!("this needs the permission {}", required.as_str());
    HttpProblem::new(StatusCode::FORBIDDEN, "FORBIDDEN", detail)
        .with_header("x-required-permissions", required.as_str())
}
