//! A PostgreSQL database of a test's own, on the server that `CAIRN_TEST_POSTGRES` names.

use tokio_postgres::{Client, Config, NoTls};
use uuid::Uuid;

/// Dropped with its test.
pub struct Database {
    server: Config,
    name: String,
}

impl Database {
    pub async fn create() -> Self {
        Self::create_with("").await
    }

    /// With further words to `create database`.
    pub async fn create_with(options: &str) -> Self {
        let url = std::env::var("CAIRN_TEST_POSTGRES")
            .expect("CAIRN_TEST_POSTGRES names the PostgreSQL server for the tests; ops/test starts one");
        let server: Config = url.parse().unwrap();
        let name = format!("cairn_test_{}", Uuid::now_v7().simple());
        connect(&server).await.batch_execute(&format!("create database {name} {options}")).await.unwrap();
        Self { server, name }
    }

    pub fn url(&self) -> String {
        let url = std::env::var("CAIRN_TEST_POSTGRES").unwrap();
        let (address, options) =
            url.split_once('?').map_or((&*url, ""), |(address, options)| (address, options));
        let (server, _database) = address.rsplit_once('/').unwrap();
        format!("{server}/{}?{options}", self.name)
    }

    /// A stranger's connection to the database.
    pub async fn client(&self) -> Client {
        connect(self.server.clone().dbname(&self.name)).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let drop_database = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = connect(&server).await;
                client.batch_execute(&format!("drop database if exists {name} with (force)")).await.unwrap();
            });
        };
        // A runtime of its own: this one may not be blocked, and may be on its way out.
        std::thread::spawn(drop_database).join().unwrap();
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
