use chrono::TimeZone;

use super::*;
use crate::{Refusal as _, lots::LotType};

fn record(decision: Decision, notes: &str) -> RecordInspection {
    let now = Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap();
    RecordInspection {
        lot_id: Uuid::from_u128(1),
        lot_code: LotCode::by_hand(LotType::Raw, "RAW-20260302-DUNA-0001").unwrap(),
        run_id: None,
        step_index: 1,
        gate: Gate::Receipt,
        is_ccp: true,
        inspection_type: "receipt".to_owned(),
        decision,
        notes: notes.to_owned(),
        checklist: Vec::new(),
        reading: None,
        inspector: "anna".to_owned(),
        signature: None,
        now,
    }
}

fn recorded(decision: Decision, notes: &str) -> Inspection {
    let events = Inspection::initial().decide(record(decision, notes)).unwrap();
    events.iter().fold(Inspection::initial(), Inspection::evolve)
}

#[test]
fn case_03_a_hold_with_notes_of_nine_characters_is_refused() {
    let refusal = Inspection::initial().decide(record(Decision::Hold, "nine char")).unwrap_err();
    assert_eq!(refusal.code(), "NOTES_TOO_SHORT");
    assert!(Inspection::initial().decide(record(Decision::Hold, "ten charac")).is_ok());
    assert!(Inspection::initial().decide(record(Decision::Pass, "")).is_ok());
}

#[test]
fn case_03_a_second_decision_never_alters_the_first() {
    let inspection = recorded(Decision::Hold, "smells of fish");
    let refusal = inspection.decide(record(Decision::Pass, "")).unwrap_err();
    assert_eq!(refusal.code(), "INSPECTION_RECORDED");
    let second = Inspection::initial().decide(record(Decision::Pass, "")).unwrap();
    assert_eq!(inspection.clone().evolve(&second[0]), inspection);
}

#[test]
fn the_same_decision_again_changes_nothing() {
    let inspection = recorded(Decision::Fail, "smells of fish");
    assert_eq!(inspection.decide(record(Decision::Fail, "smells of fish")), Ok(vec![]));
}

#[test]
fn texts_and_lists_beyond_their_limits_are_invalid() {
    let answer = ChecklistAnswer { question: "Clean?".to_owned(), is_met: true, remark: None };
    let too_many = vec![answer; 101];
    for wrong in [
        RecordInspection { inspection_type: String::new(), ..record(Decision::Pass, "") },
        RecordInspection { inspection_type: "a".repeat(31), ..record(Decision::Pass, "") },
        RecordInspection { signature: Some("a".repeat(513)), ..record(Decision::Pass, "") },
        RecordInspection { checklist: too_many, ..record(Decision::Pass, "") },
        record(Decision::Pass, &"a".repeat(2_001)),
    ] {
        assert_eq!(Inspection::initial().decide(wrong).unwrap_err().code(), "VALIDATION_FAILED");
    }
}
