use std::{io::Read, process::Stdio};

use serde_json::Value;

use crate::shell::{Shell, fits, worth_trying};

/// The demo plant and the code of its first delivery.
fn demo() -> (Shell, &'static str) {
    (Shell::with_demo(), worth_trying(0))
}

fn grams(balance: &Value, parts: &[&str]) -> i64 {
    parts.iter().map(|part| balance[format!("{part}_grams")].as_i64().unwrap()).sum()
}

#[test]
fn a_delivery_is_traced_to_its_customers_and_its_grams_balance() {
    let (shell, code) = demo();
    let told = shell.cairn(&format!("trace {code} --forward")).succeeds();
    fits(&told);
    for expected in ["10 Shipment: 3 lots", "Donaukanal Imbissbedarf GmbH", "Where its grams are", "together"]
    {
        assert!(told.contains(expected), "{expected} is missing:\n{told}");
    }
    let traced = shell.json(&format!("trace {code} --forward"));
    assert_eq!(traced["lots"].as_array().unwrap().len(), 142);
    assert_eq!(traced["lots"][0]["code"], code);
    assert_eq!(traced["consignees"].as_array().unwrap().len(), 3);
    let balance = &traced["balance"];
    assert_eq!(
        grams(balance, &["received", "joined", "gained"]),
        grams(balance, &["lost", "in_process", "written_off", "rejected", "in_stock", "shipped"])
    );
}

#[test]
fn a_pallet_is_traced_back_to_its_suppliers() {
    let (shell, _) = demo();
    let pallet = worth_trying(1);
    let traced = shell.json(&format!("trace {pallet} --backward"));
    let suppliers = traced["lots"].as_array().unwrap().iter().filter(|lot| lot["supplier"].is_string());
    assert_eq!(suppliers.count(), 4, "both mixes went on it, and so all four accepted deliveries of the day");
    assert!(traced.get("consignees").is_none());
}

#[test]
fn both_ways_join_what_each_way_finds() {
    let (shell, _) = demo();
    let mix = worth_trying(2);
    let lots = |ways: &str| shell.json(&format!("trace {mix} {ways}"))["lots"].as_array().unwrap().len();
    assert_eq!(lots("--forward") + lots("--backward") - 1, lots("--both"));
    assert_eq!(lots(""), lots("--both"));
}

#[test]
fn a_trace_is_drawn_for_graphviz_and_as_a_picture() {
    let (shell, code) = demo();
    let dot = shell.cairn(&format!("trace {code} --forward --format dot")).succeeds();
    assert!(dot.starts_with("digraph") && dot.contains(code), "{dot}");
    let ran = shell.cairn(&format!("trace {code} --forward --format svg --out recall.svg"));
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", "recall.svg: 142 lots, 183 links\n"));
    let svg = std::fs::read_to_string(shell.path().join("recall.svg")).unwrap();
    assert!(svg.contains("<svg") && svg.trim_end().ends_with("</svg>") && svg.contains(code));
    let every = shell.cairn(&format!("trace {code} --forward --format svg --every-lot")).succeeds();
    assert!(every.len() > svg.len());
    let error = shell.cairn(&format!("trace {code} --format svg --out no/where.svg")).fails();
    assert!(error.contains("no/where.svg cannot be written"), "{error}");
}

#[test]
fn a_trace_can_be_asked_of_the_past() {
    let (shell, code) = demo();
    let history = shell.json(&format!("as-of lot {code}"))["history"].clone();
    let born = &history[0];
    let then = shell.json(&format!("trace {code} --forward --position {}", born["position"]));
    assert_eq!(then["lots"].as_array().unwrap().len(), 1);
    let time = born["recorded_at"].as_str().unwrap();
    assert_eq!(shell.json(&format!("trace {code} --forward --time {time}")), then);
    let error = shell.cairn(&format!("trace {code} --position 1")).fails();
    assert!(error.contains("cannot be traced") && error.contains("position 1"), "{error}");
}

#[test]
fn a_lot_that_is_not_there_is_told() {
    let (shell, code) = demo();
    let error = shell.cairn("trace RAW-20200101-DUNA-0001").fails();
    assert!(
        error.starts_with("error: there is no lot RAW-20200101-DUNA-0001 in sqlite:./data/cairn.db"),
        "{error}"
    );
    let stranger = "00000000-0000-0000-0000-000000000001";
    assert!(shell.cairn(&format!("trace {code} --tenant {stranger}")).fails().contains("there is no lot"));
    assert!(
        shell.cairn(&format!("trace {code} --forward --backward")).misuses().contains("cannot be used with")
    );
}

#[test]
fn a_trace_into_head_ends_quietly() {
    let (shell, code) = demo();
    let mut command = shell.command(&format!("trace {code} --forward --format svg --every-lot"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut few = [0_u8; 16];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut few).unwrap();
    drop(out);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(0), ""));
}
