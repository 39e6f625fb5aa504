use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use projections::{
    ColumnType, Table, Value,
    ports::{BuildId, ReadStoreError},
};
use rusqlite::{
    Connection,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    pages::{Parameter, Statement},
    session::{BEFORE_ROWS, Done, Engine, Job, Session, Standing},
    sql::Dialect,
};
use crate::sqlite::Readers;

type WriterJob = Box<dyn FnOnce(&mut Connection) + Send>;

/// Read models in a SQLite file of their own: one thread writes, readers beside it. A commit need not reach the disk
/// before it is answered (`synchronous = normal`): after a power cut rows and checkpoint go back together, and the
/// log tells the rest again.
pub(super) struct SqliteEngine {
    writer: mpsc::Sender<WriterJob>,
    readers: Arc<Readers<ReadStoreError>>,
}

fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> ReadStoreError {
    move |error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            ReadStoreError::Corrupt { reason: format!("SQLite answered while {doing}: {error}") }
        }
        _ => ReadStoreError::Unavailable { doing, reason: error.to_string() },
    }
}

fn connect(path: &Path, settings: &str) -> Result<Connection, ReadStoreError> {
    let failed = failed("opening the read store's file");
    let connection = Connection::open(path).map_err(&failed)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(&failed)?;
    // Plans do not depend on the values bound: without this, SQLite plans a cached statement anew at each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(&failed)?;
    connection.set_prepared_statement_cache_capacity(128);
    recognise(&connection, path)?;
    connection.execute_batch(settings).map_err(&failed)?;
    Ok(connection)
}

/// Reads whose file it is, writing nothing: read models in another program's file would be lost with it, or it with them.
fn recognise(connection: &Connection, path: &Path) -> Result<(), ReadStoreError> {
    let is_own_or_empty = "select not exists (select 1 from sqlite_schema)
        or exists (select 1 from sqlite_schema where type = 'table' and name = 'read_schema')";
    let known = connection.query_row(is_own_or_empty, [], |row| row.get::<_, bool>(0));
    if known.map_err(failed("reading whose file it is"))? {
        Ok(())
    } else {
        let reason = format!("{} is another program's SQLite database", path.display());
        Err(ReadStoreError::Corrupt { reason })
    }
}

impl SqliteEngine {
    pub(super) fn open(path: &Path) -> Result<Self, ReadStoreError> {
        let mut connection = connect(
            path,
            "pragma journal_mode = wal; pragma synchronous = normal; pragma temp_store = memory;
             pragma cache_size = -32768; pragma wal_autocheckpoint = 4000; pragma journal_size_limit = 67108864;",
        )?;
        let (writer, jobs) = mpsc::channel::<WriterJob>();
        let run = move || {
            for job in jobs {
                // A panic ends its own job, which drops that job's answer, and no other.
                if catch_unwind(AssertUnwindSafe(|| job(&mut connection))).is_err() {
                    tracing::error!("a write to the read store's file panicked");
                }
            }
        };
        thread::Builder::new().name("cairn-read-writer".to_owned()).spawn(run).map_err(|error| {
            ReadStoreError::Unavailable { doing: "starting the writer's thread", reason: error.to_string() }
        })?;
        let path = path.to_owned();
        let reader = move || connect(&path, "pragma query_only = on; pragma cache_size = -16384;");
        Ok(Self { writer, readers: Arc::new(Readers::new(reader)) })
    }
}

impl Engine for SqliteEngine {
    async fn run<J: Job>(&self, job: J) -> Result<J::Answer, ReadStoreError> {
        let broken = |reason: String| ReadStoreError::Unavailable { doing: J::DOING, reason };
        if J::WRITES {
            let (answer, answered) = oneshot::channel();
            let job: WriterJob = Box::new(move |connection| {
                let _gone = answer.send(run_job(connection, job));
            });
            self.writer.send(job).map_err(|gone| broken(gone.to_string()))?;
            answered.await.map_err(|gone| broken(gone.to_string()))?
        } else {
            self.readers.run(broken, move |connection| run_job(connection, job)).await
        }
    }
}

/// The transaction's end is written out, because a session that can travel between threads must own the connection.
fn run_job<J: Job>(connection: &mut Connection, job: J) -> Result<J::Answer, ReadStoreError> {
    let begin = if J::WRITES { "begin immediate" } else { "begin" };
    if !connection.is_autocommit() {
        // The job before panicked in the middle: what it had begun is nobody's.
        connection.execute_batch("rollback").map_err(failed(J::DOING))?;
    }
    connection.execute_batch(begin).map_err(failed(J::DOING))?;
    let done = at_once(job.run(&mut SqliteSession { connection, doing: J::DOING })).flatten();
    let (end, answer) = match done {
        Ok(Done::Commit(answer)) => ("commit", Ok(answer)),
        Ok(Done::RollBack(answer)) => ("rollback", Ok(answer)),
        Err(error) => ("rollback", Err(error)),
    };
    let ended = connection.execute_batch(end).map_err(failed(J::DOING));
    if ended.is_err() && !connection.is_autocommit() {
        // A commit that fails, on a full disk perhaps, leaves its transaction open.
        let _closed = connection.execute_batch("rollback");
    }
    answer.and_then(|answer| ended.map(|()| answer))
}

/// A job that runs on SQLite never waits for anything but SQLite, which blocks.
fn at_once<T>(future: impl Future<Output = T>) -> Result<T, ReadStoreError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Ok(answer),
        Poll::Pending => Err(ReadStoreError::Unavailable {
            doing: "running a job",
            reason: "it waited for something else than the database".to_owned(),
        }),
    }
}

struct SqliteSession<'c> {
    connection: &'c mut Connection,
    doing: &'static str,
}

/// A [`Value`] as SQLite binds it.
struct Bound<'v>(&'v Value);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int64(value) => ValueRef::Integer(*value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Uuid(value) => ValueRef::Blob(value.as_bytes()),
            Value::Bytes(value) => ValueRef::Blob(value),
            Value::Instant(value) => ValueRef::Integer(value.timestamp_millis()),
            Value::Bool(value) => ValueRef::Integer(i64::from(*value)),
        }))
    }
}

fn read_value(value: ValueRef<'_>, column_type: ColumnType) -> Value {
    match (value, column_type) {
        (ValueRef::Integer(value), ColumnType::Instant) => Value::from_millis(value),
        (ValueRef::Integer(value), ColumnType::Bool) => Value::Bool(value != 0),
        (ValueRef::Integer(value), _) => Value::Int64(value),
        (ValueRef::Text(value), _) => Value::Text(String::from_utf8_lossy(value).into_owned()),
        (ValueRef::Blob(value), ColumnType::Uuid) => Uuid::from_slice(value).map_or(Value::Null, Value::Uuid),
        (ValueRef::Blob(value), _) => Value::Bytes(value.to_vec()),
        (ValueRef::Null | ValueRef::Real(_), _) => Value::Null,
    }
}

impl SqliteSession<'_> {
    /// Runs one statement for each group of `width` values.
    fn each(&self, sql: &str, width: usize, values: &[Value]) -> Result<(), ReadStoreError> {
        let failed = failed(self.doing);
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        for row in values.chunks(width) {
            statement.execute(rusqlite::params_from_iter(row.iter().map(Bound))).map_err(&failed)?;
        }
        Ok(())
    }

    /// Runs a statement and shows each of its rows.
    fn read<'v>(
        &self,
        sql: &str,
        parameters: impl IntoIterator<Item = &'v Value>,
        mut show: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), ReadStoreError> {
        let failed = failed(self.doing);
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let mut rows = statement
            .query(rusqlite::params_from_iter(parameters.into_iter().map(Bound)))
            .map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            show(row).map_err(&failed)?;
        }
        Ok(())
    }
}

/// Appends a row's values, from a column on.
fn read_row(
    row: &rusqlite::Row<'_>,
    from: usize,
    columns: impl Iterator<Item = ColumnType>,
    found: &mut Vec<Value>,
) -> rusqlite::Result<()> {
    for (index, column_type) in (from..).zip(columns) {
        found.push(read_value(row.get_ref(index)?, column_type));
    }
    Ok(())
}

/// What a question's placeholders stand for, one after the other.
fn bound(question: &Statement) -> impl Iterator<Item = &Value> {
    question.parameters.iter().flat_map(|parameter| match parameter {
        Parameter::One(value) => std::slice::from_ref(value),
        Parameter::Many(_, values) => values,
    })
}

impl Session for SqliteSession<'_> {
    const DIALECT: Dialect = Dialect::Sqlite;

    async fn batch(&mut self, sql: &str) -> Result<(), ReadStoreError> {
        self.connection.execute_batch(sql).map_err(failed(self.doing))
    }

    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, ReadStoreError> {
        let failed = failed(self.doing);
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        let count = statement.execute(rusqlite::params_from_iter(parameters.iter().map(Bound)));
        count.map(|count| count as u64).map_err(failed)
    }

    async fn query(
        &mut self,
        sql: &str,
        parameters: &[Value],
        columns: &[ColumnType],
    ) -> Result<Vec<Value>, ReadStoreError> {
        let mut found = Vec::new();
        self.read(sql, parameters, |row| read_row(row, 0, columns.iter().copied(), &mut found))?;
        Ok(found)
    }

    async fn ask(
        &mut self,
        question: &Statement,
        columns: &[ColumnType],
    ) -> Result<Vec<Value>, ReadStoreError> {
        let mut found = Vec::new();
        self.read(&question.sql, bound(question), |row| {
            read_row(row, 0, columns.iter().copied(), &mut found)
        })?;
        Ok(found)
    }

    async fn ask_for_rows(
        &mut self,
        question: &Statement,
        columns: &[ColumnType],
    ) -> Result<Option<Standing>, ReadStoreError> {
        let mut standing: Option<Standing> = None;
        self.read(&question.sql, bound(question), |row| {
            let standing = match &mut standing {
                Some(standing) => standing,
                none => {
                    let number = |index| row.get_ref(index).map(|value| read_value(value, ColumnType::Int64));
                    none.insert(Standing { position: number(0)?, mark: number(1)?, rows: Vec::new() })
                }
            };
            // A row of nothing stands for none: no row's first value is missing.
            if columns.is_empty() || row.get_ref(BEFORE_ROWS)? == ValueRef::Null {
                return Ok(());
            }
            read_row(row, BEFORE_ROWS, columns.iter().copied(), &mut standing.rows)
        })?;
        Ok(standing)
    }

    async fn write_rows(
        &mut self,
        build: &BuildId,
        table: &'static Table,
        values: &[Value],
    ) -> Result<(), ReadStoreError> {
        self.each(&Dialect::Sqlite.write_rows(build, table), table.columns.len(), values)
    }

    async fn delete_rows(
        &mut self,
        build: &BuildId,
        table: &'static Table,
        keys: &[Value],
    ) -> Result<(), ReadStoreError> {
        self.each(&Dialect::Sqlite.delete_rows(build, table), table.key_columns, keys)
    }

    async fn load_rows(
        &mut self,
        build: &BuildId,
        table: &'static Table,
        keys: &[Value],
    ) -> Result<Vec<Value>, ReadStoreError> {
        // The database is in this process: one prepared statement, run for each key, is the cheapest question.
        let sql = Dialect::Sqlite.load_rows(build, table);
        let types = table.columns.iter().map(|column| column.column_type);
        let mut found = Vec::new();
        for key in keys.chunks(table.key_columns) {
            self.read(&sql, key, |row| read_row(row, 0, types.clone(), &mut found))?;
        }
        Ok(found)
    }

    async fn durable(&mut self) -> Result<(), ReadStoreError> {
        // A power cut ends every process of this file, and leases with them.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Write {
        panics: bool,
    }

    impl Job for Write {
        type Answer = Vec<Value>;
        const DOING: &'static str = "testing";
        const WRITES: bool = true;

        async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
            session.batch("create table if not exists numbers (number integer)").await?;
            session.batch("insert into numbers values (1)").await?;
            if self.panics {
                panic!("as the test asked");
            }
            session.query("select count(*) from numbers", &[], &[ColumnType::Int64]).await.map(Done::Commit)
        }
    }

    #[tokio::test]
    async fn a_write_that_panics_is_undone_and_ends_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::open(&folder.path().join("read.db")).unwrap();
        assert!(engine.run(Write { panics: true }).await.is_err());
        assert_eq!(engine.run(Write { panics: false }).await.unwrap(), [Value::Int64(1)]);
    }
}
