//! The list of services and what is refused, over HTTP.

use domain::identity::Role;
use serde_json::{Value, json};

use crate::{client::Client, plant::Plant, server::TENANT};

const SAVE: &str = "mutation($name: String!, $mode: PaymentMode!, $price: Int64!) {
    saveService(input: { name: $name, paymentMode: $mode, price: { amountMinor: $price, currency: \"EUR\" } }) {
        service { id }
        errors { __typename ... on UserError { code path } ... on ValidationFailed { fields details { name values } } } } }";

async fn save(client: &Client, name: &str, mode: &str, price: i64) -> Value {
    let variables = json!({ "name": name, "mode": mode, "price": price });
    let answer = client.with_variables(SAVE, variables).await.json();
    assert!(answer.get("errors").is_none(), "{answer}");
    answer["data"]["saveService"].clone()
}

/// The names that the list answers to the arguments, and whether more come behind.
async fn listed(client: &Client, arguments: &str) -> (Vec<String>, bool) {
    let query = format!("{{ services{arguments} {{ nodes {{ name }} pageInfo {{ hasNextPage }} }} }}");
    let answer = client.query(&query).await.json();
    let services = &answer["data"]["services"];
    let nodes = services["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let name = |node: &Value| node["name"].as_str().unwrap().to_owned();
    (nodes.iter().map(name).collect(), services["pageInfo"]["hasNextPage"].as_bool().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn services_are_listed_by_name_and_narrowed_to_those_in_use_or_not() {
    let plant = Plant::start().await;
    let client = plant.client(TENANT, Role::ALL);
    for name in ["Shave", "Cut", "Wash", "Colour"] {
        let made = save(&client, name, "FREE", 0).await;
        let id = made["service"]["id"].as_str().unwrap_or_else(|| panic!("{made}"));
        if ["Wash", "Cut"].contains(&name) {
            let stop = format!(
                "mutation {{ deactivateService(input: {{ service: {id:?} }}) {{ service {{ isActive }} }} }}"
            );
            let stopped = client.query(&stop).await.json();
            assert_eq!(stopped["data"]["deactivateService"]["service"]["isActive"], false, "{stopped}");
        }
    }
    let all = |names: &[&str]| (names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), false);
    assert_eq!(listed(&client, "").await, all(&["Colour", "Cut", "Shave", "Wash"]));
    assert_eq!(listed(&client, "(order: DESCENDING)").await, all(&["Wash", "Shave", "Cut", "Colour"]));
    assert_eq!(listed(&client, "(isActive: true)").await, all(&["Colour", "Shave"]));
    assert_eq!(listed(&client, "(isActive: false)").await, all(&["Cut", "Wash"]));
    assert_eq!(listed(&client, "(isActive: false, last: 1)").await.0, ["Wash"]);
    assert_eq!(listed(&client, "(isActive: true, first: 1)").await, (vec!["Colour".to_owned()], true));
    let elsewhere = plant.client(uuid::Uuid::from_u128(9), Role::ALL);
    assert_eq!(listed(&elsewhere, "").await, all(&[]), "another tenant's");
    plant.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_mode_that_does_not_fit_the_price_is_refused_at_its_field() {
    let plant = Plant::start().await;
    let client = plant.client(TENANT, Role::ALL);
    for (mode, price) in [("FREE", 5_000), ("PREPAID", 0), ("ON_SITE", 0)] {
        let refused = save(&client, "Cut", mode, price).await;
        let error = json!({
            "__typename": "ValidationFailed",
            "code": "PAYMENT_MODE_MISMATCH",
            "path": ["input", "paymentMode"],
            "fields": ["paymentMode"],
            "details": [{ "name": "payment_mode", "values": [mode] }],
        });
        assert_eq!(refused, json!({ "service": null, "errors": [error] }));
    }
    assert_eq!(listed(&client, "").await.0, [""; 0], "nothing came of them");
    plant.stop().await;
}
