//! HTTP: a request's way through the process.
//!
//! A connection has time to send its headers, a request a size and a time ([`serve`]); every request gets a correlation
//! id, a span, security headers and an end, also when a handler panics (`conversation.rs`); whose data it is about (`tenancy.rs`); nobody is
//! anonymous but `/health/*` and what GraphQL's schema opens (`identify.rs`); nobody asks more often than is set (`rates.rs`); GraphQL-over-HTTP is this package's own, to the
//! letter of its specification (`graphql`); everything that is not GraphQL answers errors as RFC 9457 problems (`problem.rs`).
//!
//! Reading order: [`router`] in this file, then in the order above. Subscriptions will stand beside `graphql`, on the
//! same gate.

mod body;
mod conversation;
mod graphql;
mod health;
mod identify;
mod logs;
mod metrics;
mod operators;
mod problem;
mod rates;
mod serve;
mod stalls;
mod tenancy;

use std::sync::Arc;

use axum::{Router, middleware, routing};
use metrics_exporter_prometheus::PrometheusHandle;

pub use graphql::{GraphqlExecutor, GraphqlLimits, GraphqlService, prepare_schema};
pub use health::{AlwaysReady, Readiness, ReadinessCheck};
pub use logs::{install_logs, install_panic_log};
pub use metrics::{MetricsError, install_metrics};
pub use problem::HttpProblem;
pub use rates::RateLimits;
pub use serve::{ServeLimits, serve};
pub use tenancy::TenantSlugs;

use crate::auth::Authenticator;

/// Everything that the edge stands on.
pub struct Edge {
    /// Answers `/graphql`.
    pub graphql: GraphqlService,
    /// Says who is asking.
    pub authenticator: Authenticator,
    /// Says whom a path names.
    pub tenants: TenantSlugs,
    /// Answers `/health/ready`.
    pub readiness: Arc<dyn Readiness>,
    /// Answers `/metrics`; none answers 404.
    pub metrics: Option<PrometheusHandle>,
    /// Whether `/metrics` is answered without a token, for a scraper inside a network that others cannot enter.
    /// Otherwise it takes a token with `operations:read`: what is counted is counted over all tenants.
    pub metrics_open: bool,
    /// How often somebody may ask.
    pub rates: RateLimits,
}

/// The routes of the edge: `/graphql` and, for a tenant that the path names, `/t/{slug}/graphql`; `/health/live`,
/// `/health/ready`, `/metrics`.
pub fn router(edge: Edge) -> Router {
    let identity = Arc::new(identify::Identity {
        authenticator: edge.authenticator,
        tenants: edge.tenants,
        graphql_open: edge.graphql.serves_strangers(),
        metrics_open: edge.metrics_open,
    });
    let rates = Arc::new(rates::Rates::new(edge.rates));
    let (operators, readiness) = (edge.graphql.operators(), Arc::clone(&edge.readiness));
    let scrape = metrics::Scrape { handle: edge.metrics, operators, readiness };
    let graphql = routing::get(graphql::get)
        .post(graphql::post)
        .fallback(graphql::other_method)
        .with_state(Arc::new(edge.graphql));
    let metrics_route = routing::get(metrics::render).fallback(problem::only_get).with_state(scrape);
    let live = routing::get(health::live).fallback(problem::only_get);
    let ready = routing::get(health::ready).fallback(problem::only_get).with_state(edge.readiness);
    Router::new()
        .route("/graphql", graphql.clone())
        .route(conversation::TENANTS_GRAPHQL, graphql)
        .route("/health/live", live)
        .route("/health/ready", ready)
        .route("/metrics", metrics_route)
        .fallback(problem::no_such_route)
        .layer(middleware::from_fn_with_state(Arc::clone(&rates), rates::by_user))
        .layer(middleware::from_fn_with_state(identity, identify::identify))
        .layer(middleware::from_fn_with_state(rates, rates::by_address))
        .layer(middleware::from_fn(conversation::converse))
}
