//! How the suite opens a store: each adapter says it once.

use std::sync::Arc;

use adapters_store::{memory::MemoryEventStore, postgres::PostgresEventStore, sqlite::SqliteEventStore};
use commands::ports::{CheckpointStore, DeadlineStore, EventStore, Position, SnapshotStore};

/// A log of its own for one test.
pub trait Harness: Sized {
    type Store: EventStore + SnapshotStore + DeadlineStore + CheckpointStore;

    /// An empty log.
    async fn create() -> Self;

    /// A store object of its own over the log, as another process would open it.
    async fn open(&self) -> Arc<Self::Store>;

    /// Tears a hole into the log, behind the store's back. False where nothing but the store can reach the log.
    async fn delete_event(&self, position: Position) -> bool;
}

pub struct Memory {
    log: MemoryEventStore,
}

impl Harness for Memory {
    type Store = MemoryEventStore;

    async fn create() -> Self {
        Self { log: MemoryEventStore::new() }
    }

    async fn open(&self) -> Arc<MemoryEventStore> {
        Arc::new(self.log.clone())
    }

    async fn delete_event(&self, _position: Position) -> bool {
        false
    }
}

pub struct Sqlite {
    folder: tempfile::TempDir,
}

impl Harness for Sqlite {
    type Store = SqliteEventStore;

    async fn create() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    async fn open(&self) -> Arc<SqliteEventStore> {
        Arc::new(SqliteEventStore::open(&self.folder.path().join("cairn.db")).await.unwrap())
    }

    async fn delete_event(&self, position: Position) -> bool {
        let connection = rusqlite::Connection::open(self.folder.path().join("cairn.db")).unwrap();
        connection.execute("delete from events where position = ?", [position as i64]).unwrap() == 1
    }
}

pub struct Postgres {
    database: crate::database::Database,
}

impl Harness for Postgres {
    type Store = PostgresEventStore;

    async fn create() -> Self {
        Self { database: crate::database::Database::create().await }
    }

    async fn open(&self) -> Arc<PostgresEventStore> {
        Arc::new(PostgresEventStore::connect(&self.database.url()).await.unwrap())
    }

    async fn delete_event(&self, position: Position) -> bool {
        let client = self.database.client().await;
        client.execute("delete from events where position = $1", &[&(position as i64)]).await.unwrap() == 1
    }
}
