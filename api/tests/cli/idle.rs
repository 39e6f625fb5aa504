//! What a server asks of its database while nobody asks anything of it.

use std::{sync::Arc, time::Duration};

use api::compose::{ScratchDatabase, Serving, StoreUrl, Stores};
use chrono::Utc;
use commands::ports::UniformSettings;
use uuid::Uuid;

/// Statements that an idle server may ask for in a second: one look at the log, the leases, and what falls due.
const ALONE: f64 = 6.0;
/// What one more may add that stands by.
const STANDING_BY: f64 = 6.0;
const SECONDS: u32 = 6;
/// After its start a server works for a while: reactions to what happened before, first images.
const WINDOWS: usize = 8;

async fn serve(address: &str) -> Serving {
    let url: StoreUrl = address.parse().unwrap();
    let stores = Stores::open(&url).await.unwrap();
    let serving = Serving::start(&stores, &url, Arc::new(UniformSettings::default())).await.unwrap();
    let readiness = serving.readiness();
    while !readiness.check().await.iter().all(|check| check.ready) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    serving
}

struct Database(tokio_postgres::Client);

impl Database {
    /// Every statement is a transaction of its own, but for the few that belong together.
    async fn transactions_a_second(&self) -> f64 {
        let before = self.transactions().await;
        tokio::time::sleep(Duration::from_secs(SECONDS.into())).await;
        (self.transactions().await - before) as f64 / f64::from(SECONDS)
    }

    /// Whether it comes down to so many a second, and how many there were in each window until then.
    async fn settles_at(&self, bound: f64) -> Result<(), Vec<f64>> {
        let mut seen = Vec::new();
        while seen.len() < WINDOWS {
            seen.push(self.transactions_a_second().await);
            if seen.last().is_some_and(|rate| *rate <= bound) {
                return Ok(());
            }
        }
        Err(seen)
    }

    async fn transactions(&self) -> i64 {
        // Sessions tell what they did once a second at most.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let sql =
            "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()";
        self.0.query_one(sql, &[]).await.unwrap().get(0)
    }

    async fn writes_to_leases(&self) -> i64 {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let sql =
            "select n_tup_ins + n_tup_upd + n_tup_del from pg_stat_user_tables where relname = 'read_leases'";
        self.0.query_one(sql, &[]).await.unwrap().get(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_server_asks_its_database_a_few_times_a_second_and_one_that_stands_by_writes_nothing() {
    let server = std::env::var("CAIRN_TEST_POSTGRES")
        .expect("CAIRN_TEST_POSTGRES names a server to make databases on");
    let name = format!("cairn_idle_{}", Uuid::now_v7().simple());
    let database = ScratchDatabase::create(&server, &name).await.unwrap();
    let url = database.url().to_owned();
    let counted = tokio::task::spawn_blocking(move || {
        tokio::runtime::Runtime::new().unwrap().block_on(count(&url));
    })
    .await;
    database.remove().await.unwrap();
    counted.unwrap();
}

async fn count(address: &str) {
    let stores = Stores::open(&address.parse().unwrap()).await.unwrap();
    api::demo::load(&stores, Utc::now(), &|_, _| {}).await.unwrap();
    drop(stores);
    let (client, connection) = tokio_postgres::connect(address, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let database = Database(client);

    let first = serve(address).await;
    assert_eq!(database.settles_at(ALONE).await, Ok(()), "a second, alone");

    let second = serve(address).await;
    assert!(first.read_side.is_projecting() && !second.read_side.is_projecting());
    assert_eq!(database.settles_at(ALONE + STANDING_BY).await, Ok(()), "a second, both");
    let before = database.writes_to_leases().await;
    tokio::time::sleep(Duration::from_secs(SECONDS.into())).await;
    // The one that holds the lease renews it every 2.5 s.
    let writes = database.writes_to_leases().await - before;
    assert!(writes <= i64::from(SECONDS) / 2 + 3, "{writes} in {SECONDS} s");
    second.stop().await;
    first.stop().await;
}
