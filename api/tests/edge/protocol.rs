//! What a well-meaning client meets.

use std::time::Duration;

use api::http::{GraphqlLimits, GraphqlService, ServeLimits};
use document::TrustedDocuments;
use domain::identity::Role;
use serde_json::json;

use crate::{
    client::Client,
    schema::schema,
    server::{TENANT, TestServer, token},
};

#[tokio::test]
async fn a_query_is_answered_with_its_cost_and_correlation_id() {
    let server = TestServer::start().await;
    let reply = server.client().query("{ ping node { level child { level } } }").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/graphql-response+json; charset=utf-8"));
    let json = reply.json();
    assert_eq!(json["data"], json!({ "ping": "pong", "node": { "level": 0, "child": { "level": 1 } } }));
    assert_eq!(json["extensions"]["cost"], 2);
    assert_eq!(json["extensions"]["correlationId"].as_str(), reply.header("x-request-id"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn the_clients_correlation_id_is_kept_when_it_is_a_uuid() {
    let server = TestServer::start().await;
    let id = "01900000-0000-7000-8000-0000000000aa";
    let reply = server.client().send("GET", "/graphql?query=%7Bping%7D", &[("x-request-id", id)], b"").await;
    assert_eq!(reply.header("x-request-id"), Some(id));
    let reply =
        server.client().send("GET", "/graphql?query=%7Bping%7D", &[("x-request-id", "a b")], b"").await;
    assert!(reply.header("x-request-id").unwrap().parse::<uuid::Uuid>().is_ok());
}

#[tokio::test]
async fn every_request_has_a_tenant_and_an_actor() {
    let server = TestServer::start().await;
    let reply = server.client().query("{ whoami }").await;
    assert_eq!(reply.json()["data"]["whoami"], format!("kovacs.anna@{TENANT}"));
    for (method, path) in
        [("POST", "/graphql"), ("GET", "/graphql"), ("GET", "/metrics"), ("GET", "/"), ("PUT", "/x")]
    {
        let reply = server.stranger().send(method, path, &[], b"").await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "UNAUTHENTICATED"), "{method} {path}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    }
}

#[tokio::test]
async fn only_health_is_anonymous() {
    let server = TestServer::start().await;
    assert_eq!(server.stranger().send("GET", "/health/live", &[], b"").await.status, 200);
    let ready = server.stranger().send("GET", "/health/ready", &[], b"").await;
    assert_eq!((ready.status, ready.json()["status"].as_str().unwrap()), (503, "not_ready"));
    assert_eq!(ready.json()["checks"][1]["detail"], "3 events behind");
    assert_eq!(server.stranger().send("GET", "/health/other", &[], b"").await.status, 401);
    assert_eq!(server.stranger().send("POST", "/health/live", &[], b"").await.status, 405);
}

#[tokio::test]
async fn metrics_tell_of_every_tenant_and_are_for_whoever_runs_the_installation() {
    let server = TestServer::start().await;
    let of = |role| Client { token: Some(token(&[role])), ..server.client() };
    for role in [Role::Admin, Role::Manager, Role::Auditor, Role::Operator, Role::Viewer] {
        let reply = of(role).send("GET", "/metrics", &[], b"").await;
        assert_eq!((reply.status, reply.header("x-required-permissions")), (403, Some("operations:read")));
    }
    let reply = of(Role::Monitor).send("GET", "/metrics", &[], b"").await;
    assert_eq!(reply.status, 404, "none are recorded here");
}

#[tokio::test]
async fn a_field_that_needs_a_permission_says_which() {
    let server = TestServer::start().await;
    let reply = server.client().query("{ secret }").await;
    assert_eq!((reply.status, reply.code().as_str()), (200, "FORBIDDEN"));
    assert_eq!(reply.json()["errors"][0]["extensions"]["required"], json!(["admin:users"]));
    let admin = Client { token: Some(token(&[Role::Admin])), ..server.client() };
    assert_eq!(admin.query("{ secret }").await.json()["data"]["secret"], "for administrators");
}

#[tokio::test]
async fn a_get_runs_queries_and_nothing_else() {
    let server = TestServer::start().await;
    let client = server.client();
    let get = async |query: &str| client.send("GET", &format!("/graphql?{query}"), &[], b"").await;
    let reply =
        get("query=query(%24t:String)%7Becho(text:%24t)%7D&variables=%7B%22t%22:%22a%2Bb%22%7D").await;
    assert_eq!(reply.json()["data"]["echo"], "a+b 7");
    let reply = get("query=mutation%7Bbump%7D").await;
    assert_eq!(
        (reply.status, reply.header("allow"), reply.code().as_str()),
        (405, Some("POST"), "METHOD_NOT_ALLOWED")
    );
    for malformed in
        ["", "query=%7Bping%7D&query=%7Bping%7D", "query=%ff", "query=%7", "query=%7Bping%7D&variables=%7B"]
    {
        assert_eq!(get(malformed).await.status, 400, "{malformed}");
    }
    let reply = client.send("DELETE", "/graphql", &[], b"").await;
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD, POST")));
}

#[tokio::test]
async fn media_types_are_negotiated_and_required() {
    let server = TestServer::start().await;
    let client = server.client();
    let send = async |headers: &[(&str, &str)]| {
        client.send("POST", "/graphql", headers, b"{\"query\":\"{ping}\"}").await
    };
    assert_eq!(send(&[]).await.status, 415);
    assert_eq!(send(&[("content-type", "text/plain")]).await.code(), "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(send(&[("content-type", "application/json; charset=latin1")]).await.status, 415);
    assert_eq!(send(&[("content-type", "application/json"), ("content-encoding", "gzip")]).await.status, 415);
    let reply = send(&[("content-type", "application/json"), ("accept", "text/html")]).await;
    assert_eq!((reply.status, reply.code().as_str()), (406, "NOT_ACCEPTABLE"));
    let reply = send(&[("content-type", "application/json")]).await;
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
}

#[tokio::test]
async fn a_bad_document_is_400_or_200_as_the_media_type_says() {
    let server = TestServer::start().await;
    let client = server.client();
    let cases = [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: Int!) { echo(number: $n) }", "VALIDATION_FAILED"),
        ("query A { ping } query B { ping }", "OPERATION_RESOLUTION_FAILED"),
        ("subscription { ping }", "OPERATION_RESOLUTION_FAILED"),
    ];
    for (query, code) in cases {
        let reply = client.query(query).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{query}");
        assert!(reply.json().get("data").is_none());
        let body = json!({ "query": query }).to_string();
        let reply =
            client.send("POST", "/graphql", &[("content-type", "application/json")], body.as_bytes()).await;
        assert_eq!((reply.status, reply.code().as_str()), (200, code), "{query}");
    }
}

#[tokio::test]
async fn faults_are_masked_and_refusals_are_not() {
    let server = TestServer::start().await;
    let client = server.client();
    let reply = client.query("{ ping fails missing }").await;
    let json = reply.json();
    assert_eq!(
        (reply.status, &json["data"]),
        (200, &json!({ "ping": "pong", "fails": null, "missing": null }))
    );
    let codes: Vec<_> = (0..2).map(|at| json["errors"][at]["extensions"]["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"INTERNAL") && codes.contains(&"NOT_FOUND"), "{codes:?}");
    assert!(!String::from_utf8_lossy(&reply.body).contains("hunter2"));
}

#[tokio::test]
async fn a_panic_is_masked_and_the_server_goes_on() {
    let server = TestServer::start().await;
    let client = server.client();
    for _ in 0..5 {
        let reply = client.query("{ ping panics }").await;
        assert_eq!((reply.status, reply.code().as_str()), (500, "INTERNAL"));
        assert!(!String::from_utf8_lossy(&reply.body).contains("hunter2"));
    }
    assert_eq!(client.query("{ ping }").await.status, 200);
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_cut_off() {
    let server = TestServer::start().await;
    let reply = server.client().query("{ slow }").await;
    assert_eq!((reply.status, reply.code().as_str()), (504, "TIMEOUT"));
}

#[tokio::test]
async fn variables_take_their_types_form() {
    let server = TestServer::start().await;
    let client = server.client();
    let query = "query($f: Filter!, $n: Int64!) { filter(filter: $f) long(number: $n) }";
    let filter =
        json!({ "lines": { "lot": 5, "used": 3.0, "colors": "RED" }, "ratio": 1, "big": "9007199254740993" });
    let reply = client.with_variables(query, json!({ "f": filter, "n": 9_007_199_254_740_993_i64 })).await;
    assert_eq!(reply.json()["data"], json!({ "filter": 4, "long": "9007199254740993" }));
    let wrong = [
        (json!({ "f": { "lines": [{ "lot": "a" }] }, "n": 1 }), "f.lines.0.used"),
        (json!({ "f": { "lines": [{ "lot": "a", "used": 1, "x": 1 }] }, "n": 1 }), "f.lines.0.x"),
        (json!({ "f": { "lines": [{ "lot": "a", "used": 2_147_483_648_i64 }] }, "n": 1 }), "f.lines.0.used"),
        (
            json!({ "f": { "lines": [{ "lot": "a", "used": 1, "colors": ["BLUE"] }] }, "n": 1 }),
            "f.lines.0.colors.0",
        ),
        (json!({ "f": { "lines": [] }, "n": "1.5" }), "n"),
        (json!({ "f": { "lines": [] } }), "n"),
    ];
    for (variables, field) in wrong {
        let reply = client.with_variables(query, variables).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "VALIDATION_FAILED"), "{field}");
        assert_eq!(reply.json()["errors"][0]["extensions"]["fields"], json!([field]));
    }
}

#[tokio::test]
async fn an_unknown_cursor_and_a_page_too_large_are_refused() {
    let server = TestServer::start().await;
    let client = server.client();
    for arguments in ["first: 201", "first: -1", "after: \"nonsense\"", "first: 1, last: 1"] {
        let reply = client.query(&format!("{{ numbers({arguments}) {{ edges {{ cursor }} }} }}")).await;
        assert_eq!(reply.code(), "VALIDATION_FAILED", "{arguments}");
    }
    let reply = client
        .query("{ numbers(first: 2) { edges { cursor node { name } } pageInfo { hasNextPage endCursor } } }")
        .await;
    let cursor = reply.json()["data"]["numbers"]["pageInfo"]["endCursor"].as_str().unwrap().to_owned();
    let reply =
        client.query(&format!("{{ numbers(first: 1, after: \"{cursor}\") {{ nodes {{ name }} }} }}")).await;
    assert_eq!(reply.json()["data"]["numbers"]["nodes"], json!([{ "name": "3" }]));
}

#[tokio::test]
async fn an_idempotency_key_in_the_header_names_the_command() {
    let server = TestServer::start().await;
    let client = server.client();
    let send = async |key: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        client.send("POST", "/graphql", &headers, b"{\"query\":\"mutation{bump}\"}").await
    };
    let first = send("k-1").await.json()["data"]["bump"].clone();
    assert_eq!(first, send("k-1").await.json()["data"]["bump"]);
    assert_ne!(first, send("k-2").await.json()["data"]["bump"]);
    assert_eq!(send(&"x".repeat(129)).await.code(), "VALIDATION_FAILED");
}

#[tokio::test]
async fn a_batch_has_at_most_five_operations() {
    let server = TestServer::start().await;
    let client = server.client();
    let batch = |count: usize| json!(vec![json!({ "query": "{ ping }" }); count]).to_string();
    let reply = client.post(&batch(5)).await;
    assert_eq!((reply.status, reply.json().as_array().unwrap().len()), (200, 5));
    let reply = client.post(&batch(6)).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "BATCH_TOO_LARGE"));
    assert_eq!(client.post("[]").await.status, 400);
}

#[tokio::test]
async fn with_a_manifest_only_listed_documents_run() {
    let listed = "{ ping }";
    let hash = TrustedDocuments::hash(listed);
    let manifest = TrustedDocuments::parse(&json!({ &hash: listed }).to_string()).unwrap();
    let service = GraphqlService::new(schema(), GraphqlLimits::default()).unwrap().trusting_only(manifest);
    let server = TestServer::start_with(service, ServeLimits::default()).await;
    let client = server.client();
    assert_eq!(client.query(listed).await.status, 200);
    assert_eq!(client.query("{ ping ping2: ping }").await.code(), "DOCUMENT_NOT_TRUSTED");
    let by_hash = |hash: &str| {
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } }).to_string()
    };
    assert_eq!(client.post(&by_hash(&hash)).await.json()["data"]["ping"], "pong");
    assert_eq!(client.post(&by_hash(&"0".repeat(64))).await.code(), "DOCUMENT_NOT_FOUND");
    assert_eq!(client.post(&by_hash("../../etc")).await.status, 400);
    assert!(TrustedDocuments::parse(&json!({ "00": listed }).to_string()).is_err());
}

#[tokio::test]
async fn introspection_can_be_switched_off() {
    let service = GraphqlService::new(schema(), GraphqlLimits::default()).unwrap().without_introspection();
    let server = TestServer::start_with(service, ServeLimits::default()).await;
    let client = server.client();
    for query in
        ["{ __schema { types { name } } }", "{ ...F } fragment F on Query { __type(name: \"Dog\") { name } }"]
    {
        assert_eq!(client.query(query).await.code(), "INTROSPECTION_DISABLED");
    }
    assert_eq!(client.query("{ __typename }").await.json()["data"]["__typename"], "Query");
}

#[tokio::test]
async fn a_stop_lets_running_requests_end() {
    let mut server = TestServer::start().await;
    let client = server.client();
    let running = tokio::spawn(async move { client.query("{ slow }").await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let late = server.client();
    let served = server.signal();
    // `slow` is cut off by its own time limit, after the signal, and still answered.
    assert_eq!(running.await.unwrap().status, 504);
    served.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(late.address).await.is_err());
}
