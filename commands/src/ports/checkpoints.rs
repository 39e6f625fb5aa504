use async_trait::async_trait;

use super::{Fence, LeaseStore, Position, RecordedEvent, StoreError};

/// What became of a checkpoint that was to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// It has.
    Moved,
    /// It stands elsewhere than it was believed to: the log was restored.
    Elsewhere,
    /// Somebody else holds the lease. Nothing was written.
    Fenced,
}

/// Remembers how far each process manager has read. Losing a checkpoint costs time, never truth: the ids of a
/// process manager's commands are derived, so that reading an event again does nothing more.
///
/// Checkpoints, like deadlines and leases, lie in the log's own database or file and are part of every backup of it: a log that is
/// restored or replaced brings its own with it, and what is loaded from here stands on an event of the log beside it. That is
/// why no anchor is stored with them, as it is with read models, whose store may be older or younger than the log. A place
/// that a running process remembers is another matter: the log may be restored under it (see `process::ProcessRunner`).
#[async_trait]
pub trait CheckpointStore: LeaseStore {
    /// The position up to which `name` has handled the log; 0 before its first event.
    async fn load_checkpoint(&self, name: &str) -> Result<Position, StoreError>;

    /// Moves the checkpoint from one position to another: a later one, unless the log was cut back under it. Only for
    /// whoever holds the lease, in one step with the look at it.
    async fn advance_checkpoint(
        &self,
        fence: &Fence,
        name: &str,
        from: Position,
        to: Position,
    ) -> Result<Advance, StoreError>;

    /// The events by which reactions were parked that are parked still, of every tenant, by position.
    async fn parked_reactions(&self) -> Result<Vec<RecordedEvent>, StoreError>;
}
