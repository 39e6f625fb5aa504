//! How a lot comes to its gate, and what a decision there does to it.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Decision, HoldCause, InspectLot, LotEvent, LotHeld, LotInspected, LotRefusal, LotRegistered, LotRejected,
    LotReleased, LotState, LotStatus,
};
use crate::{
    kernel::TextFault,
    lots::{Disposition, GateClass, Grams, Step, inspection},
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
    let step = lot.lot_type.step_of_gate(command.gate)?;
    let notes = inspection::accept_notes(command.decision, &command.notes).map_err(|fault| match fault {
        TextFault::TooShort { found, .. } => LotRefusal::NotesTooShort { found },
        TextFault::Invalid(invalid) => invalid.into(),
    })?;
    match lot.status {
        LotStatus::Quarantine | LotStatus::Released | LotStatus::Hold => {}
        LotStatus::Created | LotStatus::Rejected | LotStatus::Consumed | LotStatus::Finished => {
            return Err(LotRefusal::State { status: lot.status });
        }
    }
    // A PASS of a released lot changes nothing, so that it rests on nothing.
    if command.decision == Decision::Pass && lot.status != LotStatus::Released {
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
            Some(held(lot, command, notes))
        }
        // Found after it was decided that the goods may be used: that decision did not know of it.
        (LotStatus::Hold, Decision::Hold | Decision::Fail) => {
            (command.hold_disposition == Some(Disposition::Release)).then(|| held(lot, command, notes))
        }
        (LotStatus::Released | LotStatus::Hold, Decision::Pass)
        | (
            LotStatus::Created | LotStatus::Rejected | LotStatus::Consumed | LotStatus::Finished,
            Decision::Pass | Decision::Hold | Decision::Fail,
        ) => None,
    }
}

fn held(lot: &LotState, command: InspectLot, notes: String) -> LotEvent {
    LotHeld {
        cause: HoldCause::QcDecision,
        reason: notes,
        deviation_id: command.deviation_id,
        inspection_id: Some(command.inspection_id),
        reading: None,
        status_before: lot.status,
        status_after: LotStatus::Hold,
        held_at: command.now,
    }
    .into()
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

pub(super) fn released(
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

pub(super) fn rejected(
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
