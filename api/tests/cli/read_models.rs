use crate::shell::{Shell, fits};

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
    assert!(shell.cairn("parked retry lot_board lot-x").misuses().contains("TENANT/CATEGORY-ID"));
    assert!(shell.cairn(&format!("parked skip lot_board {stream}")).misuses().contains("--reason"));
}
