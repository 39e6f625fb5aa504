//! A connection for one kind of work, opened when first needed and again whenever it was lost.

use std::{sync::Arc, time::Duration};

use commands::ports::StoreError;
use tokio::{
    sync::{Mutex, OnceCell},
    time::timeout,
};
use tokio_postgres::{Client, Config, NoTls, Row, Statement, types::ToSql};

use super::failure::store_error;

/// How long a statement may take as seen from here; the server's own limits end it sooner, if the way to it stands.
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

/// A place for a session. Queries are given by their index in the lane's list.
pub(super) struct Lane {
    config: Config,
    queries: &'static [&'static str],
    session: Mutex<Option<Arc<Session>>>,
}

impl Lane {
    pub(super) fn new(config: Config, queries: &'static [&'static str]) -> Self {
        Self { config, queries, session: Mutex::new(None) }
    }

    /// Runs one query as a transaction of its own. A failure of the connection leaves the lane to open a new one.
    pub(super) async fn query(
        &self,
        doing: &'static str,
        query: usize,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let session = self.session().await?;
        let run = async {
            let prepare = || session.client.prepare(self.queries[query]);
            let statement = session.statements[query].get_or_try_init(prepare).await?;
            session.client.query(statement, parameters).await
        };
        match timeout(PATIENCE, run).await {
            Ok(result) => result.map_err(store_error(doing)),
            Err(_elapsed) => {
                self.forget(&session).await;
                let reason = format!("no answer within {} s", PATIENCE.as_secs());
                Err(StoreError::Unavailable { doing, reason })
            }
        }
    }

    async fn session(&self) -> Result<Arc<Session>, StoreError> {
        let mut place = self.session.lock().await;
        if let Some(session) = place.as_ref().filter(|session| !session.client.is_closed()) {
            return Ok(Arc::clone(session));
        }
        let client = connect(&self.config).await?;
        let statements = self.queries.iter().map(|_| OnceCell::new()).collect();
        Ok(Arc::clone(place.insert(Arc::new(Session { client, statements }))))
    }

    async fn forget(&self, session: &Arc<Session>) {
        let mut place = self.session.lock().await;
        if place.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            *place = None;
        }
    }
}

/// Opens a connection with the session's guards set; the connection is driven by a task of its own.
pub(super) async fn connect(config: &Config) -> Result<Client, StoreError> {
    let doing = "connecting to PostgreSQL";
    let open = async {
        let (client, connection) = config.connect(NoTls).await?;
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
