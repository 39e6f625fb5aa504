//! What stands before a store and does one thing more: seal, hold back, count.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    Advance, AppendOutcome, CheckpointStore, Commit, Erasures, EventStore, Fence, LeaseStore, LogFilter,
    LogPage, Past, PastQuery, Position, Receipt, RecordedEvent, StoreError, StreamKey, TenantId, Version,
};

/// A layer over a log: an [`EventStore`] that passes on to the one below it whatever it does not do itself.
#[async_trait]
pub trait LogLayer: Send + Sync + 'static {
    /// The log below.
    fn below(&self) -> Arc<dyn EventStore>;

    /// See [`EventStore::append`].
    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        self.below().append(batch).await
    }

    /// See [`EventStore::read_stream`].
    async fn read_stream(
        &self,
        stream: &StreamKey,
        after_version: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        self.below().read_stream(stream, after_version, limit).await
    }

    /// See [`EventStore::load_pasts`]. Whoever does something to what [`Self::read_stream`] answers does it here too.
    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        self.below().load_pasts(asked, limit).await
    }

    /// See [`EventStore::read_log`].
    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        self.below().read_log(after, filter, limit).await
    }

    /// See [`EventStore::head`].
    async fn head(&self) -> Result<Position, StoreError> {
        self.below().head().await
    }

    /// See [`EventStore::wake_up`].
    fn wake_up(&self) -> watch::Receiver<Position> {
        self.below().wake_up()
    }
}

#[async_trait]
impl<L: LogLayer> EventStore for L {
    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        LogLayer::append(self, batch).await
    }

    async fn read_stream(
        &self,
        stream: &StreamKey,
        after_version: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        LogLayer::read_stream(self, stream, after_version, limit).await
    }

    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        LogLayer::load_pasts(self, asked, limit).await
    }

    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        LogLayer::read_log(self, after, filter, limit).await
    }

    async fn head(&self) -> Result<Position, StoreError> {
        LogLayer::head(self).await
    }

    async fn position_at(&self, instant: DateTime<Utc>) -> Result<Position, StoreError> {
        self.below().position_at(instant).await
    }

    async fn find_answer(
        &self,
        tenant: TenantId,
        command_id: Uuid,
    ) -> Result<Option<([u8; 32], Receipt)>, StoreError> {
        self.below().find_answer(tenant, command_id).await
    }

    async fn prune_answers(&self, most: usize) -> Result<usize, StoreError> {
        self.below().prune_answers(most).await
    }

    fn wake_up(&self) -> watch::Receiver<Position> {
        LogLayer::wake_up(self)
    }

    fn erasures(&self) -> Erasures {
        self.below().erasures()
    }
}

/// A layer over what keeps checkpoints: a [`CheckpointStore`] that passes on whatever it does not do itself.
#[async_trait]
pub trait CheckpointLayer: Send + Sync + 'static {
    /// The store below.
    fn kept_below(&self) -> Arc<dyn CheckpointStore>;

    /// See [`CheckpointStore::advance_checkpoint`].
    async fn advance_checkpoint(
        &self,
        fence: &Fence,
        name: &str,
        from: Position,
        to: Position,
    ) -> Result<Advance, StoreError> {
        self.kept_below().advance_checkpoint(fence, name, from, to).await
    }
}

#[async_trait]
impl<L: CheckpointLayer> LeaseStore for L {
    async fn claim_lease(
        &self,
        lease: &str,
        holder: Uuid,
        hold_for: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        self.kept_below().claim_lease(lease, holder, hold_for).await
    }

    async fn renew_lease(&self, fence: &Fence, hold_for: Duration) -> Result<bool, StoreError> {
        self.kept_below().renew_lease(fence, hold_for).await
    }

    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        self.kept_below().release_lease(fence).await
    }
}

#[async_trait]
impl<L: CheckpointLayer> CheckpointStore for L {
    async fn load_checkpoint(&self, name: &str) -> Result<Position, StoreError> {
        self.kept_below().load_checkpoint(name).await
    }

    async fn advance_checkpoint(
        &self,
        fence: &Fence,
        name: &str,
        from: Position,
        to: Position,
    ) -> Result<Advance, StoreError> {
        CheckpointLayer::advance_checkpoint(self, fence, name, from, to).await
    }

    async fn parked_reactions(&self) -> Result<Vec<RecordedEvent>, StoreError> {
        self.kept_below().parked_reactions().await
    }
}
