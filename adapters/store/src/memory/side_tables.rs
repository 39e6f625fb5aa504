//! What lies beside the log: snapshots, deadlines, leases and checkpoints.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::{
    Advance, CheckpointStore, DeadlineStore, DueDeadline, Fence, LeaseStore, Position, RecordedEvent,
    Settlement, Snapshot, SnapshotStore, StoreError, StreamKey,
};
use uuid::Uuid;

use super::{MemoryEventStore, store::State};

#[async_trait]
impl SnapshotStore for MemoryEventStore {
    async fn save_snapshots(&self, snapshots: &[(StreamKey, Snapshot)]) -> Result<(), StoreError> {
        let mut state = self.state();
        for (stream, snapshot) in snapshots {
            let newer_stands = state
                .snapshots
                .get(stream)
                .is_some_and(|stored| stored.shape == snapshot.shape && stored.version > snapshot.version);
            if !newer_stands {
                state.snapshots.insert(stream.clone(), snapshot.clone());
            }
        }
        Ok(())
    }
}

#[async_trait]
impl DeadlineStore for MemoryEventStore {
    /// It has no clock of its own.
    async fn check_clock(&self, _now: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }

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

    async fn settle_deadlines(&self, fence: &Fence, settlement: &Settlement) -> Result<bool, StoreError> {
        let mut state = self.state();
        if !state.is_held(fence) {
            return Ok(false);
        }
        for key in &settlement.closed {
            state.deadlines.remove(key);
        }
        for (tenant, deadline_id, due_at) in &settlement.postponed {
            if let Some(stored) = state.deadlines.get_mut(&(*tenant, *deadline_id)) {
                stored.deadline.due_at = *due_at;
            }
        }
        Ok(true)
    }
}

/// A lease and who holds it; nobody, once it was given back.
pub(super) struct Lease {
    holder: Option<Uuid>,
    epoch: i64,
    expires_at: Instant,
}

impl State {
    fn is_held(&self, fence: &Fence) -> bool {
        let lease = self.leases.get(&fence.lease);
        lease.is_some_and(|lease| lease.epoch == fence.epoch && lease.holder.is_some())
    }
}

#[async_trait]
impl LeaseStore for MemoryEventStore {
    async fn claim_lease(
        &self,
        lease: &str,
        holder: Uuid,
        hold_for: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        let (mut state, now) = (self.state(), Instant::now());
        let stored = state.leases.get(lease);
        let is_free = stored.is_none_or(|stored| {
            stored.holder.is_none_or(|before| before == holder) || stored.expires_at <= now
        });
        let epoch = stored.map_or(1, |stored| stored.epoch + 1);
        if !is_free {
            return Ok(None);
        }
        let taken = Lease { holder: Some(holder), epoch, expires_at: now + hold_for };
        state.leases.insert(lease.to_owned(), taken);
        Ok(Some(Fence { lease: lease.to_owned(), epoch }))
    }

    async fn renew_lease(&self, fence: &Fence, hold_for: Duration) -> Result<bool, StoreError> {
        let mut state = self.state();
        let is_held = state.is_held(fence);
        if is_held && let Some(lease) = state.leases.get_mut(&fence.lease) {
            lease.expires_at = Instant::now() + hold_for;
        }
        Ok(is_held)
    }

    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.is_held(fence)
            && let Some(lease) = state.leases.get_mut(&fence.lease)
        {
            lease.holder = None;
        }
        Ok(())
    }
}

#[async_trait]
impl CheckpointStore for MemoryEventStore {
    async fn load_checkpoint(&self, name: &str) -> Result<Position, StoreError> {
        Ok(self.state().checkpoints.get(name).copied().unwrap_or_default())
    }

    async fn advance_checkpoint(
        &self,
        fence: &Fence,
        name: &str,
        from: Position,
        to: Position,
    ) -> Result<Advance, StoreError> {
        let mut state = self.state();
        if !state.is_held(fence) {
            return Ok(Advance::Fenced);
        }
        let checkpoint = state.checkpoints.entry(name.to_owned()).or_default();
        if *checkpoint != from {
            return Ok(Advance::Elsewhere);
        }
        *checkpoint = to;
        Ok(Advance::Moved)
    }

    async fn parked_reactions(&self) -> Result<Vec<RecordedEvent>, StoreError> {
        let state = self.state();
        let is_parked = |event: &&RecordedEvent| &*event.event_type == "ReactionParked";
        let mut parked: Vec<_> = state.last_events("reaction").filter(is_parked).cloned().collect();
        parked.sort_by_key(|event| event.position);
        Ok(parked)
    }
}
