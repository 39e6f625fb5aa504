use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, time::timeout};
use tokio_postgres::Client;

use crate::address::Address;

/// A server that has not fallen silent by then cannot be reached; it notices by itself that its client is gone.
const QUIET_WITHIN: Duration = Duration::from_secs(30);

/// The turn of somebody for whom the server works. When he goes away before the answer, what he asked for is cancelled, and his turn
/// passes on only once the server works no more: else a thousand impatient callers would have the server do a thousand
/// things at once, whatever number was meant to be allowed.
pub(super) struct Working {
    client: Arc<Client>,
    address: Arc<Address>,
    turn: Option<OwnedSemaphorePermit>,
}

impl Working {
    pub(super) fn new(client: Arc<Client>, address: Arc<Address>, turn: OwnedSemaphorePermit) -> Self {
        Self { client, address, turn: Some(turn) }
    }

    /// The server has answered.
    pub(super) fn ended(mut self) {
        self.turn = None;
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        // Without a runtime, the program ends, and its connections with it.
        let Ok(runtime) = Handle::try_current() else { return };
        let (client, address) = (Arc::clone(&self.client), Arc::clone(&self.address));
        runtime.spawn(async move {
            if timeout(QUIET_WITHIN, address.quieten(&client)).await.is_err() {
                tracing::warn!("a statement that nobody waits for could not be cancelled");
            }
            drop((client, turn));
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};
    use tokio_postgres::NoTls;

    use super::*;
    use crate::read::{
        postgres::PostgresEngine,
        session::{Done, Engine, Job, Session},
    };

    struct Slow;

    impl Job for Slow {
        type Answer = ();
        const DOING: &'static str = "testing";
        const WRITES: bool = false;

        async fn run<S: Session>(
            self,
            session: &mut S,
        ) -> Result<Done<()>, projections::ports::ReadStoreError> {
            session.batch("select pg_sleep(20) /* a slow page */").await.map(Done::Commit)
        }
    }

    async fn slow_pages(watcher: &Client) -> i64 {
        let sql = "select count(*) from pg_stat_activity
                   where state = 'active' and query like '%a slow page%' and pid <> pg_backend_pid()";
        watcher.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// On the code as it was, a caller who went away left his statement to the server and his turn to the next: of forty
    /// callers, forty statements ran.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn however_many_callers_lose_patience_no_more_statements_run_than_are_allowed() {
        let url = std::env::var("CAIRN_TEST_POSTGRES").unwrap();
        let (watcher, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let engine = PostgresEngine::new(&url).unwrap();
        let impatient = (0..40).map(|_| timeout(Duration::from_millis(300), engine.run(Slow)));
        let watching = async {
            let (mut most, end) = (0, Instant::now() + Duration::from_secs(4));
            while Instant::now() < end {
                most = slow_pages(&watcher).await.max(most);
                sleep(Duration::from_millis(20)).await;
            }
            most
        };
        let callers = async {
            // They come one after the other, so that each finds the turns of those before it.
            for one in impatient {
                let answer = timeout(Duration::from_millis(90), one).await;
                assert!(!matches!(answer, Ok(Ok(Ok(())))));
            }
        };
        let (most, ()) = tokio::join!(watching, callers);
        assert!((1..=PostgresEngine::READERS as i64).contains(&most), "{most} statements ran at once");
        let quiet_by = Instant::now() + Duration::from_secs(10);
        while slow_pages(&watcher).await > 0 {
            assert!(Instant::now() < quiet_by, "a statement runs on for nobody");
            sleep(Duration::from_millis(50)).await;
        }
    }
}
