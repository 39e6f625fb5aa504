//! Whose data a call is about.

use api::http::{GraphqlLimits, GraphqlService, ServeLimits, TenantSlugs};
use domain::identity::Role;
use uuid::Uuid;

use crate::{
    client::{Client, Reply},
    schema::schema,
    server::{TENANT, TestServer, token},
};

const OTHER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002);

/// A server whose strangers may ask `whoami`, and nothing else.
async fn open_server(tenants: &[(&str, Uuid)]) -> TestServer {
    let graphql = GraphqlService::new(schema(), GraphqlLimits::default()).unwrap().opening(["whoami"]);
    TestServer::start_for(graphql, ServeLimits::default(), slugs(tenants)).await
}

async fn closed_server(tenants: &[(&str, Uuid)]) -> TestServer {
    let graphql = GraphqlService::new(schema(), GraphqlLimits::default()).unwrap();
    TestServer::start_for(graphql, ServeLimits::default(), slugs(tenants)).await
}

fn slugs(tenants: &[(&str, Uuid)]) -> TenantSlugs {
    tenants.iter().map(|(slug, id)| ((*slug).to_owned(), *id)).collect()
}

async fn ask(client: &Client, path: &str, query: &str) -> Reply {
    let headers = [("content-type", "application/json"), ("accept", "application/graphql-response+json")];
    let body = serde_json::json!({ "query": query }).to_string();
    client.send("POST", path, &headers, body.as_bytes()).await
}

/// Acceptance case 23 of identity.md.
#[tokio::test]
async fn a_stranger_is_at_the_tenant_that_the_path_names() {
    let server = open_server(&[("acme", TENANT), ("other", OTHER)]).await;
    let stranger = server.stranger();
    for path in ["/graphql", "/t/nobody/graphql", "/t//graphql"] {
        let reply = ask(&stranger, path, "{ whoami }").await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "NOT_FOUND"), "{path}");
    }
    let reply = ask(&stranger, "/t/other/graphql", "{ whoami }").await;
    assert_eq!(reply.json()["data"]["whoami"], format!("anonymous@{OTHER}"));
    let acme = Client { token: Some(token(&[Role::Manager])), ..stranger };
    assert_eq!(ask(&acme, "/t/other/graphql", "{ whoami }").await.code(), "NOT_FOUND");
    assert_eq!(ask(&acme, "/t/nobody/graphql", "{ whoami }").await.status, 404);
    for path in ["/graphql", "/t/acme/graphql"] {
        let reply = ask(&acme, path, "{ whoami }").await;
        assert_eq!(reply.json()["data"]["whoami"], format!("kovacs.anna@{TENANT}"), "{path}");
    }
}

#[tokio::test]
async fn the_only_tenant_needs_no_name() {
    let server = open_server(&[("acme", TENANT)]).await;
    let reply = ask(&server.stranger(), "/graphql", "{ whoami }").await;
    assert_eq!(reply.json()["data"]["whoami"], format!("anonymous@{TENANT}"));
}

#[tokio::test]
async fn a_stranger_gets_only_what_is_open() {
    let server = open_server(&[("acme", TENANT)]).await;
    for query in [
        "{ ping }",
        "{ whoami ping }",
        "{ me: whoami __typename }",
        "{ __schema { queryType { name } } }",
        "{ ...Asked } fragment Asked on Query { ping }",
        "mutation { __typename }",
    ] {
        let reply = ask(&server.stranger(), "/t/acme/graphql", query).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "UNAUTHENTICATED"), "{query}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{query}");
    }
    let reply =
        ask(&server.stranger(), "/graphql", "{ ...Asked } fragment Asked on Query { me: whoami }").await;
    assert_eq!(reply.status, 200, "{:?}", reply.code());
}

#[tokio::test]
async fn where_nothing_is_open_a_stranger_is_asked_for_a_token() {
    let server = closed_server(&[("acme", TENANT), ("other", OTHER)]).await;
    let nobody = ["/t/nobody/graphql", "/t/nobody/metrics", "/t//graphql"];
    for path in ["/graphql", "/t/acme/graphql", "/metrics", "/t/acme/metrics", "/"].into_iter().chain(nobody)
    {
        let reply = ask(&server.stranger(), path, "{ whoami }").await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "UNAUTHENTICATED"), "{path}");
    }
    let manager = server.client();
    assert_eq!(ask(&manager, "/t/acme/health/live", "{ whoami }").await.status, 404);
}
