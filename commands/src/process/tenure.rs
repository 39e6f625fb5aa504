use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use crate::ports::{Fence, LeaseStore, StoreError};

/// How long a lease outlives its holder's last sign of life.
pub(super) const HOLD_FOR: Duration = Duration::from_secs(10);
/// How often a holder gives one, as long as nothing else that it writes does.
pub(super) const SIGN_OF_LIFE: Duration = Duration::from_secs(3);
/// How often those who stand by look whether the lease is free.
pub(super) const STAND_BY: Duration = Duration::from_secs(2);

/// How long a process that cannot do what the lease is for leaves it to others.
const ASIDE_FOR: Duration = Duration::from_secs(30);

/// Whether a lease is left to others for a while.
#[derive(Default)]
pub(super) struct Aside(Mutex<Option<Instant>>);

impl Aside {
    pub(super) fn step(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + ASIDE_FOR);
    }

    pub(super) fn stands(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }
}

/// A lease while it is held.
pub(super) struct Tenure {
    fence: Fence,
    renewed_at: Instant,
}

impl Tenure {
    /// None: somebody else holds it.
    pub(super) async fn begin<S: LeaseStore + ?Sized>(
        store: &S,
        lease: &str,
        holder: Uuid,
    ) -> Result<Option<Self>, StoreError> {
        let asked_at = Instant::now();
        let claimed = store.claim_lease(lease, holder, HOLD_FOR).await?;
        Ok(claimed.map(|fence| Self { fence, renewed_at: asked_at }))
    }

    pub(super) fn fence(&self) -> &Fence {
        &self.fence
    }

    /// Gives a sign of life when one is due. `false`: the lease is lost.
    pub(super) async fn goes_on<S: LeaseStore + ?Sized>(&mut self, store: &S) -> Result<bool, StoreError> {
        if self.renewed_at.elapsed() < SIGN_OF_LIFE {
            return Ok(true);
        }
        let asked_at = Instant::now();
        let is_held = store.renew_lease(&self.fence, HOLD_FOR).await?;
        self.renewed_at = asked_at;
        Ok(is_held)
    }

    /// When the next sign is due, from now.
    pub(super) fn next_sign(&self) -> Duration {
        SIGN_OF_LIFE.saturating_sub(self.renewed_at.elapsed())
    }
}
