mod history;

use std::{collections::BTreeMap, time::Duration};

use domain::{
    kernel::LocalDay,
    lots::{
        GenealogyDirection, Grams, LotEvent, LotStatus, LotType, ParentLink,
        lot::{LotCreated, LotsLinked},
    },
};
use history::{Plant, TENANT, any_try, code, recorded};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

use super::{Genealogy, GenealogyRefusal, LotFacts, LotRef, image, synthetic};

/// A plant of some size: a released chain to begin with, so that the tries find something to work on.
fn any_plant() -> impl Strategy<Value = Plant> {
    vec(any_try(), 0..120).prop_map(|tries| Plant::after(&tries))
}

/// What the lot's own state says, for comparison with the index.
fn same_as_the_aggregate(facts: &LotFacts, plant: &Plant) -> bool {
    let (_, lot) = plant.lots.iter().find(|(id, _)| *id == facts.lot_id).unwrap();
    let state = lot.existing().unwrap();
    (facts.lot_code.as_str(), facts.status) == (state.lot_code.as_str(), state.status)
        && facts.weight_grams == state.weight_grams.0
        && facts.used_grams == state.used_grams.0
        && facts.inputs_grams == state.inputs_grams().0
        && facts.written_off_grams == state.written_off_grams.0
        && facts.shipped_grams == state.shipped_grams.0
        && facts.remaining_grams == state.remaining_grams().0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_mass_balance_of_every_recall_holds_to_the_gram_at_every_position(plant in any_plant()) {
        let index = Genealogy::of_events(&plant.log);
        for (id, _) in &plant.lots {
            for at in 0..=plant.log.len() as u64 {
                let Ok(scope) = index.recall_scope(TENANT, LotRef::Id(*id), Some(at)) else { continue };
                let balance = scope.balance;
                prop_assert_eq!(balance.in_grams(), balance.out_grams(), "{} at {}: {:?}", id, at, balance);
                let shipped: i64 = scope.consignees.iter().map(|consignee| consignee.shipped_grams).sum();
                prop_assert_eq!(shipped, balance.shipped_grams);
            }
        }
    }

    #[test]
    fn the_index_says_of_each_lot_what_its_aggregate_says(plant in any_plant()) {
        let index = Genealogy::of_events(&plant.log);
        for (id, lot) in &plant.lots {
            match index.lot(TENANT, LotRef::Id(*id), None) {
                Ok(facts) => prop_assert!(same_as_the_aggregate(&facts, &plant), "{:?}", facts),
                Err(refusal) => {
                    prop_assert!(lot.existing().is_none());
                    prop_assert_eq!(refusal, GenealogyRefusal::NotFound);
                }
            }
        }
    }

    #[test]
    fn an_answer_as_of_a_position_is_the_answer_that_was_given_then(plant in any_plant(), cut in any::<usize>()) {
        let cut = cut % (plant.log.len() + 1);
        let (then, now) = (Genealogy::of_events(&plant.log[..cut]), Genealogy::of_events(&plant.log));
        for (id, _) in &plant.lots {
            let lot = LotRef::Id(*id);
            let ask = |index: &Genealogy| {
                index.recall_scope(TENANT, lot, Some(cut as u64)).map(|scope| {
                    (scope.root.clone(), scope.descendants(), scope.consignees.clone(), scope.balance)
                })
            };
            prop_assert_eq!(ask(&then), ask(&now));
            let ask = |index: &Genealogy| {
                index.genealogy(TENANT, lot, GenealogyDirection::Both, Some(5), Some(cut as u64)).map(|family| {
                    (family.nodes(0, usize::MAX), family.links(0, usize::MAX), family.position)
                })
            };
            prop_assert_eq!(ask(&then), ask(&now));
        }
    }

    #[test]
    fn the_difference_leads_from_the_earlier_recall_to_the_later_one(plant in any_plant(), cut in any::<usize>()) {
        let cut = (cut % (plant.log.len() + 1)) as u64;
        let index = Genealogy::of_events(&plant.log);
        for (id, _) in &plant.lots {
            let lot = LotRef::Id(*id);
            let Ok(after) = index.recall_scope(TENANT, lot, None) else { continue };
            let difference = index.recall_difference(TENANT, lot, cut, None).unwrap();
            let before = index.recall_scope(TENANT, lot, Some(cut)).ok();
            let mut lots: BTreeMap<Uuid, LotFacts> = before.iter().flat_map(|scope| scope.descendants())
                .map(|known| (known.lot.lot_id, known.lot)).collect();
            for came in difference.came(0, usize::MAX) {
                prop_assert!(lots.insert(came.lot.lot_id, came.lot).is_none());
            }
            for change in difference.changed(0, usize::MAX).into_iter().filter(|change| change.depth > 0) {
                prop_assert_eq!(lots.insert(change.after.lot_id, change.after), Some(change.before));
            }
            let expected: BTreeMap<Uuid, LotFacts> =
                after.descendants().into_iter().map(|known| (known.lot.lot_id, known.lot)).collect();
            prop_assert_eq!(lots, expected);
            let came: i64 = difference.consignees.iter().map(|consignee| consignee.shipped_grams).sum();
            let known = before.map_or(0, |scope| scope.balance.shipped_grams);
            prop_assert_eq!(came, after.balance.shipped_grams - known);
        }
    }

    #[test]
    fn an_image_holds_all_that_the_index_knows(plant in any_plant(), cut in any::<usize>()) {
        let index = Genealogy::of_events(&plant.log);
        let bytes = image::encode(&index.tenants, Uuid::from_u128(9));
        let (tenants, anchor) = image::decode(&bytes, index.position()).unwrap();
        prop_assert_eq!(anchor, Uuid::from_u128(9));
        let loaded = Genealogy::standing(tenants, index.position());
        let at = Some((cut % (plant.log.len() + 1)) as u64);
        for (id, _) in &plant.lots {
            let lot = LotRef::Id(*id);
            for as_of in [None, at] {
                let ask = |index: &Genealogy| {
                    let recall = index.recall_scope(TENANT, lot, as_of);
                    let near = index.traceability(TENANT, lot, as_of);
                    (recall.map(|scope| (scope.descendants(), scope.consignees, scope.balance)), near)
                };
                prop_assert_eq!(ask(&index), ask(&loaded));
            }
        }
    }
}

#[test]
fn an_image_with_any_byte_changed_or_cut_off_is_not_believed() {
    let index = synthetic::genealogy(TENANT, 1);
    let whole = image::encode(&index.tenants, Uuid::nil());
    assert!(image::decode(&whole, 1).is_some());
    for at in (0..whole.len()).step_by(whole.len() / 50) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        assert!(image::decode(&damaged, 1).is_none(), "byte {at}");
        assert!(image::decode(&whole[..at], 1).is_none(), "cut at {at}");
    }
}

#[test]
fn the_first_lot_of_a_block_has_9000_descendants_and_its_balance_holds() {
    let index = synthetic::genealogy(TENANT, 2);
    for block in 0..2 {
        let first = LotRef::Id(synthetic::first_lot(block));
        let scope = index.recall_scope(TENANT, first, None).unwrap();
        assert_eq!(scope.descendant_count(), synthetic::DESCENDANTS);
        assert_eq!(scope.balance.in_grams(), scope.balance.out_grams());
        let keys: Vec<_> = scope.descendants().into_iter().map(|lot| (lot.depth, lot.lot.lot_code)).collect();
        assert!(keys.is_sorted());
    }
}

#[tokio::test]
async fn an_index_that_is_built_anew_answers_nobody_before_it_is_where_it_was() {
    let index = synthetic::genealogy(TENANT, 1);
    let (reached, soon) = (index.position(), Duration::from_millis(10));
    index.build_anew();
    assert!(index.wait_to_answer(None, soon).await.is_err(), "it is empty");
    index.build_anew();
    assert!(index.wait_to_answer(None, soon).await.is_err(), "it died again before it came there");
    index.add(std::iter::empty(), reached);
    index.wait_to_answer(None, soon).await.unwrap();
}

fn created(number: u16, lot_type: LotType) -> LotEvent {
    let created = LotCreated {
        lot_code: code(lot_type, number),
        lot_type,
        step_index: lot_type.step_index(),
        status_after: LotStatus::Created,
        run_id: None,
        supplier_id: None,
        supplier_name: None,
        sku: None,
        weight_grams: Grams(1_000),
        freezer_cycle_id: None,
        production_day: LocalDay(chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap()),
        created_at: chrono::DateTime::UNIX_EPOCH,
    };
    created.into()
}

fn made_from(number: u16, parent: u16) -> LotEvent {
    let parent = ParentLink {
        lot_id: Uuid::from_u128(u128::from(parent)),
        lot_code: code(LotType::Deb, parent),
        lot_type: LotType::Deb,
        used_grams: Grams(100),
        from_buffer_id: None,
    };
    let lot_code = code(LotType::Deb, number);
    LotsLinked { lot_code, parents: vec![parent], linked_at: chrono::DateTime::UNIX_EPOCH }.into()
}

#[test]
fn a_link_that_would_close_a_cycle_is_left_out_and_the_rest_stands() {
    let story = [
        (1, created(1, LotType::Deb)),
        (2, created(2, LotType::Deb)),
        (3, created(3, LotType::Deb)),
        (2, made_from(2, 1)),
        (3, made_from(3, 2)),
        (1, made_from(1, 3)),
        (1, made_from(1, 1)),
    ];
    let log: Vec<_> = (1..)
        .zip(&story)
        .map(|(position, (lot, event))| recorded(TENANT, Uuid::from_u128(*lot), position, event))
        .collect();
    let index = Genealogy::of_events(&log);
    let first = LotRef::Id(Uuid::from_u128(1));
    assert_eq!(index.recall_scope(TENANT, first, None).unwrap().descendant_count(), 2);
    assert_eq!(index.traceability(TENANT, first, None).unwrap().parents, Vec::new());
    assert_eq!(index.position(), 7);
}

#[test]
fn what_cannot_be_read_is_left_out_and_the_rest_stands() {
    let mut damaged = recorded(TENANT, Uuid::from_u128(1), 1, &created(1, LotType::Raw));
    damaged.payload = "{".into();
    let unknown = recorded(TENANT, Uuid::from_u128(1), 2, &made_from(1, 2));
    let whole = recorded(TENANT, Uuid::from_u128(2), 3, &created(2, LotType::Raw));
    let index = Genealogy::of_events(&[damaged, unknown, whole]);
    assert_eq!(index.lot(TENANT, LotRef::Id(Uuid::from_u128(1)), None), Err(GenealogyRefusal::NotFound));
    assert_eq!(index.lot(TENANT, LotRef::Id(Uuid::from_u128(2)), None).unwrap().weight_grams, 1_000);
}
