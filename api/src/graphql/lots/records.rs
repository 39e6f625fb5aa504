//! What was written down about a lot: decisions, readings, the dispatch record.

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use commands::ports::TenantId;
use domain::{kernel::LocalDay, lots};
use projections::lots::{
    InspectionRow, Inspections, ShipmentRow, TemperatureReadingRow, TemperatureReadings,
};
use uuid::Uuid;

use super::{
    edges::{InspectionById, LotById, PartnerById, ReadingById},
    enums::{QcDecision, ReadingType},
    lot::Lot,
    partner::Partner,
    past::{InspectionAsOf, TemperatureLogAsOf},
};
use crate::graphql::kernel::{CommitInfo, FromReads, FromRequest, GlobalId, LocalDate, Past};

/// A reading as a decision or a deviation keeps it.
#[derive(Debug, Clone, SimpleObject)]
pub struct MeasuredReading {
    /// Where the thermometer was held.
    #[graphql(name = "type")]
    reading_type: ReadingType,
    /// What it showed, in tenths of a degree Celsius.
    tenths_c: i32,
    /// The least value allowed, when there is one.
    min_tenths_c: Option<i32>,
    /// The greatest value allowed.
    max_tenths_c: i32,
    /// Who took it.
    recorded_by: String,
    /// When.
    recorded_at: DateTime<Utc>,
}

impl From<&lots::Reading> for MeasuredReading {
    fn from(reading: &lots::Reading) -> Self {
        Self {
            reading_type: reading.reading_type.into(),
            tenths_c: reading.tenths_c.0,
            min_tenths_c: reading.limit.min_tenths_c.map(|limit| limit.0),
            max_tenths_c: reading.limit.max_tenths_c.0,
            recorded_by: reading.recorded_by.clone(),
            recorded_at: reading.recorded_at,
        }
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

/// A decision at a gate. Written once, never changed.
pub struct Inspection(pub(in crate::graphql) InspectionRow);

impl Inspection {
    pub(super) async fn after(context: &Context<'_>, id: Uuid, commit: CommitInfo) -> Result<Option<Self>> {
        context.wait::<Inspections>(Some(commit.position)).await?;
        let tenant = context.request()?.caller.tenant;
        Ok(context.find::<InspectionById>(tenant, id).await?.map(Self))
    }
}

/// A decision at a gate. Written once, never changed.
#[Object]
impl Inspection {
    /// Global id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        GlobalId::encode("Inspection", self.0.tenant, &self.0.inspection_id.to_string()).into()
    }

    /// The lot.
    async fn lot(&self, context: &Context<'_>) -> Result<Option<Lot>> {
        Ok(context.find::<LotById>(self.0.tenant, self.0.lot_id).await?.map(Lot))
    }

    /// The step of the gate.
    async fn step_index(&self) -> i32 {
        self.0.step_index.into()
    }

    /// The gate's key.
    async fn gate(&self) -> String {
        self.0.gate.to_string()
    }

    /// The kind of inspection, in the plant's words.
    async fn inspection_type(&self) -> &str {
        &self.0.inspection_type
    }

    /// Whether the gate is a critical control point.
    async fn is_ccp(&self) -> bool {
        self.0.is_ccp
    }

    /// The decision.
    async fn decision(&self) -> QcDecision {
        self.0.decision.into()
    }

    /// What the inspector noted.
    async fn notes(&self) -> &str {
        &self.0.notes
    }

    /// The answers to the checklist.
    async fn checklist(&self) -> Vec<ChecklistAnswer> {
        self.0.checklist.0.iter().map(ChecklistAnswer::from).collect()
    }

    /// The reading that a PASS at a critical control point rests on.
    async fn reading(&self) -> Option<MeasuredReading> {
        self.0.reading.as_ref().map(|reading| MeasuredReading::from(&reading.0))
    }

    /// Who decided.
    async fn inspector(&self) -> &str {
        &self.0.inspector
    }

    /// When.
    async fn inspected_at(&self) -> DateTime<Utc> {
        self.0.inspected_at
    }

    /// The inspector's signature.
    async fn signature(&self) -> Option<&str> {
        self.0.signature.as_deref()
    }

    #[graphql(flatten)]
    async fn past(&self) -> Past<InspectionAsOf> {
        Past::of(self.0.tenant, self.0.inspection_id)
    }
}

/// A reading of a thermometer.
pub struct Reading(pub(in crate::graphql) TemperatureReadingRow);

impl Reading {
    pub(super) async fn after(context: &Context<'_>, id: Uuid, commit: CommitInfo) -> Result<Option<Self>> {
        context.wait::<TemperatureReadings>(Some(commit.position)).await?;
        let tenant = context.request()?.caller.tenant;
        Ok(context.find::<ReadingById>(tenant, id).await?.map(Self))
    }
}

/// A reading of a thermometer.
#[Object(name = "TemperatureReading")]
impl Reading {
    /// Global id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        GlobalId::encode("TemperatureReading", self.0.tenant, &self.0.reading_id.to_string()).into()
    }

    /// The lot that it was read of.
    async fn lot(&self, context: &Context<'_>) -> Result<Option<Lot>> {
        match self.0.lot_id {
            Some(lot_id) => Ok(context.find::<LotById>(self.0.tenant, lot_id).await?.map(Lot)),
            None => Ok(None),
        }
    }

    /// Where the thermometer was held.
    #[graphql(name = "type")]
    async fn reading_type(&self) -> ReadingType {
        self.0.reading_type.into()
    }

    /// What it showed, in tenths of a degree Celsius.
    async fn tenths_c(&self) -> i32 {
        self.0.tenths_c.0
    }

    /// The least value allowed, when there is one.
    async fn min_tenths_c(&self) -> Option<i32> {
        self.0.min_tenths_c.map(|limit| limit.0)
    }

    /// The greatest value allowed.
    async fn max_tenths_c(&self) -> i32 {
        self.0.max_tenths_c.0
    }

    /// The log in which it stands: the readings of one lot or buffer on one local day.
    async fn log(&self) -> Option<TemperatureLog> {
        let lot = self.0.lot_id.map(lots::Subject::Lot);
        let subject = lot.or_else(|| self.0.buffer_id.map(lots::Subject::Buffer))?;
        Some(TemperatureLog { tenant: self.0.tenant, subject, day: self.0.day })
    }

    /// Whether it lies outside the limit.
    async fn is_violation(&self) -> bool {
        self.0.is_violation
    }

    /// Who took it.
    async fn recorded_by(&self) -> &str {
        &self.0.recorded_by
    }

    /// When.
    async fn recorded_at(&self) -> DateTime<Utc> {
        self.0.recorded_at
    }
}

/// The readings of one lot or buffer on one local day.
pub struct TemperatureLog {
    tenant: TenantId,
    subject: lots::Subject,
    day: LocalDay,
}

/// The readings of one lot or buffer on one local day.
#[Object]
impl TemperatureLog {
    /// The local day.
    async fn day(&self) -> LocalDate {
        LocalDate(self.day)
    }

    #[graphql(flatten)]
    async fn past(&self) -> Past<TemperatureLogAsOf> {
        Past::of(self.tenant, self.subject.log_id(self.day))
    }
}

/// The dispatch record of a SHIP lot (EU 931/2011), as it was on the day of the dispatch.
pub struct Shipment(pub(in crate::graphql) ShipmentRow);

/// The dispatch record of a SHIP lot (EU 931/2011), as it was on the day of the dispatch.
#[Object]
impl Shipment {
    /// The lot reference.
    async fn lot_code(&self) -> &str {
        self.0.lot_code.as_str()
    }

    /// How many grams left.
    async fn shipped_g(&self) -> i64 {
        self.0.shipped_grams.0
    }

    /// Who receives it.
    async fn consignee(&self, context: &Context<'_>) -> Result<Option<Partner>> {
        Ok(context.find::<PartnerById>(self.0.tenant, self.0.consignee_id).await?.map(Partner))
    }

    /// The consignee's name on that day.
    async fn consignee_name(&self) -> &str {
        &self.0.consignee_name
    }

    /// The consignee's address on that day.
    async fn consignee_address(&self) -> &str {
        &self.0.consignee_address
    }

    /// The carrier's name on that day.
    async fn carrier_name(&self) -> Option<&str> {
        self.0.carrier_name.as_deref()
    }

    /// The carrier's address on that day.
    async fn carrier_address(&self) -> Option<&str> {
        self.0.carrier_address.as_deref()
    }

    /// The number of the transport document.
    async fn document(&self) -> &str {
        &self.0.document
    }

    /// The local day of the dispatch.
    async fn dispatch_day(&self) -> LocalDate {
        LocalDate(self.0.dispatch_day)
    }

    /// When.
    async fn shipped_at(&self) -> DateTime<Utc> {
        self.0.shipped_at
    }
}
