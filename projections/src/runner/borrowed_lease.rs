use std::sync::Arc;

use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{LEASE_TTL, PROJECTOR_LEASE, RunError};
use crate::ports::{Claim, Fence, ReadStore, ReadStoreError};

/// The projector's lease, taken by force for a moment: given back also by whoever is stopped while claiming or holding it.
#[derive(Default)]
pub(super) struct BorrowedLease {
    /// The claim, while it is under way: a task of its own, since a claim that is given up half-way may have succeeded
    /// all the same.
    claiming: Option<JoinHandle<Result<Option<Fence>, ReadStoreError>>>,
    held: Option<Fence>,
}

impl BorrowedLease {
    pub(super) async fn claim(&mut self, store: &Arc<dyn ReadStore>) -> Result<Fence, RunError> {
        let store = Arc::clone(store);
        let claiming = self.claiming.insert(tokio::spawn(async move {
            store.claim(PROJECTOR_LEASE, Uuid::now_v7(), LEASE_TTL, Claim::ByForce).await
        }));
        let claimed = claiming.await;
        self.claiming = None;
        self.held = claimed.map_err(|died| RunError::BrokenOff(died.to_string()))??;
        self.held.clone().ok_or(RunError::Fenced)
    }

    pub(super) async fn give_back(&mut self, store: &dyn ReadStore) -> Result<(), ReadStoreError> {
        if let Some(claiming) = self.claiming.take()
            && let Ok(Ok(claimed)) = claiming.await
        {
            self.held = claimed;
        }
        match self.held.take() {
            Some(fence) => store.release(&fence).await,
            None => Ok(()),
        }
    }
}
