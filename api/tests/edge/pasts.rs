//! What every aggregate tells of its past: its history, and itself as it was.

use domain::identity::Role;
use serde_json::{Value, json};

use crate::{plant::Plant, server::TENANT};

async fn ask(plant: &Plant, query: &str) -> Value {
    let reply = plant.client(TENANT, &[Role::Admin]).query(query).await.json();
    assert!(reply["errors"].is_null(), "{query}: {reply}");
    reply["data"].clone()
}

/// Does something to the entities of [`Plant::one_of_each`], so that each that can change has changed.
async fn change(plant: &Plant, made: &[(&'static str, String)]) {
    let id = |ty| &made.iter().find(|(known, _)| *known == ty).unwrap().1;
    let (partner, lot, deviation) = (id("Partner"), id("Lot"), id("Deviation"));
    for mutation in [
        format!("savePartner(input: {{ partner: {partner:?}, name: \"Big farm\", roles: [SUPPLIER] }})"),
        format!("recordTemperature(input: {{ lot: {lot:?}, type: SURFACE, tenthsC: 40 }})"),
        format!(
            "dispositionDeviation(input: {{ deviation: {deviation:?}, disposition: RELEASE,
             rootCause: \"the door stood open\" }})"
        ),
    ] {
        let mutation = format!(
            "mutation {{ it: {mutation} {{ commit {{ position }} errors {{ ... on UserError {{ message }} }} }} }}"
        );
        let done = ask(plant, &mutation).await;
        assert!(done["it"]["commit"]["position"].is_string(), "{mutation}: {done}");
    }
}

/// An aggregate: where it hangs on the entity, what is asked of its past, and what that was first and last.
struct Aggregate {
    ty: &'static str,
    below: &'static str,
    state: &'static str,
    first: Value,
    last: Value,
}

fn aggregates() -> Vec<Aggregate> {
    let aggregate = |ty, below, state, first, last| Aggregate { ty, below, state, first, last };
    let decided = json!({ "gate": "1", "decision": "HOLD" });
    vec![
        aggregate("Partner", "", "name", json!({ "name": "Farm" }), json!({ "name": "Big farm" })),
        aggregate(
            "Lot",
            "",
            "status holdReason",
            json!({ "status": "CREATED", "holdReason": null }),
            json!({ "status": "HOLD", "holdReason": "the cold chain was broken" }),
        ),
        aggregate(
            "Deviation",
            "",
            "status rootCause disposition",
            json!({ "status": "OPEN", "rootCause": null, "disposition": null }),
            json!({ "status": "DISPOSITIONED", "rootCause": "the door stood open", "disposition": "RELEASE" }),
        ),
        aggregate("Inspection", "", "gate decision", decided.clone(), decided),
        aggregate(
            "TemperatureReading",
            "log",
            "latest { type tenthsC }",
            json!({ "latest": [{ "type": "SURFACE", "tenthsC": 30 }] }),
            json!({ "latest": [{ "type": "SURFACE", "tenthsC": 40 }] }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_aggregate_tells_its_history_and_what_it_was() {
    let plant = Plant::start().await;
    let made = plant.one_of_each().await;
    change(&plant, &made).await;
    for Aggregate { ty, below, state, first, last } in aggregates() {
        let id = &made.iter().find(|(known, _)| *known == ty).unwrap().1;
        let past = async |fields: &str| {
            let fields = if below.is_empty() { fields.to_owned() } else { format!("{below} {{ {fields} }}") };
            let entity =
                ask(&plant, &format!("{{ node(id: {id:?}) {{ ... on {ty} {{ {fields} }} }} }}")).await;
            if below.is_empty() { entity["node"].clone() } else { entity["node"][below].clone() }
        };
        let history = past("history { version position type recordedAt }").await["history"].clone();
        let events = history.as_array().unwrap();
        let (born, newest) = (&events[0], &events[events.len() - 1]);
        assert_eq!(events.len() == 1, ty == "Inspection", "{ty}: {history}");

        for (event, then) in [(born, first), (newest, last)] {
            let fields = format!(
                "asOf(at: {{ position: {} }}) {{ version position recordedAt {state} }}",
                event["position"]
            );
            let mut expected = then.clone();
            for field in ["version", "position", "recordedAt"] {
                expected[field] = event[field].clone();
            }
            assert_eq!(past(&fields).await["asOf"], expected, "{ty}");
            let by_version = format!("asOf(at: {{ version: {} }}) {{ {state} }}", event["version"]);
            assert_eq!(past(&by_version).await["asOf"], then, "{ty}");
        }
        assert_eq!(past("asOf(at: { position: \"0\" }) { version }").await["asOf"], Value::Null, "{ty}");
        let page = past("history(page: { afterVersion: \"1\", first: 1 }) { version }").await;
        assert_eq!(page["history"].as_array().unwrap().len(), usize::from(ty != "Inspection"), "{ty}");
    }
    plant.stop().await;
}

/// The temperature log is no node: the test of every entity's fields does not come by it.
#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_temperature_log_is_told_to_those_who_may_read_the_audit_trail() {
    let plant = Plant::start().await;
    let made = plant.one_of_each().await;
    let reading = &made.iter().find(|(ty, _)| *ty == "TemperatureReading").unwrap().1;
    let query = format!(
        "{{ node(id: {reading:?}) {{ ... on TemperatureReading {{ log {{ day history {{ type }} }} }} }} }}"
    );
    assert_eq!(plant.client(TENANT, &[Role::Viewer]).query(&query).await.code(), "FORBIDDEN");
    let told = ask(&plant, &query).await["node"]["log"]["history"].clone();
    assert_eq!(told, json!([{ "type": "TemperatureRecorded" }]));
    plant.stop().await;
}
