//! What the genealogy answers about a plant that was run through the real commands.

use commands::lots::ShipLot;
use domain::{
    Refusal,
    kernel::RefusalKind,
    lots::{GenealogyDirection, LotType, PartnerRole},
};
use projections::lots::genealogy::{Genealogy, GenealogyRefusal, LotRef};

use super::{acceptance_recall::tree, plant::Plant};

#[tokio::test]
async fn case_17_depth_5_both_ways_from_the_mix_lists_46_nodes() {
    let plant = Plant::new();
    let (mix, rods) = tree(&plant).await;
    let genealogy = Genealogy::of_events(&plant.log().await);
    let tenant = plant.caller.tenant;
    let found =
        genealogy.genealogy(tenant, LotRef::Id(mix), GenealogyDirection::Both, Some(5), None).unwrap();
    assert_eq!((found.node_count(), found.link_count()), (46, 45));
    let nodes = found.nodes(0, usize::MAX);
    assert_eq!((nodes[0].lot.lot_id, nodes[0].depth), (mix, 0));
    let keys: Vec<_> = nodes.iter().map(|node| (node.depth, &node.lot.lot_code)).collect();
    assert!(keys.is_sorted());
    let near = genealogy.traceability(tenant, LotRef::Id(mix), None).unwrap();
    assert_eq!((near.parents.len(), near.children.len()), (1, rods.len()));
    assert!(near.children.iter().all(|child| child.used_grams == 15_000));
}

#[tokio::test]
async fn case_17_a_depth_outside_its_limits_is_refused() {
    let plant = Plant::new();
    let raw = plant.released_raw(1_000).await;
    let genealogy = Genealogy::of_events(&plant.log().await);
    let ask = |direction, depth| {
        genealogy.genealogy(plant.caller.tenant, LotRef::Id(raw), direction, depth, None).map(|_| ())
    };
    for (direction, depth) in [
        (GenealogyDirection::Forward, 0),
        (GenealogyDirection::Forward, 11),
        (GenealogyDirection::Backward, -1),
        (GenealogyDirection::Both, 0),
        (GenealogyDirection::Both, 6),
        (GenealogyDirection::Both, i64::MAX),
    ] {
        let refusal = ask(direction, Some(depth)).unwrap_err();
        assert_eq!((refusal.kind(), refusal.field()), (RefusalKind::Invalid, Some("depth")), "{depth}");
    }
    for (direction, depth) in [
        (GenealogyDirection::Forward, Some(10)),
        (GenealogyDirection::Both, Some(5)),
        (GenealogyDirection::Both, None),
    ] {
        assert_eq!(ask(direction, depth), Ok(()));
    }
}

#[tokio::test]
async fn case_17_the_recall_of_one_raw_lot_names_every_shipped_pallet_with_consignee_and_grams() {
    let plant = Plant::new();
    let (_, rods) = tree(&plant).await;
    let mut consignees = Vec::new();
    for address in ["Bécs, Ring 1", "Graz, Hauptplatz 2"] {
        consignees.push(plant.partner(&[PartnerRole::Customer], Some(address)).await);
    }
    let mut packed = Vec::new();
    for rod in rods {
        let frozen = plant.released(LotType::Frz15, &[(rod, 15_000)]).await;
        packed.push((plant.released(LotType::Fg15, &[(frozen, 15_000)]).await, 15_000));
    }
    let mut shipped = Vec::new();
    // 300 kg to the first, 150 and 150 to the second.
    for (goods, consignee_id) in [&packed[..20], &packed[20..30], &packed[30..]].into_iter().zip([0, 1, 1]) {
        let consignee_id = consignees[consignee_id];
        let pallet = plant.released(LotType::Pal, goods).await;
        let grams = goods.iter().map(|(_, grams)| grams).sum();
        let lot_id = plant.released(LotType::Ship, &[(pallet, grams)]).await;
        let ship = ShipLot { lot_id, consignee_id, carrier_id: None, document: "CMR 4711".to_owned() };
        plant.give(ship).await.unwrap();
        shipped.push(lot_id);
    }
    let genealogy = Genealogy::of_events(&plant.log().await);
    let tenant = plant.caller.tenant;
    let raw = LotRef::Code("RAW-20260302-DUNA-0001");
    let scope = genealogy.recall_scope(tenant, raw, None).unwrap();
    assert_eq!(scope.descendant_count(), 1 + 1 + 1 + 40 + 40 + 40 + 3 + 3);
    assert_eq!(scope.consignees.len(), 2);
    for (partner_id, lots, grams) in
        [(consignees[0], &shipped[..1], 300_000), (consignees[1], &shipped[1..], 300_000)]
    {
        let named = scope.consignees.iter().find(|named| named.partner_id == partner_id).unwrap();
        let delivered: Vec<_> = named.deliveries.iter().map(|delivery| delivery.lot_id).collect();
        assert_eq!((named.shipped_grams, delivered.as_slice()), (grams, lots));
    }
    let balance = scope.balance;
    assert_eq!((balance.received_grams, balance.joined_grams), (300_000, 300_000));
    assert_eq!((balance.shipped_grams, balance.in_grams(), balance.out_grams()), (600_000, 600_000, 600_000));
    assert_eq!(scope.page(3, 2), scope.descendants()[3..5]);
}

#[tokio::test]
async fn a_lot_of_another_tenant_and_a_code_of_nobody_are_not_found() {
    let plant = Plant::new();
    let own = plant.released_raw(1_000).await;
    let theirs = plant.as_tenant(2).released_raw(2_000).await;
    let genealogy = Genealogy::of_events(&plant.log().await);
    let tenant = plant.caller.tenant;
    assert_eq!(genealogy.lot(tenant, LotRef::Id(own), None).unwrap().weight_grams, 1_000);
    let same_code = LotRef::Code("RAW-20260302-DUNA-0001");
    assert_eq!(genealogy.lot(tenant, same_code, None).unwrap().lot_id, own);
    for unknown in [LotRef::Id(theirs), LotRef::Code("RAW-20260302-DUNA-0002"), LotRef::Code("nonsense")] {
        assert_eq!(genealogy.traceability(tenant, unknown, None), Err(GenealogyRefusal::NotFound));
    }
}
