//! Properties of the small aggregates around the lot: a fact set twice changes nothing, and replay always gives the same.

use chrono::{NaiveDate, TimeZone, Utc};
use proptest::{collection::vec, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::*;
use crate::{
    Decider, Event,
    claims::{KeyClaim, KeyClaimCommand},
    kernel::LocalDay,
};

/// Gives every command twice: the second time nothing may happen. Answers what happened.
fn give_twice<D>(commands: Vec<D::Command>) -> Result<Vec<D::Event>, TestCaseError>
where
    D: Decider + Clone + PartialEq + std::fmt::Debug,
    D::Command: Clone,
{
    let mut state = D::initial();
    let mut log = Vec::new();
    for command in commands {
        let Ok(events) = state.decide(command.clone()) else { continue };
        state = events.iter().fold(state, D::evolve);
        log.extend(events);
        prop_assert!(state.decide(command).unwrap_or_default().is_empty());
    }
    prop_assert_eq!(log.iter().fold(D::initial(), D::evolve), state);
    Ok(log)
}

/// Folds the events in another order, which must not panic, and reads each back from its own text.
fn survives<D: Decider>(log: &[D::Event]) -> Result<(), TestCaseError> {
    let _backwards = log.iter().rev().fold(D::initial(), D::evolve);
    for event in log {
        let mut text = Vec::new();
        event.serialize_payload(&mut serde_json::Serializer::new(&mut text)).unwrap();
        let mut reader = serde_json::Deserializer::from_slice(&text);
        let read =
            D::Event::deserialize_payload(event.event_type(), event.schema_version(), &mut reader).unwrap();
        prop_assert_eq!(&read, event);
    }
    Ok(())
}

/// Keeps the state as a snapshot after `cut` events and goes on from what is read back: nothing may differ.
pub(super) fn goes_on_from_a_snapshot<D>(log: &[D::Event], cut: usize) -> Result<(), TestCaseError>
where
    D: Decider + Clone + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let (before, after) = log.split_at(cut);
    let state = before.iter().fold(D::initial(), D::evolve);
    let restored: D = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
    prop_assert_eq!(&restored, &state);
    prop_assert_eq!(after.iter().fold(restored, D::evolve), log.iter().fold(D::initial(), D::evolve));
    Ok(())
}

fn any_partner() -> impl Strategy<Value = SavePartner> {
    let role = prop::sample::select(vec![PartnerRole::Supplier, PartnerRole::Customer, PartnerRole::Carrier]);
    let roles = prop::collection::btree_set(role, 0..3);
    (".{0,12}", prop::option::of(".{0,12}"), roles).prop_map(|(name, address, roles)| SavePartner {
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
        survives::<Partner>(&give_twice::<Partner>(commands)?)?;
    }

    #[test]
    fn a_reading_given_twice_is_recorded_once(commands in vec(any_reading(), 0..12)) {
        survives::<TemperatureLog>(&give_twice::<TemperatureLog>(commands)?)?;
    }

    #[test]
    fn a_decision_given_twice_is_recorded_once(commands in vec(any_inspection(), 0..8)) {
        let log = give_twice::<Inspection>(commands)?;
        prop_assert!(log.len() <= 1, "an inspection is written once");
        survives::<Inspection>(&log)?;
    }

    #[test]
    fn a_key_has_at_most_one_owner(commands in vec(any_claim(), 0..20)) {
        survives::<KeyClaim>(&give_twice::<KeyClaim>(commands)?)?;
    }

    #[test]
    fn a_series_has_no_gap(count in 0_u16..200) {
        let mut sequence = CodeSequence::initial();
        for number in 1..=count {
            let events = sequence.decide(CodeSequenceCommand::Take).unwrap();
            sequence = events.iter().fold(sequence, CodeSequence::evolve);
            prop_assert_eq!(sequence.last_number(), number);
            survives::<CodeSequence>(&events)?;
        }
    }
}
