//! What a mutation promises, over HTTP and on a real log.

use domain::identity::Role;
use serde_json::{Value, json};

use crate::{client::Reply, plant::Plant, server::TENANT};

const SAVE: &str = "mutation($name: String!, $key: String, $version: Int64, $partner: ID) {
    savePartner(input: { partner: $partner, name: $name, roles: [SUPPLIER] },
                idempotencyKey: $key, expectedVersion: $version) {
        partner { id name } commit { position streamVersion }
        errors { __typename ... on UserError { code path } ... on ConcurrentModification { currentVersion } } } }";

async fn save(plant: &Plant, variables: Value) -> Value {
    let reply = plant.client(TENANT, &[Role::Manager]).with_variables(SAVE, variables).await;
    answer(&reply)
}

#[track_caller]
fn answer(reply: &Reply) -> Value {
    let json = reply.json();
    assert!(json.get("errors").is_none(), "{json}");
    json["data"]["savePartner"].clone()
}

async fn save_with_header(plant: &Plant, name: &str, key: &str) -> Value {
    let body = json!({ "query": SAVE, "variables": { "name": name } }).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    let client = plant.client(TENANT, &[Role::Manager]);
    answer(&client.send("POST", "/graphql", &headers, body.as_bytes()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_gets_the_first_answer_as_argument_and_as_header_and_after_a_restart() {
    let plant = Plant::start().await;
    let first = save(&plant, json!({ "name": "Farm", "key": "k-1" })).await;
    assert!(first["partner"]["id"].is_string(), "{first}");
    assert_eq!(save(&plant, json!({ "name": "Farm", "key": "k-1" })).await, first);
    assert_eq!(save_with_header(&plant, "Farm", "k-1").await, first);
    let plant = plant.restart().await;
    assert_eq!(save(&plant, json!({ "name": "Farm", "key": "k-1" })).await, first);

    let other = save(&plant, json!({ "name": "Another farm", "key": "k-1" })).await;
    assert_eq!(other["errors"][0]["code"], "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(other["errors"][0]["__typename"], "IdempotencyRefused");
    let unkeyed = save(&plant, json!({ "name": "Farm" })).await;
    assert_ne!(unkeyed["partner"]["id"], first["partner"]["id"]);
    let malformed = save(&plant, json!({ "name": "Farm", "key": "two words" })).await;
    assert_eq!(malformed["errors"][0]["code"], "VALIDATION_FAILED");
    assert_eq!(malformed["errors"][0]["path"], json!(["idempotencyKey"]), "where the argument stands");
    plant.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_knows_its_input_by_variables_and_in_the_document() {
    let plant = Plant::start().await;
    let first = save(&plant, json!({ "name": "Farm", "key": "k-1" })).await;
    assert!(first["partner"]["id"].is_string(), "{first}");
    for input in ["name: \"Farm\", roles: [SUPPLIER]", "roles: SUPPLIER, name: \"Farm\", partner: null"] {
        let document = format!(
            "mutation {{ savePartner(input: {{ {input} }}, idempotencyKey: \"k-1\") {{
             partner {{ id }} errors {{ ... on UserError {{ code }} }} }} }}"
        );
        let again = answer(&plant.client(TENANT, &[Role::Manager]).query(&document).await);
        assert_eq!(again["partner"]["id"], first["partner"]["id"], "{input}: {again}");
    }
    plant.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clash_of_versions_says_which_version_stands() {
    let plant = Plant::start().await;
    let made = save(&plant, json!({ "name": "Farm" })).await;
    let (partner, version) = (&made["partner"]["id"], &made["commit"]["streamVersion"]);
    assert_eq!(version, "1", "{made}");
    let named = |name: &str, version: &Value| json!({ "name": name, "partner": partner, "version": version });
    let renamed = save(&plant, named("Big farm", version)).await;
    assert_eq!(renamed["errors"], json!([]), "{renamed}");
    let clash = save(&plant, named("Small farm", version)).await;
    assert_eq!(clash["errors"][0]["code"], "CONCURRENT_MODIFICATION");
    assert_eq!(clash["errors"][0]["currentVersion"], renamed["commit"]["streamVersion"]);
    assert_eq!(clash["commit"], Value::Null);
    plant.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_takes_no_expected_version() {
    let plant = Plant::start().await;
    let refused = save(&plant, json!({ "name": "Farm", "version": "0" })).await;
    assert_eq!(refused["errors"][0]["code"], "VALIDATION_FAILED", "{refused}");
    assert_eq!(refused["errors"][0]["path"], json!(["expectedVersion"]));
    assert_eq!(refused["partner"], Value::Null);
    plant.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_waits_for_a_position_sees_what_was_written_there() {
    let plant = Plant::start().await;
    let client = plant.client(TENANT, &[Role::Manager]);
    for number in 0..20 {
        let made = save(&plant, json!({ "name": format!("Farm {number}") })).await;
        let position = made["commit"]["position"].as_str().unwrap();
        let query = format!("{{ partners(first: 200, minPosition: {position:?}) {{ nodes {{ id }} }} }}");
        let seen = client.query(&query).await.json();
        let nodes = seen["data"]["partners"]["nodes"].as_array().unwrap();
        assert!(nodes.iter().any(|node| node["id"] == made["partner"]["id"]), "{seen}");
    }
    plant.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_callers_with_one_key_make_one_partner() {
    let plant = Plant::start().await;
    let together = (0..20).map(|_| save(&plant, json!({ "name": "Farm", "key": "k-1" })));
    let answers = futures::future::join_all(together).await;
    let made: std::collections::BTreeSet<_> =
        answers.iter().filter_map(|answer| answer["partner"]["id"].as_str()).collect();
    assert_eq!(made.len(), 1, "{answers:?}");
    let others = answers.iter().filter_map(|answer| answer["errors"][0]["code"].as_str());
    assert!(others.clone().all(|code| code == "REQUEST_IN_FLIGHT"), "{answers:?}");
    plant.stop().await;
}
