//! Decisions at gates.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use commands::lots::{InspectionReply, RecordInspection};
use domain::lots::{self, Decision, Gate};
use projections::lots::{InspectionRow, Inspections};

use super::{Deviation, Lot, temperature::MeasuredReading};
use crate::graphql::kernel::{E, Id, Key};

crate::entity! {
    /// A decision at a gate. Written once, never changed.
    Inspection = InspectionFields of InspectionRow in Inspections, needs PlantRead, past;
    fields |inspection| {
        /// The code of the lot.
        lot_code: &str = inspection.lot_code.as_str();
        /// The step of the gate.
        step_index: i32 = inspection.step_index.into();
        /// The gate's key.
        gate: &str = inspection.gate.as_str();
        /// The kind of inspection, in the plant's words.
        inspection_type: &str = &inspection.inspection_type;
        /// Whether the gate is a critical control point.
        is_ccp: bool = inspection.is_ccp;
        /// The decision.
        decision: E<Decision> = E(inspection.decision);
        /// What the inspector noted.
        notes: &str = &inspection.notes;
        /// The answers to the checklist.
        checklist: Vec<ChecklistAnswer> = inspection.checklist.iter().map(ChecklistAnswer::from).collect();
        /// The reading that a PASS at a critical control point rests on.
        reading: Option<MeasuredReading> = inspection.reading.as_ref().map(|reading| MeasuredReading::from(&**reading));
        /// Who decided.
        inspector: &str = &inspection.inspector;
        /// When.
        inspected_at: DateTime<Utc> = inspection.inspected_at;
        /// The inspector's signature.
        signature: Option<&str> = inspection.signature.as_deref();
    }
    names {
        /// The lot.
        lot: Lot = lot_id;
    }
    lists InspectionLists {
        /// The decisions at gates, newest first.
        inspections(filter: InspectionFilter, "Which decisions.") by position, Descending;
    }
}

/// One line of an inspection's checklist.
#[derive(Debug, Clone, SimpleObject)]
pub struct ChecklistAnswer {
    /// What was asked.
    question: String,
    /// Whether it was as it should be.
    is_met: bool,
    /// What there was to say about it.
    remark: Option<String>,
}

impl From<&lots::ChecklistAnswer> for ChecklistAnswer {
    fn from(answer: &lots::ChecklistAnswer) -> Self {
        Self { question: answer.question.clone(), is_met: answer.is_met, remark: answer.remark.clone() }
    }
}

crate::inputs! {
    /// One line of an inspection's checklist.
    ChecklistAnswerInput => lots::ChecklistAnswer {
        /// What was asked, 1 to 200 characters.
        question: String,
        /// Whether it is as it should be.
        is_met: bool,
        /// What there is to say about it, at most 500 characters.
        remark: Option<String>,
    }

    /// A decision at a gate.
    RecordInspectionInput => RecordInspection {
        /// The lot.
        lot_id as "lot": Id<Lot>,
        /// The gate's key: `1`, `3`, `4`, `5`, `6`, `6.5`, `7`, `8` or `10`.
        gate: Key<Gate>,
        /// The kind of inspection, 1 to 30 characters.
        inspection_type: String,
        /// The decision.
        decision: E<Decision>,
        /// At most 2,000 characters; at least 10 unless the decision is PASS.
        #[graphql(default)]
        notes: String,
        /// The answers to the checklist.
        #[graphql(default)]
        checklist: Vec<ChecklistAnswerInput>,
        /// At most 512 characters.
        signature: Option<String>,
    }
}

crate::payloads! {
    /// A lot after a decision at a gate.
    InspectionPayload of InspectionReply {
        /// The decision.
        inspection: Inspection by |reply| Some(reply.inspection_id);
        /// The lot, as it is after the decision.
        lot: Lot by |reply| Some(reply.lot_id);
        /// The deviation that was opened.
        deviation: Deviation by |reply| reply.deviation_id;
    }
}

crate::mutations! {
    /// The command around inspections.
    InspectionMutations {
        /// Writes a decision at a gate down; the lot is released, held or rejected with it. Needs `qc:decide`.
        record_inspection("recordInspection", RecordInspectionInput) -> InspectionPayload;
    }
}

crate::filters! {
    /// Which inspections.
    InspectionFilter {
        /// Of this lot.
        lot: Id<Lot> => lot_id,
        /// At this gate, by its key.
        gate: Key<Gate> => gate,
        /// One of these.
        decision: Vec<E<Decision>> => decision,
    }
}
