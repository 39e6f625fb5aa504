//! Puts the parts together. Nothing else in this package names an adapter.
//!
//! [`Stores`] is a log with what lies beside it, [`Serving`] everything that runs behind the edge of a server.

mod by_itself;
mod serving;
pub mod speech;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use adapters_store::{
    memory::MemoryEventStore, postgres::PostgresEventStore, read, sqlite::SqliteEventStore,
};
pub use adapters_store::{postgres::ScratchDatabase, torture};
use commands::{
    engine::{Engine, EngineConfig, Ports},
    ports::{
        CheckpointStore, Clock, DeadlineStore, EventStore, RandomIds, SnapshotStore, StoreError, SubjectKeys,
        SystemClock, TenantDirectory,
    },
    sealing::{KeyEncryptionKey, Sealing},
};
use projections::{
    ports::{ReadStore, ReadStoreError},
    runner::{ReadSide, ReadSideOptions},
};

pub use self::serving::{CannotServe, Serving};
use crate::{config::masked, contexts};

/// Where a log lies.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// In memory, gone with the process.
    Memory,
    /// One file, made when it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL database, as a libpq URL.
    Postgres(String),
}

/// A store's address that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store {given:?} is none of sqlite:PATH, postgres://USER@HOST:PORT/DATABASE, memory:")]
pub struct UnknownStoreUrl {
    given: String,
}

impl FromStr for StoreUrl {
    type Err = UnknownStoreUrl;

    fn from_str(given: &str) -> Result<Self, UnknownStoreUrl> {
        if given == "memory:" {
            Ok(Self::Memory)
        } else if given.starts_with("postgres://") || given.starts_with("postgresql://") {
            Ok(Self::Postgres(given.to_owned()))
        } else {
            match given.strip_prefix("sqlite:") {
                Some(path) if !path.is_empty() => Ok(Self::Sqlite(PathBuf::from(path))),
                Some(_) | None => Err(UnknownStoreUrl { given: masked(given) }),
            }
        }
    }
}

impl fmt::Display for StoreUrl {
    /// With stars in place of a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => formatter.write_str("memory:"),
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(url) => formatter.write_str(&masked(url)),
        }
    }
}

impl fmt::Debug for StoreUrl {
    /// As [`fmt::Display`]: what is printed to find a fault shows no password either.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StoreUrl({self})")
    }
}

impl StoreUrl {
    /// The address whole, with the password: for another process of this program, not for people.
    pub fn address(&self) -> String {
        match self {
            Self::Memory | Self::Sqlite(_) => self.to_string(),
            Self::Postgres(url) => url.clone(),
        }
    }
}

/// The ports of one log.
#[derive(Clone)]
pub struct Stores {
    /// The log itself.
    pub events: Arc<dyn EventStore>,
    /// Snapshots of long streams.
    pub snapshots: Arc<dyn SnapshotStore>,
    /// Commands due at a time.
    pub deadlines: Arc<dyn DeadlineStore>,
    /// Where process managers are.
    pub checkpoints: Arc<dyn CheckpointStore>,
    /// The keys of those whom personal data tells about.
    pub subject_keys: Arc<dyn SubjectKeys>,
    /// Seals personal data, and erases whom it tells about. None without a key-encryption key: personal data can then be
    /// neither stored nor read.
    pub sealing: Option<Arc<Sealing>>,
}

impl Stores {
    /// Opens a log, bringing its schema up to date.
    pub async fn open(url: &StoreUrl) -> Result<Self, StoreError> {
        match url {
            StoreUrl::Memory => Ok(Self::of(MemoryEventStore::new())),
            StoreUrl::Sqlite(path) => Ok(Self::of(SqliteEventStore::open(path).await?)),
            StoreUrl::Postgres(url) => Ok(Self::of(PostgresEventStore::connect(url).await?)),
        }
    }

    fn of<S>(store: S) -> Self
    where
        S: EventStore + SnapshotStore + DeadlineStore + CheckpointStore + SubjectKeys,
    {
        let store = Arc::new(store);
        Self {
            events: Arc::clone(&store) as _,
            snapshots: Arc::clone(&store) as _,
            deadlines: Arc::clone(&store) as _,
            checkpoints: Arc::clone(&store) as _,
            subject_keys: store,
            sealing: None,
        }
    }

    /// The same log, with personal data sealed before it is stored, and opened for whoever reads.
    #[must_use]
    pub fn sealing_with(self, kek: KeyEncryptionKey) -> Self {
        let Self { events, snapshots, deadlines, checkpoints, subject_keys, sealing: _ } = self;
        let sealing = Arc::new(Sealing::new(events, snapshots, Arc::clone(&subject_keys), kek));
        Self {
            events: Arc::clone(&sealing) as _,
            snapshots: Arc::clone(&sealing) as _,
            deadlines,
            checkpoints,
            subject_keys,
            sealing: Some(sealing),
        }
    }

    /// Starts an engine over the log.
    pub fn engine(&self, tenants: Arc<dyn TenantDirectory>, config: EngineConfig) -> Engine {
        self.engine_at(Arc::new(SystemClock), tenants, config)
    }

    /// Starts an engine that takes its time from a given clock: the demo plant's past days.
    pub fn engine_at(
        &self,
        clock: Arc<dyn Clock>,
        tenants: Arc<dyn TenantDirectory>,
        config: EngineConfig,
    ) -> Engine {
        let ports = Ports {
            store: Arc::clone(&self.events),
            snapshots: Arc::clone(&self.snapshots),
            clock,
            ids: Arc::new(RandomIds),
            tenants,
        };
        Engine::start(ports, config)
    }
}

/// Opens the read models of a log, bringing the store's schema up to date. A database keeps them beside the log's own
/// tables; a file has another file beside it, `cairn-read.db` for `cairn.db`, that may be deleted while nothing runs.
///
/// # Errors
/// Of the read store; a log in memory has no read models.
pub async fn open_read_store(url: &StoreUrl) -> Result<Arc<dyn ReadStore>, ReadStoreError> {
    match url {
        StoreUrl::Memory => Err(ReadStoreError::Unavailable {
            doing: "opening it",
            reason: "a log in memory has no read models".to_owned(),
        }),
        StoreUrl::Sqlite(path) => read::sqlite_read_store(&read_models_beside(path)).await,
        StoreUrl::Postgres(url) => read::postgres_read_store(url).await,
    }
}

/// The file that keeps the read models of a log in a file.
pub fn read_models_beside(log: &Path) -> PathBuf {
    let stem = log.file_stem().unwrap_or_default().to_string_lossy();
    log.with_file_name(format!("{stem}-read.db"))
}

/// The read models of every context, without keeping them current: to read, rebuild or repair.
pub async fn stand_by(stores: &Stores, url: &StoreUrl) -> Result<Arc<ReadSide>, ReadStoreError> {
    let rows = open_read_store(url).await?;
    Ok(ReadSide::stand_by(Arc::clone(&stores.events), rows, contexts::models(), ReadSideOptions::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_url_shows_no_password() {
        let url: StoreUrl = "postgres://cairn:s3cret@db:5432/cairn".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://cairn:***@db:5432/cairn");
        let url: StoreUrl = "postgres://db/cairn?user=x&password=s3cret".parse().unwrap();
        assert!(!format!("{url} {url:?}").contains("s3cret"));
    }

    #[test]
    fn a_store_url_names_a_file_a_database_or_memory() {
        assert_eq!("sqlite:data/cairn.db".parse(), Ok(StoreUrl::Sqlite("data/cairn.db".into())));
        assert_eq!("memory:".parse(), Ok(StoreUrl::Memory));
        assert!(
            ["", "sqlite:", "mysql://x", "data/cairn.db"]
                .iter()
                .all(|given| given.parse::<StoreUrl>().is_err())
        );
    }
}
