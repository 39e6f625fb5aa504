//! What ends a hold, and what must not: findings that come after the disposition.

use commands::lots::{CloseDeviation, ConfirmReject, DispositionDeviation, HoldLot, HoldReply, ResolveHold};
use domain::lots::{Decision, Deviation, DeviationStatus, Disposition, LotStatus, LotType, ReadingType};
use uuid::Uuid;

use super::plant::{Plant, code, inspection, production};

async fn frozen(plant: &Plant) -> Uuid {
    let mut lot_id = plant.released_raw(400_000).await;
    for lot_type in [LotType::Deb, LotType::Bulk, LotType::Mix, LotType::Skw15, LotType::Frz15] {
        lot_id = plant.released(lot_type, &[(lot_id, 15_000)]).await;
    }
    lot_id
}

async fn disposition(plant: &Plant, deviation_id: Uuid, disposition: Disposition) {
    let root_cause = Some("the door of the cabin stood open".to_owned());
    plant.give(DispositionDeviation { deviation_id, disposition, root_cause }).await.unwrap();
}

async fn status_of(plant: &Plant, deviation_id: Uuid) -> DeviationStatus {
    plant.state::<Deviation>(&deviation_id.to_string()).await.existing().unwrap().status
}

#[tokio::test]
async fn a_breach_after_the_disposition_opens_a_deviation_of_its_own_and_the_lot_stays_on_hold() {
    for is_closed in [false, true] {
        let plant = Plant::new();
        let lot_id = frozen(&plant).await;
        let first = plant.read(lot_id, ReadingType::Core, -175).await.deviation_id.unwrap();
        disposition(&plant, first, Disposition::Release).await;
        if is_closed {
            let closer = plant.as_role("boglarka", domain::identity::Role::Manager);
            closer.give(CloseDeviation { deviation_id: first, root_cause: None }).await.unwrap();
        }
        let second = plant.read(lot_id, ReadingType::Core, -100).await;
        assert_eq!(second.status, LotStatus::Hold);
        let second = second.deviation_id.expect("a deviation of its own");
        assert_eq!(status_of(&plant, second).await, DeviationStatus::Open);
        assert_eq!(code(plant.give(ResolveHold { lot_id }).await), "DEVIATION_OPEN");
        let use_it = production(LotType::Fg15, &[(lot_id, 1_000)], 1_000);
        assert_eq!(code(plant.give(use_it).await), "PARENT_NOT_RELEASED");
        assert_eq!(plant.read(lot_id, ReadingType::Core, -100).await.deviation_id, None, "noted");
        disposition(&plant, second, Disposition::Release).await;
        assert_eq!(plant.give(ResolveHold { lot_id }).await.unwrap().status, LotStatus::Released);
    }
}

#[tokio::test]
async fn goods_that_spoil_after_they_were_to_be_released_can_still_be_rejected() {
    let plant = Plant::new();
    let lot = plant.raw(400_000).await;
    let lot_id = lot.lot_id;
    plant.register(lot_id).await;
    let warm = plant.read(lot_id, ReadingType::Surface, 41).await.deviation_id.unwrap();
    disposition(&plant, warm, Disposition::Release).await;
    let fail = plant.give(inspection(&lot, Decision::Fail, "smells of fish")).await.unwrap();
    assert_eq!(fail.status, LotStatus::Hold);
    let spoiled = fail.deviation_id.expect("a deviation of its own");
    assert_eq!(code(plant.give(ConfirmReject { lot_id }).await), "DEVIATION_OPEN");
    disposition(&plant, spoiled, Disposition::Dispose).await;
    assert_eq!(plant.give(ConfirmReject { lot_id }).await.unwrap().status, LotStatus::Rejected);
}

#[tokio::test]
async fn goods_that_are_to_go_go_whatever_is_still_read_of_them() {
    let plant = Plant::new();
    let lot_id = frozen(&plant).await;
    let deviation_id = plant.read(lot_id, ReadingType::Core, -175).await.deviation_id.unwrap();
    disposition(&plant, deviation_id, Disposition::Dispose).await;
    assert_eq!(plant.read(lot_id, ReadingType::Core, 100).await.deviation_id, None);
    assert_eq!(plant.give(ConfirmReject { lot_id }).await.unwrap().status, LotStatus::Rejected);
}

#[tokio::test]
async fn a_disposition_and_a_breach_at_once_never_release_the_lot_over_the_breach() {
    let plant = Plant::new();
    for _ in 0..20 {
        let raw = plant.released_raw(400_000).await;
        let hold: HoldReply =
            plant.give(HoldLot { lot_id: raw, reason: "foreign matter found".to_owned() }).await.unwrap();
        disposition(&plant, hold.deviation_id.unwrap(), Disposition::Release).await;
        let (resolved, warm) =
            tokio::join!(plant.give(ResolveHold { lot_id: raw }), plant.read(raw, ReadingType::Surface, 41));
        assert!(resolved.is_ok() || code(resolved) == "DEVIATION_OPEN");
        let lot = plant.lot(raw).await;
        assert_eq!(lot.status, LotStatus::Hold);
        assert_eq!(lot.latest_hold.unwrap().deviation_id, warm.deviation_id.unwrap());
    }
}
