//! Given / when / then for the lot. `given` starts from commands, so that no state is tested that cannot come to be.

mod making;
mod properties;
mod quality;
mod remainder;

use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone, Utc};
use uuid::Uuid;

use super::*;
use crate::{
    Decider, Refusal,
    kernel::{
        Detail, LocalDay,
        testing::{self, apply, assert_unchanged, event_types},
    },
    lots::{
        Disposition, Gate, Grams, LotCode, LotType, PartnerRole, PartnerSaved, Reading, ReadingType, Site,
        Sku, TemperatureLimit, TenthsC,
    },
};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap()
}

fn day(day: u32) -> LocalDay {
    LocalDay(NaiveDate::from_ymd_opt(2026, 3, day).unwrap())
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn code(lot_type: LotType, number: u16) -> LotCode {
    LotCode::numbered(lot_type, day(2), &Site::try_new("DUNA").unwrap(), number)
}

fn partner(roles: &[PartnerRole], address: Option<&str>) -> PartnerSaved {
    PartnerSaved {
        name: "Tisza Farm".to_owned(),
        address: address.map(str::to_owned),
        roles: roles.iter().copied().collect(),
    }
}

fn create(weight_grams: i64) -> LotCommand {
    LotCommand::Create(CreateLot {
        lot_code: code(LotType::Raw, 1),
        supplier: Some((id(900), partner(&[PartnerRole::Supplier], None))),
        weight_grams,
        run_id: None,
        production_day: day(2),
        now: now(),
    })
}

/// The lot's own id in these tests.
const LOT: u128 = 1;

fn input(lot_type: LotType, number: u16, sku: Option<Sku>, used_grams: i64) -> LotInput {
    LotInput {
        lot_id: id(1_000 + u128::from(number)),
        lot_code: code(lot_type, number),
        lot_type,
        sku,
        used_grams: Grams(used_grams),
        from_buffer_id: None,
    }
}

fn production(lot_type: LotType, inputs: Vec<LotInput>, weight_grams: i64) -> ProduceLot {
    ProduceLot {
        lot_id: id(LOT),
        lot_code: code(lot_type, 1),
        lot_type,
        inputs,
        weight_grams,
        balance_override: None,
        run_id: None,
        freezer_cycle_id: None,
        production_day: day(2),
        now: now(),
    }
}

fn produce(lot_type: LotType, inputs: Vec<LotInput>, weight_grams: i64) -> LotCommand {
    LotCommand::Produce(production(lot_type, inputs, weight_grams))
}

fn take(child_type: LotType, child: u128, used_grams: i64) -> UseLot {
    UseLot {
        lot_id: id(LOT),
        child_id: id(child),
        child_code: code(child_type, 7),
        child_type,
        used_grams: Grams(used_grams),
        from_buffer_id: None,
        day: day(2),
        now: now(),
    }
}

fn weigh(weight_grams: i64) -> LotCommand {
    LotCommand::Weigh { weight_grams, balance_override: None, now: now() }
}

fn register() -> LotCommand {
    LotCommand::Register { now: now() }
}

fn reading(reading_type: ReadingType, tenths_c: i32, lot_type: LotType) -> Reading {
    Reading {
        reading_id: id(500),
        reading_type,
        tenths_c: TenthsC(tenths_c),
        limit: TemperatureLimit::used(Some(lot_type.step()), None, reading_type),
        recorded_by: "anna".to_owned(),
        recorded_at: now() - TimeDelta::minutes(1),
    }
}

/// The reading that lets the type pass its gate, where the gate asks for one.
fn good_reading(lot_type: LotType) -> Option<Reading> {
    let limit = lot_type.step().critical_limit?;
    Some(reading(limit.reading_type, limit.max_tenths_c.0, lot_type))
}

fn inspection(lot_type: LotType, decision: Decision) -> InspectLot {
    InspectLot {
        inspection_id: id(600),
        gate: lot_type.step().gate.unwrap(),
        decision,
        notes: "looked at it closely".to_owned(),
        latest_reading: good_reading(lot_type),
        hold_disposition: None,
        deviation_id: id(700),
        now: now(),
    }
}

fn inspect(lot_type: LotType, decision: Decision) -> LotCommand {
    LotCommand::Inspect(inspection(lot_type, decision))
}

fn hold() -> LotCommand {
    LotCommand::Hold { reason: "foreign matter found".to_owned(), deviation_id: id(700), now: now() }
}

fn given(commands: Vec<LotCommand>) -> Lot {
    testing::given(commands)
}

/// A released lot of any type and weight, made from one input of the same weight.
fn released(lot_type: LotType, weight_grams: i64) -> Lot {
    given(vec![made(lot_type, weight_grams), register(), inspect(lot_type, Decision::Pass)])
}

fn made(lot_type: LotType, weight_grams: i64) -> LotCommand {
    let from = |parent_type: LotType, sku| vec![input(parent_type, 1, sku, weight_grams)];
    let inputs = match lot_type {
        LotType::Raw => return create(weight_grams),
        LotType::Deb => from(LotType::Raw, None),
        LotType::Bulk => from(LotType::Deb, None),
        LotType::Mix => from(LotType::Bulk, None),
        LotType::Skw15 | LotType::Skw30 => from(LotType::Mix, None),
        LotType::Frz15 => from(LotType::Skw15, Some(Sku::Kg15)),
        LotType::Frz30 => from(LotType::Skw30, Some(Sku::Kg30)),
        LotType::Fg15 => from(LotType::Frz15, Some(Sku::Kg15)),
        LotType::Fg30 => from(LotType::Frz30, Some(Sku::Kg30)),
        LotType::Pal => from(LotType::Fg15, Some(Sku::Kg15)),
        LotType::Ship => from(LotType::Pal, Some(Sku::Kg15)),
        LotType::Skw | LotType::Frz | LotType::Fg => panic!("no new lot is {lot_type}"),
    };
    produce(lot_type, inputs, weight_grams)
}

fn status(lot: &Lot) -> LotStatus {
    lot.existing().unwrap().status
}

#[track_caller]
fn refused(lot: &Lot, command: LotCommand) -> LotRefusal {
    lot.decide(command).unwrap_err()
}

#[track_caller]
fn assert_refused(lot: &Lot, command: LotCommand, code: &str) {
    assert_eq!(refused(lot, command).code(), code);
}
