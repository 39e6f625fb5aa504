//! Answers that are given again: as long as they hold, to whoever may have them, and no longer.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use api::{
    demo,
    graphql::CairnSchema,
    http::{GraphqlExecutor, GraphqlLimits, GraphqlService, ServeLimits},
};
use async_graphql::{Request, Response};
use async_trait::async_trait;
use commands::{
    engine::{Caller, Envelope},
    lots::SavePartner,
    ports::{Position, TenantId},
};
use domain::{identity::Role, lots::PartnerRole};
use projections::{ReadModel, lots::Partners, ports::ReadStore};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::Client,
    desk::Desk,
    server::{TestServer, token_of},
};

/// Counts what really runs.
struct Counting {
    schema: CairnSchema,
    runs: Arc<AtomicUsize>,
}

#[async_trait]
impl GraphqlExecutor for Counting {
    async fn run(&self, request: Request) -> Response {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.schema.execute(request).await
    }
}

/// A served schema that keeps answers, and how often it really ran something.
struct Served {
    server: TestServer,
    runs: Arc<AtomicUsize>,
}

impl Served {
    async fn start(schema: &CairnSchema, rows: &Arc<dyn ReadStore>, most_bytes: usize) -> Self {
        let runs = Arc::new(AtomicUsize::new(0));
        let executor = Counting { schema: schema.clone(), runs: Arc::clone(&runs) };
        let service = GraphqlService::new(executor, GraphqlLimits::default()).unwrap();
        let service = service.keeping_answers(Arc::clone(rows), most_bytes);
        let server = TestServer::start_with(service, ServeLimits::default()).await;
        runs.store(0, Ordering::Relaxed);
        Self { server, runs }
    }

    fn client(&self, role: Role) -> Client {
        Client { address: self.server.address, token: Some(token_of(demo::TENANT, &[role])) }
    }

    /// The data of an answer, and whether something ran for it.
    async fn ask(&self, query: &str, variables: Value) -> (Value, bool) {
        let before = self.runs.load(Ordering::Relaxed);
        let reply = self.client(Role::Manager).with_variables(query, variables).await.json();
        assert!(reply["errors"].is_null(), "{reply}");
        assert!(reply["extensions"]["cost"].is_u64() && reply["extensions"]["correlationId"].is_string());
        (reply["data"].clone(), self.runs.load(Ordering::Relaxed) > before)
    }
}

const MANY: usize = 1 << 20;
const PARTNERS: &str = "query($f: Int) { partners(first: $f) { nodes { name } totalCount } }";

async fn save_partner(desk: &Desk, tenant: TenantId, name: &str) -> Position {
    let save = SavePartner {
        partner_id: None,
        name: name.to_owned(),
        address: None,
        roles: BTreeSet::from([PartnerRole::Customer]),
    };
    let envelope = Envelope::new(Caller::system(tenant), Uuid::now_v7());
    let position = desk.serving.engine.execute(envelope, save).await.unwrap().position;
    desk.serving.read_side.wait_for(Partners::NAME, position).await.unwrap();
    position
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_given_again_until_its_tenants_rows_change() {
    let desk = Desk::open().await;
    let served = Served::start(&desk.schema, desk.serving.read_side.store(), MANY).await;
    let (first, ran) = served.ask(PARTNERS, json!({ "f": 200 })).await;
    assert!(ran && first["partners"]["totalCount"].as_u64() > Some(2), "{first}");
    assert_eq!(served.ask(PARTNERS, json!({ "f": 200 })).await, (first.clone(), false));
    save_partner(&desk, Uuid::from_u128(4711), "Another tenant's").await;
    assert_eq!(served.ask(PARTNERS, json!({ "f": 200 })).await, (first.clone(), false));
    save_partner(&desk, demo::TENANT, "Aaa").await;
    let (second, ran) = served.ask(PARTNERS, json!({ "f": 200 })).await;
    assert!(ran);
    assert_eq!(second["partners"]["nodes"][0]["name"], "Aaa", "{second}");
    assert_eq!(served.ask(PARTNERS, json!({ "f": 200 })).await, (second, false));
    assert!(served.ask(PARTNERS, json!({ "f": 1 })).await.1, "other variables are another question");
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_writes_ends_an_answer_at_once() {
    let desk = Desk::open().await;
    // It keeps nothing current itself and learns of no step: only the rows can tell.
    let served = Served::start(&desk.over_old_rows, desk.old_rows.store(), MANY).await;
    let (first, _) = served.ask(PARTNERS, json!({ "f": 1 })).await;
    assert!(!served.ask(PARTNERS, json!({ "f": 1 })).await.1);
    for name in ["Aab", "Aaa"] {
        save_partner(&desk, demo::TENANT, name).await;
        let (now, ran) = served.ask(PARTNERS, json!({ "f": 1 })).await;
        assert!(ran && now != first);
        assert_eq!(now["partners"]["nodes"][0]["name"], name);
    }
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_given_an_answer_that_they_may_not_read() {
    let desk = Desk::open().await;
    let served = Served::start(&desk.schema, desk.serving.read_side.store(), MANY).await;
    let query = "{ partners(first: 3) { nodes { id name } } }";
    assert!(served.ask(query, json!({})).await.1);
    assert!(!served.ask(query, json!({})).await.1);
    let refused = served.client(Role::Monitor).query(query).await;
    assert_eq!(refused.code(), "FORBIDDEN", "{:?}", refused.json());
    assert_eq!(served.client(Role::Monitor).query(query).await.code(), "FORBIDDEN", "errors are not kept");
    let stranger = token_of(Uuid::from_u128(4711), &[Role::Manager]);
    let stranger = Client { token: Some(stranger), ..served.client(Role::Manager) };
    assert_eq!(stranger.query(query).await.json()["data"]["partners"]["nodes"], json!([]));
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_from_the_log_or_from_memory_is_told_anew() {
    let desk = Desk::open().await;
    let served = Served::start(&desk.schema, desk.serving.read_side.store(), MANY).await;
    let codes = "{ lotBoard(first: 1, filter: { type: [RAW] }) { nodes { code } } }";
    let (lots, _) = served.ask(codes, json!({})).await;
    let code = &lots["lotBoard"]["nodes"][0]["code"];
    for query in [
        "query($c: String!) { lot(code: $c) { history(page: { first: 3 }) { type } } }",
        "query($c: String!) { lot(code: $c) { asOf(at: { version: \"1\" }) { status } } }",
        "query($c: ID!) { recallScope(lot: $c) { lots(first: 1) { totalCount } } }",
        "query($c: String!) { lot(code: $c) { code } __typename }",
    ] {
        let variables = json!({ "c": code });
        let (first, _) = served.ask(query, variables.clone()).await;
        let is_of_rows = query.contains("__typename");
        assert_eq!(served.ask(query, variables).await, (first, !is_of_rows), "{query}");
    }
    assert!(served.ask("{ __schema { queryType { name } } }", json!({})).await.1);
    assert!(served.ask("{ __schema { queryType { name } } }", json!({})).await.1);
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_take_no_more_memory_than_they_may() {
    let desk = Desk::open().await;
    let served = Served::start(&desk.schema, desk.serving.read_side.store(), 16 * 1024).await;
    for first in 1..=60 {
        served.ask(PARTNERS, json!({ "f": first })).await;
    }
    assert!(!served.ask(PARTNERS, json!({ "f": 60 })).await.1, "the latest is kept");
    assert!(served.ask(PARTNERS, json!({ "f": 1 })).await.1, "the oldest made room");
    let large = "{ lotBoard(first: 200) { nodes { id code status type sku weightG createdAt } } }";
    served.ask(large, json!({})).await;
    assert!(served.ask(large, json!({})).await.1, "what would push out most others is not kept");
    desk.stop().await;
}

/// What an answer is made of is noted where a resolver gets at it; past these ways an answer could be kept for ever.
#[test]
fn resolvers_get_at_their_sources_by_the_ways_that_note_it() {
    fn sources(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let ways = [".data_opt", ".data::<", "data_unchecked", "Utc::now", "SystemTime", "Instant::now"];
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // `reads.rs` and `request.rs` of the kernel are the ways.
            if !["reads.rs", "request.rs"].contains(&name.as_str()) {
                found.extend(
                    ways.iter().filter(|way| text.contains(**way)).map(|way| format!("{name}: {way}")),
                );
            }
        }
    }
    let mut found = Vec::new();
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/graphql"), &mut found);
    assert_eq!(found, Vec::<String>::new());
}
