//! Random days of a plant, decided by the real rules: what they refuse does not happen.

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use commands::ports::{Metadata, RecordedEvent, StreamKey};
use domain::{
    Decider, Event,
    kernel::LocalDay,
    lots::{
        Decision, Disposition, Grams, Lot, LotCode, LotCommand, LotEvent, LotState, LotType, PartnerRole,
        PartnerSaved, Reading, Site, TemperatureLimit,
        lot::{AddLotInput, BalanceOverride, CreateLot, InspectLot, LotInput, ProduceLot, ShipLot, UseLot},
    },
};
use proptest::prelude::*;
use uuid::Uuid;

/// What somebody tries; numbers choose among the lots that there are.
#[derive(Debug, Clone)]
pub(in super::super) enum Try {
    Receive { grams: i64 },
    Produce { from: usize, and: usize, grams: i64, weight: i64 },
    AddInput { to: usize, from: usize, grams: i64 },
    Weigh { lot: usize, grams: i64 },
    Decide { lot: usize, decision: Decision },
    Resolve { lot: usize, disposition: Disposition },
    WriteOff { lot: usize },
    Ship { lot: usize, to: u8 },
    Finish { lot: usize },
}

pub(in super::super) fn any_try() -> impl Strategy<Value = Try> {
    let grams = 1_i64..30_000;
    let weight = prop_oneof![1 => Just(0_i64), 4 => 1_i64..40_000];
    let lot = any::<usize>();
    let decision = prop::sample::select(vec![Decision::Pass, Decision::Pass, Decision::Hold, Decision::Fail]);
    let disposition = prop::sample::select(vec![Disposition::Release, Disposition::Dispose]);
    prop_oneof![
        2 => weight.clone().prop_map(|grams| Try::Receive { grams }),
        8 => (lot, lot, grams.clone(), weight)
            .prop_map(|(from, and, grams, weight)| Try::Produce { from, and, grams, weight }),
        2 => (lot, lot, grams.clone()).prop_map(|(to, from, grams)| Try::AddInput { to, from, grams }),
        2 => (lot, grams).prop_map(|(lot, grams)| Try::Weigh { lot, grams }),
        12 => (lot, decision).prop_map(|(lot, decision)| Try::Decide { lot, decision }),
        1 => (lot, disposition).prop_map(|(lot, disposition)| Try::Resolve { lot, disposition }),
        1 => lot.prop_map(|lot| Try::WriteOff { lot }),
        3 => (lot, 0_u8..3).prop_map(|(lot, to)| Try::Ship { lot, to }),
        1 => lot.prop_map(|lot| Try::Finish { lot }),
    ]
}

/// A plant and its log.
#[derive(Debug, Default)]
pub(in super::super) struct Plant {
    pub(in super::super) lots: Vec<(Uuid, Lot)>,
    pub(in super::super) log: Vec<RecordedEvent>,
}

pub(in super::super) const TENANT: Uuid = Uuid::from_u128(1);

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap()
}

fn day() -> LocalDay {
    LocalDay(NaiveDate::from_ymd_opt(2026, 3, 2).unwrap())
}

fn partner(number: u128, name: &str) -> (Uuid, PartnerSaved) {
    let roles = [PartnerRole::Supplier, PartnerRole::Customer].into();
    (
        Uuid::from_u128(number),
        PartnerSaved { name: name.to_owned(), address: Some("Ring 1".to_owned()), roles },
    )
}

/// The event as the log would hold it.
pub(in super::super) fn recorded(
    tenant: Uuid,
    lot_id: Uuid,
    position: u64,
    event: &LotEvent,
) -> RecordedEvent {
    let mut payload = Vec::new();
    event.serialize_payload(&mut serde_json::Serializer::new(&mut payload)).unwrap();
    RecordedEvent {
        position,
        stream: StreamKey::new(tenant, Lot::CATEGORY, lot_id.to_string()),
        version: 1,
        event_id: Uuid::from_u128(u128::from(position)),
        event_type: event.event_type().into(),
        schema_version: event.schema_version(),
        payload: String::from_utf8(payload).unwrap().into(),
        metadata: Metadata {
            command_id: Uuid::nil(),
            correlation_id: Uuid::nil(),
            causation_id: None,
            actor: "maria".to_owned(),
            traceparent: None,
        },
        recorded_at: now(),
    }
}

fn next_type(of: LotType) -> Option<LotType> {
    LotType::CURRENT.into_iter().find(|next| {
        next.rung() == of.rung() + 1 && (of.sku().is_none() || next.sku().is_none() || next.sku() == of.sku())
    })
}

fn balance_override() -> Option<BalanceOverride> {
    Some(BalanceOverride { reason: "weighed twice and agreed".to_owned(), by: "maria".to_owned() })
}

fn input((lot_id, state): &(Uuid, LotState), grams: i64) -> LotInput {
    LotInput {
        lot_id: *lot_id,
        lot_code: state.lot_code.clone(),
        lot_type: state.lot_type,
        sku: state.sku,
        used_grams: Grams(grams),
        from_buffer_id: None,
    }
}

impl Plant {
    pub(in super::super) fn after(tries: &[Try]) -> Self {
        let mut plant = Self::default();
        for a_try in tries {
            plant.attempt(a_try);
        }
        plant
    }

    fn chosen(&self, number: usize) -> Option<(usize, (Uuid, LotState))> {
        // Of the newer lots, mostly: a plant works on what it has just made.
        let at = number.checked_rem(self.lots.len())?;
        let (id, lot) = &self.lots[at];
        Some((at, (*id, lot.existing()?.clone())))
    }

    /// The commands of one commit: all of them are accepted, or nothing happens.
    fn give(&mut self, commands: Vec<(usize, LotCommand)>) {
        let mut decided = Vec::new();
        for (at, command) in commands {
            match self.lots[at].1.decide(command) {
                Ok(events) => decided.push((at, events)),
                Err(_) => return,
            }
        }
        for (at, events) in decided {
            for event in events {
                let (id, lot) = &mut self.lots[at];
                *lot = std::mem::take(lot).evolve(&event);
                let position = self.log.len() as u64 + 1;
                self.log.push(recorded(TENANT, *id, position, &event));
            }
        }
    }

    fn newcomer(&mut self) -> (usize, Uuid, u16) {
        let number = self.lots.len() as u16 + 1;
        let id = Uuid::from_u128(1_000 + u128::from(number));
        self.lots.push((id, Lot::initial()));
        (self.lots.len() - 1, id, number)
    }

    fn attempt(&mut self, a_try: &Try) {
        match *a_try {
            Try::Receive { grams } => {
                let (at, _, number) = self.newcomer();
                let create = CreateLot {
                    lot_code: code(LotType::Raw, number),
                    supplier: Some(partner(7, "Tisza Farm")),
                    weight_grams: grams,
                    run_id: None,
                    production_day: day(),
                    now: now(),
                };
                self.give(vec![(at, LotCommand::Create(create))]);
            }
            Try::Produce { from, and, grams, weight } => self.produce(from, and, grams, weight),
            Try::AddInput { to, from, grams } => self.add_input(to, from, grams),
            Try::Weigh { lot, grams } => self.tell(lot, |_| LotCommand::Weigh {
                weight_grams: grams,
                balance_override: balance_override(),
                now: now(),
            }),
            Try::Decide { lot, decision } => {
                self.tell(lot, |_| LotCommand::Register { now: now() });
                self.tell(lot, |state| LotCommand::Inspect(inspection(state.lot_type, decision)));
            }
            Try::Resolve { lot, disposition } => {
                let disposition = Some(disposition);
                self.tell(lot, |_| LotCommand::ResolveHold { disposition, now: now() });
                self.tell(lot, |_| LotCommand::ConfirmReject { disposition, now: now() });
            }
            Try::WriteOff { lot } => self.tell(lot, |_| LotCommand::WriteOffRemainder {
                reason: "swept off the floor".to_owned(),
                now: now(),
            }),
            Try::Ship { lot, to } => self.tell(lot, |_| {
                LotCommand::Ship(ShipLot {
                    dispatcher: None,
                    consignee: partner(100 + u128::from(to), ["Anna", "Béla", "Cili"][usize::from(to)]),
                    carrier: None,
                    document: "CMR 4711".to_owned(),
                    dispatch_day: day(),
                    now: now(),
                })
            }),
            Try::Finish { lot } => {
                self.tell(lot, |_| LotCommand::Finish { children: Vec::new(), now: now() });
            }
        }
    }

    fn tell(&mut self, number: usize, command: impl FnOnce(&LotState) -> LotCommand) {
        if let Some((at, (_, state))) = self.chosen(number) {
            self.give(vec![(at, command(&state))]);
        }
    }

    fn produce(&mut self, from: usize, and: usize, grams: i64, weight: i64) {
        let (Some((first, parent)), Some((second, other))) = (self.chosen(from), self.chosen(and)) else {
            return;
        };
        let Some(lot_type) = next_type(parent.1.lot_type) else { return };
        let mut parents = vec![(first, parent)];
        if second != first && other.1.lot_type == parents[0].1.1.lot_type {
            parents.push((second, other));
        }
        let taken = |state: &LotState| grams.min(state.remaining_grams().0).max(1);
        let inputs: Vec<LotInput> =
            parents.iter().map(|(_, parent)| input(parent, taken(&parent.1))).collect();
        let (at, lot_id, number) = self.newcomer();
        let lot_code = code(lot_type, number);
        // Parents first, as their streams sort before the child's.
        let mut commands = uses(&parents, &inputs, lot_id, &lot_code, lot_type);
        let produce = ProduceLot {
            lot_id,
            lot_code,
            lot_type,
            inputs,
            weight_grams: weight,
            balance_override: balance_override(),
            run_id: None,
            freezer_cycle_id: None,
            production_day: day(),
            now: now(),
        };
        commands.push((at, LotCommand::Produce(produce)));
        self.give(commands);
    }

    fn add_input(&mut self, to: usize, from: usize, grams: i64) {
        let (Some((at, (lot_id, child))), Some(parent)) = (self.chosen(to), self.chosen(from)) else {
            return;
        };
        let inputs = vec![input(&parent.1, grams)];
        let mut commands = uses(&[parent], &inputs, lot_id, &child.lot_code, child.lot_type);
        let add = AddLotInput {
            lot_id,
            inputs,
            weight_grams: (grams % 2 == 0).then_some(grams),
            balance_override: balance_override(),
            now: now(),
        };
        commands.push((at, LotCommand::AddInput(add)));
        self.give(commands);
    }
}

fn uses(
    parents: &[(usize, (Uuid, LotState))],
    inputs: &[LotInput],
    child_id: Uuid,
    child_code: &LotCode,
    child_type: LotType,
) -> Vec<(usize, LotCommand)> {
    let one = |((at, (lot_id, _)), input): (&(usize, (Uuid, LotState)), &LotInput)| {
        let take = UseLot {
            lot_id: *lot_id,
            child_id,
            child_code: child_code.clone(),
            child_type,
            used_grams: input.used_grams,
            from_buffer_id: None,
            day: day(),
            now: now(),
        };
        (*at, LotCommand::Use(take))
    };
    parents.iter().zip(inputs).map(one).collect()
}

pub(in super::super) fn code(lot_type: LotType, number: u16) -> LotCode {
    LotCode::numbered(lot_type, day(), &Site::try_new("DUNA").unwrap(), number)
}

fn inspection(lot_type: LotType, decision: Decision) -> InspectLot {
    let step = lot_type.step();
    let latest_reading = step.critical_limit.map(|limit| Reading {
        reading_id: Uuid::from_u128(500),
        reading_type: limit.reading_type,
        tenths_c: limit.max_tenths_c,
        limit: TemperatureLimit::used(Some(step), None, limit.reading_type),
        recorded_by: "maria".to_owned(),
        recorded_at: now(),
    });
    InspectLot {
        inspection_id: Uuid::from_u128(600),
        gate: step.gate.unwrap(),
        decision,
        notes: "looked at it closely".to_owned(),
        latest_reading,
        hold_disposition: None,
        deviation_id: Uuid::from_u128(700),
        now: now(),
    }
}
