use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use super::problem;

/// The metrics cannot be recorded.
#[derive(Debug, thiserror::Error)]
#[error("the metrics cannot be recorded")]
pub struct MetricsError(#[from] BuildError);

/// Bounds of the duration histograms, in seconds.
const DURATIONS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Records every metric of the process from now on; once a process.
pub fn install_metrics() -> Result<PrometheusHandle, MetricsError> {
    let handle = PrometheusBuilder::new().set_buckets(&DURATIONS)?.install_recorder()?;
    metrics::describe_counter!("cairn_http_requests_total", "HTTP requests, by method, route and status");
    metrics::describe_histogram!(
        "cairn_http_request_duration_seconds",
        "Time from a request's headers to its answer"
    );
    metrics::describe_counter!(
        "cairn_http_unauthenticated_total",
        "Requests without a valid token, by reason"
    );
    metrics::describe_counter!(
        "cairn_graphql_operations_total",
        "GraphQL operations that ran, by type, root field and outcome"
    );
    metrics::describe_histogram!(
        "cairn_graphql_operation_duration_seconds",
        "Time to run a GraphQL operation"
    );
    metrics::describe_counter!(
        "cairn_graphql_edge_reads_total",
        "Queries of read models for the edges of GraphQL objects, by read model"
    );
    metrics::describe_counter!("cairn_graphql_refused_total", "GraphQL documents that did not run, by code");
    Ok(handle)
}

pub(super) async fn render(State(handle): State<Option<PrometheusHandle>>) -> Response {
    let Some(handle) = handle else { return problem::no_such_route().await.into_response() };
    // Histograms gather until they are drained; a scrape is the moment for it.
    handle.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
}
