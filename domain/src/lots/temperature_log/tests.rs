use chrono::{NaiveDate, TimeZone};

use super::*;

fn record(id: u128, reading_type: ReadingType, tenths_c: i32) -> RecordTemperature {
    RecordTemperature {
        reading_id: Uuid::from_u128(id),
        subject: Subject::Lot(Uuid::from_u128(1)),
        lot_code: None,
        day: LocalDay(NaiveDate::from_ymd_opt(2026, 3, 2).unwrap()),
        reading_type,
        tenths_c,
        limit: TemperatureLimit::used(None, None, reading_type),
        recorded_by: "anna".to_owned(),
        now: Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap(),
    }
}

fn given(commands: Vec<RecordTemperature>) -> TemperatureLog {
    commands.into_iter().fold(TemperatureLog::initial(), |log, command| {
        let events = log.decide(command).unwrap();
        events.iter().fold(log, TemperatureLog::evolve)
    })
}

#[track_caller]
fn is_violation(reading_type: ReadingType, tenths_c: i32) -> bool {
    let events = TemperatureLog::initial().decide(record(1, reading_type, tenths_c)).unwrap();
    match events.as_slice() {
        [TemperatureLogEvent::TemperatureRecorded(event)] => event.is_violation,
        other => panic!("one reading was expected, not {other:?}"),
    }
}

#[test]
fn a_reading_keeps_the_limit_and_whether_it_violates_it() {
    assert!(is_violation(ReadingType::Surface, 41));
    assert!(!is_violation(ReadingType::Surface, 40));
    assert!(is_violation(ReadingType::Core, -175));
    assert!(!is_violation(ReadingType::Core, -180));
}

#[test]
fn a_reading_that_no_thermometer_shows_is_invalid() {
    for tenths_c in [-501, 1_001, i32::MIN, i32::MAX] {
        let refusal = TemperatureLog::initial().decide(record(1, ReadingType::Core, tenths_c)).unwrap_err();
        assert_eq!(refusal.field, "tenthsC");
    }
}

#[test]
fn the_same_reading_again_changes_nothing() {
    let log = given(vec![record(1, ReadingType::Core, -180)]);
    assert_eq!(log.decide(record(1, ReadingType::Core, -180)), Ok(vec![]));
}

#[test]
fn the_latest_reading_of_a_type_is_found() {
    let log = given(vec![
        record(1, ReadingType::Core, -180),
        record(2, ReadingType::Core, -190),
        record(3, ReadingType::Surface, 10),
    ]);
    assert_eq!(log.latest(ReadingType::Core).map(|reading| reading.tenths_c), Some(TenthsC(-190)));
    assert_eq!(log.latest(ReadingType::Ambient), None);
}

#[test]
fn a_day_of_readings_is_kept_in_mind_by_its_latest_ones() {
    let day = (0..1_000)
        .map(|id| record(id, if id % 2 == 0 { ReadingType::Core } else { ReadingType::Ambient }, -180));
    assert_eq!(given(day.collect()).latest.len(), 2);
}

#[test]
fn a_log_is_named_by_its_subject_and_local_day() {
    let day = LocalDay(NaiveDate::from_ymd_opt(2026, 3, 2).unwrap());
    let id = Uuid::from_u128(1);
    assert_eq!(Subject::Lot(id).log_id(day), format!("lot:{id}:2026-03-02"));
    assert_eq!(Subject::Buffer(id).log_id(day), format!("buffer:{id}:2026-03-02"));
}
