use chrono::TimeZone;
use uuid::Uuid;

use super::*;
use crate::{
    kernel::testing::{self, code_of},
    lots::{HoldCause, Reading, ReadingType, Subject, TemperatureLimit, TenthsC},
};

pub(super) fn at(hour: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap() + TimeDelta::hours(hour)
}

pub(super) fn opened(reading_by: Option<&str>) -> DeviationOpened {
    let reading = reading_by.map(|by| Reading {
        reading_id: Uuid::from_u128(9),
        reading_type: ReadingType::Surface,
        tenths_c: TenthsC(41),
        limit: TemperatureLimit::used(None, None, ReadingType::Surface),
        recorded_by: by.to_owned(),
        recorded_at: at(0),
    });
    DeviationOpened {
        subject: Subject::Lot(Uuid::from_u128(1)),
        lot_code: None,
        cause: HoldCause::TempViolationHold,
        reason: "surface 4.1 °C".to_owned(),
        reading,
        inspection_id: None,
        status_after: DeviationStatus::Open,
        opened_by: "anna".to_owned(),
        opened_at: at(0),
    }
}

fn given(commands: Vec<DeviationCommand>) -> Deviation {
    testing::given(commands)
}

fn disposition(disposition: Disposition) -> DeviationCommand {
    DeviationCommand::Disposition { disposition, root_cause: None, by: "maria".to_owned(), now: at(1) }
}

fn close(by: &str, root_cause: Option<&str>) -> DeviationCommand {
    DeviationCommand::Close { root_cause: root_cause.map(str::to_owned), by: by.to_owned(), now: at(2) }
}

const CAUSE: Option<&str> = Some("the door of the cold store stood open");

#[test]
fn a_deviation_goes_from_open_over_dispositioned_to_closed() {
    let deviation = given(vec![
        DeviationCommand::Open(opened(Some("anna"))),
        disposition(Disposition::Release),
        close("maria", CAUSE),
    ]);
    let state = deviation.existing().unwrap();
    assert_eq!(state.status, DeviationStatus::Closed);
    assert_eq!(state.disposition, Some(Disposition::Release));
    assert_eq!(state.root_cause.as_deref(), CAUSE);
}

#[test]
fn whoever_recorded_the_reading_cannot_close_its_deviation() {
    let deviation =
        given(vec![DeviationCommand::Open(opened(Some("anna"))), disposition(Disposition::Dispose)]);
    assert_eq!(code_of(&deviation, close("anna", CAUSE)), "SAME_PERSON");
    assert!(deviation.decide(close("maria", CAUSE)).is_ok());
}

#[test]
fn an_open_deviation_cannot_be_closed() {
    let deviation = given(vec![DeviationCommand::Open(opened(None))]);
    assert_eq!(code_of(&deviation, close("maria", CAUSE)), "DEVIATION_OPEN");
}

#[test]
fn a_deviation_is_closed_only_with_a_root_cause_of_ten_characters() {
    let deviation = given(vec![DeviationCommand::Open(opened(None)), disposition(Disposition::Release)]);
    assert_eq!(code_of(&deviation, close("maria", None)), "VALIDATION_FAILED");
    assert_eq!(code_of(&deviation, close("maria", Some("too short"))), "VALIDATION_FAILED");
}

#[test]
fn the_same_disposition_again_changes_nothing_and_another_is_refused() {
    let deviation = given(vec![DeviationCommand::Open(opened(None)), disposition(Disposition::Release)]);
    assert_eq!(deviation.decide(disposition(Disposition::Release)), Ok(vec![]));
    assert_eq!(code_of(&deviation, disposition(Disposition::Dispose)), "DEVIATION_STATE");
}

#[test]
fn a_reminder_is_due_after_each_whole_day_that_nobody_decided() {
    let deviation = given(vec![DeviationCommand::Open(opened(None))]);
    assert_eq!(deviation.decide(DeviationCommand::Remind { now: at(23) }), Ok(vec![]));
    let events = deviation.decide(DeviationCommand::Remind { now: at(24) }).unwrap();
    assert_eq!(events, vec![DeviationReminded { reminder: 1, reminded_at: at(24) }.into()]);
    let reminded = deviation.evolve(&events[0]);
    assert_eq!(reminded.decide(DeviationCommand::Remind { now: at(24) }), Ok(vec![]));
    assert_eq!(reminded.decide(DeviationCommand::Remind { now: at(48) }).unwrap().len(), 1);
}

#[test]
fn the_reminders_of_ten_days_on_which_nothing_ran_are_one_and_the_next_comes_a_day_later() {
    let deviation =
        given(vec![DeviationCommand::Open(opened(None)), DeviationCommand::Remind { now: at(240) }]);
    assert_eq!(deviation.existing().unwrap().next_reminder_at(), at(264));
    assert_eq!(deviation.decide(DeviationCommand::Remind { now: at(263) }), Ok(vec![]));
    let next = deviation.decide(DeviationCommand::Remind { now: at(264) }).unwrap();
    assert_eq!(next, vec![DeviationReminded { reminder: 2, reminded_at: at(264) }.into()]);
}

#[test]
fn a_decided_deviation_reminds_nobody() {
    let deviation = given(vec![DeviationCommand::Open(opened(None)), disposition(Disposition::Release)]);
    assert_eq!(deviation.decide(DeviationCommand::Remind { now: at(240) }), Ok(vec![]));
}

#[test]
fn nothing_is_known_of_a_deviation_that_was_never_opened() {
    assert_eq!(code_of(&Deviation::initial(), disposition(Disposition::Release)), "NOT_FOUND");
}
