//! `/metrics`: what is counted, and under which labels. A process of its own: there is one recorder a process.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;

use api::{
    auth::{Authenticator, Grant, LocalSecret, mint},
    http::{AlwaysReady, Edge, GraphqlLimits, GraphqlService, install_metrics, prepare_schema, router},
};
use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
use axum::{
    body::Body,
    http::{Request, Response, StatusCode},
};
use chrono::Utc;
use domain::identity::Role;
use tower::ServiceExt;
use uuid::Uuid;

struct Query;

#[Object]
impl Query {
    async fn lot(&self, id: String) -> String {
        id
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn rates_errors_and_durations_are_counted_by_names_that_the_schema_bounds() {
    let secret = LocalSecret::try_new(*b"0123456789abcdef0123456789abcdef").unwrap();
    let grant = Grant {
        subject: "prometheus".to_owned(),
        tenant: Uuid::from_u128(1),
        roles: vec![Role::Auditor],
        lifetime: std::time::Duration::from_secs(60),
        issued_at: Utc::now(),
    };
    let token = mint(&secret, &grant).unwrap();
    let handle = install_metrics().unwrap();
    let edge = |metrics_open| {
        let schema = prepare_schema(Schema::build(Query, EmptyMutation, EmptySubscription)).finish();
        router(Edge {
            graphql: GraphqlService::new(schema, GraphqlLimits::default()).unwrap(),
            authenticator: Authenticator::new().with_local(&secret),
            readiness: Arc::new(AlwaysReady),
            metrics: Some(handle.clone()),
            metrics_open,
        })
    };
    let get = |path: &str| {
        let bearer = format!("Bearer {token}");
        Request::get(path).header("authorization", bearer).body(Body::empty()).unwrap()
    };
    for path in [
        "/graphql?query=query%20Client4711%7Blot(id:%22lot-4711%22)%7D",
        "/graphql?query=%7Bnothing4711%7D",
        "/path-4711",
    ] {
        edge(false).oneshot(get(path)).await.unwrap();
    }
    let anonymous = || Request::get("/metrics").body(Body::empty()).unwrap();
    assert_eq!(edge(false).oneshot(anonymous()).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(edge(true).oneshot(anonymous()).await.unwrap().status(), StatusCode::OK);
    let metrics = text(edge(false).oneshot(get("/metrics")).await.unwrap()).await;
    for line in [
        r#"cairn_graphql_operations_total{type="query",field="lot",outcome="ok"} 1"#,
        r#"cairn_graphql_refused_total{code="GRAPHQL_VALIDATION_FAILED"} 1"#,
        r#"cairn_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"cairn_http_unauthenticated_total{reason="no_token"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
    assert!(metrics.contains("cairn_http_request_duration_seconds_bucket"));
    assert!(!metrics.contains("4711"), "what clients think of is no label\n{metrics}");
}
