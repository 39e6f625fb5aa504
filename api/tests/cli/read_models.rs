use crate::shell::{Shell, fits, worth_trying};

#[test]
fn a_rebuild_of_every_read_model_equals_what_was_live() {
    let shell = Shell::with_demo();
    shell.cairn("rebuild").succeeds();
    let again = shell.json("rebuild");
    let models = again.as_array().unwrap();
    assert!(models.len() >= 7);
    assert!(models.iter().all(|model| model["equal"] == true), "{again}");
    fits(&shell.cairn("rebuild lot_board partners").succeeds());
}

#[test]
fn an_unknown_read_model_is_answered_with_the_known_ones() {
    let error = Shell::with_demo().cairn("rebuild lotboard").misuses();
    assert!(error.contains("there is no read model lotboard") && error.contains("lot_board"), "{error}");
}

#[test]
fn nothing_is_parked_in_the_demo_plant() {
    let shell = Shell::with_demo();
    shell.cairn("rebuild").succeeds();
    assert!(shell.cairn("parked list").succeeds().starts_with("Nothing is parked"));
    assert_eq!(shell.json("parked list"), serde_json::json!([]));
    let stream = "ef4a6f81-8e6e-5c9b-b156-d9365f61532a/lot-x";
    let error = shell.cairn(&format!("parked retry lot_board {stream}")).fails();
    assert!(error.contains("nothing of") && error.contains("is parked in lot_board"), "{error}");
    let error = shell.cairn(&format!("parked retry lotboard {stream} --json")).misuses();
    assert!(error.contains("there is no read model lotboard") && error.contains("lot_board"), "{error}");
    assert!(shell.cairn("parked retry lot_board lot-x").misuses().contains("TENANT/CATEGORY-ID"));
    assert!(shell.cairn(&format!("parked skip lot_board {stream}")).misuses().contains("--reason"));
}

#[test]
fn damaged_read_models_are_named_and_left_alone_and_may_be_moved_away() {
    let shell = Shell::with_demo();
    let file = shell.path().join("data/cairn-read.db");
    for end in ["-wal", "-shm"] {
        let _there_was_none = std::fs::remove_file(format!("{}{end}", file.display()));
    }
    let damaged = [7; 8_192];
    std::fs::write(&file, damaged).unwrap();
    for question in ["serve --listen 127.0.0.1:0", "rebuild", "parked list"] {
        let error = shell.cairn(question).fails();
        let told = "error: the read models in ./data/cairn-read.db cannot be opened\n  because: ";
        assert!(error.starts_with(told), "{question}: {error}");
        assert!(error.contains("try: move ./data/cairn-read.db") && error.contains("built anew"), "{error}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), damaged);
    std::fs::remove_file(&file).unwrap();
    shell.cairn("rebuild").succeeds();
}

#[test]
fn a_lot_is_shown_as_it_was_at_a_version_a_position_and_a_time() {
    let shell = Shell::with_demo();
    let code = worth_trying(3);
    let now = shell.json(&format!("as-of lot {code}"));
    assert_eq!((&now["state"]["state"]["status"], &now["version"]), (&"REJECTED".into(), &4.into()));
    let first = shell.json(&format!("as-of lot {code} --version 1"));
    assert_eq!(first["state"]["state"]["status"], "CREATED");
    let position = &now["history"][2]["position"];
    let held = shell.json(&format!("as-of lot {code} --position {position}"));
    assert_eq!(held["state"]["state"]["status"], "HOLD");
    let time = now["history"][0]["recorded_at"].as_str().unwrap();
    assert_eq!(shell.json(&format!("as-of lot {code} --time {time}")), first);
    let told = shell.cairn(&format!("as-of lot {code} --tenant demo")).succeeds();
    fits(&told);
    assert!(told.contains("LotRejected") && told.contains("\nstatus: REJECTED\n"), "{told}");

    let error = shell.cairn(&format!("as-of lot {code} --position 1")).fails();
    assert!(error.contains("did not exist then"), "{error}");
    let error = shell.cairn("as-of lot RAW-20260302-DUNA-9999").fails();
    assert!(error.contains("there is no lot RAW-20260302-DUNA-9999"), "{error}");
    let known = shell.cairn("as-of shipment x").misuses();
    assert!(known.contains("one of: ") && known.contains("partner, lot, inspection"), "{known}");
    assert!(shell.cairn("as-of lot x --time yesterday").misuses().contains("2026-03-02T10:30:00Z"));
    assert!(shell.cairn("as-of lot x --version 1 --position 1").misuses().contains("cannot be used with"));
}
