use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::{Readiness, operators::Operators, problem};

/// The metrics cannot be recorded.
#[derive(Debug, thiserror::Error)]
#[error("the metrics cannot be recorded")]
pub struct MetricsError(#[from] BuildError);

/// Bounds of the duration histograms, in seconds.
const DURATIONS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Bounds of the recall's histogram, in seconds (lots.md, section 6).
const TRACEABILITY: [f64; 7] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Bounds of the histogram of commits in one batch.
const BATCHES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Records every metric of the process from now on; once a process.
pub fn install_metrics() -> Result<PrometheusHandle, MetricsError> {
    let named = |name: &str| Matcher::Full(name.to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets(&DURATIONS)?
        .set_buckets_for_metric(named("cairn_traceability_query_duration_seconds"), &TRACEABILITY)?
        .set_buckets_for_metric(named("cairn_append_batch_size"), &BATCHES)?
        .install_recorder()?;
    describe_plant();
    metrics::describe_gauge!("cairn_http_requests_in_progress", "HTTP requests that wait for their answer");
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
        "cairn_http_rate_limited_total",
        "Requests refused because there were too many, by what was counted"
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
    metrics::describe_counter!(
        "cairn_graphql_kept_answers_total",
        "Queries that were answered as before (hit), or made anew (miss)"
    );
    metrics::describe_gauge!("cairn_graphql_kept_answer_bytes", "Memory of the answers that are kept");
    metrics::describe_counter!("cairn_graphql_refused_total", "GraphQL documents that did not run, by code");
    Ok(handle)
}

/// What the plant is watched by (lots.md, section 6), and what holds it up.
fn describe_plant() {
    metrics::describe_counter!("cairn_lots_registered_total", "Lots that were registered, by type");
    metrics::describe_counter!("cairn_qc_decisions_total", "Decisions at gates, by decision");
    metrics::describe_histogram!(
        "cairn_traceability_query_duration_seconds",
        "Time to answer a question to the genealogy, by question"
    );
    metrics::describe_gauge!(
        "cairn_active_operators",
        "Users who have sent a mutation to this process within 15 minutes"
    );
    metrics::describe_gauge!("cairn_projection_lag_events", "Events that a read model is behind the log");
    metrics::describe_gauge!(
        "cairn_projection_lag_seconds",
        "Age of the oldest event that a read model does not show yet"
    );
    metrics::describe_gauge!(
        "cairn_projection_parked_events",
        "Events that a read model could not fold, and those behind them: see cairn parked"
    );
    describe_processes();
    metrics::describe_counter!(
        "cairn_background_restarts_total",
        "Background tasks that ended or died and were started again, by task"
    );
    metrics::describe_gauge!(
        "cairn_log_clock_ahead_seconds",
        "How far the time of the log's newest events is ahead of this process's clock"
    );
}

/// What happens by itself.
fn describe_processes() {
    metrics::describe_counter!(
        "cairn_reactions_total",
        "Reactions of process managers that came to their end, by process and outcome: done, refused"
    );
    metrics::describe_counter!(
        "cairn_reactions_parked_total",
        "Reactions that were parked because they had failed too long, by process: see cairn parked"
    );
    metrics::describe_gauge!(
        "cairn_reactions_parked",
        "Reactions that are parked now, by process; unreadable: whose event this program cannot read"
    );
    metrics::describe_gauge!(
        "cairn_process_running",
        "1 where this process runs the process manager, else 0"
    );
    metrics::describe_gauge!(
        "cairn_process_outdated",
        "1 where this program is too old for the next event of a process manager, else 0"
    );
    metrics::describe_gauge!(
        "cairn_deadlines_failing",
        "Deadlines whose commands failed and are tried again, as this process knows"
    );
}

/// What a scrape is answered from.
#[derive(Clone)]
pub(super) struct Scrape {
    pub(super) handle: Option<PrometheusHandle>,
    pub(super) operators: Arc<Operators>,
    pub(super) readiness: Arc<dyn Readiness>,
}

/// How long a scrape waits for the log; the other metrics are told without it.
const MEASURE_WITHIN: Duration = Duration::from_secs(2);

pub(super) async fn render(State(Scrape { handle, operators, readiness }): State<Scrape>) -> Response {
    let Some(handle) = handle else { return problem::no_such_route().await.into_response() };
    operators.report();
    let _silent_log = tokio::time::timeout(MEASURE_WITHIN, readiness.measure()).await;
    // Histograms gather until they are drained; a scrape is the moment for it.
    handle.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
}
