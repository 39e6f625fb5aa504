//! A log with troubles, and what is asked of it.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use adapters_store::memory::MemoryEventStore;
use async_trait::async_trait;
use commands::ports::{EventStore, LogFilter, LogLayer, LogPage, Position, StoreError};
use tokio::sync::Notify;

/// A log that can be replaced under whoever reads it, as a database that is restored, and can cease to answer.
pub struct TroubledLog {
    log: Mutex<MemoryEventStore>,
    hangs: bool,
    /// Whoever asks for what follows an earlier place than this waits for ever.
    hangs_before: AtomicU64,
    /// A position that was lost; 0: none.
    lost: AtomicU64,
    asked: Notify,
    statements: AtomicUsize,
    events_read: AtomicUsize,
}

impl TroubledLog {
    pub fn new(log: &MemoryEventStore) -> Arc<Self> {
        Arc::new(Self::over(log, false))
    }

    fn over(log: &MemoryEventStore, hangs: bool) -> Self {
        let (statements, events_read) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (lost, hangs_before) = (AtomicU64::new(0), AtomicU64::new(0));
        let (log, asked) = (Mutex::new(log.clone()), Notify::new());
        Self { log, hangs, hangs_before, lost, asked, statements, events_read }
    }

    /// The event at a position is no longer there.
    pub fn lose(&self, position: Position) {
        self.lost.store(position, Ordering::Relaxed);
    }

    /// What follows an earlier place than this is not answered any more.
    pub fn hang_before(&self, position: Position) {
        self.hangs_before.store(position, Ordering::Relaxed);
    }

    /// How often it was asked for anything but a stream or an answer, and how many events it gave, since the last call.
    pub fn take_counts(&self) -> (usize, usize) {
        (self.statements.swap(0, Ordering::Relaxed), self.events_read.swap(0, Ordering::Relaxed))
    }

    /// One that nothing can be read from: whoever tries waits for ever.
    pub fn hanging(log: &MemoryEventStore) -> Arc<Self> {
        Arc::new(Self::over(log, true))
    }

    pub fn replace(&self, log: &MemoryEventStore) {
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = log.clone();
    }

    /// Waits until somebody reads.
    pub async fn is_read(&self) {
        self.asked.notified().await;
    }
}

#[async_trait]
impl LogLayer for TroubledLog {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::new(self.log.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        self.asked.notify_one();
        if self.hangs || after < self.hangs_before.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.statements.fetch_add(1, Ordering::Relaxed);
        let page = self.below().read_log(after, filter, limit).await?;
        let lost = self.lost.load(Ordering::Relaxed);
        if filter.is_everything() && page.events.iter().any(|event| event.position == lost) {
            return Err(StoreError::Gap { expected: lost, found: lost + 1 });
        }
        self.events_read.fetch_add(page.events.len(), Ordering::Relaxed);
        Ok(page)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.below().head().await
    }
}
