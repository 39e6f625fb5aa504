use chrono::TimeDelta;
use domain::{
    identity::Permission,
    kernel::LocalDay,
    lots::{
        self, ChecklistAnswer, Decision, Gate, GateClass, HoldCause, Inspection, Lot, LotCommand, LotStatus,
        Reading, Step, Subject, TemperatureLog,
        lot::{InspectLot, READING_VALID_MINUTES},
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    deviations::{self, NewHold},
    holds, lot_subject,
};
use crate::engine::{Command, Stage, Stop};

/// Writes a decision at a gate down; the lot is released, held or rejected in the same commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordInspection {
    /// The lot.
    pub lot_id: Uuid,
    /// The gate: that of the lot's step, for rods the SKU split too.
    pub gate: Gate,
    /// The kind of inspection, 1 to 30 characters.
    pub inspection_type: String,
    /// The decision.
    pub decision: Decision,
    /// At most 2,000 characters; at least 10 unless the decision is PASS.
    pub notes: String,
    /// The answers to the checklist.
    pub checklist: Vec<ChecklistAnswer>,
    /// At most 512 characters.
    pub signature: Option<String>,
}

/// A lot after a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InspectionReply {
    /// The inspection.
    pub inspection_id: Uuid,
    /// The lot.
    pub lot_id: Uuid,
    /// Where the lot stands.
    pub status: LotStatus,
    /// The deviation that was opened.
    pub deviation_id: Option<Uuid>,
}

impl Command for RecordInspection {
    const NAME: &'static str = "RecordInspection";
    const PERMISSION: Permission = Permission::QcDecide;
    type Reply = InspectionReply;

    fn subject(&self) -> Option<(&'static str, String)> {
        lot_subject(self.lot_id)
    }

    fn count(&self, _inspected: &InspectionReply) {
        metrics::counter!("cairn_qc_decisions_total", "decision" => self.decision.as_str()).increment(1);
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<InspectionReply, Stop> {
        let lot = super::lot(stage, self.lot_id)?;
        let state = lot.found()?;
        let step = state.lot_type.step_of_gate(self.gate)?;
        let reading = latest_reading(stage, self.lot_id, step)?;
        let hold_disposition = holds::disposition(stage, self.lot_id)?;
        let (inspection_id, deviation_id) = (stage.next_id(), stage.next_id());
        let inspect = InspectLot {
            inspection_id,
            gate: self.gate,
            decision: self.decision,
            notes: self.notes.clone(),
            latest_reading: reading.clone(),
            hold_disposition,
            deviation_id,
            now: stage.now(),
        };
        let record = lots::RecordInspection {
            lot_id: self.lot_id,
            lot_code: state.lot_code.clone(),
            run_id: state.run_id,
            step_index: step.index,
            gate: self.gate,
            is_ccp: step.gate_class == GateClass::Ccp,
            inspection_type: self.inspection_type.clone(),
            decision: self.decision,
            notes: self.notes.clone(),
            checklist: self.checklist.clone(),
            reading,
            inspector: stage.actor().to_string(),
            signature: self.signature.clone(),
            now: stage.now(),
        };
        let lot = stage.decide::<Lot>(&self.lot_id.to_string(), LotCommand::Inspect(inspect))?;
        stage.decide::<Inspection>(&inspection_id.to_string(), record)?;
        let hold = NewHold {
            lot_id: self.lot_id,
            lot: &lot,
            deviation_id,
            cause: HoldCause::QcDecision,
            reading: None,
            inspection_id: Some(inspection_id),
        };
        let deviation_id = deviations::open_for(stage, hold)?;
        Ok(InspectionReply { inspection_id, lot_id: self.lot_id, status: lot.found()?.status, deviation_id })
    }
}

/// The lot's latest reading of the type that the step's critical limit asks for, if it is recent enough to rest on. The
/// logs become conditions of the commit: a reading at the same moment forces a new decision.
fn latest_reading(stage: &mut Stage<'_>, lot_id: Uuid, step: &Step) -> Result<Option<Reading>, Stop> {
    let Some(limit) = step.critical_limit else { return Ok(None) };
    let oldest = stage.now() - TimeDelta::minutes(READING_VALID_MINUTES);
    let zone = stage.settings().time_zone;
    let mut days = vec![LocalDay::at(stage.now(), zone), LocalDay::at(oldest, zone)];
    days.dedup();
    let ids: Vec<String> = days.into_iter().map(|day| Subject::Lot(lot_id).log_id(day)).collect();
    stage.load_all::<TemperatureLog>(ids.iter().map(String::as_str))?;
    for id in &ids {
        let log = stage.state::<TemperatureLog>(id)?;
        if let Some(reading) = log.latest(limit.reading_type) {
            return Ok(Some(reading.clone()).filter(|reading| reading.recorded_at >= oldest));
        }
    }
    Ok(None)
}
