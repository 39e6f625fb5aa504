//! What every aggregate tells of its past: its history, and itself as it was.

use std::{fs, path::Path};

use commands::ports::LogFilter;
use domain::identity::Role;
use serde_json::{Value, json};

use crate::{
    aggregates::{Aggregate, aggregates},
    plant::Plant,
    server::TENANT,
};

async fn ask(plant: &Plant, query: &str) -> Value {
    let reply = plant.client(TENANT, Role::ALL).query(query).await.json();
    assert!(reply["errors"].is_null(), "{query}: {reply}");
    reply["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_aggregate_tells_its_history_and_what_it_was() {
    let plant = Plant::start().await;
    let made = plant.one_of_each().await;
    plant.change_each(&made).await;
    for Aggregate { ty, past: (below, state), first, last, .. } in aggregates() {
        let has_changed = first != last;
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
        assert_eq!(events.len() > 1, has_changed, "{ty}: {history}");

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
        assert_eq!(page["history"].as_array().unwrap().len(), usize::from(has_changed), "{ty}");
    }
    plant.stop().await;
}

/// What `CAIRN_REGENERATE` adds to the samples of events: the first payload of each type that has none yet.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_one_of_each_is_a_sample_of_its_events() {
    if std::env::var_os("CAIRN_REGENERATE").is_none() {
        return;
    }
    let plant = Plant::start().await;
    plant.change_each(&plant.one_of_each().await).await;
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/events");
    for event in plant.events.read_log(0, &LogFilter::default(), 1_000).await.unwrap().events {
        let samples = schemas.join(&*event.stream.category).join("samples");
        let file = samples.join(format!("{}.v{}.json", event.event_type, event.schema_version));
        if !file.exists() {
            let payload: Value = serde_json::from_str(&event.payload).unwrap();
            fs::create_dir_all(&samples).unwrap();
            fs::write(&file, serde_json::to_string_pretty(&payload).unwrap() + "\n").unwrap();
        }
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
