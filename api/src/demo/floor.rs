//! The plant's floor: one method for each thing that people do there, each a real command under an id of its own.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::TimeDelta;
use commands::{
    engine::{Caller, Command, Engine, Envelope},
    lots::{
        CloseDeviation, ConfirmReject, CreateLot, DispositionDeviation, HoldLot, Input, LotReply, ProduceLot,
        RecordInspection, RecordTemperature, RegisterLot, ResolveHold, SavePartner, ShipLot,
        WriteOffRemainder,
    },
};
use domain::lots::{Decision, Disposition, LotCode, LotType, ReadingType, Subject};
use futures::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{
    DemoClock, DemoError, TENANT, Watcher,
    people::{JUDIT, LASZLO, PARTNERS, PETER, Person},
};

/// So many of the commands that do not depend on one another run at once.
const AT_ONCE: usize = 32;

/// A lot that the script has made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// Its place in the script: `day-1/SKW15/17`.
    pub label: String,
    pub id: Uuid,
    pub lot_type: LotType,
    pub grams: i64,
}

/// A deviation that the script has seen opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeviationId(Uuid);

/// What has happened so far.
pub(super) struct Counts {
    /// Commands answered.
    pub commands: u64,
    /// Those of them that an earlier run had answered already.
    pub repeated: u64,
    pub lots: u64,
}

pub(super) struct Floor<'a> {
    engine: &'a Engine,
    clock: Arc<DemoClock>,
    watcher: &'a Watcher<'a>,
    partners: HashMap<&'static str, Uuid>,
    answered: AtomicU64,
    repeated: AtomicU64,
    codes: Mutex<HashMap<String, LotCode>>,
}

impl<'a> Floor<'a> {
    pub fn new(engine: &'a Engine, clock: Arc<DemoClock>, watcher: &'a Watcher<'a>) -> Self {
        Self {
            engine,
            clock,
            watcher,
            partners: HashMap::new(),
            answered: AtomicU64::default(),
            repeated: AtomicU64::default(),
            codes: Mutex::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        let lots = self.codes.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
        Counts { commands: count(&self.answered), repeated: count(&self.repeated), lots }
    }

    /// The code of the lot at a place in the script, once it is made.
    pub fn code_of(&self, place: &str) -> Option<LotCode> {
        self.codes.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }

    /// The command's id comes from its place in the script, so that a second run is answered with the first answers.
    async fn run<C: Command>(&self, who: Person, place: &str, command: C) -> Result<C::Reply, DemoError> {
        let caller = Caller { tenant: TENANT, actor: Arc::from(who.actor), permissions: who.permissions() };
        let envelope = Envelope { key_given: true, ..Envelope::new(caller, command_id(place)) };
        let done = self.engine.execute(envelope, command).await.map_err(|source| DemoError::Command {
            command: C::NAME,
            place: place.to_owned(),
            source,
        })?;
        let answered = self.answered.fetch_add(1, Ordering::SeqCst) + 1;
        self.repeated.fetch_add(u64::from(done.repeated), Ordering::SeqCst);
        (self.watcher)(None, answered);
        Ok(done.reply)
    }

    pub fn wait_minutes(&self, minutes: i64) {
        self.clock.pass(TimeDelta::minutes(minutes));
    }

    pub fn wait_seconds(&self, seconds: i64) {
        self.clock.pass(TimeDelta::seconds(seconds));
    }

    pub async fn save_partners(&mut self) -> Result<(), DemoError> {
        for card in &PARTNERS {
            let save = SavePartner {
                partner_id: None,
                name: card.name.to_owned(),
                address: Some(card.address.to_owned()),
                roles: BTreeSet::from([card.role]),
            };
            let saved = self.run(LASZLO, &format!("partner/{}", card.key), save).await?;
            self.partners.insert(card.key, saved.partner_id);
        }
        Ok(())
    }

    pub async fn receive(
        &self,
        who: Person,
        label: &str,
        supplier: &str,
        grams: i64,
    ) -> Result<Made, DemoError> {
        let supplier_id = self.partners.get(supplier).copied();
        let create = CreateLot { supplier_id, weight_grams: grams, run_id: None, code: None };
        Ok(self.made(label, self.run(who, label, create).await?))
    }

    pub async fn make(
        &self,
        who: Person,
        label: &str,
        lot_type: LotType,
        inputs: &[(&Made, i64)],
        weight_grams: i64,
    ) -> Result<Made, DemoError> {
        let input = |(lot, used_grams): &(&Made, i64)| Input {
            lot_id: lot.id,
            used_grams: *used_grams,
            from_buffer_id: None,
        };
        let produce = ProduceLot {
            lot_type,
            inputs: inputs.iter().map(input).collect(),
            weight_grams,
            override_reason: None,
            run_id: None,
            freezer_cycle_id: None,
            code: None,
        };
        Ok(self.made(label, self.run(who, label, produce).await?))
    }

    fn made(&self, label: &str, lot: LotReply) -> Made {
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.insert(label.to_owned(), lot.lot_code);
        Made { label: label.to_owned(), id: lot.lot_id, lot_type: lot.lot_type, grams: lot.weight_grams.0 }
    }

    pub async fn register(&self, who: Person, lot: &Made) -> Result<(), DemoError> {
        let register = RegisterLot { lot_id: lot.id };
        self.run(who, &format!("{}/register", lot.label), register).await.map(|_registered| ())
    }

    /// Registers lots, measures them where their gate is critical, and lets them pass. The lots do not depend on one another.
    pub async fn pass_gate(
        &self,
        lots: &[Made],
        reading: Option<(ReadingType, Range<i64>)>,
    ) -> Result<(), DemoError> {
        self.wait_minutes(5);
        let reading = &reading;
        let passed = lots.iter().map(|lot| async move {
            self.register(JUDIT, lot).await?;
            if let Some((kind, range)) = reading {
                let tenths = range.start + spread(&lot.label, range.end - range.start);
                self.read(PETER, lot, "gate", *kind, i32::try_from(tenths).unwrap_or_default()).await?;
            }
            self.inspect(PETER, lot, "pass", Decision::Pass, "").await
        });
        stream::iter(passed).buffer_unordered(AT_ONCE).try_for_each(|_deviation| async { Ok(()) }).await?;
        self.wait_minutes(2);
        Ok(())
    }

    pub async fn read(
        &self,
        who: Person,
        lot: &Made,
        what: &str,
        reading_type: ReadingType,
        tenths_c: i32,
    ) -> Result<Option<DeviationId>, DemoError> {
        let record = RecordTemperature { subject: Subject::Lot(lot.id), reading_type, tenths_c };
        let recorded = self.run(who, &format!("{}/read/{what}", lot.label), record).await?;
        Ok(recorded.deviation_id.map(DeviationId))
    }

    /// The deviation that the decision opened, if it did.
    pub async fn inspect(
        &self,
        who: Person,
        lot: &Made,
        what: &str,
        decision: Decision,
        notes: &str,
    ) -> Result<Option<DeviationId>, DemoError> {
        let Some(gate) = lot.lot_type.step().gate else { return Ok(None) };
        let record = RecordInspection {
            lot_id: lot.id,
            gate,
            inspection_type: "ROUTINE".to_owned(),
            decision,
            notes: notes.to_owned(),
            checklist: Vec::new(),
            signature: None,
        };
        let inspected = self.run(who, &format!("{}/inspect/{what}", lot.label), record).await?;
        Ok(inspected.deviation_id.map(DeviationId))
    }

    pub async fn hold(
        &self,
        who: Person,
        lot: &Made,
        reason: &str,
    ) -> Result<Option<DeviationId>, DemoError> {
        let hold = HoldLot { lot_id: lot.id, reason: reason.to_owned() };
        let held = self.run(who, &format!("{}/hold", lot.label), hold).await?;
        Ok(held.deviation_id.map(DeviationId))
    }

    pub async fn disposition(
        &self,
        who: Person,
        deviation: DeviationId,
        disposition: Disposition,
        cause: &str,
    ) -> Result<(), DemoError> {
        let DeviationId(deviation_id) = deviation;
        let decide = DispositionDeviation { deviation_id, disposition, root_cause: Some(cause.to_owned()) };
        self.run(who, &format!("deviation/{deviation_id}/disposition"), decide).await.map(|_decided| ())
    }

    pub async fn close_deviation(&self, who: Person, deviation: DeviationId) -> Result<(), DemoError> {
        let DeviationId(deviation_id) = deviation;
        let close = CloseDeviation { deviation_id, root_cause: None };
        self.run(who, &format!("deviation/{deviation_id}/close"), close).await.map(|_closed| ())
    }

    pub async fn resolve_hold(&self, who: Person, lot: &Made) -> Result<(), DemoError> {
        let resolve = ResolveHold { lot_id: lot.id };
        self.run(who, &format!("{}/resolve", lot.label), resolve).await.map(|_resolved| ())
    }

    pub async fn confirm_reject(&self, who: Person, lot: &Made) -> Result<(), DemoError> {
        let reject = ConfirmReject { lot_id: lot.id };
        self.run(who, &format!("{}/reject", lot.label), reject).await.map(|_rejected| ())
    }

    pub async fn write_off(&self, who: Person, lot: &Made, reason: &str) -> Result<(), DemoError> {
        let write_off = WriteOffRemainder { lot_id: lot.id, reason: reason.to_owned() };
        self.run(who, &format!("{}/write-off", lot.label), write_off).await.map(|_gone| ())
    }

    pub async fn ship(
        &self,
        who: Person,
        lot: &Made,
        consignee: &str,
        carrier: &str,
        document: &str,
    ) -> Result<(), DemoError> {
        let ship = ShipLot {
            lot_id: lot.id,
            consignee_id: self.partners.get(consignee).copied().unwrap_or_default(),
            carrier_id: self.partners.get(carrier).copied(),
            document: document.to_owned(),
        };
        self.run(who, &format!("{}/ship", lot.label), ship).await.map(|_shipped| ())
    }
}

/// The id of the command at a place in the script, the same in every run.
pub(super) fn command_id(place: &str) -> Uuid {
    Uuid::new_v5(&TENANT, place.as_bytes())
}

/// A number from 0 up to a bound that looks random but is the same in every run: scales and thermometers never show round
/// figures.
pub(super) fn spread(label: &str, bound: i64) -> i64 {
    let hash = command_id(label).as_u128() >> 64;
    i64::try_from(hash % u128::from(bound.unsigned_abs().max(1))).unwrap_or_default()
}
