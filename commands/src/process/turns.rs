use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ports::TenantId;

/// Commands of one tenant that a process manager has running at once.
pub(super) const OF_ONE_TENANT: usize = 64;
/// Commands of all tenants that it has running at once, beside one of each tenant: however many are slow, none has to wait for
/// another's.
const OF_ALL: usize = 4 * OF_ONE_TENANT;

/// Who may run a command now. Waiting for a next try takes no turn.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    tenants: Mutex<HashMap<TenantId, Share>>,
}

/// One tenant's turns.
#[derive(Clone)]
struct Share {
    /// The one that is nobody else's.
    first: Arc<Semaphore>,
    others: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(OF_ALL)), tenants: Mutex::default() }
    }
}

impl Default for Share {
    fn default() -> Self {
        let turns = |count| Arc::new(Semaphore::new(count));
        Self { first: turns(1), others: turns(OF_ONE_TENANT - 1) }
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
        let Share { first, others } =
            self.tenants.lock().unwrap_or_else(PoisonError::into_inner).entry(tenant).or_default().clone();
        // None of them is ever closed.
        tokio::select! {
            biased;
            first = first.acquire_owned() => Turn { _of_tenant: first.ok(), _of_all: None },
            turn = async {
                let of_tenant = others.acquire_owned().await.ok();
                Turn { _of_tenant: of_tenant, _of_all: Arc::clone(&self.all).acquire_owned().await.ok() }
            } => turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    /// As many turns of a tenant as there are at once.
    fn taken(turns: &Turns, tenant: u128) -> Vec<Turn> {
        std::iter::from_fn(|| turns.take(Uuid::from_u128(tenant)).now_or_never()).collect()
    }

    #[test]
    fn a_tenant_fills_its_own_share_and_many_tenants_leave_one_turn_to_each_of_the_others() {
        let turns = Turns::default();
        let slow: Vec<_> = (1..=8).map(|tenant| taken(&turns, tenant)).collect();
        assert_eq!(slow[0].len(), OF_ONE_TENANT);
        assert_eq!(slow.iter().map(Vec::len).sum::<usize>(), OF_ALL + 8);
        for tenant in 9..100 {
            let own = taken(&turns, tenant);
            assert_eq!(own.len(), 1);
        }
        drop(slow);
        assert_eq!(taken(&turns, 9).len(), OF_ONE_TENANT);
    }
}
