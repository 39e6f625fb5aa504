use std::{borrow::Cow, fmt::Display, marker::PhantomData};

use async_graphql::{
    Context, InputObject, Json, Object, OneofObject, OutputType, Result, SimpleObject, TypeName,
};
use chrono::{DateTime, Utc};
use commands::ports::{EventStore, Position, RecordedEvent, StreamKey, TenantId};
use domain::{Decider, identity::Permission};
use projections::history::{self, At};

use super::{FromReads, Int64, fault, refused, requires};

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

/// The moment that an entity is told of.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct Moment {
    /// How many of its events had happened.
    version: Int64,
    /// The position of the last event that had happened.
    position: Int64,
    /// When the last event that had happened was recorded.
    recorded_at: Option<DateTime<Utc>>,
}

/// An entity as it was: what `asOf` answers.
pub trait PastState: OutputType + Sized {
    /// The aggregate that it is told from.
    type Of: Decider + Send;

    /// The state as GraphQL shows it; none when it did not exist yet.
    fn of(state: &Self::Of, moment: Moment) -> Option<Self>;
}

/// The past of one entity, told from the log alone. Every aggregate's object has its fields, by `#[graphql(flatten)]`.
pub struct Past<S> {
    stream: StreamKey,
    state: PhantomData<fn() -> S>,
}

impl<S: PastState> Past<S> {
    /// Of the aggregate with this id.
    pub fn of(tenant: TenantId, id: impl Display) -> Self {
        Self { stream: StreamKey::new(tenant, S::Of::CATEGORY, id.to_string()), state: PhantomData }
    }
}

/// One name for each state: the type itself is flattened away, and the registry wants to tell them apart.
impl<S: PastState> TypeName for Past<S> {
    fn type_name() -> Cow<'static, str> {
        format!("Past{}", <S as OutputType>::type_name()).into()
    }
}

/// The past of one entity.
#[Object(name_type)]
impl<S: PastState> Past<S> {
    /// What happened to it, oldest first.
    #[graphql(guard = "requires(Permission::AuditRead)")]
    async fn history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which part of it; the first 50 events when nothing is said.")] page: Option<
            HistoryPage,
        >,
    ) -> Result<Vec<HistoryEvent>> {
        let (after, limit) = page.unwrap_or_default().bounds()?;
        let events = history::history(log(context)?, &self.stream, after, limit).await;
        Ok(events.map_err(|error| unanswered(&error))?.into_iter().map(HistoryEvent::from).collect())
    }

    /// As it was, told from the log alone; none before it was made.
    async fn as_of(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "When.")] at: EntityAsOf,
    ) -> Result<Option<S>> {
        let told = history::as_of::<S::Of>(log(context)?, &self.stream, at.at()?).await;
        let history::AsOf { state, version, position, recorded_at } =
            told.map_err(|error| unanswered(&error))?;
        let moment = Moment { version: version.into(), position: position.into(), recorded_at };
        Ok(if version == 0 { None } else { S::of(&state, moment) })
    }
}
