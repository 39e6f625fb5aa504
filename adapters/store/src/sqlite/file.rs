use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use commands::ports::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig, hooks::Wal};
use schema::migrations::{SQLITE, SQLITE_APPLICATION_ID, newest};

use super::{checkpoint::Checkpoints, failure::store_error};

/// Waits of 2 ms that a writer spends on another process's transaction before it answers `Unavailable`: 10 s.
const LONGEST_WAIT: i32 = 5_000;

/// A SQLite file that is Cairn's, in the schema that this program knows. Read models may keep their tables in it.
#[derive(Debug, Clone)]
pub struct SqliteFile {
    path: PathBuf,
}

impl SqliteFile {
    /// Opens or creates the file and brings its schema forward. Blocks; several processes may do it at once.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a file that is not SQLite's or another program's, [`StoreError::TooNew`] for one
    /// that a newer program wrote: neither is written to. [`StoreError::Unavailable`] when it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = Self { path: path.to_owned() };
        let mut connection =
            file.connect(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        file.recognise(&connection)?;
        file.use_write_ahead_log(&connection)?;
        file.migrate(&mut connection)?;
        // A damaged file is better noticed now than by the first command.
        connection
            .query_row(
                "select count(*) from (select * from events order by position desc limit 1)",
                [],
                |_| Ok(()),
            )
            .map_err(store_error("reading the end of the log"))?;
        Ok(file)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection that may write. Every commit on it is on the disk before it is answered. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be opened.
    pub fn writer(&self) -> Result<Connection, StoreError> {
        let failed = store_error("setting up a connection");
        let mut connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // What is deleted is overwritten: a destroyed key does not lie about in the file.
        connection
            .execute_batch(
                "pragma synchronous = full; pragma secure_delete = fast; pragma cache_size = -65536;
                 pragma temp_store = memory;",
            )
            .map_err(&failed)?;
        let mut checkpoints = Checkpoints::start(self).map_err(|error| StoreError::Unavailable {
            doing: "starting the thread for checkpoints",
            reason: error.to_string(),
        })?;
        let committed = move |log: &mut Wal, pages| {
            checkpoints.committed(log, pages);
            Ok(())
        };
        connection.wal_hook(Some(committed)).map_err(failed)?;
        Ok(connection)
    }

    /// A connection that moves the write-ahead log into the file, and has it on the disk before the log may be
    /// overwritten. Blocks.
    pub(super) fn mover(&self) -> Result<Connection, StoreError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection
            .execute_batch(
                "pragma synchronous = full; pragma wal_autocheckpoint = 0; pragma cache_size = -2048;",
            )
            .map_err(store_error("setting up a connection"))?;
        Ok(connection)
    }

    /// A connection that cannot write. Blocks.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be opened.
    pub fn reader(&self) -> Result<Connection, StoreError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection
            .execute_batch("pragma query_only = on; pragma cache_size = -16384; pragma temp_store = memory;")
            .map_err(store_error("setting up a connection"))?;
        Ok(connection)
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, StoreError> {
        let unavailable = |error: rusqlite::Error| StoreError::Unavailable {
            doing: "opening the event store's file",
            reason: format!("{}: {error}", self.path.display()),
        };
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags).map_err(unavailable)?;
        connection.busy_handler(Some(wait_for_writer)).map_err(unavailable)?;
        // Plans do not depend on the values bound: without this, SQLite plans a cached statement anew at each use, which
        // was a fifth of the time of an append.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(unavailable)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }

    /// Of two that switch a new file at once, SQLite refuses one without asking its busy handler: asked here.
    fn use_write_ahead_log(&self, connection: &Connection) -> Result<(), StoreError> {
        let doing = "setting up the write-ahead log";
        let mut waits = 0;
        let mode: String = loop {
            match connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)) {
                Err(error)
                    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                        && wait_for_writer(waits) =>
                {
                    waits += 1;
                }
                answer => break answer.map_err(store_error(doing))?,
            }
        };
        if mode != "wal" {
            let path = self.path.display();
            let reason = format!("{path} cannot be used with a write-ahead log, only {mode}");
            return Err(StoreError::Unavailable { doing, reason });
        }
        Ok(())
    }

    /// Reads whose file it is, through SQLite alone: a handle of our own would take this process's locks on the file with
    /// it when it is closed. Writes nothing.
    fn recognise(&self, connection: &Connection) -> Result<(), StoreError> {
        // All three answers are of one moment: another program may be bringing the schema forward just now.
        let moment = connection.unchecked_transaction().map_err(store_error("reading the schema"))?;
        let tables: i64 = moment
            .query_row("select count(*) from sqlite_schema", [], |row| row.get(0))
            .map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => {
                    let reason = format!("{} is not a SQLite database", self.path.display());
                    StoreError::Corrupt { reason }
                }
                _ => store_error("reading the schema")(error),
            })?;
        let (application, version) = marks(&moment)?;
        drop(moment);
        let is_empty = application == 0 && version == 0 && tables == 0;
        if application != SQLITE_APPLICATION_ID && !is_empty {
            let path = self.path.display();
            return Err(StoreError::Corrupt {
                reason: format!("{path} is another program's SQLite database"),
            });
        }
        refuse_newer(version)
    }

    fn migrate(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let failed = store_error("bringing the schema forward");
        // The lock is taken first: of two processes, the second finds the work done.
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let (_, version) = marks(&transaction)?;
        refuse_newer(version)?;
        for migration in SQLITE.iter().filter(|migration| migration.version > version) {
            tracing::info!(
                version = migration.version,
                name = migration.name,
                "the log's schema moves forward"
            );
            transaction.execute_batch(migration.sql).map_err(&failed)?;
            transaction.pragma_update(None, "application_id", SQLITE_APPLICATION_ID).map_err(&failed)?;
            transaction.pragma_update(None, "user_version", migration.version).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)
    }
}

/// The marks that say whose file it is, and in which version.
fn marks(connection: &Connection) -> Result<(i32, u32), StoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let failed = store_error("reading whose file it is");
    Ok((pragma("application_id").map_err(&failed)?, pragma("user_version").map_err(&failed)?.unsigned_abs()))
}

fn refuse_newer(found: u32) -> Result<(), StoreError> {
    let known = newest(SQLITE);
    if found > known { Err(StoreError::TooNew { found, known }) } else { Ok(()) }
}

/// SQLite's own waits grow to 100 ms, which starves a writer among many: short ones let it have its turn.
fn wait_for_writer(waits: i32) -> bool {
    thread::sleep(Duration::from_millis(2));
    waits < LONGEST_WAIT
}
