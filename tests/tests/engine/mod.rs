//! The engine's promises, over real stores.

mod answers;
mod cut;
mod deadlines;
mod erasure;
mod faults;
mod making_way;
mod personal;
mod processes;
mod races;
mod reactions;
mod shadow;
mod slow_deadlines;
mod stores;
mod tally;

use std::sync::Arc;

use adapters_store::memory::MemoryEventStore;
use commands::{
    engine::{Caller, Command, CommandError, Done, Engine, EngineConfig, Envelope, Ports, fold},
    ports::{Clock, EventStore, RandomIds, SnapshotStore, StreamKey, SystemClock, UniformSettings},
};
use domain::{Decider, identity::PermissionSet};
use uuid::Uuid;

use self::tally::Tally;

/// An engine over a store, and somebody who may do everything.
#[derive(Clone)]
struct Plant {
    engine: Engine,
    store: Arc<dyn EventStore>,
    caller: Caller,
}

impl Plant {
    fn new() -> Self {
        let store = Arc::new(MemoryEventStore::new());
        Self::over(Arc::clone(&store) as Arc<dyn EventStore>, store, EngineConfig::default())
    }

    fn over(store: Arc<dyn EventStore>, snapshots: Arc<dyn SnapshotStore>, config: EngineConfig) -> Self {
        Self::at(Arc::new(SystemClock), store, snapshots, config)
    }

    fn at(
        clock: Arc<dyn Clock>,
        store: Arc<dyn EventStore>,
        snapshots: Arc<dyn SnapshotStore>,
        config: EngineConfig,
    ) -> Self {
        let ports = Ports {
            store: Arc::clone(&store),
            snapshots,
            clock,
            ids: Arc::new(RandomIds),
            tenants: Arc::new(UniformSettings::default()),
        };
        let caller = Caller {
            tenant: Uuid::from_u128(1),
            actor: Arc::from("tester"),
            permissions: PermissionSet::all(),
        };
        Self { engine: Engine::start(ports, config), store, caller }
    }

    /// A second process over the same store, as far as the engine can tell.
    fn twin(&self, snapshots: Arc<dyn SnapshotStore>) -> Self {
        Self::over(Arc::clone(&self.store), snapshots, EngineConfig::default())
    }

    /// The same engine as another tenant.
    fn as_tenant(&self, tenant: u128) -> Self {
        Self { caller: Caller { tenant: Uuid::from_u128(tenant), ..self.caller.clone() }, ..self.clone() }
    }

    fn envelope(&self) -> Envelope {
        Envelope::new(self.caller.clone(), Uuid::now_v7())
    }

    async fn give<C: Command>(&self, command: C) -> Result<Done<C::Reply>, CommandError> {
        self.engine.execute(self.envelope(), command).await
    }

    /// What the log says, whatever any cache believes.
    async fn count(&self, id: &str) -> i64 {
        let key = StreamKey::new(self.caller.tenant, Tally::CATEGORY, id);
        let events = self.store.read_stream(&key, 0, usize::MAX).await.unwrap();
        fold::<Tally>(&events).unwrap().count
    }
}
