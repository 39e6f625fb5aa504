//! What a server asks of its database while nobody asks anything of it.

use std::{sync::Arc, time::Duration};

use api::compose::{ScratchDatabase, Serving, StoreUrl, Stores};
use chrono::Utc;
use commands::ports::UniformSettings;
use uuid::Uuid;

/// Statements that an idle server may ask for in a second: one look at the log, the leases, and what falls due.
const ALONE: f64 = 8.0;
/// What one more may add that stands by.
const STANDING_BY: f64 = 8.0;
const SECONDS: u32 = 8;

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
    tokio::time::sleep(Duration::from_secs(3)).await;
    let alone = database.transactions_a_second().await;
    assert!(alone <= ALONE, "{alone} a second");

    let second = serve(address).await;
    assert!(first.read_side.is_projecting() && !second.read_side.is_projecting());
    let before = database.writes_to_leases().await;
    let both = database.transactions_a_second().await;
    assert!(both <= ALONE + STANDING_BY, "{both} a second");
    // The one that holds the lease renews it every 2.5 s.
    let writes = database.writes_to_leases().await - before;
    assert!(writes <= i64::from(SECONDS) / 2 + 3, "{writes} in {SECONDS} s");
    second.stop().await;
    first.stop().await;
}
