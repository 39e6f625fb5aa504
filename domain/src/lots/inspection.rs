use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Decision, Gate, LotCode, Reading};
use crate::{
    Decider, events,
    kernel::{InvalidInput, TextFault, TextRule},
    refusals,
};

/// One line of an inspection's checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChecklistAnswer {
    /// What was asked, 1 to 200 characters.
    pub question: String,
    /// Whether it is as it should be.
    pub is_met: bool,
    /// What there is to say about it, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// A decision was taken at a gate. Written once, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InspectionRecorded {
    /// The lot.
    pub lot_id: Uuid,
    /// Its code.
    pub lot_code: LotCode,
    /// The lot's run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// The step of the gate.
    pub step_index: u8,
    /// The gate.
    pub gate: Gate,
    /// The kind of inspection, in the plant's words.
    pub inspection_type: String,
    /// Whether the gate is a critical control point.
    pub is_ccp: bool,
    /// The decision.
    pub decision: Decision,
    /// What the inspector noted.
    pub notes: String,
    /// The answers to the checklist.
    pub checklist: Vec<ChecklistAnswer>,
    /// At a critical control point, the latest reading of the limit's type, if there was one within the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// Who decided.
    pub inspector: String,
    /// When.
    pub inspected_at: DateTime<Utc>,
    /// The inspector's signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

events! {
    /// What happens to an inspection: it is recorded.
    pub enum InspectionEvent {
        InspectionRecorded = 1;
    }
}

/// A decision at a gate, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Inspection {
    recorded: Option<InspectionRecorded>,
}

/// Writes a decision down. What the lot makes of it is the lot's own decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordInspection {
    /// The inspected lot.
    pub lot_id: Uuid,
    /// Its code.
    pub lot_code: LotCode,
    /// Its run.
    pub run_id: Option<Uuid>,
    /// The step of the gate.
    pub step_index: u8,
    /// The gate.
    pub gate: Gate,
    /// Whether the gate is a critical control point.
    pub is_ccp: bool,
    /// 1 to 30 characters.
    pub inspection_type: String,
    /// The decision.
    pub decision: Decision,
    /// At most 2,000 characters; at least 10 unless the decision is PASS.
    pub notes: String,
    /// At most 100 lines.
    pub checklist: Vec<ChecklistAnswer>,
    /// The reading that a PASS at a critical control point rests on.
    pub reading: Option<Reading>,
    /// Who decides.
    pub inspector: String,
    /// At most 512 characters.
    pub signature: Option<String>,
    /// When.
    pub now: DateTime<Utc>,
}

refusals! {
    /// Why a decision cannot be written down.
    pub enum InspectionRefusal {
        /// HOLD and FAIL must be explained.
        NotesTooShort { found: usize } = "NOTES_TOO_SHORT",
            "notes of at least {NOTES_MIN} characters must explain the decision, these have {found}",
            at "notes", tells { min_characters: NOTES_MIN as i64 };
        /// An inspection is written once.
        AlreadyRecorded = "INSPECTION_RECORDED", "the inspection is already recorded";
    }
}

const INSPECTION_TYPE: TextRule = TextRule::line("inspectionType", 1, 30);
const NOTES_MIN: usize = 10;
const NOTES_MAX: usize = 2_000;
const SIGNATURE: TextRule = TextRule::line("signature", 0, 512);
const CHECKLIST_MAX: usize = 100;
const QUESTION: TextRule = TextRule::line("checklist.question", 1, 200);
const REMARK: TextRule = TextRule::lines("checklist.remark", 0, 500);

/// An inspection's notes as they are kept; HOLD and FAIL need at least ten characters.
pub(super) fn accept_notes(decision: Decision, notes: &str) -> Result<String, TextFault> {
    let min = match decision {
        Decision::Pass => 0,
        Decision::Hold | Decision::Fail => NOTES_MIN,
    };
    TextRule::lines("notes", min, NOTES_MAX).accept(notes)
}

fn accept_checklist(given: &[ChecklistAnswer]) -> Result<Vec<ChecklistAnswer>, InvalidInput> {
    if given.len() > CHECKLIST_MAX {
        return Err(InvalidInput::new("checklist", format!("must have at most {CHECKLIST_MAX} answers")));
    }
    let accept = |answer: &ChecklistAnswer| {
        Ok(ChecklistAnswer {
            question: QUESTION.accept(&answer.question)?,
            is_met: answer.is_met,
            remark: REMARK.accept_optional(answer.remark.as_deref())?,
        })
    };
    given.iter().map(accept).collect::<Result<_, TextFault>>().map_err(InvalidInput::from)
}

impl Inspection {
    /// The decision, if it was recorded.
    pub fn existing(&self) -> Option<&InspectionRecorded> {
        self.recorded.as_ref()
    }
}

impl Decider for Inspection {
    const CATEGORY: &'static str = "inspection";
    type Command = RecordInspection;
    type Event = InspectionEvent;
    type Error = InspectionRefusal;

    fn decide(&self, command: RecordInspection) -> Result<Vec<InspectionEvent>, InspectionRefusal> {
        let notes = accept_notes(command.decision, &command.notes).map_err(|fault| match fault {
            TextFault::TooShort { found, .. } => InspectionRefusal::NotesTooShort { found },
            TextFault::Invalid(invalid) => invalid.into(),
        })?;
        let recorded = InspectionRecorded {
            lot_id: command.lot_id,
            lot_code: command.lot_code,
            run_id: command.run_id,
            step_index: command.step_index,
            gate: command.gate,
            inspection_type: INSPECTION_TYPE.accept(&command.inspection_type).map_err(InvalidInput::from)?,
            is_ccp: command.is_ccp,
            decision: command.decision,
            notes,
            checklist: accept_checklist(&command.checklist)?,
            reading: command.reading,
            inspector: command.inspector,
            inspected_at: command.now,
            signature: SIGNATURE.accept_optional(command.signature.as_deref()).map_err(InvalidInput::from)?,
        };
        match &self.recorded {
            None => Ok(vec![recorded.into()]),
            Some(known) if *known == recorded => Ok(Vec::new()),
            Some(_) => Err(InspectionRefusal::AlreadyRecorded),
        }
    }

    fn evolve(self, event: &InspectionEvent) -> Self {
        match event {
            // The first decision stands whatever comes after it.
            InspectionEvent::InspectionRecorded(event) => {
                Self { recorded: self.recorded.or_else(|| Some(event.clone())) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
