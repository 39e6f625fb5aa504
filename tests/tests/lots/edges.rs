//! Bad input, missing rights, other tenants, and what this plant cannot know yet.

use commands::{
    engine::Envelope,
    lots::{
        AddLotInput, CloseDeviation, ConfirmReject, CreateLot, DispositionDeviation, FinishLot, HoldLot,
        Input, ProduceLot, RecordTemperature, RegisterLot, ResolveHold, SavePartner, ShipLot, WeighLot,
        WriteOffRemainder,
    },
};
use domain::{
    identity::Role,
    lots::{
        Decision, DeviationStatus, Disposition, Grams, LotStatus, LotType, PartnerRole, ReadingType, Subject,
    },
};
use uuid::Uuid;

use super::plant::{Plant, code, inspection, production};

#[tokio::test]
async fn another_tenants_lot_is_not_found_by_any_command() {
    let plant = Plant::new();
    let lot = plant.raw(400_000).await;
    let lot_id = plant.release(&lot).await;
    let other = plant.as_tenant(2);
    let reason = || "a reason long enough".to_owned();
    assert_eq!(code(other.give(RegisterLot { lot_id }).await), "NOT_FOUND");
    let weigh = WeighLot { lot_id, weight_grams: 5, override_reason: None };
    assert_eq!(code(other.give(weigh).await), "NOT_FOUND");
    assert_eq!(code(other.give(HoldLot { lot_id, reason: reason() }).await), "NOT_FOUND");
    assert_eq!(code(other.give(ResolveHold { lot_id }).await), "NOT_FOUND");
    assert_eq!(code(other.give(ConfirmReject { lot_id }).await), "NOT_FOUND");
    assert_eq!(code(other.give(FinishLot { lot_id }).await), "NOT_FOUND");
    assert_eq!(code(other.give(WriteOffRemainder { lot_id, reason: reason() }).await), "NOT_FOUND");
    assert_eq!(code(other.decide(&lot, Decision::Pass).await), "NOT_FOUND");
    assert_eq!(code(other.produce(LotType::Deb, &[(lot_id, 5)], 5).await), "NOT_FOUND");
    let record =
        RecordTemperature { subject: Subject::Lot(lot_id), reading_type: ReadingType::Surface, tenths_c: 10 };
    assert_eq!(code(other.give(record).await), "SUBJECT_UNKNOWN");
    let supplier = plant.supplier().await;
    let create = CreateLot { supplier_id: Some(supplier), weight_grams: 0, run_id: None, code: None };
    assert_eq!(code(other.give(create).await), "NOT_FOUND");
}

#[tokio::test]
async fn a_lot_held_before_it_was_weighed_can_only_be_disposed_of() {
    let plant = Plant::new();
    let lot_id = plant.raw(0).await.lot_id;
    let deviation_id = plant.read(lot_id, ReadingType::Surface, 41).await.deviation_id.unwrap();
    let weigh = WeighLot { lot_id, weight_grams: 400_000, override_reason: None };
    assert_eq!(code(plant.give(weigh).await), "LOT_FROZEN");
    let decide = |disposition| DispositionDeviation { deviation_id, disposition, root_cause: None };
    assert_eq!(code(plant.give(decide(Disposition::Release)).await), "WEIGHT_MISSING");
    plant.give(decide(Disposition::Dispose)).await.unwrap();
    assert_eq!(plant.give(ConfirmReject { lot_id }).await.unwrap().status, LotStatus::Rejected);
}

#[tokio::test]
async fn a_run_a_buffer_or_a_freezer_cycle_that_does_not_exist_is_not_found() {
    let plant = Plant::new();
    let raw = plant.released_raw(400_000).await;
    let unknown = Some(Uuid::now_v7());
    let make = || production(LotType::Deb, &[(raw, 5)], 5);
    assert_eq!(code(plant.give(ProduceLot { run_id: unknown, ..make() }).await), "NOT_FOUND");
    assert_eq!(code(plant.give(ProduceLot { freezer_cycle_id: unknown, ..make() }).await), "NOT_FOUND");
    let inputs = vec![Input { lot_id: raw, used_grams: 5, from_buffer_id: unknown }];
    assert_eq!(code(plant.give(ProduceLot { inputs, ..make() }).await), "NOT_FOUND");
    let record = RecordTemperature {
        subject: Subject::Buffer(Uuid::now_v7()),
        reading_type: ReadingType::Ambient,
        tenths_c: 10,
    };
    assert_eq!(code(plant.give(record).await), "SUBJECT_UNKNOWN");
}

#[tokio::test]
async fn only_whoever_may_control_runs_resolves_holds_and_saves_partners() {
    let plant = Plant::new();
    let lot_id = plant.released_raw(400_000).await;
    let operator = plant.as_role("otto", Role::Operator);
    operator.give(HoldLot { lot_id, reason: "foreign matter found".to_owned() }).await.unwrap();
    assert_eq!(code(operator.give(ResolveHold { lot_id }).await), "FORBIDDEN");
    let save = SavePartner {
        partner_id: None,
        name: "A".to_owned(),
        address: None,
        roles: [PartnerRole::Customer].into(),
    };
    assert_eq!(code(operator.give(save).await), "FORBIDDEN");
    let viewer = plant.as_role("vera", Role::Viewer);
    assert_eq!(code(viewer.give(RegisterLot { lot_id }).await), "FORBIDDEN");
}

#[tokio::test]
async fn a_reading_or_weight_outside_its_limits_leaves_nothing_behind() {
    let plant = Plant::new();
    let lot = plant.raw(400_000).await;
    let before = plant.log().await.len();
    for tenths_c in [-501, 1_001, i32::MIN, i32::MAX] {
        let record = RecordTemperature {
            subject: Subject::Lot(lot.lot_id),
            reading_type: ReadingType::Core,
            tenths_c,
        };
        assert_eq!(code(plant.give(record).await), "VALIDATION_FAILED");
    }
    for weight_grams in [0, -1, 10_000_001, i64::MIN, i64::MAX] {
        let weigh = WeighLot { lot_id: lot.lot_id, weight_grams, override_reason: None };
        assert_eq!(code(plant.give(weigh).await), "VALIDATION_FAILED");
    }
    for used_grams in [0, -1, i64::MIN, i64::MAX] {
        let make = production(LotType::Deb, &[(lot.lot_id, used_grams)], 5);
        assert_eq!(code(plant.give(make).await), "VALIDATION_FAILED");
    }
    assert_eq!(plant.log().await.len(), before);
}

#[tokio::test]
async fn inputs_beyond_their_number_and_legacy_types_are_invalid() {
    let plant = Plant::new();
    let raw = plant.released_raw(400_000).await;
    let many = vec![(raw, 1); 201];
    assert_eq!(code(plant.produce(LotType::Deb, &many, 1).await), "VALIDATION_FAILED");
    assert_eq!(code(plant.produce(LotType::Deb, &[], 1).await), "VALIDATION_FAILED");
    assert_eq!(code(plant.produce(LotType::Skw, &[(raw, 1)], 1).await), "VALIDATION_FAILED");
    assert_eq!(code(plant.produce(LotType::Deb, &[(raw, 1), (raw, 1)], 2).await), "LINK_INVALID");
}

#[tokio::test]
async fn a_production_without_an_idempotency_key_is_refused() {
    let plant = Plant::new();
    let raw = plant.released_raw(400_000).await;
    let envelope = Envelope::new(plant.caller.clone(), Uuid::now_v7());
    let answer = plant.engine.execute(envelope, production(LotType::Deb, &[(raw, 5)], 5)).await;
    assert_eq!(code(answer), "IDEMPOTENCY_KEY_REQUIRED");
}

#[tokio::test]
async fn an_input_is_added_to_a_lot_that_waits_and_its_parent_has_less_left() {
    let plant = Plant::new();
    let (one, other) = (plant.released_raw(400_000).await, plant.released_raw(400_000).await);
    let deb = plant.produce(LotType::Deb, &[(one, 100_000)], 100_000).await.unwrap();
    let add = |lot_id, weight_grams| AddLotInput {
        lot_id: deb.lot_id,
        inputs: vec![Input { lot_id, used_grams: 100_000, from_buffer_id: None }],
        weight_grams,
        override_reason: None,
    };
    assert_eq!(code(plant.give(add(one, Some(200_000))).await), "LINK_INVALID");
    assert_eq!(code(plant.give(add(deb.lot_id, Some(200_000))).await), "LINK_INVALID");
    assert_eq!(code(plant.give(add(other, None)).await), "WEIGHT_BALANCE");
    let grown = plant.give(add(other, Some(200_000))).await.unwrap();
    assert_eq!(grown.weight_grams, Grams(200_000));
    assert_eq!(plant.lot(other).await.remaining_grams(), Grams(300_000));
    plant.release(&deb).await;
    assert_eq!(code(plant.give(add(one, None)).await), "LOT_FROZEN");
}

#[tokio::test]
async fn a_failed_lot_goes_back_to_its_supplier_and_its_deviation_is_signed_off_by_somebody_else() {
    let plant = Plant::new();
    let lot = plant.raw(400_000).await;
    let lot_id = plant.release(&lot).await;
    let failed = plant.give(inspection(&lot, Decision::Fail, "smells of fish")).await.unwrap();
    let deviation_id = failed.deviation_id.unwrap();
    assert_eq!(failed.status, LotStatus::Hold);
    assert_eq!(code(plant.give(ConfirmReject { lot_id }).await), "DEVIATION_OPEN");
    let disposition = Disposition::ReturnToSupplier;
    plant.give(DispositionDeviation { deviation_id, disposition, root_cause: None }).await.unwrap();
    assert_eq!(code(plant.give(ResolveHold { lot_id }).await), "DISPOSITION_OTHER");
    assert_eq!(plant.give(ConfirmReject { lot_id }).await.unwrap().status, LotStatus::Rejected);
    let root_cause = Some("the lorry's cooling had failed".to_owned());
    let closed = plant.give(CloseDeviation { deviation_id, root_cause }).await.unwrap();
    assert_eq!(closed.status, DeviationStatus::Closed);
}

#[tokio::test]
async fn whoever_recorded_the_reading_cannot_close_its_deviation() {
    let plant = Plant::new();
    let lot = plant.raw(400_000).await;
    let warm = plant.read(lot.lot_id, ReadingType::Surface, 41).await;
    let deviation_id = warm.deviation_id.unwrap();
    let disposition = Disposition::Dispose;
    plant.give(DispositionDeviation { deviation_id, disposition, root_cause: None }).await.unwrap();
    let close = || CloseDeviation { deviation_id, root_cause: Some("the cooling had failed".to_owned()) };
    assert_eq!(code(plant.give(close()).await), "SAME_PERSON");
    assert!(plant.as_role("martin", Role::Manager).give(close()).await.is_ok());
}

#[tokio::test]
async fn case_18_a_consignee_without_an_address_receives_no_shipment() {
    let plant = Plant::new();
    let mut lot_id = plant.released_raw(15_000).await;
    for lot_type in [
        LotType::Deb,
        LotType::Bulk,
        LotType::Mix,
        LotType::Skw15,
        LotType::Frz15,
        LotType::Fg15,
        LotType::Pal,
        LotType::Ship,
    ] {
        lot_id = plant.released(lot_type, &[(lot_id, 15_000)]).await;
    }
    let nowhere = plant.partner(&[PartnerRole::Customer], None).await;
    let ship =
        |consignee_id| ShipLot { lot_id, consignee_id, carrier_id: None, document: "CMR 4711".to_owned() };
    assert_eq!(code(plant.give(ship(nowhere)).await), "PARTNER_INCOMPLETE");
    assert_eq!(code(plant.give(ship(Uuid::now_v7())).await), "NOT_FOUND");
    let known = plant.partner(&[PartnerRole::Customer], Some("Bécs, Ring 1")).await;
    assert_eq!(plant.give(ship(known)).await.unwrap().status, LotStatus::Finished);
}
