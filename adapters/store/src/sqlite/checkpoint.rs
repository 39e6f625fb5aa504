//! Moving the write-ahead log into the file, on a thread of its own, so that no commit waits for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, SyncSender},
    },
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, ErrorCode, hooks::Wal};

use super::file::SqliteFile;

/// Pages by which the write-ahead log grows before they are moved into the file: 32 MiB.
const DUE_PAGES: i32 = 8_000;
/// What is left of the log for the writer itself is as much as is written while the thread moves this often.
const ROUNDS: usize = 2;

/// The thread that moves pages for one writer. It ends with it.
pub(super) struct Checkpoints {
    asked: Option<SyncSender<()>>,
    moved: Arc<AtomicBool>,
    due_at: i32,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    pub(super) fn start(file: &SqliteFile) -> std::io::Result<Self> {
        let (asked, requests) = mpsc::sync_channel(1);
        let moved = Arc::new(AtomicBool::new(false));
        let (done, file) = (Arc::clone(&moved), file.clone());
        let run = move || {
            let mut connection = None;
            for () in requests {
                if let Err(error) = move_pages(&mut connection, &file) {
                    // The commits stand all the same: the log holds what did not get into the file.
                    tracing::warn!(error, "the write-ahead log could not be moved into the file");
                    connection = None;
                }
                done.store(true, Ordering::Release);
            }
        };
        let thread = thread::Builder::new().name("cairn-log-mover".to_owned()).spawn(run)?;
        Ok(Self { asked: Some(asked), moved, due_at: DUE_PAGES, thread: Some(thread) })
    }

    /// Called by the writer after each of its commits, with the pages in the log.
    ///
    /// SQLite's own way tries after each commit once the log is long; behind a reader that idles in its transaction
    /// nothing comes of it, and each try costs more than the one before. This one waits for the log to grow again.
    pub(super) fn committed(&mut self, log: &mut Wal, pages: i32) {
        if pages < DUE_PAGES {
            self.due_at = DUE_PAGES;
        } else if pages >= self.due_at {
            self.due_at = pages.saturating_add(DUE_PAGES);
            // A full channel: the thread is still at it.
            let _asked = self.asked.as_ref().map(|asked| asked.try_send(()));
        }
        if self.moved.swap(false, Ordering::Acquire) {
            // The log starts again from its beginning only once all of it is in the file. While commits come, nobody but
            // their writer can bring that about, with the few pages that have come since.
            match log.checkpoint() {
                Err(error) if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) => {
                    tracing::warn!(%error, "the write-ahead log could not be moved into the file");
                }
                // Busy: another process is moving pages just now.
                Ok(()) | Err(_) => {}
            }
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.asked.take();
        if let Some(thread) = self.thread.take() {
            // Its connection may be the last, and the one to put the file at rest.
            let _ended = thread.join();
        }
    }
}

fn move_pages(place: &mut Option<Connection>, file: &SqliteFile) -> Result<(), String> {
    let connection = match place {
        Some(connection) => connection,
        None => place.insert(file.mover().map_err(|error| error.to_string())?),
    };
    for _ in 0..ROUNDS {
        connection
            .query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}
