use async_trait::async_trait;

use super::{StoreError, StreamKey, Version};

/// A state as it was at a version, so that a long stream loads without its past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The version whose state this is.
    pub version: Version,
    /// Names the shape of `state`; a snapshot of another shape is ignored and replaced.
    pub shape: String,
    /// The state, as JSON text.
    pub state: String,
}

/// Keeps the latest snapshot of a stream, which the log gives along with the stream's past (`EventStore::load_pasts`). Losing one
/// costs time, never truth.
#[async_trait]
pub trait SnapshotStore: Send + Sync + 'static {
    /// Replaces each stream's snapshot, unless a newer one of the same shape is there. No stream comes twice.
    async fn save_snapshots(&self, snapshots: &[(StreamKey, Snapshot)]) -> Result<(), StoreError>;

    /// The same for one stream.
    async fn save_snapshot(&self, stream: &StreamKey, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.save_snapshots(&[(stream.clone(), snapshot.clone())]).await
    }
}
