use super::*;

fn pass_with(latest_reading: Option<Reading>) -> LotCommand {
    LotCommand::Inspect(InspectLot { latest_reading, ..inspection(LotType::Raw, Decision::Pass) })
}

fn waiting() -> Lot {
    given(vec![create(400_000), register()])
}

fn violation(lot_type: LotType, reading_type: ReadingType, tenths_c: i32) -> LotCommand {
    LotCommand::HoldForTemperature {
        reading: reading(reading_type, tenths_c, lot_type),
        hold_disposition: None,
        deviation_id: id(700),
        now: now(),
    }
}

fn resolve(disposition: Option<Disposition>) -> LotCommand {
    LotCommand::ResolveHold { disposition, now: now() }
}

fn confirm(disposition: Option<Disposition>) -> LotCommand {
    LotCommand::ConfirmReject { disposition, now: now() }
}

#[test]
fn a_lot_is_registered_once_it_has_a_weight() {
    assert_refused(&given(vec![create(0)]), register(), "WEIGHT_MISSING");
    let lot = waiting();
    assert_eq!(status(&lot), LotStatus::Quarantine);
    assert_unchanged(&lot, register());
    assert_refused(&released(LotType::Raw, 400_000), register(), "LOT_STATE");
}

#[test]
fn case_02_a_pass_at_a_critical_control_point_rests_on_a_reading_of_the_last_hour() {
    assert_refused(&waiting(), pass_with(None), "READING_MISSING");
    let core = reading(ReadingType::Core, -200, LotType::Raw);
    assert_refused(&waiting(), pass_with(Some(core)), "READING_MISSING");
    let taken = |minutes| {
        let recorded_at = now() - TimeDelta::minutes(minutes);
        Some(Reading { recorded_at, ..reading(ReadingType::Surface, 40, LotType::Raw) })
    };
    assert_refused(&waiting(), pass_with(taken(61)), "READING_MISSING");
    assert_eq!(event_types(&waiting(), pass_with(taken(60))), ["LotInspected", "LotReleased"]);
}

#[test]
fn case_02_a_reading_of_4_1_degrees_holds_the_lot_before_anybody_decides() {
    let lot = apply(waiting(), violation(LotType::Raw, ReadingType::Surface, 41));
    assert_eq!(status(&lot), LotStatus::Hold);
    let refusal = refused(&waiting(), pass_with(Some(reading(ReadingType::Surface, 41, LotType::Raw))));
    assert_eq!(refusal.code(), "CCP_LIMIT_EXCEEDED");
    let lot = apply(waiting(), pass_with(Some(reading(ReadingType::Surface, 40, LotType::Raw))));
    assert_eq!(status(&lot), LotStatus::Released);
}

#[test]
fn case_03_a_hold_or_fail_with_notes_of_nine_characters_is_refused() {
    for decision in [Decision::Hold, Decision::Fail] {
        let short = InspectLot { notes: "nine char".to_owned(), ..inspection(LotType::Raw, decision) };
        assert_refused(&waiting(), LotCommand::Inspect(short), "NOTES_TOO_SHORT");
    }
}

#[test]
fn a_decision_on_a_waiting_lot_releases_holds_or_rejects_it() {
    for (decision, expected) in [
        (Decision::Pass, LotStatus::Released),
        (Decision::Hold, LotStatus::Hold),
        (Decision::Fail, LotStatus::Rejected),
    ] {
        assert_eq!(status(&apply(waiting(), inspect(LotType::Raw, decision))), expected);
    }
}

#[test]
fn a_released_lot_is_held_by_a_hold_or_fail_and_stays_released_by_a_pass() {
    let lot = || released(LotType::Raw, 400_000);
    assert_eq!(event_types(&lot(), inspect(LotType::Raw, Decision::Pass)), ["LotInspected"]);
    assert_eq!(event_types(&lot(), pass_with(None)), ["LotInspected"], "it releases nothing");
    assert_refused(&apply(lot(), hold()), pass_with(None), "READING_MISSING");
    for decision in [Decision::Hold, Decision::Fail] {
        assert_eq!(event_types(&lot(), inspect(LotType::Raw, decision)), ["LotInspected", "LotHeld"]);
    }
}

#[test]
fn a_decision_on_a_held_lot_is_noted_and_the_hold_stays() {
    let lot = apply(released(LotType::Raw, 400_000), hold());
    for decision in [Decision::Pass, Decision::Hold, Decision::Fail] {
        let after = apply(lot.clone(), inspect(LotType::Raw, decision));
        assert_eq!(status(&after), LotStatus::Hold);
    }
}

#[test]
fn a_lot_is_not_inspected_before_it_is_registered_or_after_it_is_closed() {
    assert_refused(&given(vec![create(5)]), inspect(LotType::Raw, Decision::Pass), "LOT_STATE");
    let rejected = apply(waiting(), inspect(LotType::Raw, Decision::Fail));
    assert_refused(&rejected, inspect(LotType::Raw, Decision::Pass), "LOT_STATE");
}

#[test]
fn a_lot_is_inspected_at_the_gate_of_its_step_and_a_rod_at_the_sku_split_too() {
    let elsewhere = InspectLot { gate: Gate::Mix, ..inspection(LotType::Raw, Decision::Pass) };
    assert_refused(&waiting(), LotCommand::Inspect(elsewhere), "VALIDATION_FAILED");
    let rod = given(vec![made(LotType::Skw15, 15_000), register()]);
    let split = InspectLot { gate: Gate::SkuSplit, ..inspection(LotType::Skw15, Decision::Pass) };
    assert_eq!(event_types(&rod, LotCommand::Inspect(split)), ["LotInspected"]);
}

#[test]
fn an_info_gate_releases_its_lots_like_any_other() {
    assert_eq!(status(&released(LotType::Bulk, 400_000)), LotStatus::Released);
}

#[test]
fn case_09_a_core_reading_above_its_critical_limit_holds_a_released_lot_once() {
    let lot = released(LotType::Frz15, 15_000);
    let warm = || violation(LotType::Frz15, ReadingType::Core, -175);
    let events = lot.decide(warm()).unwrap();
    let LotEvent::LotHeld(held) = &events[0] else { panic!("{events:?}") };
    let reading = held.reading.as_ref().unwrap();
    assert_eq!(held.cause, HoldCause::TempViolationHold);
    assert_eq!((reading.tenths_c, reading.limit.max_tenths_c), (TenthsC(-175), TenthsC(-180)));
    let lot = apply(lot, warm());
    assert_eq!(event_types(&lot, warm()), ["TemperatureViolationNoted"]);
    assert_refused(&lot, resolve(None), "DEVIATION_OPEN");
}

/// What is found of a lot on hold whose deviation has decided `hold_disposition`: a violation, a FAIL, a HOLD.
fn found_on_hold(hold_disposition: Option<Disposition>) -> [LotCommand; 3] {
    let reading = reading(ReadingType::Surface, 41, LotType::Raw);
    let deviation_id = id(702);
    let inspect = |decision| {
        let found = inspection(LotType::Raw, decision);
        LotCommand::Inspect(InspectLot { hold_disposition, deviation_id, ..found })
    };
    [
        LotCommand::HoldForTemperature { reading, hold_disposition, deviation_id, now: now() },
        inspect(Decision::Fail),
        inspect(Decision::Hold),
    ]
}

#[test]
fn what_is_found_after_the_goods_were_to_be_released_begins_a_hold_and_a_deviation_of_its_own() {
    let lot = apply(released(LotType::Raw, 400_000), hold());
    for found in found_on_hold(Some(Disposition::Release)) {
        let lot = apply(lot.clone(), found);
        let latest = lot.existing().unwrap().latest_hold.as_ref().unwrap();
        assert_eq!((status(&lot), latest.deviation_id), (LotStatus::Hold, id(702)));
    }
}

#[test]
fn what_is_found_before_a_disposition_or_on_goods_that_are_to_go_is_noted_under_the_hold_that_stands() {
    let lot = apply(released(LotType::Raw, 400_000), hold());
    for hold_disposition in [None, Some(Disposition::Dispose), Some(Disposition::ReturnToSupplier)] {
        for found in found_on_hold(hold_disposition) {
            let lot = apply(lot.clone(), found);
            assert_eq!(lot.existing().unwrap().latest_hold.as_ref().unwrap().deviation_id, id(700));
        }
    }
}

#[test]
fn a_reading_inside_its_limit_and_a_reading_of_a_closed_lot_change_nothing() {
    let cold = violation(LotType::Frz15, ReadingType::Core, -180);
    assert_unchanged(&released(LotType::Frz15, 15_000), cold);
    let rejected = apply(waiting(), inspect(LotType::Raw, Decision::Fail));
    assert_unchanged(&rejected, violation(LotType::Raw, ReadingType::Surface, 41));
}

#[test]
fn a_lot_is_held_by_hand_from_released_only_and_with_a_reason() {
    let lot = released(LotType::Raw, 400_000);
    let short = LotCommand::Hold { reason: "  too short".to_owned(), deviation_id: id(700), now: now() };
    assert_refused(&lot, short, "REASON_TOO_SHORT");
    let held = apply(lot, hold());
    assert_unchanged(&held, hold());
    assert_refused(&waiting(), hold(), "LOT_STATE");
}

#[test]
fn a_hold_is_resolved_by_the_disposition_of_its_deviation() {
    let lot = apply(released(LotType::Raw, 400_000), hold());
    assert_refused(&lot, resolve(None), "DEVIATION_OPEN");
    assert_refused(&lot, resolve(Some(Disposition::Dispose)), "DISPOSITION_OTHER");
    let resolved = apply(lot, resolve(Some(Disposition::Release)));
    assert_eq!(status(&resolved), LotStatus::Released);
    assert_unchanged(&resolved, resolve(Some(Disposition::Release)));
    assert_refused(&waiting(), resolve(Some(Disposition::Release)), "LOT_STATE");
}

#[test]
fn a_lot_that_never_passed_needs_a_pass_before_its_hold_is_resolved() {
    let lot = apply(waiting(), violation(LotType::Raw, ReadingType::Surface, 41));
    assert_refused(&lot, resolve(Some(Disposition::Release)), "QC_MISSING");
    let lot = apply(lot, inspect(LotType::Raw, Decision::Pass));
    assert_eq!(status(&apply(lot, resolve(Some(Disposition::Release)))), LotStatus::Released);
}

#[test]
fn a_fail_after_the_pass_of_a_hold_takes_the_pass_back_until_the_next_one() {
    let never_passed = apply(waiting(), violation(LotType::Raw, ReadingType::Surface, 41));
    let passed_before = apply(released(LotType::Raw, 400_000), hold());
    for held in [never_passed, passed_before] {
        for refused in [Decision::Hold, Decision::Fail] {
            let lot = apply(held.clone(), inspect(LotType::Raw, Decision::Pass));
            let lot = apply(lot, inspect(LotType::Raw, refused));
            assert_refused(&lot, resolve(Some(Disposition::Release)), "QC_MISSING");
            let lot = apply(lot, inspect(LotType::Raw, Decision::Pass));
            assert_eq!(status(&apply(lot, resolve(Some(Disposition::Release)))), LotStatus::Released);
        }
    }
}

#[test]
fn a_hold_after_a_hold_needs_a_pass_of_its_own_when_the_lot_was_never_released() {
    let [breach, ..] = found_on_hold(Some(Disposition::Release));
    let lot = apply(waiting(), violation(LotType::Raw, ReadingType::Surface, 41));
    let lot = apply(lot, inspect(LotType::Raw, Decision::Pass));
    let lot = apply(lot, breach.clone());
    assert_refused(&lot, resolve(Some(Disposition::Release)), "QC_MISSING");
    let was_released = apply(apply(released(LotType::Raw, 400_000), hold()), breach);
    assert_eq!(status(&apply(was_released, resolve(Some(Disposition::Release)))), LotStatus::Released);
}

#[test]
fn a_second_finding_after_a_fail_does_not_make_release_easier() {
    for first in [Decision::Hold, Decision::Fail] {
        let lot = apply(apply(released(LotType::Raw, 400_000), hold()), inspect(LotType::Raw, first));
        assert_refused(&lot, resolve(Some(Disposition::Release)), "QC_MISSING");
        for finding in found_on_hold(Some(Disposition::Release)) {
            let lot = apply(lot.clone(), finding);
            assert_refused(&lot, resolve(Some(Disposition::Release)), "QC_MISSING");
            let lot = apply(lot, inspect(LotType::Raw, Decision::Pass));
            assert_eq!(status(&apply(lot, resolve(Some(Disposition::Release)))), LotStatus::Released);
        }
    }
}

#[test]
fn a_decision_that_begins_a_hold_after_a_hold_asks_for_a_pass() {
    let [_, fail, hold_again] = found_on_hold(Some(Disposition::Release));
    for decided in [fail, hold_again] {
        let lot = apply(apply(released(LotType::Raw, 400_000), hold()), decided);
        assert_refused(&lot, resolve(Some(Disposition::Release)), "QC_MISSING");
    }
}

#[test]
fn a_lot_held_before_it_was_weighed_is_neither_weighed_nor_released() {
    let lot = apply(given(vec![create(0)]), violation(LotType::Raw, ReadingType::Surface, 41));
    let lot = apply(lot, inspect(LotType::Raw, Decision::Pass));
    assert_refused(&lot, resolve(Some(Disposition::Release)), "WEIGHT_MISSING");
    assert_refused(&lot, weigh(400_000), "LOT_FROZEN");
    assert_eq!(status(&apply(lot, confirm(Some(Disposition::Dispose)))), LotStatus::Rejected);
}

#[test]
fn a_held_lot_is_rejected_by_the_disposition_of_its_deviation() {
    let lot = apply(released(LotType::Raw, 400_000), hold());
    assert_refused(&lot, confirm(None), "DEVIATION_OPEN");
    assert_refused(&lot, confirm(Some(Disposition::Release)), "DISPOSITION_OTHER");
    let rejected = apply(lot, confirm(Some(Disposition::ReturnToSupplier)));
    assert_eq!(status(&rejected), LotStatus::Rejected);
    assert_unchanged(&rejected, confirm(Some(Disposition::ReturnToSupplier)));
    assert_refused(&waiting(), confirm(Some(Disposition::Dispose)), "LOT_STATE");
}

#[test]
fn every_change_of_status_carries_the_status_before_and_after() {
    let lot = apply(released(LotType::Raw, 400_000), hold());
    let events = lot.decide(resolve(Some(Disposition::Release))).unwrap();
    let LotEvent::LotReleased(event) = &events[0] else { panic!("{events:?}") };
    assert_eq!((event.status_before, event.status_after), (LotStatus::Hold, LotStatus::Released));
}
