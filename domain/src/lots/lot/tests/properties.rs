use proptest::{collection::vec, prelude::*};

use super::*;
use crate::kernel::testing::{is_sound, log_of, replayed};

/// One more input of the kind that the type is made from; its weight fits, or somebody answers for it.
fn any_addition(lot_type: LotType) -> impl Strategy<Value = LotCommand> {
    let sku = prop::sample::select(vec![Sku::Kg15, Sku::Kg30]);
    (2_u16..6, 1_i64..40_000, prop::option::of(1_i64..90_000), any_override(), sku).prop_map(
        move |(number, used, weight_grams, balance_override, sku)| {
            let kept = match made(lot_type, used) {
                LotCommand::Produce(produce) => produce.inputs.into_iter().next(),
                _ => None,
            };
            let like = kept.unwrap_or_else(|| input(LotType::Raw, number, None, used));
            let added = input(like.lot_type, number, like.sku.map(|_| sku), used);
            LotCommand::AddInput(AddLotInput {
                lot_id: id(LOT),
                inputs: vec![added],
                weight_grams,
                balance_override,
                now: now(),
            })
        },
    )
}

fn any_override() -> impl Strategy<Value = Option<BalanceOverride>> {
    let reason = prop::sample::select(vec!["bones were heavier than usual".to_owned(), "short".to_owned()]);
    prop::option::of(reason.prop_map(|reason| BalanceOverride { reason, by: "maria".to_owned() }))
}

fn any_shipment() -> impl Strategy<Value = LotCommand> {
    (901_u128..903, prop::option::of(903_u128..905)).prop_map(|(consignee, carrier)| {
        let known = || partner(&[PartnerRole::Customer, PartnerRole::Carrier], Some("Bécs, Ring 1"));
        LotCommand::Ship(ShipLot {
            dispatcher: None,
            consignee: (id(consignee), known()),
            carrier: carrier.map(|number| (id(number), known())),
            document: "CMR 4711".to_owned(),
            dispatch_day: day(2),
            now: now(),
        })
    })
}

fn any_type() -> impl Strategy<Value = LotType> {
    prop::sample::select(LotType::CURRENT.to_vec())
}

/// Commands with small numbers, so that they often fit each other.
fn any_command(lot_type: LotType) -> impl Strategy<Value = LotCommand> {
    let grams = 0_i64..40_000;
    let disposition = prop::option::of(prop::sample::select(vec![
        Disposition::Release,
        Disposition::Dispose,
        Disposition::ReturnToSupplier,
    ]));
    let decision = prop::sample::select(vec![Decision::Pass, Decision::Hold, Decision::Fail]);
    prop_oneof![
        grams.clone().prop_map(move |weight| made(lot_type, weight.max(1))),
        (grams.clone(), any_override()).prop_map(|(weight_grams, balance_override)| LotCommand::Weigh {
            weight_grams,
            balance_override,
            now: now()
        }),
        any_addition(lot_type),
        any_shipment(),
        Just(register()),
        decision.prop_map(move |decision| inspect(lot_type, decision)),
        (any_type(), 20_u128..30, grams).prop_map(|(child, number, used)| LotCommand::Use(take(
            child,
            number,
            used.max(1)
        ))),
        Just(hold()),
        (-300..100, disposition.clone()).prop_map(move |(tenths_c, hold_disposition)| {
            LotCommand::HoldForTemperature {
                reading: reading(ReadingType::Surface, tenths_c, lot_type),
                hold_disposition,
                deviation_id: id(701),
                now: now(),
            }
        }),
        disposition.clone().prop_map(|disposition| LotCommand::ResolveHold { disposition, now: now() }),
        disposition.prop_map(|disposition| LotCommand::ConfirmReject { disposition, now: now() }),
        Just(LotCommand::WriteOffRemainder { reason: "swept off the floor".to_owned(), now: now() }),
        Just(LotCommand::Finish { children: vec![], now: now() }),
    ]
}

fn any_history() -> impl Strategy<Value = Vec<LotCommand>> {
    any_type().prop_flat_map(|lot_type| {
        let usual = [made(lot_type, 30_000), register(), inspect(lot_type, Decision::Pass)];
        // Also before it is released, when inputs and weight still change.
        (vec(any_command(lot_type), 0..25), 1..=usual.len())
            .prop_map(move |(more, begun)| [usual[..begun].to_vec(), more].concat())
    })
}

proptest! {
    #[test]
    fn a_lot_reads_back_and_goes_on_from_a_snapshot_as_if_it_had_never_been_away(commands in any_history()) {
        is_sound::<Lot>(&log_of::<Lot>(commands))?;
    }

    #[test]
    fn a_shipment_has_the_sku_of_all_its_pallets_or_none(
        additions in vec(any_addition(LotType::Ship), 0..8)
    ) {
        let mut lot = given(vec![made(LotType::Ship, 30_000)]);
        let mut aboard = vec![Some(Sku::Kg15)];
        for addition in additions {
            let LotCommand::AddInput(AddLotInput { inputs, .. }) = &addition else { continue };
            let sku = inputs[0].sku;
            let Ok(events) = lot.decide(addition.clone()) else { continue };
            aboard.push(sku);
            lot = events.iter().fold(lot, Lot::evolve);
            let expected = aboard[0].filter(|_| aboard.iter().all(|sku| *sku == aboard[0]));
            prop_assert_eq!(lot.existing().unwrap().sku, expected);
        }
    }

    #[test]
    fn no_gram_appears_or_is_taken_twice(commands in any_history()) {
        let events = log_of::<Lot>(commands);
        for end in 0..=events.len() {
            if let Some(lot) = replayed::<Lot>(&events[..end]).existing() {
                let gone = lot.used_grams.plus(lot.written_off_grams).plus(lot.shipped_grams);
                prop_assert!(lot.weight_grams >= gone, "{lot:?}");
                prop_assert_eq!(lot.remaining_grams().plus(gone), lot.weight_grams);
                let linked: Grams = lot.children.iter().map(|child| child.used_grams).sum();
                prop_assert_eq!(linked, lot.used_grams);
            }
        }
    }

    #[test]
    fn a_command_given_twice_changes_the_lot_once(commands in any_history()) {
        let mut lot = Lot::initial();
        for command in commands {
            let Ok(events) = lot.decide(command.clone()) else { continue };
            lot = events.iter().fold(lot, Lot::evolve);
            // Each inspection and reading is a fact of its own; the lot's status must not move again, though.
            let again = lot.decide(command).unwrap_or_default();
            let after = again.iter().fold(lot.clone(), Lot::evolve);
            prop_assert_eq!(lot.existing().map(|lot| lot.status), after.existing().map(|lot| lot.status));
            prop_assert_eq!(
                lot.existing().map(LotState::remaining_grams),
                after.existing().map(LotState::remaining_grams)
            );
        }
    }

    #[test]
    fn a_lot_survives_its_events_in_any_order(
        (events, order) in any_history().prop_map(log_of::<Lot>).prop_flat_map(|events| {
            let order = Just((0..events.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(events), order)
        })
    ) {
        let lot = order.iter().fold(Lot::initial(), |lot, index| lot.evolve(&events[*index]));
        if let Some(lot) = lot.existing() {
            prop_assert!(lot.remaining_grams() >= Grams::ZERO);
        }
    }
}
