//! Properties of the small aggregates around the lot: a fact set twice changes nothing, and replay always gives the same.

use chrono::{NaiveDate, TimeZone, Utc};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

use super::*;
use crate::{
    Decider,
    claims::{KeyClaim, KeyClaimCommand},
    kernel::{
        LocalDay,
        testing::{changes_once, is_sound},
    },
};

fn any_partner() -> impl Strategy<Value = SavePartner> {
    let role = prop::sample::select(vec![PartnerRole::Supplier, PartnerRole::Customer, PartnerRole::Carrier]);
    let roles = prop::collection::btree_set(role, 0..3);
    (".{0,12}", prop::option::of(".{0,12}"), roles).prop_map(|(name, address, roles)| SavePartner {
        partner_id: None,
        name,
        address,
        roles,
    })
}

fn any_reading() -> impl Strategy<Value = RecordTemperature> {
    let kind = prop::sample::select(vec![ReadingType::Surface, ReadingType::Core, ReadingType::Ambient]);
    (0_u128..5, kind, -600..1_100).prop_map(|(id, reading_type, tenths_c)| RecordTemperature {
        reading_id: Uuid::from_u128(id),
        subject: Subject::Lot(Uuid::from_u128(1)),
        lot_code: None,
        day: LocalDay(NaiveDate::from_ymd_opt(2026, 3, 2).unwrap()),
        reading_type,
        tenths_c,
        limit: TemperatureLimit::used(None, None, reading_type),
        recorded_by: "anna".to_owned(),
        now: Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap(),
    })
}

fn any_inspection() -> impl Strategy<Value = RecordInspection> {
    let decision = prop::sample::select(vec![Decision::Pass, Decision::Hold, Decision::Fail]);
    (decision, ".{0,30}", ".{0,31}").prop_map(|(decision, notes, inspection_type)| RecordInspection {
        lot_id: Uuid::from_u128(1),
        lot_code: LotCode::by_hand(LotType::Raw, "RAW-20260302-DUNA-0001").unwrap(),
        run_id: None,
        step_index: 1,
        gate: Gate::Receipt,
        is_ccp: true,
        inspection_type,
        decision,
        notes,
        checklist: Vec::new(),
        reading: None,
        inspector: "anna".to_owned(),
        signature: None,
        now: Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap(),
    })
}

fn any_claim() -> impl Strategy<Value = KeyClaimCommand> {
    (prop::bool::ANY, "[ab]").prop_map(|(is_claim, owner)| match is_claim {
        true => KeyClaimCommand::Claim { owner, code_when_taken: "CODE_TAKEN" },
        false => KeyClaimCommand::Release { owner },
    })
}

proptest! {
    #[test]
    fn a_partner_saved_twice_changes_once(commands in vec(any_partner(), 0..8)) {
        is_sound::<Partner>(&changes_once::<Partner>(commands)?)?;
    }

    #[test]
    fn a_reading_given_twice_is_recorded_once(commands in vec(any_reading(), 0..12)) {
        is_sound::<TemperatureLog>(&changes_once::<TemperatureLog>(commands)?)?;
    }

    #[test]
    fn a_decision_given_twice_is_recorded_once(commands in vec(any_inspection(), 0..8)) {
        let log = changes_once::<Inspection>(commands)?;
        prop_assert!(log.len() <= 1, "an inspection is written once");
        is_sound::<Inspection>(&log)?;
    }

    #[test]
    fn a_key_has_at_most_one_owner(commands in vec(any_claim(), 0..20)) {
        is_sound::<KeyClaim>(&changes_once::<KeyClaim>(commands)?)?;
    }

    #[test]
    fn a_series_has_no_gap(count in 0_u16..200) {
        let mut sequence = CodeSequence::initial();
        for number in 1..=count {
            let events = sequence.decide(CodeSequenceCommand::Take).unwrap();
            sequence = events.iter().fold(sequence, CodeSequence::evolve);
            prop_assert_eq!(sequence.last_number(), number);
            is_sound::<CodeSequence>(&events)?;
        }
    }
}
