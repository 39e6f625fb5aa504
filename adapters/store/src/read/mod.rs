//! Where read models lie: a SQLite file or a PostgreSQL database.
//!
//! Reading order: `sql`, `pages` and `filters` (every statement over read models' tables, for both engines), `jobs` (the operations, each one
//! transaction, written once), `store` (the port), then one engine, `sqlite` or `postgres`.

mod filters;
mod jobs;
mod own_tables;
mod pages;
mod postgres;
mod session;
mod sql;
mod sqlite;
mod store;
mod working;

use std::{path::Path, sync::Arc};

use projections::ports::{ReadStore, ReadStoreError};

/// Read models in a SQLite file of their own; it may be deleted at any time while nothing runs.
///
/// # Errors
/// [`ReadStoreError::Corrupt`] or [`ReadStoreError::TooNew`] for a file that cannot be used.
pub async fn sqlite_read_store(path: &Path) -> Result<Arc<dyn ReadStore>, ReadStoreError> {
    let engine = sqlite::SqliteEngine::open(path)?;
    Ok(Arc::new(store::Store::open(engine, sql::Dialect::Sqlite).await?))
}

/// Read models in a PostgreSQL database, named by a libpq URL; it may be the log's own.
///
/// # Errors
/// [`ReadStoreError::Unavailable`] when it cannot be reached, [`ReadStoreError::TooNew`] when a newer program used it.
pub async fn postgres_read_store(url: &str) -> Result<Arc<dyn ReadStore>, ReadStoreError> {
    let engine = postgres::PostgresEngine::new(url)?;
    Ok(Arc::new(store::Store::open(engine, sql::Dialect::Postgres).await?))
}
