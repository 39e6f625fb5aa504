use std::{
    path::Path,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::{
    AppendOutcome, Commit, EventStore, LogFilter, LogPage, Past, PastQuery, Position, Receipt, RecordedEvent,
    StoreError, StreamKey, TenantId, Version,
};
use rusqlite::Connection;
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    append, ends::Ends, events::as_sql, failure::store_error, file::SqliteFile, readers::Readers, reads,
    writer::WriterThread,
};
use crate::wake::raise;

/// How often readers that wait are told of what other processes wrote.
const POLL_EVERY: Duration = Duration::from_millis(100);

/// The event log in a SQLite file. Several processes may have the file open: each batch is one immediate transaction.
pub struct SqliteEventStore {
    file: SqliteFile,
    writer: WriterThread,
    /// The writer's alone.
    ends: Arc<Mutex<Option<Ends>>>,
    readers: Arc<Readers<StoreError>>,
    head: Arc<watch::Sender<Position>>,
}

impl SqliteEventStore {
    /// Opens or creates the file that a URL such as `sqlite:data/cairn.db` names, and brings its schema forward.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for a foreign file or a URL of another kind, else as [`Self::open`].
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        match url.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => Self::open(Path::new(path)).await,
            _ => {
                Err(StoreError::Corrupt { reason: format!("{url} does not name a SQLite file: sqlite:PATH") })
            }
        }
    }

    /// Opens or creates the file, and brings its schema forward.
    ///
    /// # Errors
    /// As [`SqliteFile::open`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let path = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            let file = SqliteFile::open(&path)?;
            let writer = WriterThread::start(&file)?;
            let head = reads::head(&file.reader()?)?;
            Ok((file, writer, head))
        });
        let (file, writer, head) = opened.await.map_err(|death| StoreError::Unavailable {
            doing: "opening the event store's file",
            reason: death.to_string(),
        })??;
        let reader = file.clone();
        let readers = Arc::new(Readers::new(move || reader.reader()));
        let head = Arc::new(watch::Sender::new(head));
        tokio::spawn(poll(Arc::downgrade(&readers), Arc::downgrade(&head)));
        Ok(Self { file, writer, ends: Arc::default(), readers, head })
    }

    /// The file, for read models that keep their tables beside the log.
    pub fn file(&self) -> &SqliteFile {
        &self.file
    }

    /// Bounds the file, so that the log cannot take the whole disk: beyond it, commits answer
    /// [`StoreError::DiskFull`]. The bound counts the file alone, is rounded to pages, and ends with this store object.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file does not answer.
    pub async fn limit_size(&self, bytes: Option<u64>) -> Result<(), StoreError> {
        self.write("bounding the file", move |connection| {
            let page_size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            // 2^32 - 2 is SQLite's own bound, as good as none.
            let pages = bytes.map_or(0xFFFF_FFFE, |bytes| as_sql(bytes) / page_size);
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
        })
        .await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.run(died, read).await
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        write: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run(doing, move |connection| write(connection).map_err(store_error(doing))).await
    }
}

fn died(reason: String) -> StoreError {
    StoreError::Unavailable { doing: "reading the event store's file", reason }
}

/// The safety net under [`EventStore::wake_up`], and the only way to hear of other processes. Ends with the store.
async fn poll(readers: Weak<Readers<StoreError>>, head: Weak<watch::Sender<Position>>) {
    loop {
        tokio::time::sleep(POLL_EVERY).await;
        let (Some(readers), Some(head)) = (readers.upgrade(), head.upgrade()) else { return };
        if head.receiver_count() == 0 {
            continue;
        }
        match readers.run(died, |connection| reads::head(connection)).await {
            Ok(found) => raise(&head, found),
            Err(error) => tracing::warn!(%error, "readers of the log could not be woken"),
        }
    }
}

#[async_trait]
impl EventStore for SqliteEventStore {
    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let (batch, ends) = (batch.to_vec(), Arc::clone(&self.ends));
        let append = move |connection: &mut Connection| append::append(connection, &ends, &batch);
        let (outcomes, head) = self.writer.run("appending to the log", append).await?;
        raise(&self.head, head);
        Ok(outcomes)
    }

    async fn read_stream(
        &self,
        stream: &StreamKey,
        after_version: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let stream = stream.clone();
        self.read(move |connection| reads::read_stream(connection, &stream, after_version, limit)).await
    }

    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        let asked = asked.to_vec();
        self.read(move |connection| reads::load_pasts(connection, &asked, limit)).await
    }

    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        let filter = filter.clone();
        self.read(move |connection| reads::read_log(connection, after, &filter, limit)).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.read(|connection| reads::head(connection)).await
    }

    async fn position_at(&self, instant: DateTime<Utc>) -> Result<Position, StoreError> {
        self.read(move |connection| reads::position_at(connection, instant)).await
    }

    async fn find_answer(
        &self,
        tenant: TenantId,
        command_id: Uuid,
    ) -> Result<Option<([u8; 32], Receipt)>, StoreError> {
        self.read(move |connection| {
            append::find_answer(connection, tenant, command_id).map_err(store_error("looking for an answer"))
        })
        .await
    }

    async fn prune_answers(&self, most: usize) -> Result<usize, StoreError> {
        self.write("forgetting old answers", move |connection| append::prune_answers(connection, most)).await
    }

    fn wake_up(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }
}
