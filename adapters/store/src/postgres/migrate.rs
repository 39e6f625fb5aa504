use commands::ports::StoreError;
use schema::migrations::{POSTGRES, POSTGRES_VERSIONS, newest};
use tokio_postgres::{Client, Transaction};

use super::{failure::store_error, lane::connect};
use crate::address::Address;

const MIGRATING: &str = "bringing the schema forward";

/// Brings a database's schema forward, from nothing if need be. Several processes may do it at once.
///
/// # Errors
/// [`StoreError::Corrupt`] for a database in which somebody else has a table of Cairn's or whose encoding is not UTF-8,
/// [`StoreError::TooNew`] for one that a newer program has brought forward: neither is written to. [`StoreError::Unavailable`]
/// when it cannot be reached.
pub(super) async fn migrate(address: &Address) -> Result<(), StoreError> {
    let mut client = connect(address).await?;
    migrate_with(&mut client).await
}

async fn migrate_with(client: &mut Client) -> Result<(), StoreError> {
    let failed = store_error(MIGRATING);
    let transaction = client.transaction().await.map_err(&failed)?;
    // 'CAIR' and 2, the schema's turn: of two processes, the second finds the work done.
    transaction.batch_execute("select pg_advisory_xact_lock(1128352082, 2)").await.map_err(&failed)?;
    check_encoding(&transaction).await?;
    let version = version(&transaction).await?;
    let known = newest(POSTGRES);
    if version > known {
        return Err(StoreError::TooNew { found: version, known });
    }
    for migration in POSTGRES.iter().filter(|migration| migration.version > version) {
        tracing::info!(version = migration.version, name = migration.name, "the log's schema moves forward");
        let mark = format!(
            "create table if not exists {POSTGRES_VERSIONS}
                 (version integer primary key, name text not null, applied_at timestamptz not null default now());
             insert into {POSTGRES_VERSIONS} (version, name) values ({}, '{}');",
            migration.version, migration.name
        );
        transaction.batch_execute(migration.sql).await.map_err(&failed)?;
        transaction.batch_execute(&mark).await.map_err(&failed)?;
    }
    transaction.commit().await.map_err(&failed)
}

/// A database of another encoding cannot hold every name that people have, and would refuse it only when it comes.
async fn check_encoding(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let asked = transaction.query_one("select current_setting('server_encoding')", &[]).await;
    let encoding: String = asked.map_err(store_error("reading the database's encoding"))?.get(0);
    if encoding == "UTF8" {
        return Ok(());
    }
    let reason = format!(
        "the database's encoding is {encoding}, which cannot hold every text: \
         make one with create database … encoding 'UTF8' template template0"
    );
    Err(StoreError::Corrupt { reason })
}

/// How far the database's schema is; 0 when Cairn was never there.
async fn version(transaction: &Transaction<'_>) -> Result<u32, StoreError> {
    let failed = store_error("reading the schema's version");
    let tables = transaction
        .query_one(
            "select to_regclass($1) is not null, to_regclass('events') is not null",
            &[&POSTGRES_VERSIONS],
        )
        .await
        .map_err(&failed)?;
    match (tables.get(0), tables.get(1)) {
        (true, _) => {
            let sql = format!("select coalesce(max(version), 0) from {POSTGRES_VERSIONS}");
            let version: i32 = transaction.query_one(&sql, &[]).await.map_err(&failed)?.get(0);
            Ok(version.unsigned_abs())
        }
        (false, false) => Ok(0),
        (false, true) => Err(StoreError::Corrupt {
            reason: "the database holds a table \"events\" that is not Cairn's: use a database of its own"
                .to_owned(),
        }),
    }
}
