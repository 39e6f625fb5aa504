//! How often read models are asked: by the edge, not by the entity. A process of its own: it counts by the one
//! recorder of metrics that a process has.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;

use api::{
    compose::{Serving, StoreUrl, Stores},
    demo,
    graphql::{
        CairnSchema,
        kernel::{Floor, GlobalId, RequestContext},
        schema,
    },
    http::install_metrics,
};
use async_graphql::Request;
use chrono::Utc;
use commands::{engine::Caller, ports::UniformSettings};
use domain::{
    identity::PermissionSet,
    lots::{LimitSource, ReadingType, TenthsC},
};
use projections::{
    ReadModel, Row,
    lots::{TemperatureReadingRow, TemperatureReadings},
    ports::{Build, BuildState, Change, Step, StepOutcome},
};
use serde_json::Value;
use uuid::Uuid;

const BOARD: &str =
    "query($first: Int) { lotBoard(first: $first, filter: { type: [PAL, FG15, DEB] }) { nodes {
    code parents { nodes { usedG lot { code inspections { nodes { decision } } } } } children { nodes { usedG } }
    inspections { nodes { decision } } readings { nodes { tenthsC } } deviations { nodes { status } }
    shipment { document } } } }";
/// The edges that it follows, below whatever they hang.
const EDGES: u64 = 8;
/// What Tokio lets a task do in one turn: a level of more entities than that is one level all the same.
const TURN: usize = 128;

async fn ask(schema: &CairnSchema, query: &str, variables: Value) -> Value {
    let caller =
        Caller { tenant: demo::TENANT, actor: Arc::from("auditor"), permissions: PermissionSet::all() };
    let context = RequestContext {
        caller,
        address: None,
        correlation_id: Uuid::now_v7(),
        traceparent: None,
        idempotency_key: None,
        floor: Floor::default(),
        gathering: Default::default(),
        used: Default::default(),
    };
    let variables = async_graphql::Variables::from_json(variables);
    // On a worker of the runtime, as the server answers.
    let (schema, request) = (schema.clone(), Request::new(query).variables(variables).data(context));
    let answer = tokio::spawn(async move { schema.execute(request).await }).await.unwrap();
    answer.into_result().unwrap().data.into_json().unwrap()
}

async fn board(schema: &CairnSchema, first: u32) -> usize {
    let data = ask(schema, BOARD, serde_json::json!({ "first": first })).await;
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
    for first in [5, 100, 200] {
        let before = reads();
        let lots = board(&schema, first).await;
        assert!(lots == first as usize || lots > TURN, "{lots} lots");
        assert_eq!(reads() - before, EDGES, "reads for {lots} lots");
    }
    an_edge_of_a_hundred_thousand_rows_is_read_by_the_page(&schema, &serving, &reads).await;
    serving.stop().await;
}

/// Hangs so many readings on a lot, as no plant would.
async fn hang_readings(serving: &Serving, lot_id: Uuid, count: u128) {
    let store = serving.read_side.store();
    let builds = store.builds().await.unwrap();
    let live =
        |build: &&Build| build.id.model == TemperatureReadings::NAME && build.state == BuildState::Live;
    let build = builds.iter().find(live).unwrap().id.clone();
    let mut written = Vec::new();
    for number in 0..count {
        let row = TemperatureReadingRow {
            tenant: demo::TENANT,
            reading_id: Uuid::from_u128(number),
            lot_id: Some(lot_id),
            lot_code: None,
            buffer_id: None,
            day: "2026-03-01".parse().unwrap(),
            reading_type: ReadingType::Core,
            tenths_c: TenthsC(20),
            min_tenths_c: None,
            max_tenths_c: TenthsC(40),
            limit_source: LimitSource::Standard,
            is_violation: false,
            recorded_by: "nobody".to_owned(),
            recorded_at: Utc::now(),
            position: 1_000_000 + number as u64,
        };
        row.write(&mut written);
    }
    let change = Change { build, table: TemperatureReadingRow::TABLE, written, deleted: Vec::new() };
    let step = Step { changes: vec![change], ..Step::default() };
    assert_eq!(store.store_step(step).await.unwrap(), StepOutcome::Stored);
}

async fn an_edge_of_a_hundred_thousand_rows_is_read_by_the_page(
    schema: &CairnSchema,
    serving: &Serving,
    reads: &impl Fn() -> u64,
) {
    const LOT: &str =
        "query($c: String, $f: Int, $a: String) { lot(code: $c) { readings(first: $f, after: $a) {
        nodes { tenthsC } pageInfo { hasNextPage endCursor } } } }";
    let first = "{ lotBoard(first: 1, filter: { type: [DEB] }) { nodes { id code } } }";
    let lot = ask(schema, first, Value::Null).await["lotBoard"]["nodes"][0].clone();
    let id = GlobalId::decode(lot["id"].as_str().unwrap()).unwrap().stream_id;
    hang_readings(serving, id.parse().unwrap(), 100_000).await;
    let before = reads();
    let mut after = Value::Null;
    for page in 1..=3 {
        let variables = serde_json::json!({ "c": lot["code"], "f": 50, "a": after });
        let readings = ask(schema, LOT, variables).await["lot"]["readings"].clone();
        assert_eq!(readings["nodes"].as_array().unwrap().len(), 50);
        assert_eq!(readings["pageInfo"]["hasNextPage"], true);
        after = readings["pageInfo"]["endCursor"].clone();
        // Read whole, 20,000 at a time, it would be five for each page.
        assert_eq!(reads() - before, page, "one read a page");
    }
    let total = "query($c: String) { lot(code: $c) { readings(first: 1) { totalCount } } }";
    let total = ask(schema, total, serde_json::json!({ "c": lot["code"] })).await;
    assert_eq!(total["lot"]["readings"]["totalCount"], 10_000, "counted no further");
}
