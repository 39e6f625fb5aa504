//! A plant in Budapest with a clock that the test sets, and the day's work in short words.

use std::sync::{Arc, Mutex};

use adapters_store::memory::MemoryEventStore;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use commands::{
    engine::{Aggregate, Caller, Command, CommandError, Done, Engine, EngineConfig, Envelope, Ports, fold},
    lots::{
        CreateLot, Input, InspectionReply, LotReply, ProduceLot, RecordInspection, RecordTemperature,
        RegisterLot, SavePartner, TemperatureReply,
    },
    ports::{
        Clock, EventStore, LogFilter, RandomIds, RecordedEvent, StreamKey, TenantSettings, UniformSettings,
    },
};
use domain::{
    identity::{PermissionSet, Role},
    lots::{Decision, Lot, LotState, LotType, PartnerRole, ReadingType, Subject, lot::Dispatcher},
};
use uuid::Uuid;

/// A clock that stands where the test puts it.
pub(crate) struct SetClock(Mutex<DateTime<Utc>>);

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

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
        let clock = Arc::new(SetClock(Mutex::new(Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap())));
        Self::over(store, clock)
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
        *self.clock.0.lock().unwrap() = now;
    }

    pub(crate) fn pass_time(&self, by: TimeDelta) {
        *self.clock.0.lock().unwrap() += by;
    }

    pub(crate) async fn give<C: Command>(&self, command: C) -> Result<C::Reply, CommandError> {
        self.give_done(command).await.map(|done| done.reply)
    }

    pub(crate) async fn give_done<C: Command>(&self, command: C) -> Result<Done<C::Reply>, CommandError> {
        let envelope = Envelope { key_given: true, ..Envelope::new(self.caller.clone(), Uuid::now_v7()) };
        self.engine.execute(envelope, command).await
    }

    pub(crate) async fn partner(&self, roles: &[PartnerRole], address: Option<&str>) -> Uuid {
        let save = SavePartner {
            partner_id: None,
            name: "Tisza Farm".to_owned(),
            address: address.map(str::to_owned),
            roles: roles.iter().copied().collect(),
        };
        self.give(save).await.unwrap().partner_id
    }

    pub(crate) async fn supplier(&self) -> Uuid {
        self.partner(&[PartnerRole::Supplier], None).await
    }

    pub(crate) async fn raw(&self, weight_grams: i64) -> LotReply {
        let supplier_id = Some(self.supplier().await);
        self.give(CreateLot { supplier_id, weight_grams, run_id: None, code: None }).await.unwrap()
    }

    pub(crate) async fn register(&self, lot_id: Uuid) {
        self.give(RegisterLot { lot_id }).await.unwrap();
    }

    pub(crate) async fn read(
        &self,
        lot_id: Uuid,
        reading_type: ReadingType,
        tenths_c: i32,
    ) -> TemperatureReply {
        let record = RecordTemperature { subject: Subject::Lot(lot_id), reading_type, tenths_c };
        self.give(record).await.unwrap()
    }

    /// Registers the lot, measures it where its gate asks for that, and lets it pass.
    pub(crate) async fn release(&self, lot: &LotReply) -> Uuid {
        self.register(lot.lot_id).await;
        if let Some(limit) = lot.lot_type.step().critical_limit {
            self.read(lot.lot_id, limit.reading_type, limit.max_tenths_c.0).await;
        }
        self.decide(lot, Decision::Pass).await.unwrap();
        lot.lot_id
    }

    pub(crate) async fn decide(
        &self,
        lot: &LotReply,
        decision: Decision,
    ) -> Result<InspectionReply, CommandError> {
        self.give(inspection(lot, decision, "looked at it closely")).await
    }

    pub(crate) async fn released_raw(&self, weight_grams: i64) -> Uuid {
        let lot = self.raw(weight_grams).await;
        self.release(&lot).await
    }

    pub(crate) async fn produce(
        &self,
        lot_type: LotType,
        inputs: &[(Uuid, i64)],
        weight_grams: i64,
    ) -> Result<LotReply, CommandError> {
        self.give(production(lot_type, inputs, weight_grams)).await
    }

    /// Makes a lot that loses nothing, and lets it pass its gate.
    pub(crate) async fn released(&self, lot_type: LotType, inputs: &[(Uuid, i64)]) -> Uuid {
        let weight_grams = inputs.iter().map(|(_, used_grams)| used_grams).sum();
        let lot = self.produce(lot_type, inputs, weight_grams).await.unwrap();
        self.release(&lot).await
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

pub(crate) fn inspection(lot: &LotReply, decision: Decision, notes: &str) -> RecordInspection {
    RecordInspection {
        lot_id: lot.lot_id,
        gate: lot.lot_type.step().gate.unwrap(),
        inspection_type: "visual".to_owned(),
        decision,
        notes: notes.to_owned(),
        checklist: Vec::new(),
        signature: None,
    }
}

pub(crate) fn production(lot_type: LotType, inputs: &[(Uuid, i64)], weight_grams: i64) -> ProduceLot {
    let input = |&(lot_id, used_grams)| Input { lot_id, used_grams, from_buffer_id: None };
    ProduceLot {
        lot_type,
        inputs: inputs.iter().map(input).collect(),
        weight_grams,
        override_reason: None,
        run_id: None,
        freezer_cycle_id: None,
        code: None,
    }
}
