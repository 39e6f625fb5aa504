//! The acceptance cases of lots.md, by number, on commands as a client gives them.

use chrono::{TimeDelta, TimeZone, Utc};
use commands::engine::decode_event;
use commands::lots::{
    AddLotInput, CreateLot, DispositionDeviation, HoldLot, Input, ProduceLot, RecordInspection, RegisterLot,
    ResolveHold,
};
use domain::{
    identity::Role,
    lots::{
        Decision, Deviation, DeviationStatus, Disposition, Grams, InspectionEvent, LotStatus, LotType,
        ReadingType, TenthsC,
    },
};

use super::plant::{Plant, code, inspection, production};

#[tokio::test]
async fn case_01_a_raw_lot_needs_a_supplier_and_the_first_one_of_the_day_is_number_1() {
    let plant = Plant::new();
    let without = CreateLot { supplier_id: None, weight_grams: 0, run_id: None, code: None };
    assert_eq!(code(plant.give(without).await), "SUPPLIER_REQUIRED");
    assert_eq!(plant.raw(400_000).await.lot_code.as_str(), "RAW-20260302-DUNA-0001");
    let raw = plant.released_raw(400_000).await;
    let deb = plant.released(LotType::Deb, &[(raw, 400_000)]).await;
    let bulk = plant.released(LotType::Bulk, &[(deb, 400_000)]).await;
    let mix = plant.produce(LotType::Mix, &[(bulk, 400_000)], 400_000).await.unwrap();
    assert_eq!(mix.lot_code.as_str(), "MIXLOT-20260302-DUNA-0001");
}

#[tokio::test]
async fn case_01_fifty_lots_created_at_once_are_numbered_without_gap_or_double() {
    let plant = Plant::new();
    let supplier_id = Some(plant.supplier().await);
    let create = || {
        let plant = plant.clone();
        async move {
            let create = CreateLot { supplier_id, weight_grams: 0, run_id: None, code: None };
            plant.give(create).await.unwrap().lot_code.to_string()
        }
    };
    let mut codes = futures::future::join_all((0..50).map(|_| create())).await;
    codes.sort();
    let expected: Vec<_> = (1..=50).map(|number| format!("RAW-20260302-DUNA-{number:04}")).collect();
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn case_01_two_processes_that_create_at_once_share_one_series() {
    let plant = Plant::new();
    let plants = [plant.clone(), plant.twin()];
    let supplier_id = Some(plants[0].supplier().await);
    let create = |index: usize| {
        let plant = plants[index % 2].clone();
        async move {
            let create = CreateLot { supplier_id, weight_grams: 0, run_id: None, code: None };
            plant.give(create).await.map(|lot| lot.lot_code.to_string())
        }
    };
    let answers = futures::future::join_all((0..50).map(create)).await;
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let mut codes: Vec<_> = answers.into_iter().flatten().collect();
    codes.sort();
    let expected: Vec<_> = (1..=50).map(|number| format!("RAW-20260302-DUNA-{number:04}")).collect();
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn case_02_a_pass_at_receipt_rests_on_a_surface_reading_inside_the_limit() {
    let plant = Plant::new();
    let lot = plant.raw(400_000).await;
    plant.register(lot.lot_id).await;
    assert_eq!(code(plant.decide(&lot, Decision::Pass).await), "READING_MISSING");
    let warm = plant.read(lot.lot_id, ReadingType::Surface, 41).await;
    assert_eq!((warm.is_violation, warm.status), (true, LotStatus::Hold));
    let deviation = plant.state::<Deviation>(&warm.deviation_id.unwrap().to_string()).await;
    assert_eq!(deviation.existing().unwrap().status, DeviationStatus::Open);

    let lot = plant.raw(400_000).await;
    plant.register(lot.lot_id).await;
    plant.read(lot.lot_id, ReadingType::Surface, 40).await;
    assert_eq!(plant.decide(&lot, Decision::Pass).await.unwrap().status, LotStatus::Released);
}

#[tokio::test]
async fn case_02_a_reading_counts_for_sixty_minutes_also_across_midnight() {
    let plant = Plant::new();
    // 23:40 in Budapest.
    plant.set_time(Utc.with_ymd_and_hms(2026, 3, 2, 22, 40, 0).unwrap());
    let lot = plant.raw(400_000).await;
    plant.register(lot.lot_id).await;
    plant.read(lot.lot_id, ReadingType::Surface, 40).await;
    plant.pass_time(TimeDelta::minutes(61));
    assert_eq!(code(plant.decide(&lot, Decision::Pass).await), "READING_MISSING");
    plant.pass_time(TimeDelta::minutes(-1));
    assert_eq!(plant.decide(&lot, Decision::Pass).await.unwrap().status, LotStatus::Released);
}

#[tokio::test]
async fn case_03_a_hold_needs_ten_characters_of_notes_and_a_second_decision_is_written_beside_the_first() {
    let plant = Plant::new();
    let lot = plant.raw(400_000).await;
    plant.register(lot.lot_id).await;
    let short = inspection(&lot, Decision::Hold, "nine char");
    assert_eq!(code(plant.give(short).await), "NOTES_TOO_SHORT");
    let first = plant.give(inspection(&lot, Decision::Hold, "smells of fish")).await.unwrap();
    plant.give(inspection(&lot, Decision::Fail, "it does smell")).await.unwrap();
    let log = plant.log().await;
    let written: Vec<_> = log.iter().filter(|event| &*event.event_type == "InspectionRecorded").collect();
    let told: Vec<_> = written
        .iter()
        .map(|event| match decode_event::<InspectionEvent>(event).unwrap() {
            InspectionEvent::InspectionRecorded(recorded) => (recorded.decision, recorded.notes),
        })
        .collect();
    let expected =
        [(Decision::Hold, "smells of fish".to_owned()), (Decision::Fail, "it does smell".to_owned())];
    assert_eq!(told, expected);
    assert!(written.iter().all(|event| event.version == 1), "each is a stream of its own, of one event");
    assert_eq!(*written[0].stream.id, first.inspection_id.to_string());
    assert_eq!(plant.lot(lot.lot_id).await.status, LotStatus::Hold);
}

#[tokio::test]
async fn case_05_a_deboned_lot_used_up_by_two_has_nothing_left_for_a_third() {
    let plant = Plant::new();
    let raw = plant.released_raw(400_000).await;
    let deb = plant.released(LotType::Deb, &[(raw, 400_000)]).await;
    plant.produce(LotType::Bulk, &[(deb, 250_000)], 250_000).await.unwrap();
    plant.produce(LotType::Bulk, &[(deb, 150_000)], 150_000).await.unwrap();
    let lot = plant.lot(deb).await;
    assert_eq!((lot.remaining_grams(), lot.status), (Grams::ZERO, LotStatus::Consumed));
    assert_eq!(code(plant.produce(LotType::Bulk, &[(deb, 1)], 1).await), "NOT_ENOUGH_LEFT");
}

#[tokio::test]
async fn case_05_of_two_takes_of_the_same_kilograms_at_once_one_succeeds() {
    let plant = Plant::new();
    for _ in 0..20 {
        let raw = plant.released_raw(400_000).await;
        let deb = plant.released(LotType::Deb, &[(raw, 400_000)]).await;
        let take = || plant.give(production(LotType::Bulk, &[(deb, 300_000)], 300_000));
        let (one, other) = tokio::join!(take(), take());
        let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
        assert_eq!(won.unwrap().weight_grams, Grams(300_000));
        assert_eq!(code(lost), "NOT_ENOUGH_LEFT");
        assert_eq!(plant.lot(deb).await.remaining_grams(), Grams(100_000));
    }
}

#[tokio::test]
async fn case_06_a_weight_outside_the_tolerance_needs_somebody_who_may_answer_for_it() {
    let plant = Plant::new();
    let (one, other) = (plant.released_raw(100_000).await, plant.released_raw(300_000).await);
    let inputs = [(one, 100_000), (other, 100_000)];
    assert_eq!(code(plant.produce(LotType::Deb, &inputs, 139_999).await), "WEIGHT_BALANCE");
    let overridden = || ProduceLot {
        override_reason: Some("bones were heavier than usual".to_owned()),
        ..production(LotType::Deb, &inputs, 139_999)
    };
    let operator = plant.as_role("otto", Role::Operator);
    assert_eq!(code(operator.give(overridden()).await), "FORBIDDEN");
    plant.give(overridden()).await.unwrap();
    let log = plant.log().await;
    let audited = log.iter().find(|event| &*event.event_type == "WeightBalanceOverridden").unwrap();
    assert!(audited.payload.contains("\"maria\"") && audited.payload.contains("bones were heavier"));
    let inputs = [(other, 200_000)];
    assert!(plant.produce(LotType::Deb, &inputs, 140_000).await.is_ok());
}

#[tokio::test]
async fn case_07_a_mix_made_at_half_past_midnight_local_time_belongs_to_the_new_day() {
    let plant = Plant::new();
    // 23:30 in Greenwich on 1 March is 00:30 on 2 March in Budapest.
    plant.set_time(Utc.with_ymd_and_hms(2026, 3, 1, 23, 30, 0).unwrap());
    let raw = plant.released_raw(400_000).await;
    let deb = plant.released(LotType::Deb, &[(raw, 400_000)]).await;
    let bulk = plant.released(LotType::Bulk, &[(deb, 400_000)]).await;
    let mix = plant.released(LotType::Mix, &[(bulk, 400_000)]).await;
    plant.set_time(Utc.with_ymd_and_hms(2026, 3, 2, 22, 59, 0).unwrap());
    let rod = plant.released(LotType::Skw30, &[(mix, 30_000)]).await;
    plant.set_time(Utc.with_ymd_and_hms(2026, 3, 2, 23, 0, 0).unwrap());
    assert_eq!(code(plant.produce(LotType::Skw30, &[(mix, 30_000)], 30_000).await), "MIX_NOT_SAME_DAY");
    assert_eq!(code(plant.produce(LotType::Frz15, &[(rod, 30_000)], 30_000).await), "SKU_MIXED");
    assert!(plant.produce(LotType::Frz30, &[(rod, 30_000)], 30_000).await.is_ok());
}

#[tokio::test]
async fn case_09_a_frozen_lot_that_warms_up_is_held_once_and_resolved_by_disposition() {
    let plant = Plant::new();
    let raw = plant.released_raw(400_000).await;
    let mut lot_id = raw;
    for lot_type in [LotType::Deb, LotType::Bulk, LotType::Mix, LotType::Skw15, LotType::Frz15] {
        lot_id = plant.released(lot_type, &[(lot_id, 15_000)]).await;
    }
    let warm = plant.read(lot_id, ReadingType::Core, -175).await;
    assert_eq!(warm.status, LotStatus::Hold);
    assert_eq!(warm.limit.max_tenths_c, TenthsC(-180));
    let again = plant.read(lot_id, ReadingType::Core, -175).await;
    assert_eq!((again.is_violation, again.deviation_id), (true, None));
    assert_eq!(code(plant.give(ResolveHold { lot_id }).await), "DEVIATION_OPEN");
    let types: Vec<_> = plant.log().await.iter().map(|event| event.event_type.to_string()).collect();
    let count = |wanted: &str| types.iter().filter(|event_type| *event_type == wanted).count();
    assert_eq!((count("LotHeld"), count("TemperatureViolationNoted")), (1, 1));
    let dispose = DispositionDeviation {
        deviation_id: warm.deviation_id.unwrap(),
        disposition: Disposition::Release,
        root_cause: None,
    };
    plant.give(dispose).await.unwrap();
    assert_eq!(plant.give(ResolveHold { lot_id }).await.unwrap().status, LotStatus::Released);
}

#[tokio::test]
async fn case_09_a_reading_and_its_hold_are_one_commit() {
    let plant = Plant::new();
    let raw = plant.released_raw(400_000).await;
    let before = plant.log().await.len();
    plant.read(raw, ReadingType::Surface, 41).await;
    let log = plant.log().await;
    let commands: Vec<_> = log[before..].iter().map(|event| event.metadata.command_id).collect();
    assert_eq!(commands.len(), 3, "the reading, the hold, the deviation");
    assert!(commands.iter().all(|command| *command == commands[0]));
}

#[tokio::test]
async fn case_12_a_held_lot_cannot_be_consumed() {
    let plant = Plant::new();
    let raw = plant.released_raw(400_000).await;
    plant.give(HoldLot { lot_id: raw, reason: "foreign matter found".to_owned() }).await.unwrap();
    assert_eq!(code(plant.produce(LotType::Deb, &[(raw, 1_000)], 1_000).await), "PARENT_NOT_RELEASED");
    let other = plant.released_raw(400_000).await;
    let child = plant.produce(LotType::Deb, &[(other, 1_000)], 1_000).await.unwrap().lot_id;
    let add = AddLotInput {
        lot_id: child,
        inputs: vec![Input { lot_id: raw, used_grams: 1_000, from_buffer_id: None }],
        weight_grams: Some(2_000),
        override_reason: None,
    };
    assert_eq!(code(plant.give(add).await), "PARENT_NOT_RELEASED");
    let child = plant.lot(child).await;
    assert_eq!((child.parents.len(), child.weight_grams), (1, Grams(1_000)), "nothing of it is kept");
}

#[tokio::test]
async fn a_hold_and_a_take_at_once_end_consistent_in_either_order() {
    let plant = Plant::new();
    for _ in 0..20 {
        let raw = plant.released_raw(400_000).await;
        let hold = plant.give(HoldLot { lot_id: raw, reason: "foreign matter found".to_owned() });
        let take = plant.give(production(LotType::Deb, &[(raw, 1_000)], 1_000));
        let (hold, take) = tokio::join!(hold, take);
        hold.unwrap();
        let lot = plant.lot(raw).await;
        assert_eq!(lot.status, LotStatus::Hold);
        assert_eq!(lot.children.len(), usize::from(take.is_ok()));
    }
}

#[tokio::test]
async fn an_inspection_of_an_unregistered_lot_leaves_nothing_behind() {
    let plant = Plant::new();
    let lot = plant.raw(0).await;
    let before = plant.log().await.len();
    let decision: RecordInspection = inspection(&lot, Decision::Hold, "smells of fish");
    assert_eq!(code(plant.give(decision).await), "LOT_STATE");
    assert_eq!(code(plant.give(RegisterLot { lot_id: lot.lot_id }).await), "WEIGHT_MISSING");
    assert_eq!(plant.log().await.len(), before);
}
