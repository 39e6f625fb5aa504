use std::{
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use commands::ports::{Position, StoreError};
use schema::migrations::{Index, POSTGRES, POSTGRES_INDEXES, POSTGRES_VERSIONS, newest};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_postgres::{Client, Transaction};

use super::{failure::store_error, lane::connect};
use crate::address::Address;

const MIGRATING: &str = "bringing the schema forward";
const INDEXING: &str = "building an index of the log";

/// An older program goes on appending meanwhile. Whoever wants a table for himself makes everybody wait who comes after him,
/// so he asks for a moment and again later. What is done once he has it may take what it takes.
const FOR_A_MOMENT: &str = "set lock_timeout = '500ms'; set statement_timeout = 0";
/// In between the log is open to all.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);
/// Somebody who holds a table for longer, a backup perhaps, is told of.
const ASK_FOR: Duration = Duration::from_secs(60);
/// How often whoever reads the log of the program hears of an index that is not there yet.
const TELL_EVERY: Duration = Duration::from_secs(15);

/// Brings a database's schema forward, from nothing if need be, but for its indexes. Several processes may do it at once.
///
/// # Errors
/// [`StoreError::Corrupt`] for a database in which somebody else has a table of Cairn's or whose encoding is not UTF-8,
/// [`StoreError::TooNew`] for one that a newer program has brought forward: neither is written to. [`StoreError::Unavailable`]
/// when it cannot be reached, or somebody holds a table that has to change.
pub(super) async fn migrate(address: &Address) -> Result<(), StoreError> {
    let mut client = connect(address).await?;
    client.batch_execute(FOR_A_MOMENT).await.map_err(store_error(MIGRATING))?;
    let until = Instant::now() + ASK_FOR;
    while let Err(error) = take_steps(&mut client).await {
        let may_pass = matches!(error, StoreError::Unavailable { .. }) && !client.is_closed();
        if !may_pass || Instant::now() > until {
            return Err(error);
        }
        tracing::info!(%error, "the log's schema moves forward as soon as nobody holds it");
        sleep(ASK_AGAIN_AFTER).await;
    }
    Ok(())
}

/// Builds the indexes that serving can do without, in the background: they wait for every transaction of the database that began
/// before them, and a backup may read for hours. What fails is tried again for as long as the store is there.
pub(super) async fn build_indexes_beside(address: Arc<Address>, store: Weak<watch::Sender<Position>>) {
    loop {
        let built = async { build_indexes(&connect(&address).await?).await };
        let Err(error) = built.await else { return };
        if store.strong_count() == 0 {
            return;
        }
        tracing::warn!(%error, "an index of the log is not built yet; some of what it serves takes longer");
        sleep(TELL_EVERY).await;
    }
}

/// Says now and then that an index is not there yet, and where it stands.
async fn telling<T>(index: &str, work: impl Future<Output = T>) -> T {
    let (began, mut work) = (Instant::now(), pin!(work));
    loop {
        if let Ok(done) = timeout(TELL_EVERY, &mut work).await {
            return done;
        }
        tracing::info!(
            index,
            seconds = began.elapsed().as_secs(),
            "an index of the log is being built still; pg_stat_progress_create_index tells whom it waits for"
        );
    }
}

async fn take_steps(client: &mut Client) -> Result<(), StoreError> {
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

/// Builds what is missing beside those who write. It waits for everybody who was there before, who waits for nobody: so whoever
/// finds another process at it looks again later, and does not wait within a statement of his own.
async fn build_indexes(client: &Client) -> Result<(), StoreError> {
    let failed = store_error(INDEXING);
    while let Some((index, broke_off)) = missing_index(client).await? {
        // 'CAIR' and 3, the indexes' turn. It ends with the connection at the latest.
        let turn = client.query_one("select pg_try_advisory_lock(1128352082, 3)", &[]).await;
        if !turn.map_err(&failed)?.get::<_, bool>(0) {
            sleep(ASK_AGAIN_AFTER).await;
            continue;
        }
        // The one before may have built it since.
        if missing_index(client).await? == Some((index, broke_off)) {
            tracing::info!(index = index.name, "the log gets an index, and is written to meanwhile");
            let no_limits = "set lock_timeout = 0; set statement_timeout = 0";
            client.batch_execute(no_limits).await.map_err(&failed)?;
            if broke_off {
                let drop = format!("drop index concurrently {}", index.name);
                telling(index.name, client.batch_execute(&drop)).await.map_err(&failed)?;
            }
            let create = format!("create index concurrently {} on {}", index.name, index.on);
            telling(index.name, client.batch_execute(&create)).await.map_err(&failed)?;
        }
        let unlock = client.execute("select pg_advisory_unlock(1128352082, 3)", &[]).await;
        unlock.map_err(&failed)?;
    }
    Ok(())
}

/// The first index that is not there, or that somebody began to build and did not end.
async fn missing_index(client: &Client) -> Result<Option<(Index, bool)>, StoreError> {
    let names: Vec<_> = POSTGRES_INDEXES.iter().map(|index| index.name).collect();
    let standing = "select indisvalid from unnest($1::text[]) with ordinality as known (name, ordinal)
                    left join pg_index on indexrelid = to_regclass(name) order by ordinal";
    let rows = client.query(standing, &[&names]).await.map_err(store_error(INDEXING))?;
    let standing = rows.iter().map(|row| row.get::<_, Option<bool>>(0));
    let missing = POSTGRES_INDEXES.iter().zip(standing).find(|(_, valid)| *valid != Some(true));
    Ok(missing.map(|(index, valid)| (*index, valid == Some(false))))
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
