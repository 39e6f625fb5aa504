//! What both engines are to the jobs of the read store: a transaction that runs statements.

use std::{future::Future, time::Duration};

use projections::{
    ColumnType, Table, Value,
    ports::{BuildId, ReadStoreError},
};

use super::{pages::Statement, sql::Dialect};

/// How long most jobs may take: a page of rows, a step of the projector. Far more than they need, far less than a connection
/// of which nothing is heard any more.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// For jobs over whole tables.
pub(super) const LONG_PATIENCE: Duration = Duration::from_secs(3_600);

/// A transaction. Rows come as their values one after the other.
pub(super) trait Session: Send {
    const DIALECT: Dialect;

    /// Runs statements without parameters.
    fn batch(&mut self, sql: &str) -> impl Future<Output = Result<(), ReadStoreError>> + Send;

    /// Runs a statement; answers how many rows it touched.
    fn execute(
        &mut self,
        sql: &str,
        parameters: &[Value],
    ) -> impl Future<Output = Result<u64, ReadStoreError>> + Send;

    /// Reads rows with columns of these types.
    fn query(
        &mut self,
        sql: &str,
        parameters: &[Value],
        columns: &[ColumnType],
    ) -> impl Future<Output = Result<Vec<Value>, ReadStoreError>> + Send;

    /// Asks a question, as [`Self::query`] does.
    fn ask(
        &mut self,
        statement: &Statement,
        columns: &[ColumnType],
    ) -> impl Future<Output = Result<Vec<Value>, ReadStoreError>> + Send;

    /// Asks for rows with columns of these types, behind the position and the mark that they stand at. None: no such build.
    fn ask_for_rows(
        &mut self,
        statement: &Statement,
        columns: &[ColumnType],
    ) -> impl Future<Output = Result<Option<Standing>, ReadStoreError>> + Send;

    /// Writes rows.
    fn write_rows(
        &mut self,
        build: &BuildId,
        table: &'static Table,
        values: &[Value],
    ) -> impl Future<Output = Result<(), ReadStoreError>> + Send;

    /// Deletes rows by their keys.
    fn delete_rows(
        &mut self,
        build: &BuildId,
        table: &'static Table,
        keys: &[Value],
    ) -> impl Future<Output = Result<(), ReadStoreError>> + Send;

    /// Reads rows by their keys.
    fn load_rows(
        &mut self,
        build: &BuildId,
        table: &'static Table,
        keys: &[Value],
    ) -> impl Future<Output = Result<Vec<Value>, ReadStoreError>> + Send;

    /// Makes this transaction survive the machine, where others need not.
    fn durable(&mut self) -> impl Future<Output = Result<(), ReadStoreError>> + Send;
}

/// Rows, and what they stand at. A statement tells that beside every row, or beside a row of nothing where there is none; it is
/// read once.
pub(super) struct Standing {
    pub(super) position: Value,
    pub(super) mark: Value,
    /// The rows' values, one after the other.
    pub(super) rows: Vec<Value>,
}

/// How many columns stand before those of the rows.
pub(super) const BEFORE_ROWS: usize = 2;

/// What becomes of a job's transaction.
pub(super) enum Done<T> {
    Commit(T),
    RollBack(T),
}

/// Whose turn a job waits for, where several may work at once. Nobody waits behind what may take longer than he has time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// Readers.
    Asking,
    /// Who wants to know whether what he has still holds: sooner than he could read it.
    Comparing,
    /// Whoever writes rows.
    Writing,
    /// Who keeps a lease: late is lost.
    Keeping,
    /// Who writes whole tables.
    Building,
}

/// One operation of the read store, in one transaction.
pub(super) trait Job: Send + 'static {
    type Answer: Send + 'static;
    /// What it is doing, for errors.
    const DOING: &'static str;
    /// Whether it writes.
    const WRITES: bool;
    /// Behind whom it waits.
    const QUEUE: Queue = if Self::WRITES { Queue::Writing } else { Queue::Asking };
    /// How long it may take before it counts as failed.
    const PATIENCE: Duration = PATIENCE;
    /// Whether it is one statement, which is a transaction by itself where there is no more.
    const ALONE: bool = false;
    /// Whether it finds every row of a read model by its key, so that no plan but one over the key's index is right.
    const BY_KEY: bool = Self::WRITES;

    fn run<S: Session>(
        self,
        session: &mut S,
    ) -> impl Future<Output = Result<Done<Self::Answer>, ReadStoreError>> + Send;
}

/// An engine: runs a job in a transaction of its own.
pub(super) trait Engine: Send + Sync + 'static {
    fn run<J: Job>(&self, job: J) -> impl Future<Output = Result<J::Answer, ReadStoreError>> + Send;
}
