//! Tracing through GraphQL: no answer is partial without saying so.

use api::graphql::kernel::{GlobalId, classify};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
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

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_an_answer_waits_for_the_position_too() {
    let desk = Desk::open().await;
    let lot = first_raw(&desk).await;
    let id = "query($c: String) { lot(code: $c) { id } }";
    let id = desk.ask(id, json!({ "c": lot })).await["lot"]["id"].clone();
    let head = desk.log.head().await.unwrap().to_string();
    let variables = json!({ "id": id, "p": head });
    for query in [
        "query($id: ID!, $p: Int64) { node(id: $id, minPosition: $p) { ... on Lot { code } } }",
        "query($id: ID!, $p: Int64) { nodes(ids: [$id], minPosition: $p) { ... on Lot { code } } }",
        "query($id: ID!, $p: Int64) { recallScope(lot: $id, minPosition: $p) { root { lot { status } } } }",
    ] {
        desk.ask(query, variables.clone()).await;
        let old = desk.over_old_rows.execute(Desk::request(query, variables.clone())).await;
        assert_eq!(code_of(&old), "READ_MODEL_LAGGING", "{query}");
    }
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_the_callers_fault_and_no_outage() {
    let desk = Desk::open().await;
    let ask = async |query: &str, variables: Value| {
        code_of(&desk.schema.execute(Desk::request(query, variables)).await)
    };
    let filtered = "query($code: String) { lotBoard(filter: { code: $code }) { nodes { code } } }";
    assert_eq!(ask(filtered, json!({ "code": "\0" })).await, "VALIDATION_FAILED");
    let by_code = "query($code: String) { lot(code: $code) { code } }";
    assert_eq!(ask(by_code, json!({ "code": "RAW\0" })).await, "VALIDATION_FAILED");

    let page = "query($after: String) { lotBoard(first: 1, after: $after) { edges { cursor } } }";
    let first = desk.ask(page, json!({})).await;
    let cursor =
        BASE64_URL_SAFE_NO_PAD.decode(first["lotBoard"]["edges"][0]["cursor"].as_str().unwrap()).unwrap();
    let (tag, _): (String, Value) = serde_json::from_slice(&cursor).unwrap();
    for key in [
        json!([]),
        json!([{ "Text": "x" }, "Null"]),
        json!([{ "Int64": 1 }]),
        json!([{ "Int64": 1 }, { "Int64": 1 }, { "Int64": 1 }]),
    ] {
        let forged = BASE64_URL_SAFE_NO_PAD.encode(json!([tag, key]).to_string());
        assert_eq!(ask(page, json!({ "after": forged })).await, "VALIDATION_FAILED", "{key}");
    }

    let statuses = vec!["RELEASED"; 33_000];
    let many = "query($s: [LotStatus!]) { lotBoard(first: 1, filter: { status: $s }) { nodes { status } } }";
    let found = desk.ask(many, json!({ "s": statuses })).await;
    assert_eq!(found["lotBoard"]["nodes"][0]["status"], "RELEASED");
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_id_is_blamed_on_the_argument_that_the_api_has() {
    let desk = Desk::open().await;
    for (query, field) in [
        ("{ lotBoard(filter: { supplier: \"x\" }) { nodes { code } } }", "filter.supplier"),
        ("{ deviations(filter: { lot: \"x\" }) { nodes { status } } }", "filter.lot"),
        ("{ nodes(ids: [\"x\"]) { id } }", "ids.0"),
        ("{ node(id: \"x\") { id } }", "id"),
        ("{ lot(id: \"x\") { code } }", "id"),
        ("{ lotBoard(first: 201) { nodes { code } } }", "first"),
    ] {
        let mut error = desk.schema.execute(Desk::request(query, json!({}))).await.errors.remove(0);
        assert!(classify(&mut error), "{query}: {error:?}");
        let told = serde_json::to_value(&error.extensions).unwrap();
        assert_eq!(
            (&told["code"], &told["fields"]),
            (&json!("VALIDATION_FAILED"), &json!([field])),
            "{query}"
        );
    }
    desk.stop().await;
}

const PAGES: &str = "query($lot: ID!, $after: String) { recallScope(lot: $lot) {
    lots(first: 3, after: $after) { nodes { code } totalCount position pageInfo { hasNextPage endCursor } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_recall_are_of_one_moment_while_the_plant_goes_on() {
    let desk = Desk::open().await;
    let lot = first_raw(&desk).await;
    let whole =
        "query($lot: ID!) { recallScope(lot: $lot) { lots(first: 1000) { nodes { code } totalCount } } }";
    let whole = desk.ask(whole, json!({ "lot": lot })).await["recallScope"]["lots"].clone();
    let (mut codes, mut after) = (Vec::new(), Value::Null);
    loop {
        let page =
            desk.ask(PAGES, json!({ "lot": lot, "after": after })).await["recallScope"]["lots"].clone();
        codes.extend(page["nodes"].as_array().unwrap().clone());
        assert_eq!(page["totalCount"], whole["totalCount"]);
        // Somebody works meanwhile, somewhere in the plant.
        let save = "mutation { savePartner(input: { name: \"Another farm\", roles: [SUPPLIER] }) { commit { position } } }";
        let position = desk.ask(save, json!({})).await["savePartner"]["commit"]["position"].clone();
        let reached = "query($lot: ID!, $p: Int64) { recallScope(lot: $lot, minPosition: $p) { position } }";
        let now =
            desk.ask(reached, json!({ "lot": lot, "p": position })).await["recallScope"]["position"].clone();
        assert_ne!(now, page["position"], "the index has gone on");
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(Value::from(codes), whole["nodes"]);

    let cursor = BASE64_URL_SAFE_NO_PAD.decode(after.as_str().unwrap()).unwrap();
    let (tag, (position, _)): (String, (u64, u64)) = serde_json::from_slice(&cursor).unwrap();
    for key in [json!([position, u64::MAX]), json!([0, 1]), json!([position, -1]), json!([position])] {
        let forged = BASE64_URL_SAFE_NO_PAD.encode(json!([tag, key]).to_string());
        let answer = desk.schema.execute(Desk::request(PAGES, json!({ "lot": lot, "after": forged }))).await;
        assert_eq!(code_of(&answer), "VALIDATION_FAILED", "{key}");
    }
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_family_comes_in_pages_and_says_how_much_there_is() {
    let desk = Desk::open().await;
    let lot = first_raw(&desk).await;
    let query = "query($lot: ID!, $nodes: String, $links: String) {
        genealogy(lot: $lot, direction: FORWARD, depth: 10) {
            nodes(first: 7, after: $nodes) { totalCount nodes { code } pageInfo { hasNextPage endCursor } }
            links(first: 7, after: $links) { totalCount nodes { parentCode childCode } pageInfo { hasNextPage endCursor } } } }";
    let (mut seen, mut links, mut cursors) = (0, Vec::new(), json!({ "lot": lot }));
    let (lots, all_links) = loop {
        let family = desk.ask(query, cursors.clone()).await["genealogy"].clone();
        let (page, linked) = (&family["nodes"], &family["links"]);
        assert!(page["nodes"].as_array().unwrap().len() <= 7);
        seen += page["nodes"].as_array().unwrap().len();
        links.extend(linked["nodes"].as_array().unwrap().clone());
        if page["pageInfo"]["hasNextPage"] == false && linked["pageInfo"]["hasNextPage"] == false {
            break (page["totalCount"].clone(), linked["totalCount"].clone());
        }
        for (name, page) in [("nodes", page), ("links", linked)] {
            if !page["pageInfo"]["endCursor"].is_null() {
                cursors[name] = page["pageInfo"]["endCursor"].clone();
            }
        }
    };
    assert!(seen > 7, "more than a page");
    assert_eq!((json!(seen), json!(links.len())), (lots, all_links));
    let keys: Vec<_> =
        links.iter().map(|link| (link["parentCode"].as_str(), link["childCode"].as_str())).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_comes_in_the_order_asked_for_and_of_the_run_asked_for() {
    let desk = Desk::open().await;
    let codes = async |arguments: &str| {
        let query = format!("{{ lotBoard({arguments}) {{ nodes {{ code }} }} }}");
        desk.ask(&query, json!({})).await["lotBoard"]["nodes"].clone()
    };
    let newest = codes("first: 3").await;
    assert_eq!(codes("first: 3, order: DESCENDING").await, newest);
    let mut oldest = codes("first: 3, order: ASCENDING").await;
    assert_eq!(oldest[0], codes("last: 1").await[0]);
    oldest.as_array_mut().unwrap().reverse();
    assert_eq!(codes("last: 3").await, oldest);
    let run = GlobalId::encode("Run", api::demo::TENANT, &uuid::Uuid::from_u128(1).to_string());
    assert_eq!(
        codes(&format!("filter: {{ run: {run:?} }}")).await,
        json!([]),
        "the demo plant has no runs yet"
    );
    desk.stop().await;
}
