//! A log with troubles.

use std::sync::{Arc, Mutex, PoisonError};

use adapters_store::memory::MemoryEventStore;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::{
    AppendOutcome, Commit, EventStore, LogFilter, LogPage, Position, Receipt, RecordedEvent, StoreError,
    StreamKey, TenantId, Version,
};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// A log that can be replaced under whoever reads it, as a database that is restored, and can cease to answer.
pub struct TroubledLog {
    log: Mutex<MemoryEventStore>,
    hangs: bool,
    asked: Notify,
}

impl TroubledLog {
    pub fn new(log: &MemoryEventStore) -> Arc<Self> {
        Arc::new(Self { log: Mutex::new(log.clone()), hangs: false, asked: Notify::new() })
    }

    /// One that nothing can be read from: whoever tries waits for ever.
    pub fn hanging(log: &MemoryEventStore) -> Arc<Self> {
        Arc::new(Self { log: Mutex::new(log.clone()), hangs: true, asked: Notify::new() })
    }

    pub fn replace(&self, log: &MemoryEventStore) {
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = log.clone();
    }

    /// Waits until somebody reads.
    pub async fn is_read(&self) {
        self.asked.notified().await;
    }

    fn now(&self) -> MemoryEventStore {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl EventStore for TroubledLog {
    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        self.now().append(batch).await
    }

    async fn read_stream(
        &self,
        stream: &StreamKey,
        after: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        self.now().read_stream(stream, after, limit).await
    }

    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        self.asked.notify_one();
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.now().read_log(after, filter, limit).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.now().head().await
    }

    async fn position_at(&self, instant: DateTime<Utc>) -> Result<Position, StoreError> {
        self.now().position_at(instant).await
    }

    async fn find_answer(
        &self,
        tenant: TenantId,
        command_id: Uuid,
    ) -> Result<Option<([u8; 32], Receipt)>, StoreError> {
        self.now().find_answer(tenant, command_id).await
    }

    fn wake_up(&self) -> watch::Receiver<Position> {
        self.now().wake_up()
    }
}
