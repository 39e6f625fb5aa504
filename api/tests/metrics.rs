//! `/metrics`: what is counted, and under which labels. A process of its own: there is one recorder a process.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;

use adapters_store::memory::MemoryEventStore;
use api::{
    auth::{Authenticator, Grant, LocalSecret, mint},
    http::{AlwaysReady, Edge, GraphqlLimits, GraphqlService, install_metrics, prepare_schema, router},
};
use async_graphql::{EmptySubscription, Object, Schema};
use axum::{
    body::Body,
    http::{Request, Response, StatusCode},
};
use chrono::Utc;
use commands::{
    engine::{Caller, Engine, EngineConfig, Envelope, Ports},
    lots::{CreateLot, RecordInspection, RegisterLot, SavePartner},
    ports::{RandomIds, SystemClock, UniformSettings},
};
use domain::{
    identity::Role,
    lots::{Decision, PartnerRole},
};
use tower::ServiceExt;
use uuid::Uuid;

struct Query;

struct Mutation;

#[Object]
impl Mutation {
    async fn weigh(&self) -> i32 {
        1
    }
}

#[Object]
impl Query {
    async fn lot(&self, id: String) -> String {
        id
    }
}

/// Registers a lot, three times over, and decides on it once.
async fn give_plant_commands() {
    let store = Arc::new(MemoryEventStore::new());
    let ports = Ports {
        store: Arc::clone(&store) as _,
        snapshots: store,
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        tenants: Arc::new(UniformSettings::default()),
    };
    let engine = Engine::start(ports, EngineConfig::default());
    let envelope = || Envelope::new(Caller::system(Uuid::from_u128(1)), Uuid::now_v7());
    let save = SavePartner {
        partner_id: None,
        name: "Tisza Farm".to_owned(),
        address: None,
        roles: [PartnerRole::Supplier].into(),
    };
    let supplier_id = Some(engine.execute(envelope(), save).await.unwrap().reply.partner_id);
    let create = CreateLot { supplier_id, weight_grams: 1_000, run_id: None, code: None };
    let lot_id = engine.execute(envelope(), create).await.unwrap().reply.lot_id;
    let first = envelope();
    for envelope in [first.clone(), first, envelope()] {
        engine.execute(envelope, RegisterLot { lot_id }).await.unwrap();
    }
    let decision = RecordInspection {
        lot_id,
        gate: "1".parse().unwrap(),
        inspection_type: "visual".to_owned(),
        decision: Decision::Fail,
        notes: "smells of fish".to_owned(),
        checklist: Vec::new(),
        signature: None,
    };
    engine.execute(envelope(), decision).await.unwrap();
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
        roles: vec![Role::Monitor],
        lifetime: std::time::Duration::from_secs(60),
        issued_at: Utc::now(),
    };
    let token = mint(&secret, &grant).unwrap();
    let handle = install_metrics().unwrap();
    let edge = |metrics_open| {
        let schema = prepare_schema(Schema::build(Query, Mutation, EmptySubscription)).finish();
        router(Edge {
            graphql: GraphqlService::new(schema, GraphqlLimits::default()).unwrap(),
            authenticator: Authenticator::new().with_local(&secret),
            tenants: api::http::TenantSlugs::default(),
            readiness: Arc::new(AlwaysReady),
            metrics: Some(handle.clone()),
            metrics_open,
            rates: api::http::RateLimits::default(),
        })
    };
    let get = |path: &str| {
        let bearer = format!("Bearer {token}");
        Request::get(path).header("authorization", bearer).body(Body::empty()).unwrap()
    };
    for path in [
        "/graphql?query=query%20Client4711%7Blot(id:%22lot-4711%22)%7D",
        "/graphql?query=%7Bnothing4711%7D",
        "/t/slug-4711/graphql?query=%7Blot(id:%221%22)%7D",
        "/path-4711",
    ] {
        edge(false).oneshot(get(path)).await.unwrap();
    }
    give_plant_commands().await;
    let served = edge(false);
    let mutation = Request::post("/graphql")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(r#"{"query":"mutation { weigh }"}"#));
    assert_eq!(served.clone().oneshot(mutation.unwrap()).await.unwrap().status(), StatusCode::OK);
    let anonymous = || Request::get("/metrics").body(Body::empty()).unwrap();
    assert_eq!(edge(false).oneshot(anonymous()).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(edge(true).oneshot(anonymous()).await.unwrap().status(), StatusCode::OK);
    let metrics = text(served.oneshot(get("/metrics")).await.unwrap()).await;
    for line in [
        r#"cairn_graphql_operations_total{type="query",field="lot",outcome="ok"} 1"#,
        r#"cairn_graphql_refused_total{code="GRAPHQL_VALIDATION_FAILED"} 1"#,
        r#"cairn_http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"cairn_http_requests_total{method="GET",route="/t/{slug}/graphql",status="404"} 1"#,
        r#"cairn_http_unauthenticated_total{reason="no_token"} 1"#,
        "cairn_http_requests_in_progress 1",
        "cairn_active_operators 1",
        r#"cairn_lots_registered_total{lot_type="RAW"} 1"#,
        r#"cairn_qc_decisions_total{decision="FAIL"} 1"#,
        r#"cairn_append_batch_size_bucket{le="512"}"#,
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
    assert!(metrics.contains("cairn_http_request_duration_seconds_bucket"));
    assert!(!metrics.contains("4711"), "what clients think of is no label\n{metrics}");
}
