//! Codes: taken in the creating commit, unique in the tenant, given by hand or in turn.

use commands::lots::{CreateLot, ProduceLot};
use domain::lots::LotType;

use super::plant::{Plant, code, production};

fn create(supplier_id: uuid::Uuid, code: Option<&str>) -> CreateLot {
    CreateLot { supplier_id: Some(supplier_id), weight_grams: 0, run_id: None, code: code.map(str::to_owned) }
}

#[tokio::test]
async fn a_code_given_by_hand_is_claimed_and_cannot_be_given_twice() {
    let plant = Plant::new();
    let supplier = plant.supplier().await;
    let by_hand = || create(supplier, Some("RAW-20250101-DUNA-0042"));
    assert_eq!(plant.give(by_hand()).await.unwrap().lot_code.as_str(), "RAW-20250101-DUNA-0042");
    assert_eq!(code(plant.give(by_hand()).await), "CODE_TAKEN");
    let wrong = create(supplier, Some("DEB-20250101-DUNA-0042"));
    assert_eq!(code(plant.give(wrong).await), "VALIDATION_FAILED");
}

#[tokio::test]
async fn the_series_passes_over_a_number_that_was_given_by_hand() {
    let plant = Plant::new();
    let supplier = plant.supplier().await;
    plant.give(create(supplier, Some("RAW-20260302-DUNA-0001"))).await.unwrap();
    plant.give(create(supplier, Some("RAW-20260302-DUNA-0002"))).await.unwrap();
    let next = plant.give(create(supplier, None)).await.unwrap();
    assert_eq!(next.lot_code.as_str(), "RAW-20260302-DUNA-0003");
}

#[tokio::test]
async fn the_series_goes_on_however_many_codes_were_given_by_hand() {
    let plant = Plant::new();
    let supplier = plant.supplier().await;
    for number in 1..=600 {
        plant.give(create(supplier, Some(&format!("RAW-20260302-DUNA-{number:04}")))).await.unwrap();
    }
    let next = plant.give(create(supplier, None)).await.unwrap();
    assert_eq!(next.lot_code.as_str(), "RAW-20260302-DUNA-0601");
    let taken = create(supplier, Some("RAW-20260302-DUNA-0601"));
    assert_eq!(code(plant.give(taken).await), "CODE_TAKEN");
}

#[tokio::test]
async fn a_refused_lot_takes_no_number() {
    let plant = Plant::new();
    let raw = plant.released_raw(400_000).await;
    let too_much = production(LotType::Deb, &[(raw, 400_001)], 400_001);
    assert_eq!(code(plant.give(too_much).await), "NOT_ENOUGH_LEFT");
    let lot = plant.produce(LotType::Deb, &[(raw, 400_000)], 400_000).await.unwrap();
    assert_eq!(lot.lot_code.as_str(), "DEB-20260302-DUNA-0001");
}

#[tokio::test]
async fn two_lots_that_are_given_the_same_code_at_once_do_not_both_get_it() {
    let plant = Plant::new();
    let supplier = plant.supplier().await;
    let by_hand = || plant.give(create(supplier, Some("RAW-20250101-DUNA-0042")));
    let (one, other) = tokio::join!(by_hand(), by_hand());
    let lost = if one.is_ok() { other } else { one };
    assert_eq!(code(lost), "CODE_TAKEN");
}

#[tokio::test]
async fn each_tenant_counts_and_claims_for_itself() {
    let (plant, other) = (Plant::new(), Plant::new().as_tenant(2));
    assert_eq!(plant.raw(0).await.lot_code, other.raw(0).await.lot_code);
}

#[tokio::test]
async fn each_local_day_begins_at_number_1() {
    let plant = Plant::new();
    plant.raw(0).await;
    plant.pass_time(chrono::TimeDelta::days(1));
    assert_eq!(plant.raw(0).await.lot_code.as_str(), "RAW-20260303-DUNA-0001");
}

#[tokio::test]
async fn a_produced_lot_may_be_given_its_code_by_hand() {
    let plant = Plant::new();
    let raw = plant.released_raw(400_000).await;
    let by_hand = ProduceLot {
        code: Some("DEB-20260302-DUNA-0777".to_owned()),
        ..production(LotType::Deb, &[(raw, 400_000)], 400_000)
    };
    assert_eq!(plant.give(by_hand).await.unwrap().lot_code.as_str(), "DEB-20260302-DUNA-0777");
}
