use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LotCreated, LotEvent, LotHeld, LotInspected, LotRefusal};
use crate::{
    enumeration,
    kernel::{LocalDay, NotFound},
    lots::{Gate, Grams, LotCode, LotType, Sku},
};

enumeration! {
    /// Where a lot stands.
    pub enum LotStatus {
        /// It exists.
        Created = "CREATED",
        /// It waits for its gate.
        Quarantine = "QUARANTINE",
        /// It may be used.
        Released = "RELEASED",
        /// It may not be used until its deviation is resolved.
        Hold = "HOLD",
        /// Disposed of or returned. Final.
        Rejected = "REJECTED",
        /// Nothing of it is left.
        Consumed = "CONSUMED",
        /// It and all that was made of it are closed. Final.
        Finished = "FINISHED",
    }
}

impl LotStatus {
    /// Whether nothing can happen to the lot any more.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Rejected | Self::Finished)
    }
}

enumeration! {
    /// What quality staff decide at a gate.
    pub enum Decision as "QcDecision" {
        /// In order.
        Pass = "PASS",
        /// To be clarified.
        Hold = "HOLD",
        /// Not in order.
        Fail = "FAIL",
    }
}

/// One input of a lot: which lot, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParentLink {
    /// The parent.
    pub lot_id: Uuid,
    /// Its code.
    pub lot_code: LotCode,
    /// Its type.
    pub lot_type: LotType,
    /// How much of it was used.
    pub used_grams: Grams,
    /// The buffer that it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_buffer_id: Option<Uuid>,
}

/// One output of a lot: which lot, and how much went into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildLink {
    /// The child.
    pub lot_id: Uuid,
    /// How much went into it.
    pub used_grams: Grams,
}

/// The latest hold of a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The deviation that must be resolved.
    pub deviation_id: Uuid,
    /// Why, in words.
    pub reason: String,
    /// Since when.
    pub held_at: DateTime<Utc>,
    /// Whether only a PASS during the hold counts: the lot had not passed its gate before it was held, or the hold before
    /// this one, which it follows without a release, still asked for a PASS.
    pub needs_pass: bool,
    /// What was last decided at the gate of the lot's step since the hold began.
    pub decided_since: Option<Decision>,
}

impl Hold {
    /// Whether a PASS must be given before the lot may be used: it had none before the hold, or something else than PASS was
    /// decided last since.
    pub(super) const fn asks_for_pass(&self) -> bool {
        self.needs_pass || matches!(self.decided_since, Some(Decision::Hold | Decision::Fail))
    }
}

/// How a lot left the plant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Who receives it.
    pub consignee_id: Uuid,
    /// Who carries it.
    pub carrier_id: Option<Uuid>,
    /// The number of the transport document.
    pub document: String,
}

/// What is known of a lot that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotState {
    /// Unique within the tenant.
    pub lot_code: LotCode,
    /// Its type.
    pub lot_type: LotType,
    /// Where it stands.
    pub status: LotStatus,
    /// The run that it belongs to.
    pub run_id: Option<Uuid>,
    /// The partner that a RAW lot came from.
    pub supplier_id: Option<Uuid>,
    /// Its SKU.
    pub sku: Option<Sku>,
    /// Its net weight; 0: not yet weighed.
    pub weight_grams: Grams,
    /// How much went into children.
    pub used_grams: Grams,
    /// How much was written off.
    pub written_off_grams: Grams,
    /// How much left the plant.
    pub shipped_grams: Grams,
    /// What it was made from.
    pub parents: Vec<ParentLink>,
    /// What was made of it.
    pub children: Vec<ChildLink>,
    /// The gates at which it was ever given a PASS.
    pub passed_gates: Vec<Gate>,
    /// The freezer cycle of a frozen lot.
    pub freezer_cycle_id: Option<Uuid>,
    /// The local day on which it was made.
    pub production_day: LocalDay,
    /// Its latest hold; in force while the status is HOLD.
    pub latest_hold: Option<Hold>,
    /// Why its remainder was written off.
    pub write_off_reason: Option<String>,
    /// How it was shipped.
    pub shipment: Option<Shipment>,
}

impl LotState {
    /// What is left: weight less used, written off and shipped. Never negative.
    pub fn remaining_grams(&self) -> Grams {
        Self::remaining_of(self.weight_grams, [self.used_grams, self.written_off_grams, self.shipped_grams])
    }

    /// What is left of a weight after all that went away. Never negative.
    pub fn remaining_of(weight_grams: Grams, gone: [Grams; 3]) -> Grams {
        gone.into_iter().fold(weight_grams, Grams::less)
    }

    /// The sum of what it was made from.
    pub fn inputs_grams(&self) -> Grams {
        self.parents.iter().map(|link| link.used_grams).sum()
    }

    /// Whether a PASS was ever given at the gate of its own step.
    pub fn has_passed_own_gate(&self) -> bool {
        self.lot_type.step().gate.is_some_and(|gate| self.passed_gates.contains(&gate))
    }

    /// The lots that it was made from.
    pub fn parent_ids(&self) -> Vec<Uuid> {
        self.parents.iter().map(|link| link.lot_id).collect()
    }

    fn created(event: &LotCreated) -> Self {
        Self {
            lot_code: event.lot_code.clone(),
            lot_type: event.lot_type,
            status: event.status_after,
            run_id: event.run_id,
            supplier_id: event.supplier_id,
            sku: event.sku,
            weight_grams: event.weight_grams,
            used_grams: Grams::ZERO,
            written_off_grams: Grams::ZERO,
            shipped_grams: Grams::ZERO,
            parents: Vec::new(),
            children: Vec::new(),
            passed_gates: Vec::new(),
            freezer_cycle_id: event.freezer_cycle_id,
            production_day: event.production_day,
            latest_hold: None,
            write_off_reason: None,
            shipment: None,
        }
    }

    fn inspected(&mut self, event: &LotInspected) {
        if event.decision == Decision::Pass && !self.passed_gates.contains(&event.gate) {
            self.passed_gates.push(event.gate);
        }
        let is_own_gate = self.lot_type.step().gate == Some(event.gate);
        if let Some(hold) = self.latest_hold.as_mut().filter(|_| is_own_gate) {
            hold.decided_since = Some(event.decision);
        }
    }

    fn held(&mut self, event: &LotHeld) {
        // A hold that follows another one without a release between them asks for no less: what was decided against the
        // lot during that one, or began this one, is not forgotten with it.
        let before = self.latest_hold.as_ref().filter(|_| self.status == LotStatus::Hold);
        self.latest_hold = Some(Hold {
            deviation_id: event.deviation_id,
            reason: event.reason.clone(),
            held_at: event.held_at,
            needs_pass: before.map_or_else(|| !self.has_passed_own_gate(), Hold::asks_for_pass),
            decided_since: None,
        });
        self.status = event.status_after;
    }

    fn apply(&mut self, event: &LotEvent) {
        match event {
            // A lot is created once; a second creation could only come from a damaged log.
            LotEvent::LotCreated(_)
            | LotEvent::WeightBalanceOverridden(_)
            | LotEvent::TemperatureViolationNoted(_) => {}
            LotEvent::LotsLinked(event) => self.parents.extend(event.parents.iter().cloned()),
            LotEvent::LotUsed(event) => {
                self.used_grams = self.used_grams.plus(event.used_grams);
                self.children.push(ChildLink { lot_id: event.child_id, used_grams: event.used_grams });
            }
            LotEvent::LotSkuMixed(_) => self.sku = None,
            LotEvent::LotWeighed(event) => self.weight_grams = event.new_weight_grams,
            LotEvent::LotInspected(event) => self.inspected(event),
            LotEvent::LotHeld(event) => self.held(event),
            LotEvent::LotConsumed(event) => self.status = event.status_after,
            LotEvent::LotRegistered(event) => self.status = event.status_after,
            LotEvent::LotReleased(event) => self.status = event.status_after,
            LotEvent::LotRejected(event) => self.status = event.status_after,
            LotEvent::LotFinished(event) => self.status = event.status_after,
            LotEvent::LotWrittenOff(event) => {
                self.written_off_grams = self.written_off_grams.plus(event.written_off_grams);
                self.write_off_reason = Some(event.reason.clone());
            }
            LotEvent::LotShipped(event) => {
                self.shipped_grams = self.shipped_grams.plus(event.shipped_grams);
                self.shipment = Some(Shipment {
                    consignee_id: event.consignee.partner_id,
                    carrier_id: event.carrier.as_ref().map(|carrier| carrier.partner_id),
                    document: event.document.clone(),
                });
            }
        }
    }
}

/// One lot: what came in, what was made of it, and whether it may be used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lot {
    state: Option<Box<LotState>>,
}

impl Lot {
    /// The lot, if it was ever created.
    pub fn existing(&self) -> Option<&LotState> {
        self.state.as_deref()
    }

    /// The lot, or that no such lot exists.
    pub fn found(&self) -> Result<&LotState, LotRefusal> {
        Ok(self.existing().ok_or(NotFound { field: "lotId" })?)
    }

    pub(super) fn after(mut self, event: &LotEvent) -> Self {
        match (&mut self.state, event) {
            (Some(state), event) => state.apply(event),
            (None, LotEvent::LotCreated(event)) => self.state = Some(Box::new(LotState::created(event))),
            (None, _) => {} // Only a damaged log begins with anything else.
        }
        self
    }
}
