use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ports::TenantId;

/// Commands of one tenant that a process manager has running at once.
pub(super) const OF_ONE_TENANT: usize = 64;
/// Commands of all tenants that it has running at once: a tenant whose commands are slow fills its own share, and leaves three
/// of four to the others.
const OF_ALL: usize = 4 * OF_ONE_TENANT;

/// Who may run a command now. Waiting for a next try takes no turn.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(OF_ALL)), tenants: Mutex::default() }
    }
}

/// Held while a command runs.
pub(super) struct Turn {
    _of_tenant: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Waits for the tenant's turn first, so that those of one tenant that wait stand in nobody else's way.
    pub(super) async fn take(&self, tenant: TenantId) -> Turn {
        let own = {
            let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(tenants.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(OF_ONE_TENANT))))
        };
        // Neither is ever closed.
        let of_tenant = own.acquire_owned().await.ok();
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok();
        Turn { _of_tenant: of_tenant, _of_all: of_all }
    }
}
