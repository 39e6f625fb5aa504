//! Every operation of the schema as every role, and from another tenant: generated from the schema itself, so that an
//! operation that is added is tried as well.

use api::{contexts, graphql::kernel::GlobalId};
use domain::identity::Role;
use serde_json::json;
use uuid::Uuid;

use crate::{
    aggregates::{aggregates, read_needs},
    plant::Plant,
    server::TENANT,
};

const OTHER: Uuid = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0002);

/// What each mutation needs, as the tables of the rules say.
fn mutation_needs() -> Vec<(&'static str, &'static str)> {
    let mut needs = Vec::new();
    for (needed, mutations) in aggregates().iter().flat_map(|known| known.needs) {
        needs.extend(mutations.iter().map(|mutation| (*mutation, *needed)));
    }
    needs.sort_unstable();
    needs
}

fn may(role: Role, needed: &str) -> bool {
    role.permissions().iter().any(|permission| permission.as_str() == needed)
}

/// An id of nothing, but well formed and of the caller's tenant.
fn own_id(field: &str) -> String {
    GlobalId::encode(type_of(field), TENANT, &Uuid::from_u128(0xdead).to_string())
}

fn type_of(field: &str) -> &'static str {
    match field {
        "supplier" | "carrier" | "consignee" => "Partner",
        "run" => "Run",
        "fromBuffer" => "Buffer",
        "freezerCycle" => "FreezerCycle",
        _ => {
            let all = aggregates();
            all.iter().map(|known| known.ty).find(|ty| ty.eq_ignore_ascii_case(field)).unwrap_or("Lot")
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_asks_every_role_for_its_permission() {
    let plant = Plant::start().await;
    let nobody = plant.client(TENANT, &[]);
    let mut needs = Vec::new();
    for field in plant.fields("Mutation") {
        let name = field["name"].as_str().unwrap().to_owned();
        let reply = nobody.query(&plant.mutation(&field, &own_id)).await.json();
        let error = &reply["data"]["it"]["errors"][0];
        assert_eq!(error["code"], "FORBIDDEN", "{name}: {reply}");
        let needed = error["required"][0].as_str().unwrap().to_owned();
        for role in Role::ALL {
            let reply = plant.client(TENANT, &[*role]).query(&plant.mutation(&field, &own_id)).await.json();
            let code = &reply["data"]["it"]["errors"][0]["code"];
            assert_eq!(code != "FORBIDDEN", may(*role, &needed), "{name} as {}: {reply}", role.as_str());
        }
        needs.push((name, needed));
    }
    needs.sort();
    let needs: Vec<(&str, &str)> =
        needs.iter().map(|(name, needed)| (name.as_str(), needed.as_str())).collect();
    assert_eq!(needs, mutation_needs());
    let mut declared = contexts::mutations();
    declared.sort();
    let declared: Vec<_> = declared.iter().map(|(name, needed)| (*name, needed.as_str())).collect();
    assert_eq!(declared, mutation_needs(), "the commands' own");
    plant.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_asks_for_a_permission() {
    let plant = Plant::start().await;
    for field in plant.fields("Query") {
        let needed = read_needs(field["name"].as_str().unwrap());
        let query = plant.query(&field, &own_id);
        let refused = plant.client(TENANT, &[]).query(&query).await;
        assert_eq!(refused.code(), "FORBIDDEN", "{query}");
        for role in Role::ALL {
            let reply = plant.client(TENANT, &[*role]).query(&query).await;
            assert_eq!(reply.code() != "FORBIDDEN", may(*role, needed), "{query} as {}", role.as_str());
        }
    }
    plant.stop().await;
}

/// What fields below the roots need besides what their entity needs, wherever they stand. Every other field is seen by whoever
/// sees the entity.
const FIELD_NEEDS: [(&str, &str); 1] = [("history", "audit:read")];

/// Acceptance case 7 of identity.md, and every other field of every entity.
#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_an_entity_asks_every_role_for_its_permission() {
    let plant = Plant::start().await;
    let made = plant.one_of_each().await;
    for (ty, id) in &made {
        for field in plant.fields(ty) {
            let name = field["name"].as_str().unwrap();
            let needed = FIELD_NEEDS.iter().find(|(known, _)| *known == name);
            let query = format!("{{ node(id: {id:?}) {{ ... on {ty} {} }} }}", plant.query(&field, &own_id));
            let readers = Role::ALL.iter().filter(|role| may(**role, read_needs(ty)));
            for role in readers {
                let reply = plant.client(TENANT, &[*role]).query(&query).await;
                let may = needed.is_none_or(|(_, needed)| may(*role, needed));
                assert_eq!(reply.code() != "FORBIDDEN", may, "{query} as {}", role.as_str());
                assert!(!may || reply.json()["errors"].is_null(), "{query}: {}", reply.json());
            }
        }
    }
    plant.stop().await;
}

/// Acceptance case 18 of identity.md.
#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_ids_lead_nowhere() {
    let plant = Plant::start().await;
    let theirs = plant.client(OTHER, Role::ALL);
    let supplier = "mutation { savePartner(input: { name: \"Farm\", roles: [SUPPLIER], address: \"Road 1\" })
        { partner { id } commit { position } errors { ... on UserError { code message } } } }";
    let made = theirs.query(supplier).await.json();
    let partner =
        made["data"]["savePartner"]["partner"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let create = format!(
        "mutation {{ createLot(input: {{ supplier: {partner:?}, weightG: 1000 }})
         {{ lot {{ id }} commit {{ position }} errors {{ ... on UserError {{ code message }} }} }} }}"
    );
    let made = theirs.query(&create).await.json();
    let lot = made["data"]["createLot"]["lot"]["id"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let position = made["data"]["createLot"]["commit"]["position"].as_str().unwrap();
    let seen =
        theirs.query(&format!("{{ lot(id: {lot:?}, minPosition: {position:?}) {{ code }} }}")).await.json();
    assert!(seen["data"]["lot"]["code"].is_string(), "{seen}");

    let foreign = |field: &str| match type_of(field) {
        "Lot" => lot.clone(),
        "Partner" => partner.clone(),
        other => GlobalId::encode(other, OTHER, &Uuid::from_u128(1).to_string()),
    };
    let ours = plant.client(TENANT, Role::ALL);
    for field in plant.fields("Mutation") {
        let mutation = plant.mutation(&field, &foreign);
        let reply = ours.query(&mutation).await.json();
        assert_eq!(reply["data"]["it"]["errors"][0]["code"], "NOT_FOUND", "{mutation}: {reply}");
    }
    for field in plant.fields("Query") {
        let query = plant.query(&field, &foreign);
        let takes_ids = query.contains(&lot) || query.contains(&partner);
        let reply = ours.query(&query).await;
        let answer = reply.json()["data"]["it"].clone();
        let nothing = answer.is_null() || answer == json!([null]) || reply.code() == "NOT_FOUND";
        assert!(nothing || !takes_ids, "{query}: {answer}");
    }
    let board = ours.query("{ lotBoard { nodes { code } } partners { nodes { name } } }").await.json();
    assert_eq!(board["data"], json!({ "lotBoard": { "nodes": [] }, "partners": { "nodes": [] } }));
    plant.stop().await;
}
