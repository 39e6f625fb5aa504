//! The aggregates as they were: what `asOf` answers for each.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use domain::lots;

use super::{
    enums::{DeviationStatus, Disposition, HoldCause, LotStatus, PartnerRole, QcDecision},
    records::{ChecklistAnswer, MeasuredReading},
};
use crate::graphql::kernel::{Moment, PastState};

/// A lot as it was.
#[derive(Debug, Clone, SimpleObject)]
pub struct LotAsOf {
    #[graphql(flatten)]
    moment: Moment,
    /// Its code.
    code: String,
    /// Where it stood.
    status: LotStatus,
    /// Net weight in grams; 0: not yet weighed.
    weight_g: i64,
    /// Grams that were left.
    remaining_g: i64,
    /// Grams that had gone into other lots.
    used_g: i64,
    /// Grams that had been written off.
    written_off_g: i64,
    /// Grams that had left the plant.
    shipped_g: i64,
    /// Why it was on hold; none when it was not.
    hold_reason: Option<String>,
}

impl PastState for LotAsOf {
    type Of = lots::Lot;

    fn of(lot: &lots::Lot, moment: Moment) -> Option<Self> {
        let state = lot.existing()?;
        let is_held = state.status == lots::LotStatus::Hold;
        Some(Self {
            moment,
            code: state.lot_code.to_string(),
            status: state.status.into(),
            weight_g: state.weight_grams.0,
            remaining_g: state.remaining_grams().0,
            used_g: state.used_grams.0,
            written_off_g: state.written_off_grams.0,
            shipped_g: state.shipped_grams.0,
            hold_reason: state.latest_hold.as_ref().filter(|_| is_held).map(|hold| hold.reason.clone()),
        })
    }
}

/// A partner as it was.
#[derive(Debug, Clone, SimpleObject)]
pub struct PartnerAsOf {
    #[graphql(flatten)]
    moment: Moment,
    /// Its name.
    name: String,
    /// Its postal address.
    address: Option<String>,
    /// What it was to the plant.
    roles: Vec<PartnerRole>,
}

impl PastState for PartnerAsOf {
    type Of = lots::Partner;

    fn of(partner: &lots::Partner, moment: Moment) -> Option<Self> {
        let state = partner.existing()?;
        Some(Self {
            moment,
            name: state.name.clone(),
            address: state.address.clone(),
            roles: state.roles.iter().map(|role| (*role).into()).collect(),
        })
    }
}

/// A deviation as it was.
#[derive(Debug, Clone, SimpleObject)]
pub struct DeviationAsOf {
    #[graphql(flatten)]
    moment: Moment,
    /// What put the goods on hold.
    cause: HoldCause,
    /// Why, in words.
    reason: String,
    /// The reading and the limit that it violated.
    reading: Option<MeasuredReading>,
    /// Where it stood.
    status: DeviationStatus,
    /// What was to become of the goods, once decided.
    disposition: Option<Disposition>,
    /// Why it came to this, once known.
    root_cause: Option<String>,
    /// Whose reading, decision or hold it was.
    opened_by: String,
    /// When it was opened.
    opened_at: DateTime<Utc>,
    /// Who had signed it off.
    closed_by: Option<String>,
    /// How many reminders had been sent.
    reminders: u32,
}

impl PastState for DeviationAsOf {
    type Of = lots::Deviation;

    fn of(deviation: &lots::Deviation, moment: Moment) -> Option<Self> {
        let state = deviation.existing()?;
        Some(Self {
            moment,
            cause: state.opened.cause.into(),
            reason: state.opened.reason.clone(),
            reading: state.opened.reading.as_ref().map(MeasuredReading::from),
            status: state.status.into(),
            disposition: state.disposition.map(Into::into),
            root_cause: state.root_cause.clone(),
            opened_by: state.opened.opened_by.clone(),
            opened_at: state.opened.opened_at,
            closed_by: state.closed_by.clone(),
            reminders: state.reminders,
        })
    }
}

/// A decision at a gate as it was written down.
#[derive(Debug, Clone, SimpleObject)]
pub struct InspectionAsOf {
    #[graphql(flatten)]
    moment: Moment,
    /// The code of the lot.
    lot_code: String,
    /// The step of the gate.
    step_index: i32,
    /// The gate's key.
    gate: String,
    /// The kind of inspection, in the plant's words.
    inspection_type: String,
    /// Whether the gate was a critical control point.
    is_ccp: bool,
    /// The decision.
    decision: QcDecision,
    /// What the inspector noted.
    notes: String,
    /// The answers to the checklist.
    checklist: Vec<ChecklistAnswer>,
    /// The reading that a PASS at a critical control point rests on.
    reading: Option<MeasuredReading>,
    /// Who decided.
    inspector: String,
    /// When.
    inspected_at: DateTime<Utc>,
    /// The inspector's signature.
    signature: Option<String>,
}

impl PastState for InspectionAsOf {
    type Of = lots::Inspection;

    fn of(inspection: &lots::Inspection, moment: Moment) -> Option<Self> {
        let state = inspection.existing()?;
        Some(Self {
            moment,
            lot_code: state.lot_code.to_string(),
            step_index: state.step_index.into(),
            gate: state.gate.to_string(),
            inspection_type: state.inspection_type.clone(),
            is_ccp: state.is_ccp,
            decision: state.decision.into(),
            notes: state.notes.clone(),
            checklist: state.checklist.iter().map(ChecklistAnswer::from).collect(),
            reading: state.reading.as_ref().map(MeasuredReading::from),
            inspector: state.inspector.clone(),
            inspected_at: state.inspected_at,
            signature: state.signature.clone(),
        })
    }
}

/// A temperature log as it was: what decisions rested on.
#[derive(Debug, Clone, SimpleObject)]
pub struct TemperatureLogAsOf {
    #[graphql(flatten)]
    moment: Moment,
    /// The latest reading of each type that had been read, longest ago first.
    latest: Vec<MeasuredReading>,
}

impl PastState for TemperatureLogAsOf {
    type Of = lots::TemperatureLog;

    fn of(log: &lots::TemperatureLog, moment: Moment) -> Option<Self> {
        Some(Self { moment, latest: log.latest_of_each().iter().map(MeasuredReading::from).collect() })
    }
}
