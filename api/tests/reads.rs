//! How often read models are asked: by the edge, not by the entity. A process of its own: it counts by the one
//! recorder of metrics that a process has.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;

use api::{
    compose::{Serving, StoreUrl, Stores},
    demo,
    graphql::{
        CairnSchema,
        kernel::{Floor, RequestContext},
        schema,
    },
    http::install_metrics,
};
use async_graphql::Request;
use chrono::Utc;
use commands::{engine::Caller, ports::UniformSettings};
use domain::identity::PermissionSet;
use serde_json::Value;
use uuid::Uuid;

const BOARD: &str =
    "query($first: Int) { lotBoard(first: $first, filter: { type: [PAL, FG15, DEB] }) { nodes {
    code supplier { name } parents { nodes { usedG lot { code } } } children { nodes { lot { code status } } }
    inspections { nodes { decision } } readings { nodes { tenthsC } } deviations { nodes { status } }
    shipment { document } } } }";

async fn board(schema: &CairnSchema, first: i32) -> usize {
    let caller =
        Caller { tenant: demo::TENANT, actor: Arc::from("auditor"), permissions: PermissionSet::all() };
    let context = RequestContext {
        caller,
        correlation_id: Uuid::now_v7(),
        traceparent: None,
        idempotency_key: None,
        floor: Floor::default(),
    };
    let variables = async_graphql::Variables::from_json(serde_json::json!({ "first": first }));
    let answer = schema.execute(Request::new(BOARD).variables(variables).data(context)).await;
    let data: Value = answer.into_result().unwrap().data.into_json().unwrap();
    let nodes = data["lotBoard"]["nodes"].as_array().unwrap();
    assert!(
        nodes.iter().any(|lot| !lot["parents"]["nodes"].as_array().unwrap().is_empty()),
        "edges were followed"
    );
    nodes.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_reads_does_not_grow_with_the_page() {
    let metrics = install_metrics().unwrap();
    let reads = || -> u64 {
        let text = metrics.render();
        let lines = text.lines().filter(|line| line.starts_with("cairn_graphql_edge_reads_total{"));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
    };
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("cairn.db"));
    let stores = Stores::open(&url).await.unwrap();
    demo::load(&stores, Utc::now(), &|_, _| {}).await.unwrap();
    let serving = Serving::start(&stores, &url, Arc::new(UniformSettings::default())).await.unwrap();
    serving.read_side.caught_up().await.unwrap();
    let schema =
        schema(serving.engine.clone(), Arc::clone(&serving.read_side), Arc::clone(&serving.genealogy));
    assert_eq!(board(&schema, 5).await, 5);
    let for_five = reads();
    assert_eq!(board(&schema, 100).await, 100);
    let for_a_hundred = reads() - for_five;
    assert!(for_five > 0, "the edges are counted");
    // Nine edges of a hundred lots: a busy machine may gather an edge's lots in a few rounds, but never one by one.
    assert!(for_a_hundred < 60, "{for_a_hundred} reads for a hundred lots, {for_five} for five");
    serving.stop().await;
}
