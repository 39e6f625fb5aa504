//! Every way to an entity asks for the permission of its type: whoever holds another context's alone gets nowhere.

use api::graphql::{
    kernel::{Id, Reads, Shows},
    lots::Lot,
};
use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Response, Result, Schema};
use domain::identity::{Permission, PermissionSet};
use projections::lots::{PartnerRow, Partners};
use serde_json::{Value, json};

use crate::desk::{Desk, answer_of, code_of};

api::entity! {
    /// A partner as the front desk knows it.
    Guest = GuestFields of PartnerRow in Partners, needs BookingsRead;
    many {
        /// What it delivered.
        lots: Lot by supplier_id in created_position;
    }
}

api::fields! {
    GuestFields |guest| {
        /// Its name.
        name: &str = &guest.name;
    }
}

struct FrontDesk;

#[Object]
impl FrontDesk {
    async fn guest(&self, context: &Context<'_>, id: Id<Guest>) -> Result<Option<Guest>> {
        context.entity(id.within(api::demo::TENANT)?).await
    }
}

fn holding(permission: Permission) -> PermissionSet {
    PermissionSet::default().with(permission)
}

fn errors_of(response: &Response) -> Vec<Value> {
    response.errors.iter().map(|error| serde_json::to_value(&error.path).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_asks_for_the_permission_of_what_it_leads_to() {
    let desk = Desk::open().await;
    let schema = Schema::build(FrontDesk, EmptyMutation, EmptySubscription);
    let schema = schema.data(Reads::new(desk.serving.read_side.clone())).finish();
    let board =
        desk.ask("{ lotBoard(filter: { type: [RAW] }) { nodes { supplier { id } } } }", json!({})).await;
    let partner = board["lotBoard"]["nodes"][0]["supplier"]["id"].as_str().unwrap();
    let decoded = api::graphql::kernel::GlobalId::decode(partner).unwrap();
    let id = api::graphql::kernel::GlobalId::encode("Guest", decoded.tenant, &decoded.stream_id);
    let query = "query($id: ID!) { guest(id: $id) { name lots { nodes { code } } } }";
    let ask = async |permissions: PermissionSet| {
        schema.execute(Desk::request_as(permissions, query, json!({ "id": id }))).await
    };
    let both = holding(Permission::BookingsRead).with(Permission::PlantRead);
    let seen = answer_of(ask(both).await);
    assert!(!seen["guest"]["lots"]["nodes"].as_array().unwrap().is_empty(), "{seen}");
    let one = ask(holding(Permission::BookingsRead)).await;
    assert_eq!((code_of(&one).as_str(), errors_of(&one)), ("FORBIDDEN", vec![json!(["guest", "lots"])]));
    let other = ask(holding(Permission::PlantRead)).await;
    assert_eq!((code_of(&other).as_str(), errors_of(&other)), ("FORBIDDEN", vec![json!(["guest"])]));
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_asks_for_the_permission_of_the_type_and_nodes_for_each_entry_by_itself() {
    let desk = Desk::open().await;
    let board = desk.ask("{ lotBoard { nodes { id } } }", json!({})).await;
    let lot = board["lotBoard"]["nodes"][0]["id"].clone();
    let stranger = holding(Permission::BookingsRead);
    let ask = async |query: &str, variables: Value| {
        desk.schema.execute(Desk::request_as(stranger, query, variables)).await
    };
    let one = ask("query($id: ID!) { node(id: $id) { id } }", json!({ "id": lot })).await;
    assert_eq!((code_of(&one).as_str(), errors_of(&one)), ("FORBIDDEN", vec![json!(["node"])]));
    let nothing =
        api::graphql::kernel::GlobalId::encode("Nothing", api::demo::TENANT, &uuid::Uuid::nil().to_string());
    let ids = json!({ "ids": [nothing, lot, nothing] });
    let many = ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids).await;
    assert_eq!(many.data.clone().into_json().unwrap(), json!({ "nodes": [null, null, null] }));
    assert_eq!((code_of(&many).as_str(), errors_of(&many)), ("FORBIDDEN", vec![json!(["nodes", 1])]));
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_shows_no_entity_that_the_caller_may_not_read() {
    let desk = Desk::open().await;
    let save = "mutation { savePartner(input: { name: \"Farm\", roles: [SUPPLIER] }) {
        partner { name } commit { position } errors { ... on UserError { code } } } }";
    let done = desk.schema.execute(Desk::request_as(holding(Permission::RunControl), save, json!({}))).await;
    let answer = done.data.clone().into_json().unwrap()["savePartner"].clone();
    assert!(answer["commit"]["position"].is_string(), "it is done: {answer}");
    assert_eq!(answer["partner"], Value::Null);
    assert_eq!(
        (code_of(&done).as_str(), errors_of(&done)),
        ("FORBIDDEN", vec![json!(["savePartner", "partner"])])
    );
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_of_a_field_names_the_field_that_the_api_has() {
    let desk = Desk::open().await;
    let raw = desk.ask("{ lotBoard(filter: { type: [RAW] }) { nodes { id } } }", json!({})).await;
    let lot = raw["lotBoard"]["nodes"][0]["id"].clone();
    let path_of = async |query: &str, variables: Value| {
        let answer = desk.ask(query, variables).await;
        (answer["it"]["errors"][0]["path"].clone(), answer["it"]["errors"][0]["message"].clone())
    };
    let errors = "{ errors { ... on UserError { path message } } }";
    let weigh =
        format!("mutation($lot: ID!) {{ it: weighLot(input: {{ lot: $lot, weightG: -1 }}) {errors} }}");
    let (path, message) = path_of(&weigh, json!({ "lot": lot })).await;
    assert_eq!(path, json!(["input", "weightG"]));
    assert!(message.as_str().unwrap().starts_with("weightG must be"), "{message}");
    let produce = format!(
        "mutation($lot: ID!) {{ it: produceLot(idempotencyKey: \"k\", input: {{ type: DEB, inputs: [
         {{ lot: $lot, usedG: 1 }}, {{ lot: \"bm9uc2Vuc2U\", usedG: 1 }}] }}) {errors} }}"
    );
    assert_eq!(path_of(&produce, json!({ "lot": lot })).await.0, json!(["input", "inputs", "1", "lot"]));
    desk.stop().await;
}
