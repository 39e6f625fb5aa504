use std::{borrow::Cow, fmt::Display, marker::PhantomData};

use async_graphql::{
    Context, InputObject, Json, Object, ObjectType, OneofObject, Result, SimpleObject, TypeName,
};
use chrono::{DateTime, Utc};
use commands::ports::{Position, RecordedEvent, StreamKey, TenantId};
use domain::{identity::Permission, kernel::personal};
use projections::{
    Model, ReadModel, Rows,
    history::{self, At},
};
use uuid::Uuid;

use super::{Allowed, Entity, Granted, Int64, Shown, fault, permit, reads::FromRows, refused, requires};

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
            payload: Json(personal::shown(serde_json::from_str(&event.payload).unwrap_or_default())),
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

/// The position that stands for a moment; none for now.
pub async fn position_of(context: &Context<'_>, moment: Option<AsOf>) -> Result<Option<Position>> {
    match moment {
        None => Ok(None),
        Some(AsOf::Position(position)) => count(position).map(Some),
        Some(AsOf::Time(instant)) => {
            let found = context.log()?.position_at(instant).await;
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

/// What is told of a stream at a moment of its past: made of the rows that the read model's own fold leaves of the
/// stream's events up to then. So an entity as it was has the fields that it has now, by the same rules.
///
/// Only a read model of one category can be told so: where the rows rest on other streams too, one stream knows a
/// part of them, and showing the rest as if it were empty would be a lie. Such an entity keeps what is its own in a
/// read model of its own category, which has a past, and what others contribute in another, which hangs on it as an
/// edge; whatever else is used with [`Past`] does not compile.
pub trait Told: ObjectType + Sized + 'static {
    /// Whose rows they are, and what they need.
    type Of: Shown;
    /// The name of the type that `asOf` answers is this with `AsOf` behind it.
    const TYPE: &'static str;

    /// What the rows tell; none when there was nothing yet.
    fn told(past: PastRows<Self::Of>) -> Option<Self>;
}

/// The rows that a stream's events left at a moment of its past.
pub struct PastRows<S: Shown> {
    rows: Rows,
    allowed: Allowed<S>,
    /// The id of the stream.
    pub stream_id: String,
}

impl<S: Shown> PastRows<S> {
    /// All of them.
    pub fn all(mut self) -> Vec<Granted<S>> {
        let Self { rows, allowed, .. } = &mut self;
        rows.all::<S::Row>().into_iter().map(|row| allowed.grant(row.clone())).collect()
    }
}

impl<E: Entity> PastRows<E> {
    /// The row of the entity whose stream it is.
    pub fn own(mut self) -> Option<Granted<E>> {
        let key = (self.allowed.tenant(), Uuid::try_parse(&self.stream_id).ok()?);
        let row = self.rows.get::<E::Row>(&key).ok().flatten()?;
        Some(self.allowed.grant(row.clone()))
    }
}

/// Lets an entity's fields be told of its past; a part of [`entity!`](crate::entity).
#[doc(hidden)]
#[macro_export]
macro_rules! told {
    (past $name:ident = $fields:ident) => {
        impl $crate::graphql::kernel::Told for $fields {
            type Of = $name;
            const TYPE: &'static str = stringify!($name);

            fn told(past: $crate::graphql::kernel::PastRows<$name>) -> Option<Self> {
                past.own().map(Self)
            }
        }
    };
}

/// Something as it was at a moment of its past.
pub struct Then<T> {
    moment: Moment,
    fields: T,
}

impl<T: Told> TypeName for Then<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}AsOf", T::TYPE).into()
    }
}

/// As it was at a moment of its past.
#[Object(name_type)]
impl<T: Told> Then<T> {
    /// How many of its events had happened.
    async fn version(&self) -> Int64 {
        self.moment.version
    }

    /// The position of the last event that had happened.
    async fn position(&self) -> Int64 {
        self.moment.position
    }

    /// When the last event that had happened was recorded.
    async fn recorded_at(&self) -> Option<DateTime<Utc>> {
        self.moment.recorded_at
    }

    #[graphql(flatten)]
    async fn fields(&self) -> &T {
        &self.fields
    }
}

/// The moment that something is told of.
#[derive(Debug, Clone, Copy)]
struct Moment {
    version: Int64,
    position: Int64,
    recorded_at: Option<DateTime<Utc>>,
}

/// The past of one stream, told from the log alone. An [`entity!`](crate::entity) with `past` has its fields.
pub struct Past<T> {
    stream: StreamKey,
    told: PhantomData<fn() -> T>,
}

impl<T: Told> Past<T> {
    const CATEGORY: &'static str = {
        let categories = <T::Of as Shown>::Model::CATEGORIES;
        assert!(categories.len() == 1, "rows of several categories are not told from one stream");
        categories[0]
    };

    /// Of the stream with this id.
    pub fn of(tenant: TenantId, id: impl Display) -> Self {
        Self { stream: StreamKey::new(tenant, Self::CATEGORY, id.to_string()), told: PhantomData }
    }
}

/// One name for each: the type itself is flattened away, and the registry wants to tell them apart.
impl<T: Told> TypeName for Past<T> {
    fn type_name() -> Cow<'static, str> {
        format!("Past{}", T::TYPE).into()
    }
}

/// The past of one entity.
#[Object(name_type)]
impl<T: Told> Past<T> {
    /// What happened to it, oldest first.
    #[graphql(guard = "requires(Permission::AuditRead)")]
    async fn history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which part of it; the first 50 events when nothing is said.")] page: Option<
            HistoryPage,
        >,
    ) -> Result<Vec<HistoryEvent>> {
        permit(context, <T::Of as Shown>::PERMISSION)?;
        let (after, limit) = page.unwrap_or_default().bounds()?;
        let events = Box::pin(history::history(context.log()?, &self.stream, after, limit)).await;
        Ok(events.map_err(|error| unanswered(&error))?.into_iter().map(HistoryEvent::from).collect())
    }

    /// As it was, told from the log alone; none before it was made.
    async fn as_of(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "When.")] at: EntityAsOf,
    ) -> Result<Option<Then<T>>> {
        let allowed = Allowed::<T::Of>::ask(context)?;
        let model = Model::of::<<T::Of as Shown>::Model>();
        let told = Box::pin(history::rows_as_of(model, context.log()?, &self.stream, at.at()?)).await;
        let history::AsOf { state: rows, version, position, recorded_at } =
            told.map_err(|error| unanswered(&error))?;
        let moment = Moment { version: version.into(), position: position.into(), recorded_at };
        let rows = PastRows { rows, allowed, stream_id: self.stream.id.to_string() };
        Ok(T::told(rows).map(|fields| Then { moment, fields }))
    }
}
