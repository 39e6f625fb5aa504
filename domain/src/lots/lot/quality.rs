//! How a lot comes to be released, held or rejected.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Decision, HoldCause, InspectLot, LotEvent, LotHeld, LotInspected, LotRefusal, LotRegistered, LotRejected,
    LotReleased, LotState, LotStatus, TemperatureViolationNoted,
};
use crate::{
    kernel::InvalidInput,
    lots::{Disposition, GateClass, Grams, Reading, Step, inspection, process_rules},
};

/// How old a reading may be that a PASS at a critical control point rests on.
pub const READING_VALID_MINUTES: i64 = 60;

pub(super) fn register(lot: &LotState, now: DateTime<Utc>) -> Result<Vec<LotEvent>, LotRefusal> {
    match lot.status {
        LotStatus::Created => {}
        LotStatus::Quarantine => return Ok(Vec::new()),
        LotStatus::Released
        | LotStatus::Hold
        | LotStatus::Rejected
        | LotStatus::Consumed
        | LotStatus::Finished => return Err(LotRefusal::State { status: lot.status }),
    }
    if lot.weight_grams == Grams::ZERO {
        return Err(LotRefusal::WeightMissing);
    }
    let registered = LotRegistered {
        lot_code: lot.lot_code.clone(),
        lot_type: lot.lot_type,
        weight_grams: lot.weight_grams,
        status_before: lot.status,
        status_after: LotStatus::Quarantine,
        registered_at: now,
    };
    Ok(vec![registered.into()])
}

pub(super) fn inspect(lot: &LotState, command: InspectLot) -> Result<Vec<LotEvent>, LotRefusal> {
    let step = lot.lot_type.step_of_gate(command.gate).ok_or_else(|| {
        InvalidInput::new("gate", format!("must be a gate at which a {} lot is inspected", lot.lot_type))
    })?;
    let notes = inspection::accept_notes(command.decision, &command.notes)?;
    match lot.status {
        LotStatus::Quarantine | LotStatus::Released | LotStatus::Hold => {}
        LotStatus::Created | LotStatus::Rejected | LotStatus::Consumed | LotStatus::Finished => {
            return Err(LotRefusal::State { status: lot.status });
        }
    }
    if command.decision == Decision::Pass {
        check_reading(step, &command)?;
    }
    let inspected = LotInspected {
        inspection_id: command.inspection_id,
        step_index: step.index,
        gate: command.gate,
        decision: command.decision,
        inspected_at: command.now,
    };
    let mut events = vec![inspected.into()];
    events.extend(consequence(lot, step, command, notes));
    Ok(events)
}

/// What a decision changes about where the lot stands.
fn consequence(lot: &LotState, step: &Step, command: InspectLot, notes: String) -> Option<LotEvent> {
    let inspection_id = Some(command.inspection_id);
    match (lot.status, command.decision) {
        // The SKU split's gate informs about a rod; only the gate of its own step releases it.
        (LotStatus::Quarantine, Decision::Pass) => {
            (step.index == lot.lot_type.step_index()).then(|| released(lot, inspection_id, None, command.now))
        }
        (LotStatus::Quarantine, Decision::Fail) => {
            Some(rejected(lot, inspection_id, None, None, command.now))
        }
        (LotStatus::Quarantine, Decision::Hold) | (LotStatus::Released, Decision::Hold | Decision::Fail) => {
            let held = LotHeld {
                cause: HoldCause::QcDecision,
                reason: notes,
                deviation_id: command.deviation_id,
                inspection_id,
                reading: None,
                status_before: lot.status,
                status_after: LotStatus::Hold,
                held_at: command.now,
            };
            Some(held.into())
        }
        (LotStatus::Released, Decision::Pass)
        | (
            LotStatus::Hold
            | LotStatus::Created
            | LotStatus::Rejected
            | LotStatus::Consumed
            | LotStatus::Finished,
            Decision::Pass | Decision::Hold | Decision::Fail,
        ) => None,
    }
}

/// A PASS at a critical control point needs a reading of the limit's type, of the last hour, inside the limit.
fn check_reading(step: &Step, command: &InspectLot) -> Result<(), LotRefusal> {
    let Some(limit) = step.critical_limit.filter(|_| step.gate_class == GateClass::Ccp) else {
        return Ok(());
    };
    let oldest = command.now - TimeDelta::minutes(READING_VALID_MINUTES);
    let reading = command
        .latest_reading
        .as_ref()
        .filter(|reading| reading.reading_type == limit.reading_type && reading.recorded_at >= oldest)
        .ok_or(LotRefusal::ReadingMissing { gate: command.gate, reading_type: limit.reading_type })?;
    if reading.tenths_c > limit.max_tenths_c {
        return Err(LotRefusal::CcpLimitExceeded { value: reading.tenths_c, limit: limit.max_tenths_c });
    }
    Ok(())
}

fn released(
    lot: &LotState,
    inspection_id: Option<Uuid>,
    deviation_id: Option<Uuid>,
    now: DateTime<Utc>,
) -> LotEvent {
    LotReleased {
        inspection_id,
        deviation_id,
        status_before: lot.status,
        status_after: LotStatus::Released,
        released_at: now,
    }
    .into()
}

fn rejected(
    lot: &LotState,
    inspection_id: Option<Uuid>,
    deviation_id: Option<Uuid>,
    disposition: Option<Disposition>,
    now: DateTime<Utc>,
) -> LotEvent {
    LotRejected {
        inspection_id,
        deviation_id,
        disposition,
        status_before: lot.status,
        status_after: LotStatus::Rejected,
        parent_ids: lot.parent_ids(),
        rejected_at: now,
    }
    .into()
}

pub(super) fn hold(
    lot: &LotState,
    reason: &str,
    deviation_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<LotEvent>, LotRefusal> {
    let reason = process_rules::accept_reason("reason", reason)?;
    match lot.status {
        LotStatus::Released => {}
        LotStatus::Hold if lot.latest_hold.as_ref().is_some_and(|hold| hold.reason == reason) => {
            return Ok(Vec::new());
        }
        LotStatus::Created
        | LotStatus::Quarantine
        | LotStatus::Hold
        | LotStatus::Rejected
        | LotStatus::Consumed
        | LotStatus::Finished => return Err(LotRefusal::State { status: lot.status }),
    }
    let held = LotHeld {
        cause: HoldCause::ManualHold,
        reason,
        deviation_id,
        inspection_id: None,
        reading: None,
        status_before: lot.status,
        status_after: LotStatus::Hold,
        held_at: now,
    };
    Ok(vec![held.into()])
}

pub(super) fn hold_for_temperature(
    lot: &LotState,
    reading: Reading,
    deviation_id: Uuid,
    now: DateTime<Utc>,
) -> Vec<LotEvent> {
    if reading.limit.allows(reading.tenths_c) {
        return Vec::new();
    }
    match (lot.status, &lot.latest_hold) {
        (LotStatus::Created | LotStatus::Quarantine | LotStatus::Released, _) => {
            let held = LotHeld {
                cause: HoldCause::TempViolationHold,
                reason: format!(
                    "{} {} against a limit of {}",
                    reading.reading_type, reading.tenths_c, reading.limit.max_tenths_c
                ),
                deviation_id,
                inspection_id: None,
                reading: Some(reading),
                status_before: lot.status,
                status_after: LotStatus::Hold,
                held_at: now,
            };
            vec![held.into()]
        }
        (LotStatus::Hold, Some(hold)) => {
            let noted = TemperatureViolationNoted {
                deviation_id: hold.deviation_id,
                reading_id: reading.reading_id,
                tenths_c: reading.tenths_c,
                limit: reading.limit,
                noted_at: now,
            };
            vec![noted.into()]
        }
        // A lot on hold without a hold could only come from a damaged log; a closed one has nothing left to protect.
        (LotStatus::Hold, None) | (LotStatus::Rejected | LotStatus::Consumed | LotStatus::Finished, _) => {
            Vec::new()
        }
    }
}

pub(super) fn resolve_hold(
    lot: &LotState,
    disposition: Option<Disposition>,
    now: DateTime<Utc>,
) -> Result<Vec<LotEvent>, LotRefusal> {
    let hold = match (lot.status, &lot.latest_hold) {
        (LotStatus::Hold, Some(hold)) => hold,
        (LotStatus::Released, Some(_)) => return Ok(Vec::new()),
        (LotStatus::Hold | LotStatus::Released, None)
        | (
            LotStatus::Created
            | LotStatus::Quarantine
            | LotStatus::Rejected
            | LotStatus::Consumed
            | LotStatus::Finished,
            _,
        ) => return Err(LotRefusal::State { status: lot.status }),
    };
    match disposition {
        None => return Err(LotRefusal::DeviationOpen),
        Some(Disposition::Release) => {}
        Some(disposition @ (Disposition::Dispose | Disposition::ReturnToSupplier)) => {
            return Err(LotRefusal::DispositionOther { disposition });
        }
    }
    if lot.weight_grams == Grams::ZERO {
        return Err(LotRefusal::WeightMissing);
    }
    // A lot that passed before its hold keeps that PASS; one that never did needs a PASS now, whatever the gate's kind.
    if let Some(gate) = lot.lot_type.step().gate.filter(|_| !lot.has_passed_own_gate()) {
        return Err(LotRefusal::QcMissing { gate });
    }
    Ok(vec![released(lot, None, Some(hold.deviation_id), now)])
}

pub(super) fn confirm_reject(
    lot: &LotState,
    disposition: Option<Disposition>,
    now: DateTime<Utc>,
) -> Result<Vec<LotEvent>, LotRefusal> {
    let hold = match (lot.status, &lot.latest_hold) {
        (LotStatus::Hold, Some(hold)) => hold,
        (LotStatus::Rejected, Some(_)) => return Ok(Vec::new()),
        (LotStatus::Hold | LotStatus::Rejected, None)
        | (
            LotStatus::Created
            | LotStatus::Quarantine
            | LotStatus::Released
            | LotStatus::Consumed
            | LotStatus::Finished,
            _,
        ) => return Err(LotRefusal::State { status: lot.status }),
    };
    match disposition {
        None => Err(LotRefusal::DeviationOpen),
        Some(Disposition::Release) => Err(LotRefusal::DispositionOther { disposition: Disposition::Release }),
        Some(Disposition::Dispose | Disposition::ReturnToSupplier) => {
            Ok(vec![rejected(lot, None, Some(hold.deviation_id), disposition, now)])
        }
    }
}
