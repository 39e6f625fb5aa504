//! How the suite opens a read store: each adapter says it once.

use std::{sync::Arc, time::Duration};

use adapters_store::{
    memory::MemoryEventStore,
    read::{postgres_read_store, sqlite_read_store},
};
use commands::ports::EventStore;
use projections::{
    Model,
    ports::{ReadStore, ReadStoreError},
    runner::{ReadSide, ReadSideOptions},
};

use crate::{database::Database, tally::Tally};

/// A database of its own for one test.
pub trait Harness: Sized {
    async fn create() -> Self;

    /// A store object of its own, as another process would open it.
    async fn try_open(&self) -> Result<Arc<dyn ReadStore>, ReadStoreError>;

    /// Runs SQL behind the store's back.
    async fn meddle(&self, sql: &str);

    /// How many rows of a table were read so far, once so many were written; where the engine counts it.
    async fn rows_read(&self, _table: &str, _written: i64) -> Option<i64> {
        None
    }

    async fn open(&self) -> Arc<dyn ReadStore> {
        self.try_open().await.unwrap()
    }

    /// The harness, which must live as long as its database is used, and a store.
    async fn open_owned(self) -> (Self, Arc<dyn ReadStore>) {
        let store = self.open().await;
        (self, store)
    }

    /// A running read side, as another process would have it.
    async fn start(&self, log: &MemoryEventStore) -> Arc<ReadSide> {
        self.start_with(log, vec![Model::of::<Tally>()]).await
    }

    /// A running read side over a log of any kind.
    async fn start_over(&self, log: Arc<dyn EventStore>) -> Arc<ReadSide> {
        let models = vec![Model::of::<Tally>()];
        ReadSide::start(log, self.open().await, models, ReadSideOptions::default())
    }

    /// A read side that keeps nothing current, over a log of any kind.
    async fn stand_by(&self, log: Arc<dyn EventStore>) -> Arc<ReadSide> {
        let models = vec![Model::of::<Tally>()];
        ReadSide::stand_by(log, self.open().await, models, ReadSideOptions::default())
    }

    async fn start_with(&self, log: &MemoryEventStore, models: Vec<Model>) -> Arc<ReadSide> {
        ReadSide::start(Arc::new(log.clone()), self.open().await, models, ReadSideOptions::default())
    }
}

pub struct Sqlite {
    folder: tempfile::TempDir,
}

impl Harness for Sqlite {
    async fn create() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    async fn try_open(&self) -> Result<Arc<dyn ReadStore>, ReadStoreError> {
        sqlite_read_store(&self.folder.path().join("read.db")).await
    }

    async fn meddle(&self, sql: &str) {
        rusqlite::Connection::open(self.folder.path().join("read.db")).unwrap().execute_batch(sql).unwrap();
    }
}

pub struct Postgres {
    database: Database,
}

impl Postgres {
    /// A stranger's connection to the database.
    pub async fn stranger(&self) -> tokio_postgres::Client {
        self.database.client().await
    }
}

impl Harness for Postgres {
    async fn create() -> Self {
        Self { database: Database::create().await }
    }

    async fn try_open(&self) -> Result<Arc<dyn ReadStore>, ReadStoreError> {
        postgres_read_store(&self.database.url()).await
    }

    async fn rows_read(&self, table: &str, written: i64) -> Option<i64> {
        let stranger = self.stranger().await;
        let counted = "select n_tup_ins, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables
                       where relname = $1";
        // A connection tells what it did within moments, or when it ends.
        loop {
            let row = stranger.query_one(counted, &[&table]).await.unwrap();
            let (so_far, read): (i64, i64) = (row.get(0), row.get(1));
            if so_far >= written {
                tokio::time::sleep(Duration::from_secs(2)).await;
                return Some(read.max(stranger.query_one(counted, &[&table]).await.unwrap().get(1)));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn meddle(&self, sql: &str) {
        self.database.client().await.batch_execute(sql).await.unwrap();
    }
}
