use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use projections::lots::{DeviationRow, Deviations};
use uuid::Uuid;

use super::{
    edges::{DeviationById, LotById},
    enums::{DeviationStatus, Disposition, HoldCause},
    lot::Lot,
    past::DeviationAsOf,
    records::MeasuredReading,
};
use crate::graphql::kernel::{CommitInfo, FromReads, FromRequest, GlobalId, Int64, Past};

/// A breach: what it was, what became of the goods, why, and who signed it off.
pub struct Deviation(pub(in crate::graphql) DeviationRow);

impl Deviation {
    pub(super) async fn after(context: &Context<'_>, id: Uuid, commit: CommitInfo) -> Result<Option<Self>> {
        context.wait::<Deviations>(Some(commit.position)).await?;
        let tenant = context.request()?.caller.tenant;
        Ok(context.find::<DeviationById>(tenant, id).await?.map(Self))
    }
}

/// A breach: what it was, what became of the goods, why, and who signed it off.
#[Object]
impl Deviation {
    /// Global id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        GlobalId::encode("Deviation", self.0.tenant, &self.0.deviation_id.to_string()).into()
    }

    /// The lot that was held.
    async fn lot(&self, context: &Context<'_>) -> Result<Option<Lot>> {
        match self.0.lot_id {
            Some(lot_id) => Ok(context.find::<LotById>(self.0.tenant, lot_id).await?.map(Lot)),
            None => Ok(None),
        }
    }

    /// What put the goods on hold.
    async fn cause(&self) -> HoldCause {
        self.0.cause.into()
    }

    /// Why, in words.
    async fn reason(&self) -> &str {
        &self.0.reason
    }

    /// The reading and the limit that it violated.
    async fn reading(&self) -> Option<MeasuredReading> {
        self.0.reading.as_ref().map(|reading| MeasuredReading::from(&reading.0))
    }

    /// Where it stands.
    async fn status(&self) -> DeviationStatus {
        self.0.status.into()
    }

    /// What becomes of the goods.
    async fn disposition(&self) -> Option<Disposition> {
        self.0.disposition.map(Into::into)
    }

    /// Why it came to this.
    async fn root_cause(&self) -> Option<&str> {
        self.0.root_cause.as_deref()
    }

    /// Whose reading, decision or hold it was.
    async fn opened_by(&self) -> &str {
        &self.0.opened_by
    }

    /// When it was opened.
    async fn opened_at(&self) -> DateTime<Utc> {
        self.0.opened_at
    }

    /// Who decided what becomes of the goods.
    async fn dispositioned_by(&self) -> Option<&str> {
        self.0.dispositioned_by.as_deref()
    }

    /// When that was decided.
    async fn dispositioned_at(&self) -> Option<DateTime<Utc>> {
        self.0.dispositioned_at
    }

    /// Who signed it off.
    async fn closed_by(&self) -> Option<&str> {
        self.0.closed_by.as_deref()
    }

    /// When it was signed off.
    async fn closed_at(&self) -> Option<DateTime<Utc>> {
        self.0.closed_at
    }

    /// How many reminders were sent, one for each day that nobody decided.
    async fn reminders(&self) -> u32 {
        self.0.reminders
    }

    #[graphql(flatten)]
    async fn past(&self) -> Past<DeviationAsOf> {
        Past::of(self.0.tenant, self.0.deviation_id)
    }

    /// The version of the deviation that these fields show.
    async fn version(&self) -> Int64 {
        self.0.version.into()
    }
}
