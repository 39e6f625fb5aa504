use async_trait::async_trait;

use super::{Position, StoreError};

/// Remembers how far each process manager has read. Losing a checkpoint costs time, never truth: the ids of a
/// process manager's commands are derived, so that reading an event again does nothing more.
///
/// Checkpoints, like deadlines, lie in the log's own database or file and are part of every backup of it: a log that is
/// restored or replaced brings its own with it, and what is loaded from here stands on an event of the log beside it. That is
/// why no anchor is stored with them, as it is with read models, whose store may be older or younger than the log. A place
/// that a running process remembers is another matter: the log may be restored under it (see `process::ProcessRunner`).
#[async_trait]
pub trait CheckpointStore: Send + Sync + 'static {
    /// The position up to which `name` has handled the log; 0 before its first event.
    async fn load_checkpoint(&self, name: &str) -> Result<Position, StoreError>;

    /// Moves the checkpoint from one position to another: a later one, unless the log was cut back under it. `false`: somebody
    /// else has moved it meanwhile.
    async fn advance_checkpoint(&self, name: &str, from: Position, to: Position) -> Result<bool, StoreError>;
}
