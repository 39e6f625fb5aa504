//! Acceptance case 17 on the write side: the tree that the genealogy is asked about, and that no gram of it is lost.

use std::collections::BTreeSet;

use commands::lots::ShipLot;
use domain::lots::{Grams, LotStatus, LotType, PartnerRole};
use uuid::Uuid;

use super::plant::Plant;

/// 2 RAW, 2 DEB, 1 BULK, 1 MIX, 40 SKW15; answers the mix and its rods.
pub(super) async fn tree(plant: &Plant) -> (Uuid, Vec<Uuid>) {
    let mut deboned = Vec::new();
    for _ in 0..2 {
        let raw = plant.released_raw(300_000).await;
        deboned.push((plant.released(LotType::Deb, &[(raw, 300_000)]).await, 300_000));
    }
    let bulk = plant.released(LotType::Bulk, &deboned).await;
    let mix = plant.released(LotType::Mix, &[(bulk, 600_000)]).await;
    let mut rods = Vec::new();
    for _ in 0..40 {
        rods.push(plant.released(LotType::Skw15, &[(mix, 15_000)]).await);
    }
    (mix, rods)
}

/// Every lot reached from one, over its parents and its children.
async fn reached(plant: &Plant, from: Uuid) -> BTreeSet<Uuid> {
    let mut known = BTreeSet::from([from]);
    for forward in [false, true] {
        let mut waiting = vec![from];
        while let Some(lot_id) = waiting.pop() {
            let lot = plant.lot(lot_id).await;
            let next = match forward {
                false => lot.parent_ids(),
                true => lot.children.iter().map(|child| child.lot_id).collect(),
            };
            waiting.extend(next.iter().filter(|lot_id| known.insert(**lot_id)));
        }
    }
    known
}

#[tokio::test]
async fn case_17_a_mix_is_linked_to_the_46_lots_of_its_tree() {
    let plant = Plant::new();
    let (mix, rods) = tree(&plant).await;
    assert_eq!(reached(&plant, mix).await.len(), 46);
    let lot = plant.lot(mix).await;
    assert_eq!((lot.status, lot.remaining_grams()), (LotStatus::Consumed, Grams::ZERO));
    assert_eq!(lot.children.iter().map(|child| child.lot_id).collect::<Vec<_>>(), rods);
}

#[tokio::test]
async fn case_17_every_gram_of_a_tree_leaves_the_plant_under_a_consignee() {
    let plant = Plant::new();
    let (_, rods) = tree(&plant).await;
    let consignee_id = plant.partner(&[PartnerRole::Customer], Some("Bécs, Ring 1")).await;
    let mut packed = Vec::new();
    for rod in rods {
        let frozen = plant.released(LotType::Frz15, &[(rod, 15_000)]).await;
        packed.push((plant.released(LotType::Fg15, &[(frozen, 15_000)]).await, 15_000));
    }
    let mut shipped = Grams::ZERO;
    for goods in packed.chunks(20) {
        let pallet = plant.released(LotType::Pal, goods).await;
        let lot_id = plant.released(LotType::Ship, &[(pallet, 300_000)]).await;
        let ship = ShipLot { lot_id, consignee_id, carrier_id: None, document: "CMR 4711".to_owned() };
        assert_eq!(plant.give(ship).await.unwrap().status, LotStatus::Finished);
        shipped = shipped.plus(plant.lot(lot_id).await.shipped_grams);
    }
    assert_eq!(shipped, Grams(600_000));
}
