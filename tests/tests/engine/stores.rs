//! A log of each kind that several processes may open, for what must hold on all of them.

use std::sync::Arc;

use adapters_store::{
    memory::MemoryEventStore,
    postgres::{PostgresEventStore, ScratchDatabase},
    sqlite::SqliteEventStore,
};
use commands::{
    engine::EngineConfig,
    ports::{CheckpointStore, Clock, DeadlineStore, EventStore, SnapshotStore, SystemClock},
};
use tempfile::TempDir;
use uuid::Uuid;

use super::Plant;

/// A log with all that lies beside it.
pub trait Store: EventStore + SnapshotStore + DeadlineStore + CheckpointStore {}

impl<S: EventStore + SnapshotStore + DeadlineStore + CheckpointStore> Store for S {}

/// Where a log lies. Gone with its test.
pub enum Shared {
    Memory(MemoryEventStore),
    Sqlite(TempDir),
    Postgres(Database),
}

impl Shared {
    pub fn in_memory() -> Self {
        Self::Memory(MemoryEventStore::new())
    }

    pub fn on_sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub async fn on_postgres() -> Self {
        Self::Postgres(Database::create().await)
    }

    /// Opens it as one more process does.
    pub async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::new(store.clone()),
            Self::Sqlite(folder) => {
                Arc::new(SqliteEventStore::open(&folder.path().join("cairn.db")).await.unwrap())
            }
            Self::Postgres(database) => Arc::new(PostgresEventStore::connect(database.url()).await.unwrap()),
        }
    }

    /// One more process, with an engine and a cache of its own.
    pub(super) async fn process(&self) -> (Arc<dyn Store>, Plant) {
        self.process_at(Arc::new(SystemClock)).await
    }

    /// One whose clock the test sets.
    pub(super) async fn process_at(&self, clock: Arc<dyn Clock>) -> (Arc<dyn Store>, Plant) {
        let store = self.open().await;
        let (log, snapshots) = (Arc::clone(&store) as _, Arc::clone(&store) as _);
        (store, Plant::at(clock, log, snapshots, EngineConfig::default()))
    }
}

/// Removed with its test, on a runtime of its own: the test's may not be blocked.
pub struct Database(Option<Box<ScratchDatabase>>);

impl Database {
    async fn create() -> Self {
        let Ok(server) = std::env::var("CAIRN_TEST_POSTGRES") else {
            panic!("CAIRN_TEST_POSTGRES names the PostgreSQL server for the tests; ops/test starts one")
        };
        let name = format!("cairn_test_{}", Uuid::now_v7().simple());
        Self(Some(Box::new(ScratchDatabase::create(&server, &name).await.unwrap())))
    }

    fn url(&self) -> &str {
        self.0.as_ref().unwrap().url()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let database = self.0.take().unwrap();
        let remove = || tokio::runtime::Runtime::new().unwrap().block_on(database.remove()).unwrap();
        std::thread::spawn(remove).join().unwrap();
    }
}

/// Each scenario is a test on each database.
macro_rules! on_both_databases {
    ($($scenario:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $scenario() {
                super::$scenario(crate::engine::stores::Shared::on_sqlite()).await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $scenario() {
                super::$scenario(crate::engine::stores::Shared::on_postgres().await).await;
            })+
        }
    };
}

/// Each scenario is a test in memory and on each database.
macro_rules! on_every_store {
    ($($scenario:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::engine::stores::Shared::in_memory()).await;
            })+
        }
        crate::engine::stores::on_both_databases![$($scenario),+];
    };
}

pub(super) use {on_both_databases, on_every_store};
