//! Tracing through GraphQL: no answer is partial without saying so.

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::desk::{Desk, answer_of, code_of};

const RECALL: &str = "query($lot: ID!) { recallScope(lot: $lot) {
    lots(first: 1) { totalCount } consignees { name shippedG } balance { shippedG } } }";

/// The first received lot of the demo plant.
async fn first_raw(desk: &Desk) -> Value {
    let query = "{ lotBoard(last: 1, filter: { type: [RAW] }) { nodes { code } } }";
    desk.ask(query, json!({})).await["lotBoard"]["nodes"][0]["code"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recall_waits_for_the_index_of_a_process_that_has_just_started() {
    let desk = Desk::open().await;
    let lot = first_raw(&desk).await;
    let (open, opened) = watch::channel(false);
    let held_back = desk.schema_held_back(opened).await;
    let request = || Desk::request(RECALL, json!({ "lot": lot }));
    assert_eq!(code_of(&held_back.execute(request()).await), "READ_MODEL_LAGGING");

    let asked = tokio::spawn({
        let (schema, request) = (held_back.clone(), request());
        async move { answer_of(schema.execute(request).await) }
    });
    open.send(true).unwrap();
    let whole = desk.ask(RECALL, json!({ "lot": lot })).await;
    assert!(whole["recallScope"]["lots"]["totalCount"].as_u64().unwrap() > 0, "{whole}");
    assert_eq!(asked.await.unwrap(), whole);
    desk.stop().await;
}
