//! The acceptance cases of lots.md as a client meets them: GraphQL over HTTP, against the program as it is served on the
//! embedded profile.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::{server::Server, shell::Shell};

/// A plant that has just been opened, and somebody who may do everything there.
struct Plant {
    server: Server,
    token: String,
    /// The position of the last commit: what is asked afterwards must know of it.
    written: AtomicU64,
    _shell: Shell,
}

/// What a payload says of a lot.
const LOT: &str = "lot { id code type status remainingG }";

/// The gate of each lot type, and the reading that it rests on, if any.
fn gate(lot_type: &str) -> (&'static str, Option<(&'static str, i32)>) {
    match lot_type {
        "RAW" => ("1", Some(("SURFACE", 40))),
        "DEB" => ("3", None),
        "BULK" => ("4", None),
        "MIX" => ("5", None),
        "SKW15" => ("6", None),
        "FRZ15" => ("7", Some(("CORE", -180))),
        "FG15" | "PAL" => ("8", None),
        "SHIP" => ("10", Some(("AMBIENT", -180))),
        other => panic!("no gate is known for {other}"),
    }
}

/// A lot's global id.
fn id(lot: &Value) -> &str {
    lot["id"].as_str().unwrap()
}

impl Plant {
    fn open() -> Self {
        let shell = Shell::new();
        let token = shell.cairn("token --tenant demo --role ADMIN").succeeds().trim().to_owned();
        let server = Server::start(&shell, "");
        server.becomes_ready();
        Self { server, token, written: AtomicU64::new(0), _shell: shell }
    }

    /// What a document is answered with.
    fn ask(&self, query: &str, variables: &Value) -> Value {
        let mut answer = ureq::post(format!("http://{}/graphql", self.server.address))
            .config()
            .http_status_as_error(false)
            .build()
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .send(json!({ "query": query, "variables": variables }).to_string())
            .unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }

    /// What a query is answered with that knows of everything written so far: its argument `minPosition` is `$written`.
    fn know(&self, query: &str, mut variables: Value) -> Value {
        variables["written"] = self.written.load(Ordering::SeqCst).into();
        self.ask(query, &variables)
    }

    /// What a mutation came to.
    fn give(&self, mutation: &str, input: Value, selection: &str) -> Value {
        let (first, rest) = mutation.split_at(1);
        let document = format!(
            "mutation($input: {}{rest}Input!, $key: String) {{
             it: {mutation}(input: $input, idempotencyKey: $key) {{
             errors {{ ... on UserError {{ code }} }} commit {{ position }} {selection} }} }}",
            first.to_uppercase()
        );
        let key = uuid::Uuid::now_v7().to_string();
        let answer = self.ask(&document, &json!({ "input": input, "key": key }));
        assert!(answer.get("errors").is_none(), "{answer}");
        let payload = answer["data"]["it"].clone();
        if let Some(position) = payload["commit"]["position"].as_str() {
            self.written.fetch_max(position.parse().unwrap(), Ordering::SeqCst);
        }
        payload
    }

    /// The code that a mutation is refused with.
    fn refusal(&self, mutation: &str, input: Value) -> String {
        let refused = self.give(mutation, input, "");
        assert_eq!(refused["commit"], Value::Null, "{refused}");
        refused["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The lot after a mutation that stands.
    fn lot_after(&self, mutation: &str, input: Value) -> Value {
        let payload = self.give(mutation, input, LOT);
        assert_eq!(payload["errors"], json!([]), "{payload}");
        payload["lot"].clone()
    }

    fn partner(&self, role: &str) -> String {
        let input = json!({ "name": "Tisza Farm", "address": "Bécs, Ring 1", "roles": [role] });
        let payload = self.give("savePartner", input, "partner { id }");
        id(&payload["partner"]).to_owned()
    }

    fn raw(&self, supplier: &str, weight_g: i64) -> Value {
        self.lot_after("createLot", json!({ "supplier": supplier, "weightG": weight_g }))
    }

    fn register(&self, lot: &Value) {
        assert_eq!(self.lot_after("registerLot", json!({ "lot": id(lot) }))["status"], "QUARANTINE");
    }

    fn read(&self, lot: &Value, reading_type: &str, tenths_c: i32) -> Value {
        let input = json!({ "lot": id(lot), "type": reading_type, "tenthsC": tenths_c });
        self.give("recordTemperature", input, "isViolation lotStatus deviation { status }")
    }

    fn inspection(lot: &Value, decision: &str, notes: &str) -> Value {
        let (gate, _) = gate(lot["type"].as_str().unwrap());
        json!({ "lot": id(lot), "gate": gate, "inspectionType": "visual", "decision": decision, "notes": notes })
    }

    /// Registers the lot, measures it where its gate asks for that, and lets it pass.
    fn release(&self, lot: Value) -> Value {
        self.register(&lot);
        if let (_, Some((reading_type, tenths_c))) = gate(lot["type"].as_str().unwrap()) {
            self.read(&lot, reading_type, tenths_c);
        }
        let released = self.lot_after("recordInspection", Self::inspection(&lot, "PASS", ""));
        assert_eq!(released["status"], "RELEASED");
        released
    }

    fn released_raw(&self, weight_g: i64) -> Value {
        self.release(self.raw(&self.partner("SUPPLIER"), weight_g))
    }

    fn production(lot_type: &str, inputs: &[(&Value, i64)]) -> Value {
        let weight_g: i64 = inputs.iter().map(|(_, used_g)| used_g).sum();
        let input = |(lot, used_g): &(&Value, i64)| json!({ "lot": id(lot), "usedG": used_g });
        let inputs: Vec<_> = inputs.iter().map(input).collect();
        json!({ "type": lot_type, "inputs": inputs, "weightG": weight_g })
    }

    /// Makes a lot that loses nothing, and lets it pass its gate.
    fn released(&self, lot_type: &str, inputs: &[(&Value, i64)]) -> Value {
        self.release(self.lot_after("produceLot", Self::production(lot_type, inputs)))
    }

    fn lot(&self, lot: &Value) -> Value {
        let query =
            "query($id: ID!, $written: Int64) { lot(id: $id, minPosition: $written) { status remainingG } }";
        self.know(query, json!({ "id": id(lot) }))["data"]["lot"].clone()
    }
}

/// Today, as the plant's codes have it.
fn today() -> String {
    chrono::Utc::now().with_timezone(&chrono_tz::Europe::Budapest).format("%Y%m%d").to_string()
}

#[test]
fn case_01_a_raw_lot_needs_a_supplier_and_the_first_of_each_series_is_number_1() {
    let plant = Plant::open();
    assert_eq!(plant.refusal("createLot", json!({ "weightG": 400_000 })), "SUPPLIER_REQUIRED");
    let before = today();
    let raw = plant.released_raw(400_000);
    let deb = plant.released("DEB", &[(&raw, 400_000)]);
    let bulk = plant.released("BULK", &[(&deb, 400_000)]);
    let mix = plant.released("MIX", &[(&bulk, 400_000)]);
    if before == today() {
        assert_eq!(raw["code"], format!("RAW-{before}-DUNA-0001"));
        assert_eq!(mix["code"], format!("MIXLOT-{before}-DUNA-0001"));
    }
}

#[test]
fn case_01_fifty_lots_created_at_once_are_numbered_without_gap_or_double() {
    let plant = Plant::open();
    let supplier = plant.partner("SUPPLIER");
    let mut codes: Vec<String> = thread::scope(|scope| {
        let create = || plant.raw(&supplier, 0)["code"].as_str().unwrap().to_owned();
        let creating: Vec<_> = (0..50).map(|_| scope.spawn(create)).collect();
        creating.into_iter().map(|one| one.join().unwrap()).collect()
    });
    codes.sort();
    let series = codes[0].strip_suffix("0001").unwrap();
    let expected: Vec<_> = (1..=50).map(|number| format!("{series}{number:04}")).collect();
    assert_eq!(codes, expected);
}

#[test]
fn case_02_a_pass_at_receipt_rests_on_a_surface_reading_inside_the_limit() {
    let plant = Plant::open();
    let supplier = plant.partner("SUPPLIER");
    let lot = plant.raw(&supplier, 400_000);
    plant.register(&lot);
    assert_eq!(plant.refusal("recordInspection", Plant::inspection(&lot, "PASS", "")), "READING_MISSING");
    let warm = plant.read(&lot, "SURFACE", 41);
    assert_eq!((&warm["isViolation"], &warm["lotStatus"]), (&json!(true), &json!("HOLD")));
    assert_eq!(warm["deviation"]["status"], "OPEN");
    let lot = plant.raw(&supplier, 400_000);
    plant.register(&lot);
    assert_eq!(plant.read(&lot, "SURFACE", 40)["isViolation"], false);
    let passed = plant.lot_after("recordInspection", Plant::inspection(&lot, "PASS", ""));
    assert_eq!(passed["status"], "RELEASED");
}

#[test]
fn case_03_a_hold_needs_ten_characters_of_notes_and_a_second_decision_never_alters_the_first() {
    let plant = Plant::open();
    let lot = plant.raw(&plant.partner("SUPPLIER"), 400_000);
    plant.register(&lot);
    let hold = |notes| Plant::inspection(&lot, "HOLD", notes);
    assert_eq!(plant.refusal("recordInspection", hold("nine char")), "NOTES_TOO_SHORT");
    let written = "inspection { id decision notes }";
    let first = plant.give("recordInspection", hold("smells of fish"), written)["inspection"].clone();
    let fail = Plant::inspection(&lot, "FAIL", "it does smell");
    let second = plant.give("recordInspection", fail, written)["inspection"].clone();
    assert_ne!(first["id"], second["id"]);
    let query = "query($lot: ID!, $written: Int64) {
        inspections(filter: { lot: $lot }, minPosition: $written) { nodes { id decision notes } } }";
    let kept = plant.know(query, json!({ "lot": id(&lot) }));
    assert_eq!(kept["data"]["inspections"]["nodes"], json!([second, first]));
    assert_eq!((&first["decision"], &first["notes"]), (&json!("HOLD"), &json!("smells of fish")));
    assert_eq!(plant.lot(&lot)["status"], "HOLD");
}

#[test]
fn case_05_a_deboned_lot_used_up_by_two_has_nothing_left_for_a_third() {
    let plant = Plant::open();
    let raw = plant.released_raw(400_000);
    let deb = plant.released("DEB", &[(&raw, 400_000)]);
    plant.lot_after("produceLot", Plant::production("BULK", &[(&deb, 250_000)]));
    plant.lot_after("produceLot", Plant::production("BULK", &[(&deb, 150_000)]));
    let used_up = plant.lot(&deb);
    assert_eq!((&used_up["remainingG"], &used_up["status"]), (&json!(0), &json!("CONSUMED")));
    assert_eq!(plant.refusal("produceLot", Plant::production("BULK", &[(&deb, 1)])), "NOT_ENOUGH_LEFT");
}

#[test]
fn case_05_of_two_takes_of_the_same_kilograms_at_once_one_succeeds() {
    let plant = Plant::open();
    let raw = plant.released_raw(400_000);
    let deb = plant.released("DEB", &[(&raw, 400_000)]);
    let take = || plant.give("produceLot", Plant::production("BULK", &[(&deb, 300_000)]), LOT);
    let takes = thread::scope(|scope| [scope.spawn(take), scope.spawn(take)].map(|one| one.join().unwrap()));
    let mut codes = takes.map(|take| take["errors"][0]["code"].clone());
    codes.sort_by_key(|code| code.is_null());
    assert_eq!(codes, [json!("NOT_ENOUGH_LEFT"), Value::Null]);
    assert_eq!(plant.lot(&deb)["remainingG"], 100_000);
}

#[test]
fn case_12_a_held_lot_cannot_be_consumed() {
    let plant = Plant::open();
    let raw = plant.released_raw(400_000);
    let hold = json!({ "lot": id(&raw), "reason": "foreign matter found" });
    assert_eq!(plant.lot_after("holdLot", hold)["status"], "HOLD");
    assert_eq!(
        plant.refusal("produceLot", Plant::production("DEB", &[(&raw, 1_000)])),
        "PARENT_NOT_RELEASED"
    );
}

/// 2 RAW, 2 DEB, 1 BULK, 1 MIX, 40 SKW15: the first raw lot, the mix, and its rods.
fn tree(plant: &Plant) -> (Value, Value, Vec<Value>) {
    let raw = [plant.released_raw(300_000), plant.released_raw(300_000)];
    let deboned = raw.each_ref().map(|raw| plant.released("DEB", &[(raw, 300_000)]));
    let bulk = plant.released("BULK", &[(&deboned[0], 300_000), (&deboned[1], 300_000)]);
    let mix = plant.released("MIX", &[(&bulk, 600_000)]);
    let rods = (0..40).map(|_| plant.released("SKW15", &[(&mix, 15_000)])).collect();
    let [first, _] = raw;
    (first, mix, rods)
}

#[test]
fn case_17_a_tree_is_listed_whole_and_its_recall_names_every_shipped_pallet() {
    let plant = Plant::open();
    let (raw, mix, rods) = tree(&plant);
    let genealogy = "query($lot: ID!, $direction: GenealogyDirection!, $depth: Int, $written: Int64) {
        genealogy(lot: $lot, direction: $direction, depth: $depth, minPosition: $written) {
            nodes(first: 100) { nodes { code } } links(first: 100) { nodes { childCode } } } }";
    let ask = |direction, depth| {
        plant.know(genealogy, json!({ "lot": id(&mix), "direction": direction, "depth": depth }))
    };
    let found = ask("BOTH", 5)["data"]["genealogy"].clone();
    let count = |list: &str| found[list]["nodes"].as_array().map(Vec::len);
    assert_eq!((count("nodes"), count("links")), (Some(46), Some(45)));
    for depth in [0, 11] {
        let refused = ask("FORWARD", depth);
        assert_eq!(refused["errors"][0]["extensions"]["code"], "VALIDATION_FAILED", "{depth}: {refused}");
    }

    let consignee = plant.partner("CUSTOMER");
    let mut shipped = Vec::new();
    for pair in rods[..4].chunks(2) {
        let goods: Vec<_> = pair
            .iter()
            .map(|rod| plant.released("FG15", &[(&plant.released("FRZ15", &[(rod, 15_000)]), 15_000)]))
            .collect();
        let pallet = plant.released("PAL", &[(&goods[0], 15_000), (&goods[1], 15_000)]);
        let lot = plant.released("SHIP", &[(&pallet, 30_000)]);
        let ship = json!({ "lot": id(&lot), "consignee": consignee, "document": "CMR 4711" });
        assert_eq!(plant.lot_after("shipLot", ship)["status"], "FINISHED");
        shipped.push(json!({ "lotCode": lot["code"], "shippedG": 30_000 }));
    }
    let recall = "query($lot: ID!, $written: Int64) { recallScope(lot: $lot, minPosition: $written) {
        lots(first: 100) { nodes { code } } consignees { name address shippedG
            deliveries { nodes { lotCode shippedG } } } } }";
    let scope = plant.know(recall, json!({ "lot": id(&raw) }))["data"]["recallScope"].clone();
    assert_eq!(scope["lots"]["nodes"].as_array().map(Vec::len), Some(1 + 1 + 1 + 40 + 4 + 4 + 2 + 2));
    let delivered = json!([{ "name": "Tisza Farm", "address": "Bécs, Ring 1", "shippedG": "60000",
        "deliveries": { "nodes": shipped } }]);
    assert_eq!(scope["consignees"], delivered);
}
