use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreError;

/// The right to write, until it expires or somebody takes it. Every change of hands raises the epoch, so that a former holder that still
/// believes in its lease writes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// What the lease is for.
    pub lease: String,
    /// The epoch in which it was taken.
    pub epoch: i64,
}

/// Who does what only one process may do at a time: run a process manager, fire deadlines. Leases lie beside the log, since
/// what they guard does; the time by which one expires is the store's, not that of the processes.
#[async_trait]
pub trait LeaseStore: Send + Sync + 'static {
    /// Takes a lease for a time if it is free, has expired or is the holder's own. None: somebody else holds it; then nothing
    /// was written, so that those who stand by may ask often.
    async fn claim_lease(
        &self,
        lease: &str,
        holder: Uuid,
        hold_for: Duration,
    ) -> Result<Option<Fence>, StoreError>;

    /// Keeps a lease for longer. `false`: it was lost.
    async fn renew_lease(&self, fence: &Fence, hold_for: Duration) -> Result<bool, StoreError>;

    /// Gives a lease back, if it is still held.
    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError>;
}
