use super::*;

fn write_off(reason: &str) -> LotCommand {
    LotCommand::WriteOffRemainder { reason: reason.to_owned(), now: now() }
}

fn finish(children: &[LotStatus]) -> LotCommand {
    let children =
        children.iter().zip(1..).map(|(status, number)| (code(LotType::Deb, number), *status)).collect();
    LotCommand::Finish { children, now: now() }
}

fn customer() -> PartnerSaved {
    partner(&[PartnerRole::Customer, PartnerRole::Carrier], Some("Bécs, Ring 1"))
}

fn shipment(consignee: PartnerSaved, carrier: Option<PartnerSaved>) -> LotCommand {
    LotCommand::Ship(ShipLot {
        dispatcher: Some(Dispatcher {
            name: "Duna Kebab".to_owned(),
            address: "Budapest, Rakpart 3".to_owned(),
        }),
        consignee: (id(901), consignee),
        carrier: carrier.map(|carrier| (id(902), carrier)),
        document: "CMR 4711".to_owned(),
        dispatch_day: day(2),
        now: now(),
    })
}

fn used() -> Lot {
    apply(released(LotType::Raw, 400_000), LotCommand::Use(take(LotType::Deb, 21, 399_000)))
}

#[test]
fn what_is_left_is_written_off_once_something_was_made_of_the_lot() {
    let untouched = released(LotType::Raw, 400_000);
    assert_refused(&untouched, write_off("swept off the floor"), "NO_CHILD");
    assert_refused(&used(), write_off("crumbs"), "REASON_TOO_SHORT");
    let lot = apply(used(), write_off("swept off the floor"));
    let state = lot.existing().unwrap();
    assert_eq!((state.status, state.written_off_grams), (LotStatus::Consumed, Grams(1_000)));
    assert_eq!(state.remaining_grams(), Grams::ZERO);
    assert_unchanged(&lot, write_off("swept off the floor"));
    assert_refused(&lot, write_off("something else now"), "LOT_STATE");
}

#[test]
fn a_consumed_lot_is_finished_when_all_that_was_made_of_it_is_closed() {
    let lot = apply(used(), write_off("swept off the floor"));
    let refusal = refused(&lot, finish(&[LotStatus::Finished, LotStatus::Consumed]));
    assert_eq!(refusal.code(), "CHILDREN_OPEN");
    assert_eq!(refusal.details(), [("lots", Detail::List(vec!["DEB-20260302-DUNA-0002".to_owned()]))]);
    let closed = || finish(&[LotStatus::Finished, LotStatus::Rejected]);
    let lot = apply(lot, closed());
    assert_eq!(status(&lot), LotStatus::Finished);
    assert_unchanged(&lot, closed());
    assert_refused(&used(), closed(), "LOT_STATE");
}

#[test]
fn a_finished_lot_names_its_parents_so_that_they_can_be_finished_too() {
    let lot = released(LotType::Ship, 30_000);
    let events = lot.decide(shipment(customer(), None)).unwrap();
    let LotEvent::LotFinished(event) = &events[2] else { panic!("{events:?}") };
    assert_eq!(event.parent_ids, [id(1_001)]);
}

#[test]
fn a_shipment_leaves_with_all_that_it_holds_and_is_finished() {
    let lot = released(LotType::Ship, 30_000);
    let command = || shipment(customer(), Some(customer()));
    assert_eq!(event_types(&lot, command()), ["LotShipped", "LotConsumed", "LotFinished"]);
    let LotEvent::LotShipped(record) = &lot.decide(command()).unwrap()[0] else {
        panic!("it is shipped first")
    };
    assert_eq!(record.dispatcher.as_ref().unwrap().address, "Budapest, Rakpart 3", "EU 931/2011 asks for it");
    let lot = apply(lot, command());
    let state = lot.existing().unwrap();
    assert_eq!((state.shipped_grams, state.remaining_grams()), (Grams(30_000), Grams::ZERO));
    assert_unchanged(&lot, command());
}

#[test]
fn a_partner_without_address_or_role_cannot_take_part_in_a_shipment() {
    let lot = released(LotType::Ship, 30_000);
    let nowhere = partner(&[PartnerRole::Customer, PartnerRole::Carrier], None);
    assert_refused(&lot, shipment(nowhere.clone(), None), "PARTNER_INCOMPLETE");
    assert_refused(&lot, shipment(customer(), Some(nowhere)), "PARTNER_INCOMPLETE");
    let supplier = partner(&[PartnerRole::Supplier], Some("Szolnok"));
    assert_refused(&lot, shipment(supplier, None), "PARTNER_INCOMPLETE");
}

#[test]
fn a_shipment_without_a_pass_at_its_gate_does_not_leave() {
    let waiting = given(vec![made(LotType::Ship, 30_000), register()]);
    let refusal = refused(&waiting, shipment(customer(), None));
    assert_eq!(refusal.code(), "QC_PENDING");
    assert_eq!(refusal.details(), [("lots", Detail::List(vec!["SHIP-20260302-DUNA-0001".to_owned()]))]);
    let held = apply(released(LotType::Ship, 30_000), hold());
    assert_refused(&held, shipment(customer(), None), "LOT_STATE");
}

#[test]
fn only_a_shipment_is_shipped() {
    assert_refused(&released(LotType::Pal, 30_000), shipment(customer(), None), "VALIDATION_FAILED");
}

#[test]
fn the_same_shipment_again_changes_nothing_and_one_by_another_carrier_is_refused() {
    let by = |carrier: Option<u128>| {
        let LotCommand::Ship(ship) = shipment(customer(), None) else { panic!("no shipment") };
        LotCommand::Ship(ShipLot { carrier: carrier.map(|number| (id(number), customer())), ..ship })
    };
    let shipped = apply(released(LotType::Ship, 900_000), by(Some(902)));
    assert_unchanged(&shipped, by(Some(902)));
    for other in [None, Some(903)] {
        assert_refused(&shipped, by(other), "LOT_STATE");
    }
}
