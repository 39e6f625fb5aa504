use async_graphql::{Context, InputObject, Json, OneofObject, Result, SimpleObject};
use chrono::{DateTime, Utc};
use commands::ports::{EventStore, Position, RecordedEvent};
use projections::history::At;

use super::{FromReads, Int64, fault, refused};

/// A moment of the log.
#[derive(Debug, Clone, Copy, OneofObject)]
pub enum AsOf {
    /// Everything up to this position has happened.
    Position(Int64),
    /// Everything recorded up to this instant has happened.
    Time(DateTime<Utc>),
}

/// A moment of one entity.
#[derive(Debug, Clone, Copy, OneofObject)]
pub enum EntityAsOf {
    /// After so many of its events.
    Version(Int64),
    /// Everything up to this position has happened.
    Position(Int64),
    /// Everything recorded up to this instant has happened.
    Time(DateTime<Utc>),
}

/// Which part of an entity's history.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct HistoryPage {
    /// Events behind this version.
    #[graphql(default)]
    pub after_version: Int64,
    /// At most so many, 1 to 200.
    #[graphql(default = 50)]
    pub first: i32,
}

impl Default for HistoryPage {
    fn default() -> Self {
        Self { after_version: Int64(0), first: 50 }
    }
}

/// One event of an entity's history.
#[derive(Debug, Clone, SimpleObject)]
pub struct HistoryEvent {
    /// Its place in the entity's history, from 1.
    pub version: Int64,
    /// Its place in the log.
    pub position: Int64,
    /// What happened, noun and past participle; `schema/events/` describes each.
    #[graphql(name = "type")]
    pub event_type: String,
    /// The version of the payload's schema.
    pub schema_version: i32,
    /// What it says.
    pub payload: Json<serde_json::Value>,
    /// Who did it.
    pub actor: String,
    /// Ties together everything that one request set off.
    pub correlation_id: uuid::Uuid,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
}

impl From<RecordedEvent> for HistoryEvent {
    fn from(event: RecordedEvent) -> Self {
        Self {
            version: event.version.into(),
            position: event.position.into(),
            event_type: event.event_type.to_string(),
            schema_version: event.schema_version.into(),
            payload: Json(serde_json::from_str(&event.payload).unwrap_or_default()),
            actor: event.metadata.actor,
            correlation_id: event.metadata.correlation_id,
            recorded_at: event.recorded_at,
        }
    }
}

fn count(number: Int64) -> Result<u64> {
    number.to_u64().ok_or_else(|| refused("VALIDATION_FAILED", "versions and positions are 0 or more"))
}

impl EntityAsOf {
    /// The moment as the read side takes it.
    pub fn at(self) -> Result<At> {
        Ok(match self {
            Self::Version(version) => At::Version(count(version)?),
            Self::Position(position) => At::Position(count(position)?),
            Self::Time(instant) => At::Time(instant),
        })
    }
}

/// The log, for what is told from it alone.
pub fn log<'a>(context: &'a Context<'_>) -> Result<&'a dyn EventStore> {
    Ok(&**context.reads()?.loader().side().events())
}

/// The position that stands for a moment; none for now.
pub async fn position_of(context: &Context<'_>, moment: Option<AsOf>) -> Result<Option<Position>> {
    match moment {
        None => Ok(None),
        Some(AsOf::Position(position)) => count(position).map(Some),
        Some(AsOf::Time(instant)) => {
            let found = log(context)?.position_at(instant).await;
            found.map(Some).map_err(|error| unanswered(&error))
        }
    }
}

/// The log does not answer: logged here, masked for the client.
pub fn unanswered(error: &(dyn std::error::Error + 'static)) -> async_graphql::Error {
    tracing::error!(error, "the past cannot be told");
    fault("UNAVAILABLE", "the event log does not answer")
}

impl HistoryPage {
    /// Checks the bounds: after which version, and how many.
    pub fn bounds(self) -> Result<(u64, usize)> {
        let first = usize::try_from(self.first).ok().filter(|first| (1..=200).contains(first));
        let first = first.ok_or_else(|| refused("VALIDATION_FAILED", "first may be 1 to 200"))?;
        Ok((count(self.after_version)?, first))
    }
}
