//! One of each type of node: what makes it, what changes it, what it tells of its past, and who may do so. Whatever must hold
//! of every aggregate is tried on these.

use domain::identity::Role;
use serde_json::{Value, json};

use crate::{plant::Plant, server::TENANT};

/// A type of node.
pub struct Aggregate {
    pub ty: &'static str,
    /// Whoever may read it.
    pub read: &'static str,
    /// The roots that ask for that.
    pub roots: &'static [&'static str],
    /// Permissions, and its mutations that need each, as the tables of its rules say.
    pub needs: &'static [(&'static str, &'static [&'static str])],
    /// Root fields in the order in which they are asked, and what each answers; the last answers its id. `$Partner` stands for
    /// the id of a partner that was made before.
    pub make: &'static [(&'static str, &'static str)],
    /// What changes it; nothing, if nothing can.
    pub change: &'static [&'static str],
    /// Where its past hangs on the node, and what is asked of it.
    pub past: (&'static str, &'static str),
    /// What that is after its first event, and after its last.
    pub first: Value,
    pub last: Value,
}

/// Every type of node, each after those that it needs.
pub fn aggregates() -> Vec<Aggregate> {
    vec![partner(), lot(), temperature_reading(), inspection(), deviation(), service()]
}

fn partner() -> Aggregate {
    Aggregate {
        ty: "Partner",
        read: "plant:read",
        roots: &[],
        needs: &[("run:control", &["savePartner"])],
        make: &[("savePartner(input: { name: \"Farm\", roles: [SUPPLIER] })", "partner/id")],
        change: &["savePartner(input: { partner: $Partner, name: \"Big farm\", roles: [SUPPLIER] })"],
        past: ("", "name"),
        first: json!({ "name": "Farm" }),
        last: json!({ "name": "Big farm" }),
    }
}

fn lot() -> Aggregate {
    Aggregate {
        ty: "Lot",
        read: "plant:read",
        roots: &[],
        needs: &[
            (
                "lot:create",
                &[
                    "addLotInput",
                    "createLot",
                    "finishLot",
                    "produceLot",
                    "registerLot",
                    "shipLot",
                    "weighLot",
                ],
            ),
            ("qc:decide", &["holdLot"]),
            ("run:control", &["confirmReject", "resolveHold", "writeOffRemainder"]),
        ],
        make: &[("createLot(input: { supplier: $Partner, weightG: 1000 })", "lot/id")],
        change: &[],
        past: ("", "status holdReason"),
        first: json!({ "status": "CREATED", "holdReason": null }),
        // The inspection has held it.
        last: json!({ "status": "HOLD", "holdReason": "the cold chain was broken" }),
    }
}

fn temperature_reading() -> Aggregate {
    Aggregate {
        ty: "TemperatureReading",
        read: "plant:read",
        roots: &[],
        needs: &[("temperature:record", &["recordTemperature"])],
        make: &[("recordTemperature(input: { lot: $Lot, type: SURFACE, tenthsC: 30 })", "reading/id")],
        change: &["recordTemperature(input: { lot: $Lot, type: SURFACE, tenthsC: 40 })"],
        past: ("log", "latest { type tenthsC }"),
        first: json!({ "latest": [{ "type": "SURFACE", "tenthsC": 30 }] }),
        last: json!({ "latest": [{ "type": "SURFACE", "tenthsC": 40 }] }),
    }
}

fn inspection() -> Aggregate {
    let decided = json!({ "gate": "1", "decision": "HOLD" });
    Aggregate {
        ty: "Inspection",
        read: "plant:read",
        roots: &[],
        needs: &[("qc:decide", &["recordInspection"])],
        make: &[
            ("registerLot(input: { lot: $Lot })", "lot/id"),
            (
                "recordInspection(input: { lot: $Lot, gate: \"1\", inspectionType: \"receipt\", decision: HOLD,
                 notes: \"the cold chain was broken\" })",
                "inspection/id",
            ),
        ],
        change: &[],
        past: ("", "gate decision"),
        first: decided.clone(),
        last: decided,
    }
}

fn deviation() -> Aggregate {
    Aggregate {
        ty: "Deviation",
        read: "plant:read",
        roots: &[],
        needs: &[("run:control", &["closeDeviation", "dispositionDeviation"])],
        make: &[("deviations", "nodes/0/id")],
        change: &["dispositionDeviation(input: { deviation: $Deviation, disposition: RELEASE,
                   rootCause: \"the door stood open\" })"],
        past: ("", "status rootCause disposition"),
        first: json!({ "status": "OPEN", "rootCause": null, "disposition": null }),
        last: json!({ "status": "DISPOSITIONED", "rootCause": "the door stood open", "disposition": "RELEASE" }),
    }
}

fn service() -> Aggregate {
    Aggregate {
        ty: "Service",
        read: "bookings:read",
        roots: &["services"],
        needs: &[("bookings:manage", &["activateService", "deactivateService", "saveService"])],
        make: &[(
            "saveService(input: { name: \"Cut\", paymentMode: PREPAID,
             price: { amountMinor: 5000, currency: \"EUR\" } })",
            "service/id",
        )],
        change: &[
            "deactivateService(input: { service: $Service })",
            "activateService(input: { service: $Service })",
            "saveService(input: { service: $Service, name: \"Cut\", paymentMode: FREE,
             price: { amountMinor: 0, currency: \"EUR\" } })",
            "deactivateService(input: { service: $Service })",
        ],
        past: ("", "name price { amountMinor } paymentMode isActive"),
        first: json!({ "name": "Cut", "price": { "amountMinor": "5000" }, "paymentMode": "PREPAID",
                       "isActive": true }),
        last: json!({ "name": "Cut", "price": { "amountMinor": "0" }, "paymentMode": "FREE",
                      "isActive": false }),
    }
}

/// The types that were made, with their global ids.
pub type Made = Vec<(&'static str, String)>;

/// What is needed to read what a type or a root field shows.
pub fn read_needs(ty_or_root: &str) -> &'static str {
    let all = aggregates();
    let found = all.iter().find(|known| known.ty == ty_or_root || known.roots.contains(&ty_or_root));
    found.map_or("plant:read", |known| known.read)
}

fn with_ids(text: &str, made: &[(&'static str, String)]) -> String {
    made.iter().fold(text.to_owned(), |text, (ty, id)| text.replace(&format!("${ty}"), &format!("{id:?}")))
}

impl Plant {
    /// Makes one of each type of node, and answers the types with their global ids.
    pub async fn one_of_each(&self) -> Made {
        let client = self.client(TENANT, Role::ALL);
        let mut made = Made::new();
        for Aggregate { ty, make, .. } in aggregates() {
            let mut id = String::new();
            for (field, answer) in make {
                let names: Vec<_> = answer.split('/').filter(|name| *name != "0").collect();
                let selection = format!("{{ {} {}", names.join(" { "), " }".repeat(names.len() - 1));
                let (kind, errors) = if field.contains("input:") {
                    ("mutation", "errors { ... on UserError { code message } }")
                } else {
                    ("query", "")
                };
                let document = format!("{kind} {{ it: {} {selection} {errors} }} }}", with_ids(field, &made));
                let reply = client.query(&document).await.json();
                let found = reply.pointer(&format!("/data/it/{answer}")).and_then(Value::as_str);
                found.unwrap_or_else(|| panic!("{document}: {reply}")).clone_into(&mut id);
            }
            made.push((ty, id));
        }
        made
    }

    /// Does something to each, so that each that can change has changed.
    pub async fn change_each(&self, made: &Made) {
        for field in aggregates().iter().flat_map(|known| known.change) {
            let document = format!(
                "mutation {{ it: {} {{ commit {{ position }} errors {{ ... on UserError {{ message }} }} }} }}",
                with_ids(field, made)
            );
            let done = self.client(TENANT, Role::ALL).query(&document).await.json();
            assert!(done["data"]["it"]["commit"]["position"].is_string(), "{document}: {done}");
        }
    }
}
