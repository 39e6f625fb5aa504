//! A plant in Budapest with a clock that the test sets; `work` says the day's work in short words.

mod work;

use std::sync::Arc;

use adapters_store::memory::MemoryEventStore;
use chrono::{DateTime, TimeDelta, Utc};
use commands::{
    engine::{Aggregate, Caller, Command, CommandError, Done, Engine, EngineConfig, Envelope, Ports, fold},
    ports::{EventStore, LogFilter, RandomIds, RecordedEvent, StreamKey, TenantSettings, UniformSettings},
};
use domain::{
    identity::{PermissionSet, Role},
    lots::{Lot, LotState, lot::Dispatcher},
};
use uuid::Uuid;

pub(crate) use self::work::{inspection, production};
use crate::clock::SetClock;

#[derive(Clone)]
pub(crate) struct Plant {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<MemoryEventStore>,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) caller: Caller,
}

/// The code that a command was refused with.
#[track_caller]
pub(crate) fn code<R: std::fmt::Debug>(answer: Result<R, CommandError>) -> &'static str {
    answer.unwrap_err().code()
}

impl Plant {
    /// 2 March 2026, 8 o'clock in Greenwich; everything is allowed.
    pub(crate) fn new() -> Self {
        let store = Arc::new(MemoryEventStore::new());
        Self::over(store, Arc::new(SetClock::new()))
    }

    /// A second process over the same log, as far as the engine can tell.
    pub(crate) fn twin(&self) -> Self {
        Self::over(Arc::clone(&self.store), Arc::clone(&self.clock))
    }

    fn over(store: Arc<MemoryEventStore>, clock: Arc<SetClock>) -> Self {
        let dispatcher =
            Dispatcher { name: "Duna Kebab".to_owned(), address: "Budapest, Rakpart 3".to_owned() };
        let settings = TenantSettings {
            time_zone: chrono_tz::Europe::Budapest,
            site: Arc::from("DUNA"),
            dispatcher: Some(dispatcher),
        };
        let ports = Ports {
            store: Arc::clone(&store) as _,
            snapshots: Arc::clone(&store) as _,
            clock: Arc::clone(&clock) as _,
            ids: Arc::new(RandomIds),
            tenants: Arc::new(UniformSettings::new(settings)),
        };
        let engine = Engine::start(ports, EngineConfig::default());
        let caller = Caller {
            tenant: Uuid::from_u128(1),
            actor: Arc::from("maria"),
            permissions: PermissionSet::all(),
        };
        Self { engine, store, clock, caller }
    }

    /// The same plant as somebody else of it.
    pub(crate) fn as_role(&self, actor: &str, role: Role) -> Self {
        let caller = Caller {
            actor: Arc::from(actor),
            permissions: PermissionSet::of_roles(&[role]),
            ..self.caller.clone()
        };
        Self { caller, ..self.clone() }
    }

    /// The same engine as another tenant.
    pub(crate) fn as_tenant(&self, tenant: u128) -> Self {
        Self { caller: Caller { tenant: Uuid::from_u128(tenant), ..self.caller.clone() }, ..self.clone() }
    }

    pub(crate) fn set_time(&self, now: DateTime<Utc>) {
        self.clock.set(now);
    }

    pub(crate) fn pass_time(&self, by: TimeDelta) {
        self.clock.pass(by);
    }

    pub(crate) async fn give<C: Command>(&self, command: C) -> Result<C::Reply, CommandError> {
        self.give_done(command).await.map(|done| done.reply)
    }

    pub(crate) async fn give_done<C: Command>(&self, command: C) -> Result<Done<C::Reply>, CommandError> {
        let envelope = Envelope { key_given: true, ..Envelope::new(self.caller.clone(), Uuid::now_v7()) };
        self.engine.execute(envelope, command).await
    }

    /// What the log says of an aggregate, whatever any cache believes.
    pub(crate) async fn state<A: Aggregate>(&self, id: &str) -> A {
        let key = StreamKey::new(self.caller.tenant, A::CATEGORY, id);
        fold::<A>(&self.store.read_stream(&key, 0, usize::MAX).await.unwrap()).unwrap()
    }

    pub(crate) async fn lot(&self, lot_id: Uuid) -> LotState {
        self.state::<Lot>(&lot_id.to_string()).await.existing().unwrap().clone()
    }

    pub(crate) async fn log(&self) -> Vec<RecordedEvent> {
        self.store.read_log(0, &LogFilter::default(), usize::MAX).await.unwrap().events
    }
}
