//! How a lot is put on hold, and what ends a hold.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Decision, Hold, HoldCause, LotEvent, LotHeld, LotRefusal, LotState, LotStatus, TemperatureViolationNoted,
    quality::{rejected, released},
};
use crate::lots::{Disposition, Grams, Reading, process_rules};

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

/// Holds the lot for a reading outside its limit. A further one is noted under the hold's deviation, unless that has decided
/// that the goods may be used: it did not know of this reading, which so begins a hold and a deviation of its own.
pub(super) fn hold_for_temperature(
    lot: &LotState,
    reading: Reading,
    hold_disposition: Option<Disposition>,
    deviation_id: Uuid,
    now: DateTime<Utc>,
) -> Vec<LotEvent> {
    if reading.limit.allows(reading.tenths_c) {
        return Vec::new();
    }
    match (lot.status, &lot.latest_hold) {
        (LotStatus::Hold, Some(hold)) if hold_disposition != Some(Disposition::Release) => {
            let noted = TemperatureViolationNoted {
                deviation_id: hold.deviation_id,
                reading_id: reading.reading_id,
                tenths_c: reading.tenths_c,
                limit: reading.limit,
                noted_at: now,
            };
            vec![noted.into()]
        }
        (LotStatus::Created | LotStatus::Quarantine | LotStatus::Released, _)
        | (LotStatus::Hold, Some(_)) => {
            vec![held_for_temperature(lot, reading, deviation_id, now)]
        }
        // A lot on hold without a hold could only come from a damaged log; a closed one has nothing left to protect.
        (LotStatus::Hold, None) | (LotStatus::Rejected | LotStatus::Consumed | LotStatus::Finished, _) => {
            Vec::new()
        }
    }
}

fn held_for_temperature(
    lot: &LotState,
    reading: Reading,
    deviation_id: Uuid,
    now: DateTime<Utc>,
) -> LotEvent {
    LotHeld {
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
    }
    .into()
}

/// The hold of a held lot; none where it has `ended` so already, so that saying it again changes nothing.
fn hold_to_end(lot: &LotState, ended: LotStatus) -> Result<Option<&Hold>, LotRefusal> {
    match &lot.latest_hold {
        Some(hold) if lot.status == LotStatus::Hold => Ok(Some(hold)),
        Some(_) if lot.status == ended => Ok(None),
        Some(_) | None => Err(LotRefusal::State { status: lot.status }),
    }
}

pub(super) fn resolve_hold(
    lot: &LotState,
    disposition: Option<Disposition>,
    now: DateTime<Utc>,
) -> Result<Vec<LotEvent>, LotRefusal> {
    let Some(hold) = hold_to_end(lot, LotStatus::Released)? else { return Ok(Vec::new()) };
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
    if let Some(gate) = lot.lot_type.step().gate.filter(|_| !is_clean(hold)) {
        return Err(LotRefusal::QcMissing { gate });
    }
    Ok(vec![released(lot, None, Some(hold.deviation_id), now)])
}

/// A lot that passed before its hold keeps that PASS; one that never did needs a PASS now, whatever the gate's kind. What was
/// decided last during the hold counts: a later HOLD or FAIL takes a PASS back.
fn is_clean(hold: &Hold) -> bool {
    match hold.decided_since {
        Some(Decision::Pass) => true,
        Some(Decision::Hold | Decision::Fail) => false,
        None => !hold.needs_pass,
    }
}

pub(super) fn confirm_reject(
    lot: &LotState,
    disposition: Option<Disposition>,
    now: DateTime<Utc>,
) -> Result<Vec<LotEvent>, LotRefusal> {
    let Some(hold) = hold_to_end(lot, LotStatus::Rejected)? else { return Ok(Vec::new()) };
    match disposition {
        None => Err(LotRefusal::DeviationOpen),
        Some(Disposition::Release) => Err(LotRefusal::DispositionOther { disposition: Disposition::Release }),
        Some(Disposition::Dispose | Disposition::ReturnToSupplier) => {
            Ok(vec![rejected(lot, None, Some(hold.deviation_id), disposition, now)])
        }
    }
}
