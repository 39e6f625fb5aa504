//! The operations of the read store, written once for both engines: each is one transaction.
//!
//! One file a subject: `leases`, `builds`, `steps` (what a runner's turn leaves), `take_over`, `records` (what is
//! parked, audited, or kept as an image).

mod builds;
mod leases;
mod records;
mod steps;
mod take_over;

use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use projections::{
    ColumnType, Field, Table, Value,
    ports::{BuildId, ReadStoreError},
};
use uuid::Uuid;

use super::{
    pages::{PageOfEach, Parameter, Statement},
    session::{Done, Job, Queue, Session, Standing},
};

pub(super) use builds::{CreateBuild, CreateIndex, DiscardBuild, DropBuild, ListBuilds, Prepare};
pub(super) use leases::{ClaimLease, LookAtLease, ReleaseLease, RenewLease};
pub(super) use records::{ListAudit, ListParked, ListSkips, LoadImage, SaveImage};
pub(super) use steps::StoreStep;
pub(super) use take_over::{Compare, TakeOver};

const INT: ColumnType = ColumnType::Int64;
const TEXT: ColumnType = ColumnType::Text;

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

/// A mark that no other has, in this database or in one that it was copied from: chance makes it, for a number that counts
/// comes again after a crash or a restored backup. The sum of two is one too, and fits.
pub(super) fn mark() -> Value {
    Value::Int64(Uuid::now_v7().as_u128() as i64 & ((1 << 62) - 1))
}

fn millis(duration: Duration) -> Value {
    Value::Int64(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn instant_millis(instant: DateTime<Utc>) -> Value {
    Value::Int64(instant.timestamp_millis())
}

fn corrupt(error: impl std::fmt::Display) -> ReadStoreError {
    ReadStoreError::Corrupt { reason: error.to_string() }
}

/// Reads the values of own rows in order.
struct Reader(std::vec::IntoIter<Value>);

impl Reader {
    fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    fn has_more(&self) -> bool {
        self.0.len() > 0
    }

    fn next<F: Field>(&mut self) -> Result<F, ReadStoreError> {
        F::from_value(self.0.next().unwrap_or(Value::Null)).map_err(corrupt)
    }

    fn instant(&mut self) -> Result<DateTime<Utc>, ReadStoreError> {
        let millis = self.next::<i64>()?;
        Utc.timestamp_millis_opt(millis).single().ok_or_else(|| corrupt("a time beyond the calendar"))
    }

    fn uuid(&mut self) -> Result<Uuid, ReadStoreError> {
        self.next::<String>()?.parse().map_err(corrupt)
    }

    fn optional_uuid(&mut self) -> Result<Option<Uuid>, ReadStoreError> {
        self.next::<Option<String>>()?.map(|id| id.parse().map_err(corrupt)).transpose()
    }

    fn build(&mut self) -> Result<BuildId, ReadStoreError> {
        Ok(BuildId { model: self.next()?, version: self.next()?, revision: self.next()? })
    }
}

pub(super) struct LoadRows {
    pub(super) build: BuildId,
    pub(super) table: &'static Table,
    pub(super) keys: Vec<Value>,
}

impl Job for LoadRows {
    type Answer = Vec<Value>;
    const DOING: &'static str = "reading a read model's rows";
    const WRITES: bool = false;
    const BY_KEY: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        session.load_rows(&self.build, self.table, &self.keys).await.map(Done::Commit)
    }
}

/// Asks a question that was made elsewhere, for rows with columns of these types.
pub(super) struct Read {
    pub(super) statement: Statement,
    pub(super) types: Vec<ColumnType>,
}

impl Job for Read {
    type Answer = Option<Standing>;
    const DOING: &'static str = "reading a read model";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        session.ask_for_rows(&self.statement, &self.types).await.map(Done::Commit)
    }
}

/// Reads the marks of rows.
pub(super) struct ReadMarks(pub(super) Statement);

impl Job for ReadMarks {
    type Answer = Vec<Value>;
    const DOING: &'static str = "reading the marks of read models";
    const WRITES: bool = false;
    const QUEUE: Queue = Queue::Comparing;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        session.ask(&self.0, &[TEXT, TEXT, INT]).await.map(Done::Commit)
    }
}

/// Reads a page for each of several values of a column, as [`Read`] does one. No plan is right but one over the index that
/// begins with the column.
pub(super) struct ReadEach {
    pub(super) pages: PageOfEach,
    pub(super) types: Vec<ColumnType>,
}

impl Job for ReadEach {
    type Answer = Option<Standing>;
    const DOING: &'static str = "reading a read model by an edge";
    const WRITES: bool = false;
    const BY_KEY: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        let (head, mut page, place, values) = match self.pages {
            PageOfEach::Joined(statement) => {
                return session.ask_for_rows(&statement, &self.types).await.map(Done::Commit);
            }
            PageOfEach::OneByOne { head, page, place, values } => (head, page, place, values),
        };
        let Some(mut standing) = session.ask_for_rows(&head, &[]).await? else {
            return Ok(Done::Commit(None));
        };
        for value in values {
            if let Some(parameter) = page.parameters.get_mut(place) {
                *parameter = Parameter::One(value);
            }
            standing.rows.append(&mut session.ask(&page, &self.types).await?);
        }
        Ok(Done::Commit(Some(standing)))
    }
}
