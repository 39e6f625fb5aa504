mod values;

use std::{
    collections::HashMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use projections::{
    ColumnType, Table, Value,
    ports::{BuildId, ReadStoreError},
};
use tokio::{sync::Semaphore, time::timeout};
use tokio_postgres::{
    Client, Row, Statement,
    types::{ToSql, Type},
};

use self::values::{Array, Bound, Present, arrays, read_row};
use super::{
    pages,
    session::{BEFORE_ROWS, Done, Engine, Job, Queue, Session, Standing},
    sql::Dialect,
    working::Working,
};
use crate::address::Address;

/// A step of the projector need not wait for a rebuild's: the database keeps them apart.
const WRITERS: usize = 3;
/// One question of marks speaks for all who wait.
const COMPARERS: usize = 1;
/// Renewals of leases are short, and wait for nobody.
const KEEPERS: usize = 1;
/// Index builds and images.
const BUILDERS: usize = 2;
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Read models in a PostgreSQL database, beside the log or alone. A commit need not reach the disk before it is answered
/// (`synchronous_commit = off`): after a crash rows and checkpoint go back together, and the log tells the rest again.
pub(super) struct PostgresEngine {
    address: Arc<Address>,
    /// For questions, whose plans the planner chooses.
    idle_asking: Mutex<Vec<Connection>>,
    /// For rows by their keys.
    idle_by_key: Mutex<Vec<Connection>>,
    turns: Turns,
}

/// How many work at once, of each queue.
struct Turns {
    asking: Arc<Semaphore>,
    comparing: Arc<Semaphore>,
    writing: Arc<Semaphore>,
    keeping: Arc<Semaphore>,
    building: Arc<Semaphore>,
}

impl Turns {
    fn of(&self, queue: Queue) -> Arc<Semaphore> {
        Arc::clone(match queue {
            Queue::Asking => &self.asking,
            Queue::Comparing => &self.comparing,
            Queue::Writing => &self.writing,
            Queue::Keeping => &self.keeping,
            Queue::Building => &self.building,
        })
    }
}

/// What every connection is set to.
const SETTINGS: &str = "set synchronous_commit = off; set lock_timeout = '10s';
    set idle_in_transaction_session_timeout = '60s'; set jit = off;
    select set_config('client_connection_check_interval', '2s', false)
        where exists (select from pg_settings where name = 'client_connection_check_interval');";

/// Rows by their keys come over the key's index and no other way. A prepared statement's plan is kept for as long as the
/// table's statistics say nothing new, and those of a read model that was built over an empty log say that it is
/// empty: such a plan compares every row with every key, for minutes a page once the rows are there.
const BY_KEY: &str = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off;";

struct Connection {
    client: Arc<Client>,
    statements: HashMap<String, Statement>,
    /// Since when statements are kept.
    kept_since: Instant,
}

/// Statements are prepared once a connection and kept for so long: the plan of a statement that is kept is as old as the
/// statistics that it was made from, and those of a table that fills up come a minute late. With them go the statements
/// over builds that are no more.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// So many at most.
const MOST_KEPT: usize = 256;

fn failed(doing: &'static str) -> impl Fn(tokio_postgres::Error) -> ReadStoreError {
    move |error| {
        let reason = match (error.as_db_error(), error.source()) {
            (Some(answer), _) => answer.to_string(),
            (None, Some(source)) => format!("{error}: {source}"),
            (None, None) => error.to_string(),
        };
        ReadStoreError::Unavailable { doing, reason }
    }
}

impl PostgresEngine {
    /// Questions that the server works on at once.
    pub(super) const READERS: usize = 6;

    pub(super) fn new(url: &str) -> Result<Self, ReadStoreError> {
        let mut address = Address::parse(url).map_err(|error| ReadStoreError::Unavailable {
            doing: "reading the database's address",
            reason: error.to_string(),
        })?;
        let config = &mut address.config;
        config.connect_timeout(CONNECT_WITHIN).application_name("cairn-read");
        // A server that has vanished is noticed within seconds, not hours.
        config.keepalives_idle(Duration::from_secs(10)).tcp_user_timeout(Duration::from_secs(15));
        Ok(Self {
            address: Arc::new(address),
            idle_asking: Mutex::default(),
            idle_by_key: Mutex::default(),
            turns: Turns {
                asking: Arc::new(Semaphore::new(Self::READERS)),
                comparing: Arc::new(Semaphore::new(COMPARERS)),
                writing: Arc::new(Semaphore::new(WRITERS)),
                keeping: Arc::new(Semaphore::new(KEEPERS)),
                building: Arc::new(Semaphore::new(BUILDERS)),
            },
        })
    }

    async fn connect(&self, doing: &'static str, by_key: bool) -> Result<Connection, ReadStoreError> {
        // The way to the server may stand and the server say nothing.
        let silent = |_| ReadStoreError::Unavailable { doing, reason: "no connection in time".to_owned() };
        timeout(CONNECT_WITHIN * 2, self.connect_patiently(doing, by_key)).await.map_err(silent)?
    }

    async fn connect_patiently(
        &self,
        doing: &'static str,
        by_key: bool,
    ) -> Result<Connection, ReadStoreError> {
        let (client, connection) = self.address.connect().await.map_err(failed(doing))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection of the read store ended");
            }
        });
        client.batch_execute(SETTINGS).await.map_err(failed(doing))?;
        if by_key {
            client.batch_execute(BY_KEY).await.map_err(failed(doing))?;
        }
        Ok(Connection { client: Arc::new(client), statements: HashMap::new(), kept_since: Instant::now() })
    }

    fn idle(&self, by_key: bool) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        let idle = if by_key { &self.idle_by_key } else { &self.idle_asking };
        idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for PostgresEngine {
    /// A connection on which something failed is closed, which rolls back whatever it had begun.
    async fn run<J: Job>(&self, job: J) -> Result<J::Answer, ReadStoreError> {
        let unavailable = |reason: String| ReadStoreError::Unavailable { doing: J::DOING, reason };
        let turn = self.turns.of(J::QUEUE).acquire_owned().await;
        let turn = turn.map_err(|closed| unavailable(closed.to_string()))?;
        let idle = self.idle(J::BY_KEY).pop().filter(|connection| !connection.client.is_closed());
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect(J::DOING, J::BY_KEY).await?,
        };
        let working = Working::new(Arc::clone(&connection.client), Arc::clone(&self.address), turn);
        let run = async {
            if J::WRITES && !J::ALONE {
                return write(&mut connection, job).await;
            }
            // A job alone, and every reading one but the comparison, is one statement: one snapshot without a transaction.
            // The comparison runs while nothing moves.
            let mut session = PostgresSession { connection: &mut connection, doing: J::DOING };
            let (Done::Commit(answer) | Done::RollBack(answer)) = job.run(&mut session).await?;
            Ok(answer)
        };
        let Ok(answer) = timeout(J::PATIENCE, run).await else {
            return Err(unavailable(format!("no answer within {} s", J::PATIENCE.as_secs())));
        };
        working.ended();
        let answer = answer?;
        self.idle(J::BY_KEY).push(connection);
        Ok(answer)
    }
}

async fn write<J: Job>(connection: &mut Connection, job: J) -> Result<J::Answer, ReadStoreError> {
    connection.client.batch_execute("begin").await.map_err(failed(J::DOING))?;
    let mut session = PostgresSession { connection, doing: J::DOING };
    let (end, answer) = match job.run(&mut session).await? {
        Done::Commit(answer) => ("commit", answer),
        Done::RollBack(answer) => ("rollback", answer),
    };
    connection.client.batch_execute(end).await.map_err(failed(J::DOING))?;
    Ok(answer)
}

struct PostgresSession<'c> {
    connection: &'c mut Connection,
    doing: &'static str,
}

impl PostgresSession<'_> {
    /// Prepared once a connection: neither parsed nor planned again. `types` are those of the parameters, as far as
    /// the text does not say them.
    async fn prepared(&mut self, sql: &str, types: &[Type]) -> Result<Statement, ReadStoreError> {
        let connection = &mut *self.connection;
        if connection.statements.len() >= MOST_KEPT || connection.kept_since.elapsed() > KEPT_FOR {
            connection.statements.clear();
            connection.kept_since = Instant::now();
        }
        if let Some(statement) =
            connection.statements.get(sql).filter(|known| known.params().starts_with(types))
        {
            return Ok(statement.clone());
        }
        let statement = connection.client.prepare_typed(sql, types).await.map_err(failed(self.doing))?;
        connection.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    async fn query_bound(&mut self, sql: &str, bound: &[Bound<'_>]) -> Result<Vec<Row>, ReadStoreError> {
        let types: Vec<_> = bound.iter().map(Bound::sql_type).collect();
        let statement = self.prepared(sql, &types).await?;
        let bound: Vec<_> = bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.connection.client.query(&statement, &bound).await.map_err(failed(self.doing))
    }

    /// The values of these rows, from a column on.
    fn values(
        &self,
        rows: &[Row],
        from: usize,
        columns: impl ExactSizeIterator<Item = ColumnType> + Clone,
    ) -> Result<Vec<Value>, ReadStoreError> {
        let mut found = Vec::with_capacity(rows.len() * columns.len());
        for row in rows {
            read_row(row, from, columns.clone(), &mut found).map_err(failed(self.doing))?;
        }
        Ok(found)
    }

    async fn execute_arrays(&mut self, sql: String, arrays: &[Array]) -> Result<(), ReadStoreError> {
        let statement = self.prepared(&sql, &[]).await?;
        let arrays: Vec<&(dyn ToSql + Sync)> =
            arrays.iter().map(|array| &**array as &(dyn ToSql + Sync)).collect();
        self.connection.client.execute(&statement, &arrays).await.map_err(failed(self.doing))?;
        Ok(())
    }
}

impl Session for PostgresSession<'_> {
    const DIALECT: Dialect = Dialect::Postgres;

    async fn batch(&mut self, sql: &str) -> Result<(), ReadStoreError> {
        self.connection.client.batch_execute(sql).await.map_err(failed(self.doing))
    }

    async fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, ReadStoreError> {
        let bound: Vec<_> = parameters.iter().map(Bound::One).collect();
        let types: Vec<_> = bound.iter().map(Bound::sql_type).collect();
        let statement = self.prepared(sql, &types).await?;
        let bound: Vec<_> = bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.connection.client.execute(&statement, &bound).await.map_err(failed(self.doing))
    }

    async fn query(
        &mut self,
        sql: &str,
        parameters: &[Value],
        columns: &[ColumnType],
    ) -> Result<Vec<Value>, ReadStoreError> {
        let bound: Vec<_> = parameters.iter().map(Bound::One).collect();
        let rows = self.query_bound(sql, &bound).await?;
        self.values(&rows, 0, columns.iter().copied())
    }

    async fn ask(
        &mut self,
        question: &pages::Statement,
        columns: &[ColumnType],
    ) -> Result<Vec<Value>, ReadStoreError> {
        let bound: Vec<_> = question.parameters.iter().map(Bound::from).collect();
        let rows = self.query_bound(&question.sql, &bound).await?;
        self.values(&rows, 0, columns.iter().copied())
    }

    async fn ask_for_rows(
        &mut self,
        question: &pages::Statement,
        columns: &[ColumnType],
    ) -> Result<Option<Standing>, ReadStoreError> {
        let bound: Vec<_> = question.parameters.iter().map(Bound::from).collect();
        let mut rows = self.query_bound(&question.sql, &bound).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        // A row of nothing stands for none, and so by itself: no row's first value is missing.
        let Present(is_row) = first.try_get(BEFORE_ROWS).map_err(failed(self.doing))?;
        let mut standing = self
            .values(std::slice::from_ref(first), 0, [ColumnType::Int64; BEFORE_ROWS].into_iter())?
            .into_iter();
        let (position, mark) =
            (standing.next().unwrap_or(Value::Null), standing.next().unwrap_or(Value::Null));
        if !is_row {
            rows.clear();
        }
        Ok(Some(Standing { position, mark, rows: self.values(&rows, BEFORE_ROWS, columns.iter().copied())? }))
    }

    async fn write_rows(
        &mut self,
        build: &BuildId,
        table: &'static Table,
        values: &[Value],
    ) -> Result<(), ReadStoreError> {
        let sql = Dialect::Postgres.write_rows(build, table);
        self.execute_arrays(sql, &arrays(table.columns, values)).await
    }

    async fn delete_rows(
        &mut self,
        build: &BuildId,
        table: &'static Table,
        keys: &[Value],
    ) -> Result<(), ReadStoreError> {
        let sql = Dialect::Postgres.delete_rows(build, table);
        self.execute_arrays(sql, &arrays(table.key(), keys)).await
    }

    async fn load_rows(
        &mut self,
        build: &BuildId,
        table: &'static Table,
        keys: &[Value],
    ) -> Result<Vec<Value>, ReadStoreError> {
        let statement = self.prepared(&Dialect::Postgres.load_rows(build, table), &[]).await?;
        let arrays = arrays(table.key(), keys);
        let arrays: Vec<&(dyn ToSql + Sync)> =
            arrays.iter().map(|array| &**array as &(dyn ToSql + Sync)).collect();
        let rows = self.connection.client.query(&statement, &arrays).await.map_err(failed(self.doing))?;
        self.values(&rows, 0, table.columns.iter().map(|column| column.column_type))
    }

    async fn durable(&mut self) -> Result<(), ReadStoreError> {
        self.batch("set local synchronous_commit = on").await
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    struct Sleep;

    impl Job for Sleep {
        type Answer = ();
        const DOING: &'static str = "testing";
        const WRITES: bool = true;
        const PATIENCE: Duration = Duration::from_millis(300);

        async fn run<S: Session>(self, session: &mut S) -> Result<Done<()>, ReadStoreError> {
            session.batch("select pg_sleep(3600)").await.map(Done::Commit)
        }
    }

    #[tokio::test]
    async fn a_statement_without_an_end_is_given_up_and_leaves_nothing_behind() {
        let engine = PostgresEngine::new(&std::env::var("CAIRN_TEST_POSTGRES").unwrap()).unwrap();
        let given_up = engine.run(Sleep).await;
        assert!(matches!(given_up, Err(ReadStoreError::Unavailable { .. })), "{given_up:?}");
        assert!(engine.idle(Sleep::BY_KEY).is_empty(), "its connection is not used again");
    }

    #[tokio::test]
    async fn a_server_that_takes_calls_and_says_nothing_is_unavailable() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let engine = PostgresEngine::new(&format!("postgres://nobody@127.0.0.1:{port}/none")).unwrap();
        assert!(matches!(engine.run(Sleep).await, Err(ReadStoreError::Unavailable { .. })));
    }

    #[tokio::test]
    async fn an_error_tells_what_is_behind_it() {
        let engine = PostgresEngine::new("postgres://nobody@127.0.0.1:1/none").unwrap();
        let refused = engine.run(Sleep).await.unwrap_err();
        assert!(refused.to_string().contains("refused"), "{refused}");
    }
}
