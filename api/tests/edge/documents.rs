//! Cairn's verdicts on documents against those of graphql-js, and the form of the answers.

use api::{
    graphql::kernel::SCALARS,
    http::{GraphqlLimits, GraphqlService, ServeLimits},
};
use async_graphql::{Request, Variables};
use document::{Gate, Limits, Refused};
use serde_json::json;

use crate::{audits::graphql_js, schema::schema, server::TestServer};

/// Documents with and without fault, one rule of the specification after the other.
const DOCUMENTS: &str = include_str!("documents.graphql");

/// The documents that stand between lines of `---`.
fn documents() -> Vec<String> {
    DOCUMENTS.split("\n---\n").map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn documents_are_judged_as_graphql_js_judges_them() {
    let schema = schema();
    let answer = schema.execute(Request::new(Gate::QUESTION)).await.data.into_json().unwrap();
    let wide = Limits {
        depth: 100,
        aliases: 1_000,
        root_fields: 1_000,
        directives: 100,
        tokens: 5_000,
        cost: u64::MAX,
    };
    let gate = Gate::new(answer, wide, SCALARS).unwrap();
    let documents = documents();
    let verdicts = graphql_js(&schema.sdl(), &documents).await;
    assert_eq!(documents.len(), verdicts.len());
    let mut wrong = Vec::new();
    for (document, theirs) in documents.iter().zip(&verdicts) {
        let ours = match gate.judge(document) {
            Ok(()) => Vec::new(),
            Err(Refused::Problems(problems)) => problems.into_iter().map(|problem| problem.message).collect(),
            Err(Refused::OperationType(operation)) => vec![format!("{operation} does not run")],
        };
        if ours.is_empty() != theirs.is_empty() {
            wrong.push(format!("{document}\n  graphql-js: {theirs:?}\n  Cairn: {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), documents.len(), wrong.join("\n\n"));
    let refused = verdicts.iter().filter(|verdict| !verdict.is_empty()).count();
    assert!(refused > 80 && documents.len() - refused > 40, "{refused} of {} are refused", documents.len());
}

/// Where the specification of September 2025 is stricter than graphql-js 16.
#[tokio::test]
async fn a_nullable_variable_cannot_be_the_one_field_of_a_one_of() {
    let server = TestServer::start().await;
    let reply = server.client().query("query($t: String) { asOf(at: { time: $t }) }").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "GRAPHQL_VALIDATION_FAILED"));
}

#[tokio::test]
async fn answers_have_every_field_in_the_documents_order() {
    let server = TestServer::start().await;
    let client = server.client();
    let reply = client.query("{ b: later ping missing a: echo(text: \"x\") }").await;
    let body = String::from_utf8(reply.body).unwrap();
    assert!(body.contains(r#""data":{"b":1,"ping":"pong","missing":null,"a":"x 7"}"#), "{body}");
}

#[tokio::test]
async fn null_climbs_to_where_it_may_stand() {
    let server = TestServer::start().await;
    let client = server.client();
    let reply = client.query("{ ping tree { level broken } trees { level broken } }").await;
    assert_eq!(reply.json()["data"], json!({ "ping": "pong", "tree": null, "trees": [null, null] }));
    assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "NOT_FOUND");
    let reply = client.query("{ ping node { broken } }").await;
    assert_eq!((reply.status, &reply.json()["data"]), (200, &json!(null)));
}

#[tokio::test]
async fn a_field_selected_twice_runs_once() {
    let server = TestServer::start().await;
    let client = server.client();
    let query = "mutation { count ...F ... on Mutation { count } } fragment F on Mutation { count }";
    let first = client.query(query).await.json()["data"]["count"].as_i64().unwrap();
    let second = client.query(query).await.json()["data"]["count"].as_i64().unwrap();
    assert_eq!(second, first + 1);
}

#[tokio::test]
async fn fragments_and_conditions_are_spread_out() {
    let server = TestServer::start().await;
    let client = server.client();
    let query = "query($no: Boolean = false) { pets { __typename ... on Animal { name } ... on Dog { barks kind: weight }
        ...C } animal { n: name ... on Dog { n: name barks } ... on Cat { meows } }
        ping @include(if: $no) echo(text: \"e\") @skip(if: $no) }
        fragment C on Cat { name meows ... on Pet { __typename } }";
    let reply = client.query(query).await.json();
    assert!(reply.get("errors").is_none(), "{reply}");
    assert_eq!(
        reply["data"],
        json!({
            "pets": [
                { "__typename": "Dog", "name": "Rex", "barks": true, "kind": 30 },
                { "__typename": "Cat", "name": "Mia", "meows": true },
            ],
            "animal": { "n": "Rex", "barks": true },
            "echo": "e 7",
        })
    );
}

#[tokio::test]
async fn the_gates_defaults_are_what_the_specification_of_limits_says() {
    let limits = Limits::default();
    let numbers = (limits.depth, limits.aliases, limits.root_fields, limits.directives, limits.tokens);
    assert_eq!(numbers, (12, 30, 20, 10, 2_000));
    let schema = schema();
    let answer = schema.execute(Request::new(Gate::QUESTION)).await.data.into_json().unwrap();
    let gate = Gate::new(answer, limits, SCALARS).unwrap();
    let cost = |query: &str| gate.admit(query, None, &Variables::default(), |_operation| true).unwrap().cost;
    assert_eq!(cost("{ ping }"), 0);
    assert_eq!(cost("{ numbers { totals: __typename } }"), 1);
    assert_eq!(cost("{ numbers { nodes { name } } }"), 51);
    assert_eq!(
        cost("{ numbers(first: 200) { edges { node { name } } pageInfo { endCursor } } }"),
        1 + 200 * 2 + 1
    );
    assert_eq!(cost("{ trees { level } }"), 50);
}

#[tokio::test]
async fn what_is_told_from_the_log_costs_as_much_as_it_reads() {
    let schema = api::graphql::unconnected_schema();
    let answer = schema.execute(Request::new(Gate::QUESTION)).await.data.into_json().unwrap();
    let gate = Gate::new(answer, Limits::default(), SCALARS).unwrap();
    let cost_with = |query: &str, variables| {
        let variables = Variables::from_json(variables);
        gate.admit(query, None, &variables, |_operation| true).map(|admitted| admitted.cost)
    };
    let cost = |query: &str| cost_with(query, json!({})).unwrap();
    assert_eq!(cost("{ lot(code: \"A\") { status } }"), 1);
    assert_eq!(cost("{ lot(code: \"A\") { asOf(at: { version: \"1\" }) { status } } }"), 1 + 1 + 50);
    assert_eq!(cost("{ lot(code: \"A\") { history { type } } }"), 1 + 50 + 50);
    assert_eq!(cost("{ lot(code: \"A\") { history(page: { first: 200 }) { type } } }"), 1 + 200 + 50);
    let logs = "{ temperatureLog(first: 3) { nodes { log { asOf(at: { version: \"1\" }) { version } } } } }";
    assert_eq!(cost(logs), 1 + 3 * (1 + 1 + 1 + 50));
    assert_eq!(cost("{ partners(first: 3) { nodes { history { type } } } }"), 1 + 3 * (1 + 50 + 50));
    assert_eq!(cost("{ partners(first: 3) { totalCount nodes { name } } }"), 1 + 50 + 3, "rows are counted");
    let by_variable = "query($page: HistoryPage, $first: Int!) {
        lot(code: \"A\") { history(page: $page) { type } } lotBoard(first: $first) { nodes { code } } }";
    let variables = json!({ "page": { "first": 3 }, "first": 7 });
    assert_eq!(cost_with(by_variable, variables).unwrap(), 1 + 3 + 50 + 1 + 7);
    let every_lots_history = "{ lotBoard(first: 200) { nodes { history(page: { first: 200 }) { type } } } }";
    assert!(cost_with(every_lots_history, json!({})).is_err(), "40,000 events in one answer");
}

/// The plant's schema under the limits that are in force unless somebody sets others.
#[tokio::test(flavor = "multi_thread")]
async fn tracing_a_plant_twenty_times_over_in_one_document_is_too_costly() {
    let service = GraphqlService::new(api::graphql::unconnected_schema(), GraphqlLimits::default()).unwrap();
    let server = TestServer::start_with(service, ServeLimits::default()).await;
    let genealogy = |at: usize| {
        format!(
            "g{at}: genealogy(lot: \"RAW-{at}\", direction: FORWARD, depth: 10) {{
             nodes(first: 200) {{ nodes {{ code lot {{ parents(first: 10) {{ nodes {{ code }} }} }} }} }} }}"
        )
    };
    let twenty = format!("{{ {} }}", (0..20).map(genealogy).collect::<String>());
    let recall = |deliveries: usize| {
        format!(
            "{{ recallScope(lot: \"RAW-1\") {{ consignees {{ name
             deliveries(first: {deliveries}) {{ nodes {{ document }} }} }} }} }}"
        )
    };
    for query in [twenty, recall(1_000)] {
        let reply = server.client().query(&query).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "QUERY_TOO_COSTLY"), "{query}");
    }
    let answer = api::graphql::unconnected_schema().execute(Request::new(Gate::QUESTION)).await;
    let gate = Gate::new(answer.data.into_json().unwrap(), Limits::default(), SCALARS).unwrap();
    let cost = |query: &str| gate.admit(query, None, &Variables::default(), |_operation| true).unwrap().cost;
    let one = format!("{{ {} }}", genealogy(0));
    assert_eq!(cost(&one), 1 + 1 + 200 * (1 + 1 + 1 + 10));
    assert_eq!(cost(&recall(50)), 1 + 200 * (1 + 1 + 50));
}
