//! A connection for one kind of work, opened when first needed and again whenever it was lost.

use std::{pin::pin, sync::Arc, time::Duration};

use commands::ports::StoreError;
use futures::TryStreamExt;
use tokio::{
    sync::{Mutex, OnceCell},
    time::{Instant, timeout},
};
use tokio_postgres::{Client, Row, Statement, types::ToSql};

use super::failure::store_error;
use crate::address::Address;

/// How long a statement may take as seen from here. The server's own limit ends it sooner, unless it waits behind others or the way
/// to the server is broken.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waiting for a lock, running a statement and idling in a transaction are bounded, so that nobody is held up for
/// long by a process that hangs. An acknowledged batch is on the disk, whatever the server's default says. Plans stay on the
/// indexes while the tables are young and their statistics say nothing yet.
const SESSION: &str = "
    set lock_timeout = '5s'; set statement_timeout = '15s'; set idle_in_transaction_session_timeout = '5s';
    set default_transaction_isolation = 'read committed'; set default_transaction_read_only = off;
    set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off;
    set client_min_messages = warning;
    select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off';";

/// One connection and its prepared statements, one for each of the lane's queries.
pub(super) struct Session {
    client: Client,
    statements: Vec<OnceCell<Statement>>,
}

/// How long the failure of an attempt to connect answers those who waited for it. Without it each would try by itself, one after
/// the other, and the last would hear of a vanished server minutes later.
const FAILURE_HOLDS: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Place {
    session: Option<Arc<Session>>,
    failed: Option<(Instant, StoreError)>,
}

/// A place for a session. Queries are given by their index in the lane's list.
pub(super) struct Lane {
    address: Arc<Address>,
    queries: &'static [&'static str],
    patience: Duration,
    place: Mutex<Place>,
}

impl Lane {
    pub(super) fn new(address: Arc<Address>, queries: &'static [&'static str]) -> Self {
        Self { address, queries, patience: PATIENCE, place: Mutex::default() }
    }

    /// Runs one query as a transaction of its own. A failure of the connection leaves the lane to open a new one.
    ///
    /// Who loses patience has what the server does on this connection cancelled, for those too who share it: they wait behind the same.
    /// Whoever goes away earlier leaves his statement to the server's limit, since a cancellation might hit another's.
    pub(super) async fn query(
        &self,
        doing: &'static str,
        query: usize,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        self.query_until(doing, query, parameters, |_| false).await
    }

    /// As [`Self::query`], but takes no row after one that is enough. What the server sends beyond it is dropped as it comes.
    pub(super) async fn query_until(
        &self,
        doing: &'static str,
        query: usize,
        parameters: &[&(dyn ToSql + Sync)],
        mut is_enough: impl FnMut(&Row) -> bool + Send,
    ) -> Result<Vec<Row>, StoreError> {
        let session = self.session().await?;
        let run = async {
            let prepare = || session.client.prepare(self.queries[query]);
            let statement = session.statements[query].get_or_try_init(prepare).await?;
            let mut answer = pin!(session.client.query_raw(statement, parameters.iter().copied()).await?);
            let mut rows = Vec::new();
            while let Some(row) = answer.try_next().await? {
                let enough = is_enough(&row);
                rows.push(row);
                if enough {
                    break;
                }
            }
            Ok(rows)
        };
        match timeout(self.patience, run).await {
            Ok(result) => result.map_err(store_error(doing)),
            Err(_elapsed) => {
                self.forget(&session).await;
                let address = Arc::clone(&self.address);
                tokio::spawn(async move { timeout(PATIENCE, address.quieten(&session.client)).await });
                let reason = format!("no answer within {} s", self.patience.as_secs());
                Err(StoreError::Unavailable { doing, reason })
            }
        }
    }

    async fn session(&self) -> Result<Arc<Session>, StoreError> {
        let mut place = self.place.lock().await;
        if let Some(session) = place.session.as_ref().filter(|session| !session.client.is_closed()) {
            return Ok(Arc::clone(session));
        }
        if let Some((_, error)) = place.failed.as_ref().filter(|(at, _)| at.elapsed() < FAILURE_HOLDS) {
            return Err(error.clone());
        }
        match connect(&self.address).await {
            Ok(client) => {
                place.failed = None;
                let statements = self.queries.iter().map(|_| OnceCell::new()).collect();
                Ok(Arc::clone(place.session.insert(Arc::new(Session { client, statements }))))
            }
            Err(error) => {
                place.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn forget(&self, session: &Arc<Session>) {
        let mut place = self.place.lock().await;
        if place.session.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            place.session = None;
        }
    }
}

/// Opens a connection with the session's guards set; the connection is driven by a task of its own.
pub(super) async fn connect(address: &Address) -> Result<Client, StoreError> {
    let doing = "connecting to PostgreSQL";
    let open = async {
        let (client, connection) = address.connect().await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "a connection to PostgreSQL was lost");
            }
        });
        client.batch_execute(SESSION).await?;
        Ok(client)
    };
    match timeout(PATIENCE, open).await {
        Ok(result) => result.map_err(store_error(doing)),
        Err(_elapsed) => Err(StoreError::Unavailable { doing, reason: "no answer".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tokio::{net::TcpListener, time::sleep};

    use super::*;

    #[tokio::test]
    async fn those_who_wait_for_a_connection_share_one_failed_attempt() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let address = Address::parse(&format!("postgres://nobody@127.0.0.1:{port}/none")).unwrap();
        let lane = Lane::new(Arc::new(address), &["select 1"]);
        // It takes every call and hangs up without a word.
        let mut attempts = 0;
        let hang_up = async {
            loop {
                let _call = listener.accept().await.unwrap();
                attempts += 1;
            }
        };
        let waiting = join_all((0..100).map(|_| lane.query("testing", 0, &[])));
        let answers = tokio::select! {
            answers = waiting => answers,
            () = hang_up => unreachable!(),
        };
        assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable { .. }))));
        assert!(attempts < 10, "{attempts} attempts for 100 who waited");
    }

    /// As it was, the server went on until its own limit, a statement after the other.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_nobody_has_the_patience_for_is_cancelled_on_the_server() {
        const SLOW: &str = "select 1 from pg_sleep(10) /* a slow lane */";
        let url = std::env::var("CAIRN_TEST_POSTGRES").unwrap();
        let address = Arc::new(Address::parse(&url).unwrap());
        let watcher = connect(&address).await.unwrap();
        let running = async || {
            let sql = "select count(*) from pg_stat_activity
                       where state = 'active' and query like '%a slow lane%' and pid <> pg_backend_pid()";
            watcher.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
        };
        let lane = Lane { patience: Duration::from_millis(800), ..Lane::new(address, &[SLOW]) };
        let waiting = join_all((0..3).map(|_| lane.query("testing", 0, &[])));
        let watching = async {
            sleep(Duration::from_millis(400)).await;
            running().await
        };
        let (answers, at_first) = tokio::join!(waiting, watching);
        assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable { .. }))));
        assert_eq!(at_first, 1, "it did not run");
        let quiet_by = Instant::now() + Duration::from_secs(6);
        while running().await > 0 {
            assert!(Instant::now() < quiet_by, "a statement runs on for nobody");
            sleep(Duration::from_millis(50)).await;
        }
    }
}
