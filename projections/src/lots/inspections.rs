use chrono::{DateTime, Utc};
use commands::ports::{Position, RecordedEvent};
use domain::{
    Decider,
    lots::{ChecklistAnswer, Decision, Gate, Inspection, InspectionEvent, LotCode, Reading},
};
use uuid::Uuid;

use crate::{FoldError, Json, Keys, ReadModel, Row, Rows, Table, decode, row, stream_uuid};

row! {
    /// A decision at a gate.
    pub struct InspectionRow in "inspections" {
        key {
            /// Whose lot was inspected.
            tenant: Uuid,
            /// The inspection.
            inspection_id: Uuid,
        }
        /// The lot.
        lot_id: Uuid,
        /// Its code.
        lot_code: LotCode,
        /// The lot's run.
        run_id: Option<Uuid>,
        /// The step of the gate.
        step_index: u8,
        /// The gate.
        gate: Gate,
        /// The kind of inspection, in the plant's words.
        inspection_type: String,
        /// Whether the gate is a critical control point.
        is_ccp: bool,
        /// The decision.
        decision: Decision,
        /// What the inspector noted.
        notes: String,
        /// The answers to the checklist.
        checklist: Json<Vec<ChecklistAnswer>>,
        /// The reading that a PASS at a critical control point rests on.
        reading: Option<Json<Reading>>,
        /// Who decided.
        inspector: String,
        /// When.
        inspected_at: DateTime<Utc>,
        /// The inspector's signature.
        signature: Option<String>,
        /// Where the log tells of it.
        position: Position,
    }
    index (tenant, position);
    index (tenant, lot_id, position);
    index (tenant, gate, position);
}

/// What was decided at the gates?
pub struct Inspections;

impl ReadModel for Inspections {
    const NAME: &'static str = "inspections";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[Inspection::CATEGORY];

    fn tables() -> Vec<&'static Table> {
        vec![InspectionRow::TABLE]
    }

    fn keys(_: &RecordedEvent, _: &mut Keys<'_>) {}

    fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
        let InspectionEvent::InspectionRecorded(recorded) = decode(event)?;
        rows.put(InspectionRow {
            tenant: event.stream.tenant,
            inspection_id: stream_uuid(event)?,
            lot_id: recorded.lot_id,
            lot_code: recorded.lot_code,
            run_id: recorded.run_id,
            step_index: recorded.step_index,
            gate: recorded.gate,
            inspection_type: recorded.inspection_type,
            is_ccp: recorded.is_ccp,
            decision: recorded.decision,
            notes: recorded.notes,
            checklist: Json::try_new(recorded.checklist)?,
            reading: recorded.reading.map(Json::try_new).transpose()?,
            inspector: recorded.inspector,
            inspected_at: recorded.inspected_at,
            signature: recorded.signature,
            position: event.position,
        });
        Ok(())
    }
}
