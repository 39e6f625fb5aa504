//! How the suite opens a store: each adapter says it once.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use adapters_store::{memory::MemoryEventStore, postgres::PostgresEventStore, sqlite::SqliteEventStore};
use chrono::{DateTime, TimeDelta, Utc};
use commands::ports::{
    CheckpointStore, Clock, DeadlineStore, EventStore, LogFilter, Position, SnapshotStore, SubjectKeys,
};

/// A log of its own for one test.
pub trait Harness: Sized {
    type Store: EventStore + SnapshotStore + DeadlineStore + CheckpointStore + SubjectKeys;

    /// An empty log.
    async fn create() -> Self;

    /// A store object of its own over the log, as another process would open it.
    async fn open(&self) -> Arc<Self::Store>;

    /// Lets so much time pass for the answers that are kept.
    async fn let_answers_age(&self, by: TimeDelta);

    /// Everything that a stranger finds who gets at what the store has kept.
    async fn everything(&self) -> String;

    /// Tears a hole into the log, behind the store's back. False where nothing but the store can reach the log.
    async fn delete_event(&self, position: Position) -> bool;
}

pub struct Memory {
    log: MemoryEventStore,
    clock: Arc<TurnedClock>,
}

/// The machine's clock, turned forward.
#[derive(Default)]
struct TurnedClock {
    milliseconds: AtomicI64,
}

impl Clock for TurnedClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.milliseconds.load(Ordering::SeqCst))
    }
}

impl Harness for Memory {
    type Store = MemoryEventStore;

    async fn create() -> Self {
        let clock = Arc::new(TurnedClock::default());
        Self { log: MemoryEventStore::by_clock(Arc::clone(&clock) as _), clock }
    }

    async fn open(&self) -> Arc<MemoryEventStore> {
        Arc::new(self.log.clone())
    }

    async fn let_answers_age(&self, by: TimeDelta) {
        self.clock.milliseconds.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }

    async fn everything(&self) -> String {
        let page = self.log.read_log(0, &LogFilter::default(), 1_000).await.unwrap();
        page.events.iter().map(|event| format!("{event:?}")).collect()
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

    async fn let_answers_age(&self, by: TimeDelta) {
        let connection = rusqlite::Connection::open(self.folder.path().join("cairn.db")).unwrap();
        let by = by.num_milliseconds();
        connection.execute("update commits set expires_at = expires_at - ?", [by]).unwrap();
    }

    /// The bytes of the file, and of those beside it.
    async fn everything(&self) -> String {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let texts = files.map(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        texts.collect()
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

    async fn let_answers_age(&self, by: TimeDelta) {
        let client = self.database.client().await;
        let sql = "update commits set expires_at = expires_at - $1 * interval '1 millisecond'";
        client.execute(sql, &[&(by.num_milliseconds() as f64)]).await.unwrap();
    }

    /// Every row of every table.
    async fn everything(&self) -> String {
        let client = self.database.client().await;
        let tables = "select tablename::text from pg_tables where schemaname = current_schema()";
        let mut everything = String::new();
        for table in client.query(tables, &[]).await.unwrap() {
            let rows = format!("select stored::text from {} as stored", table.get::<_, &str>(0));
            for row in client.query(&rows, &[]).await.unwrap() {
                everything.push_str(row.get(0));
            }
        }
        everything
    }

    async fn delete_event(&self, position: Position) -> bool {
        let client = self.database.client().await;
        client.execute("delete from events where position = $1", &[&(position as i64)]).await.unwrap() == 1
    }
}
