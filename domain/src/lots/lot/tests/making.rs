use super::*;

#[test]
fn case_01_a_raw_lot_without_a_supplier_is_refused() {
    let without = |supplier| {
        LotCommand::Create(CreateLot {
            lot_code: code(LotType::Raw, 1),
            supplier,
            weight_grams: 400_000,
            run_id: None,
            production_day: day(2),
            now: now(),
        })
    };
    assert_refused(&Lot::initial(), without(None), "SUPPLIER_REQUIRED");
    let customer = Some((id(900), partner(&[PartnerRole::Customer], None)));
    assert_refused(&Lot::initial(), without(customer), "SUPPLIER_REQUIRED");
    assert_eq!(event_types(&Lot::initial(), create(400_000)), ["LotCreated"]);
}

#[test]
fn case_05_a_lot_used_in_two_parts_is_consumed_and_a_third_part_is_not_there() {
    let lot = released(LotType::Deb, 400_000);
    let lot = apply(lot, LotCommand::Use(take(LotType::Bulk, 21, 250_000)));
    assert_eq!(lot.existing().unwrap().remaining_grams(), Grams(150_000));
    let last = LotCommand::Use(take(LotType::Bulk, 22, 150_000));
    assert_eq!(event_types(&lot, last.clone()), ["LotUsed", "LotConsumed"]);
    let lot = apply(lot, last);
    assert_eq!(lot.existing().unwrap().remaining_grams(), Grams::ZERO);
    assert_eq!(status(&lot), LotStatus::Consumed);
    assert_refused(&lot, LotCommand::Use(take(LotType::Bulk, 23, 1)), "NOT_ENOUGH_LEFT");
}

#[test]
fn a_part_greater_than_what_is_left_is_not_there() {
    let lot = released(LotType::Deb, 400_000);
    let lot = apply(lot, LotCommand::Use(take(LotType::Bulk, 21, 300_000)));
    let refusal = refused(&lot, LotCommand::Use(take(LotType::Bulk, 22, 300_000)));
    assert_eq!(refusal.code(), "NOT_ENOUGH_LEFT");
    assert!(refusal.details().contains(&("remaining_g", Detail::Integer(100_000))));
}

#[test]
fn case_06_the_output_of_a_step_lies_within_its_tolerance() {
    let inputs = || vec![input(LotType::Raw, 1, None, 120_000), input(LotType::Raw, 2, None, 80_000)];
    assert!(Lot::initial().decide(produce(LotType::Deb, inputs(), 140_000)).is_ok());
    assert!(Lot::initial().decide(produce(LotType::Deb, inputs(), 200_000)).is_ok());
    for outside in [139_999, 200_001] {
        let refusal = refused(&Lot::initial(), produce(LotType::Deb, inputs(), outside));
        assert_eq!(refusal.code(), "WEIGHT_BALANCE");
        assert_eq!(
            refusal.details(),
            [("min_g", Detail::Integer(140_000)), ("max_g", Detail::Integer(200_000))]
        );
    }
}

#[test]
fn case_06_an_override_with_a_reason_is_accepted_and_kept() {
    let overridden = |reason: &str| {
        LotCommand::Produce(ProduceLot {
            balance_override: Some(BalanceOverride { reason: reason.to_owned(), by: "maria".to_owned() }),
            ..production(LotType::Deb, vec![input(LotType::Raw, 1, None, 200_000)], 139_999)
        })
    };
    assert_refused(&Lot::initial(), overridden("too short"), "REASON_TOO_SHORT");
    let events = Lot::initial().decide(overridden("bones were heavier than usual")).unwrap();
    let kept = WeightBalanceOverridden {
        weight_grams: Grams(139_999),
        inputs_grams: Grams(200_000),
        min_grams: Grams(140_000),
        max_grams: Grams(200_000),
        reason: "bones were heavier than usual".to_owned(),
        overridden_by: "maria".to_owned(),
    };
    assert_eq!(events[2], kept.into());
}

#[test]
fn mixing_may_gain_weight_and_palletizing_may_not_lose_a_gram() {
    let balance = |lot_type, from, sku, weight| {
        Lot::initial().decide(produce(lot_type, vec![input(from, 1, sku, 100_000)], weight)).is_ok()
    };
    assert!(balance(LotType::Mix, LotType::Bulk, None, 130_000));
    assert!(!balance(LotType::Mix, LotType::Bulk, None, 130_001));
    assert!(balance(LotType::Pal, LotType::Fg15, Some(Sku::Kg15), 100_000));
    assert!(!balance(LotType::Pal, LotType::Fg15, Some(Sku::Kg15), 99_999));
}

#[test]
fn a_fraction_of_a_gram_never_widens_the_tolerance() {
    // 5 % of 15,001 g is 750.05 g: 14,250.95 g is the least, so 14,250 g is too little.
    let rod = |weight| produce(LotType::Skw15, vec![input(LotType::Mix, 1, None, 15_001)], weight);
    assert_refused(&Lot::initial(), rod(14_250), "WEIGHT_BALANCE");
    assert!(Lot::initial().decide(rod(14_251)).is_ok());
}

#[test]
fn case_07_a_mix_of_yesterday_is_not_used() {
    let lot = released(LotType::Mix, 400_000);
    let today = take(LotType::Skw15, 21, 15_000);
    let tomorrow = UseLot { day: day(3), ..today.clone() };
    assert_refused(&lot, LotCommand::Use(tomorrow), "MIX_NOT_SAME_DAY");
    assert!(lot.decide(LotCommand::Use(today)).is_ok());
}

#[test]
fn case_07_a_rod_of_yesterday_is_frozen_with_its_own_sku_only() {
    let rod = released(LotType::Skw30, 30_000);
    let frozen = UseLot { day: day(3), ..take(LotType::Frz30, 21, 30_000) };
    assert!(rod.decide(LotCommand::Use(frozen)).is_ok());
    let inputs = || vec![input(LotType::Skw30, 1, Some(Sku::Kg30), 30_000)];
    assert!(Lot::initial().decide(produce(LotType::Frz30, inputs(), 30_000)).is_ok());
    assert_refused(&Lot::initial(), produce(LotType::Frz15, inputs(), 30_000), "SKU_MIXED");
}

#[test]
fn deboned_and_bulk_meat_is_used_on_its_own_day_and_everything_else_on_any() {
    for (lot_type, child_type) in [(LotType::Deb, LotType::Bulk), (LotType::Bulk, LotType::Mix)] {
        let late = UseLot { day: day(3), ..take(child_type, 21, 1_000) };
        assert_refused(&released(lot_type, 30_000), LotCommand::Use(late), "BACKLOG_NOT_ALLOWED");
    }
    for (lot_type, child_type) in [
        (LotType::Raw, LotType::Deb),
        (LotType::Skw15, LotType::Frz15),
        (LotType::Frz15, LotType::Fg15),
        (LotType::Fg15, LotType::Pal),
        (LotType::Pal, LotType::Ship),
    ] {
        let late = UseLot { day: day(3), ..take(child_type, 21, 1_000) };
        assert!(released(lot_type, 30_000).decide(LotCommand::Use(late)).is_ok(), "{lot_type}");
    }
}

#[test]
fn only_the_next_rung_of_the_ladder_is_made() {
    for parent_type in LotType::CURRENT {
        for child_type in LotType::CURRENT {
            let fits = child_type.rung() == parent_type.rung() + 1;
            let answer = released(parent_type, 30_000).decide(LotCommand::Use(take(child_type, 21, 1)));
            assert_eq!(answer.is_ok(), fits, "{parent_type} -> {child_type}: {answer:?}");
            if let Err(refusal) = answer {
                assert_eq!(refusal.code(), "TYPE_LADDER");
            }
        }
    }
}

#[test]
fn a_pallet_carries_one_sku_and_a_shipment_may_carry_both() {
    let goods = |first, second| {
        vec![input(LotType::Fg15, 1, Some(first), 15_000), input(LotType::Fg30, 2, Some(second), 30_000)]
    };
    let pallet = produce(LotType::Pal, goods(Sku::Kg15, Sku::Kg30), 45_000);
    assert_refused(&Lot::initial(), pallet, "SKU_MIXED");
    let pallet = given(vec![produce(LotType::Pal, goods(Sku::Kg15, Sku::Kg15), 45_000)]);
    assert_eq!(pallet.existing().unwrap().sku, Some(Sku::Kg15));
    let pallets =
        vec![input(LotType::Pal, 1, Some(Sku::Kg15), 5), input(LotType::Pal, 2, Some(Sku::Kg30), 5)];
    let shipment = given(vec![produce(LotType::Ship, pallets, 10)]);
    assert_eq!(shipment.existing().unwrap().sku, None);
}

#[test]
fn case_12_a_held_lot_cannot_be_consumed() {
    let lot = apply(released(LotType::Deb, 400_000), hold());
    assert_refused(&lot, LotCommand::Use(take(LotType::Bulk, 21, 1)), "PARENT_NOT_RELEASED");
}

#[test]
fn a_lot_that_has_not_passed_its_gate_cannot_be_consumed() {
    for lot in [given(vec![create(400_000)]), given(vec![create(400_000), register()])] {
        assert_refused(&lot, LotCommand::Use(take(LotType::Deb, 21, 1)), "PARENT_NOT_RELEASED");
    }
}

#[test]
fn a_parent_and_a_child_are_linked_once_and_no_lot_to_itself() {
    let lot = apply(released(LotType::Raw, 400_000), LotCommand::Use(take(LotType::Deb, 21, 1)));
    assert_refused(&lot, LotCommand::Use(take(LotType::Deb, 21, 1)), "LINK_INVALID");
    assert_refused(&lot, LotCommand::Use(take(LotType::Deb, LOT, 1)), "LINK_INVALID");
    let twice = vec![input(LotType::Raw, 1, None, 5), input(LotType::Raw, 1, None, 5)];
    assert_refused(&Lot::initial(), produce(LotType::Deb, twice, 10), "LINK_INVALID");
    let itself = vec![LotInput { lot_id: id(LOT), ..input(LotType::Raw, 1, None, 5) }];
    assert_refused(&Lot::initial(), produce(LotType::Deb, itself, 5), "LINK_INVALID");
}

#[test]
fn a_lot_is_made_from_one_to_two_hundred_others() {
    assert_refused(&Lot::initial(), produce(LotType::Deb, vec![], 5), "VALIDATION_FAILED");
    let many: Vec<LotInput> = (0..201).map(|number| input(LotType::Raw, number, None, 1)).collect();
    assert_refused(&Lot::initial(), produce(LotType::Deb, many, 201), "VALIDATION_FAILED");
}

#[test]
fn raw_and_legacy_types_are_not_produced() {
    for lot_type in [LotType::Raw, LotType::Skw, LotType::Frz, LotType::Fg] {
        let command = produce(lot_type, vec![input(LotType::Raw, 1, None, 5)], 5);
        assert_refused(&Lot::initial(), command, "VALIDATION_FAILED");
    }
}

#[test]
fn a_lot_is_created_once() {
    let lot = given(vec![create(400_000)]);
    assert_refused(&lot, create(400_000), "LOT_EXISTS");
}

#[test]
fn a_weight_beyond_ten_tonnes_is_invalid() {
    for weight in [-1, 10_000_001, i64::MAX, i64::MIN] {
        assert_refused(&Lot::initial(), create(weight), "VALIDATION_FAILED");
        assert_refused(&given(vec![create(0)]), weigh(weight), "VALIDATION_FAILED");
    }
    assert_refused(&given(vec![create(0)]), weigh(0), "VALIDATION_FAILED");
}

#[test]
fn weighing_twice_alike_changes_nothing() {
    let lot = given(vec![create(0), weigh(400_000)]);
    assert_unchanged(&lot, weigh(400_000));
    assert_eq!(lot.existing().unwrap().weight_grams, Grams(400_000));
}

#[test]
fn a_released_lot_keeps_its_weight_and_inputs() {
    let lot = released(LotType::Deb, 400_000);
    assert_refused(&lot, weigh(1), "LOT_FROZEN");
    assert_refused(&lot, add(vec![input(LotType::Raw, 2, None, 5)], None), "LOT_FROZEN");
}

fn add(inputs: Vec<LotInput>, weight_grams: Option<i64>) -> LotCommand {
    LotCommand::AddInput(AddLotInput {
        lot_id: id(LOT),
        inputs,
        weight_grams,
        balance_override: None,
        now: now(),
    })
}

#[test]
fn an_input_is_added_with_the_weight_that_it_brings() {
    let pallet = given(vec![made(LotType::Pal, 15_000)]);
    let more = || vec![input(LotType::Fg15, 2, Some(Sku::Kg15), 15_000)];
    assert_refused(&pallet, add(more(), None), "WEIGHT_BALANCE");
    assert_eq!(event_types(&pallet, add(more(), Some(30_000))), ["LotsLinked", "LotWeighed"]);
    let stranger = vec![input(LotType::Fg30, 2, Some(Sku::Kg30), 15_000)];
    assert_refused(&pallet, add(stranger, Some(30_000)), "SKU_MIXED");
    let known = vec![input(LotType::Fg15, 1, Some(Sku::Kg15), 15_000)];
    assert_refused(&pallet, add(known, Some(30_000)), "LINK_INVALID");
}

#[test]
fn a_lot_that_is_weighed_later_must_then_balance() {
    let lot = given(vec![produce(LotType::Deb, vec![input(LotType::Raw, 1, None, 200_000)], 0)]);
    assert_refused(&lot, weigh(139_999), "WEIGHT_BALANCE");
    assert!(lot.decide(weigh(140_000)).is_ok());
}

#[test]
fn a_rod_more_than_500_grams_off_its_nominal_weight_gets_a_warning_only() {
    let rod = |weight| given(vec![made(LotType::Skw15, weight)]).existing().unwrap().weight_advice();
    assert_eq!(rod(15_500), None);
    assert_eq!(rod(15_501).map(|advice| advice.code), Some(RangeCode::RodNotNominal));
    assert_eq!(rod(14_499).map(|advice| advice.max_grams), Some(Grams(15_500)));
}

#[test]
fn a_lot_has_at_most_five_hundred_children_and_as_many_parents() {
    let mut lot = released(LotType::Raw, 400_000);
    for child in 0..500 {
        lot = apply(lot, LotCommand::Use(take(LotType::Deb, 2_000 + child, 1)));
    }
    assert_refused(&lot, LotCommand::Use(take(LotType::Deb, 9_999, 1)), "LINK_LIMIT");
    let mut lot = given(vec![produce(LotType::Deb, vec![input(LotType::Raw, 0, None, 1)], 1)]);
    for number in 1..500 {
        lot = apply(lot, add(vec![input(LotType::Raw, number, None, 1)], Some(i64::from(number) + 1)));
    }
    assert_refused(&lot, add(vec![input(LotType::Raw, 500, None, 1)], Some(501)), "LINK_LIMIT");
}

#[test]
fn a_shipment_to_which_the_other_sku_is_added_has_none_from_then_on() {
    let pallet = |number, sku| vec![input(LotType::Pal, number, Some(sku), 15_000)];
    let add = |inputs| {
        LotCommand::AddInput(AddLotInput {
            lot_id: id(LOT),
            inputs,
            weight_grams: Some(30_000),
            balance_override: Some(BalanceOverride {
                reason: "weighed before the last pallet".to_owned(),
                by: "maria".to_owned(),
            }),
            now: now(),
        })
    };
    let sku = |lot: &Lot| lot.existing().unwrap().sku;
    let lot = given(vec![produce(LotType::Ship, pallet(1, Sku::Kg15), 15_000)]);
    let lot = apply(lot, add(pallet(2, Sku::Kg15)));
    assert_eq!(sku(&lot), Some(Sku::Kg15));
    let lot = apply(lot, add(pallet(3, Sku::Kg30)));
    assert_eq!(sku(&lot), None);
    let lot = apply(lot, add(pallet(4, Sku::Kg15)));
    assert_eq!(sku(&lot), None, "the other one is still aboard");
    assert_refused(
        &given(vec![produce(LotType::Pal, vec![input(LotType::Fg15, 1, Some(Sku::Kg15), 15_000)], 15_000)]),
        add(vec![input(LotType::Fg30, 2, Some(Sku::Kg30), 15_000)]),
        "SKU_MIXED",
    );
}
