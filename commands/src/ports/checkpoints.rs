use async_trait::async_trait;

use super::{Position, StoreError};

/// Remembers how far each process manager has read. Losing a checkpoint costs time, never truth: the ids of a
/// process manager's commands are derived, so that reading an event again does nothing more.
///
/// Checkpoints, like deadlines, lie in the log's own database or file and are part of every backup of it: a log that is
/// restored or replaced brings its own with it, and none can stand on an event of another log. That is why they keep no
/// anchor, as read models do, whose store may be older or younger than the log.
#[async_trait]
pub trait CheckpointStore: Send + Sync + 'static {
    /// The position up to which `name` has handled the log; 0 before its first event.
    async fn load_checkpoint(&self, name: &str) -> Result<Position, StoreError>;

    /// Moves the checkpoint from one position to a later one. `false`: somebody else has moved it meanwhile.
    async fn advance_checkpoint(&self, name: &str, from: Position, to: Position) -> Result<bool, StoreError>;
}
