use std::{borrow::Cow, sync::Arc};

use async_trait::async_trait;
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// Says whether this process can serve: the store is reachable, the read models have caught up.
#[async_trait]
pub trait Readiness: Send + Sync + 'static {
    /// Every condition, met or not. Anybody may read the answer, so it names no tenant and no address.
    async fn check(&self) -> Vec<ReadinessCheck>;

    /// Sets the gauges of how far the read models lie behind the log now: a scrape is about to read them.
    async fn measure(&self) {}
}

/// One condition of being ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadinessCheck {
    /// What is looked at: `event_store`, `lot_board`.
    pub name: Cow<'static, str>,
    /// Whether it is as it should be.
    pub ready: bool,
    /// A few words: `3 events behind`.
    pub detail: String,
}

/// Ready from the first moment on: for a process without read models.
#[derive(Debug, Clone, Copy, Default)]
pub struct AlwaysReady;

#[async_trait]
impl Readiness for AlwaysReady {
    async fn check(&self) -> Vec<ReadinessCheck> {
        Vec::new()
    }
}

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
    checks: Vec<ReadinessCheck>,
}

fn health(status: &'static str, checks: Vec<ReadinessCheck>) -> Json<Health> {
    Json(Health { status, version: env!("CARGO_PKG_VERSION"), checks })
}

/// 200 as long as the process answers at all.
pub(super) async fn live() -> Response {
    health("live", Vec::new()).into_response()
}

/// 200 once every check is met, 503 until then.
pub(super) async fn ready(State(readiness): State<Arc<dyn Readiness>>) -> Response {
    let checks = readiness.check().await;
    if checks.iter().all(|check| check.ready) {
        (StatusCode::OK, health("ready", checks)).into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, health("not_ready", checks)).into_response()
    }
}
