//! What lies beside the log: snapshots, deadlines and checkpoints.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::{
    CheckpointStore, DeadlineStore, DueDeadline, Position, Snapshot, SnapshotStore, StoreError, StreamKey,
    TenantId,
};
use uuid::Uuid;

use super::MemoryEventStore;

#[async_trait]
impl SnapshotStore for MemoryEventStore {
    async fn save_snapshot(&self, stream: &StreamKey, snapshot: &Snapshot) -> Result<(), StoreError> {
        let mut state = self.state();
        let newer_stands = state
            .snapshots
            .get(stream)
            .is_some_and(|stored| stored.shape == snapshot.shape && stored.version > snapshot.version);
        if !newer_stands {
            state.snapshots.insert(stream.clone(), snapshot.clone());
        }
        Ok(())
    }
}

#[async_trait]
impl DeadlineStore for MemoryEventStore {
    async fn due_deadlines(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueDeadline>, StoreError> {
        let mut due: Vec<_> =
            self.state().deadlines.values().filter(|stored| stored.deadline.due_at <= now).cloned().collect();
        due.sort_by_key(|stored| (stored.deadline.due_at, stored.tenant, stored.deadline.deadline_id));
        due.truncate(limit);
        Ok(due)
    }

    async fn next_due_at(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.state().deadlines.values().map(|stored| stored.deadline.due_at).min())
    }

    async fn postpone_deadline(
        &self,
        tenant: TenantId,
        deadline_id: Uuid,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if let Some(stored) = self.state().deadlines.get_mut(&(tenant, deadline_id)) {
            stored.deadline.due_at = due_at;
        }
        Ok(())
    }

    async fn close_deadline(&self, tenant: TenantId, deadline_id: Uuid) -> Result<(), StoreError> {
        self.state().deadlines.remove(&(tenant, deadline_id));
        Ok(())
    }
}

#[async_trait]
impl CheckpointStore for MemoryEventStore {
    async fn load_checkpoint(&self, name: &str) -> Result<Position, StoreError> {
        Ok(self.state().checkpoints.get(name).copied().unwrap_or_default())
    }

    async fn advance_checkpoint(&self, name: &str, from: Position, to: Position) -> Result<bool, StoreError> {
        let mut state = self.state();
        let checkpoint = state.checkpoints.entry(name.to_owned()).or_default();
        let unmoved = *checkpoint == from;
        if unmoved {
            *checkpoint = to;
        }
        Ok(unmoved)
    }
}
