use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Decision, Dispatcher, LotStatus};
use crate::{
    kernel::LocalDay,
    lots::{Disposition, Gate, Grams, LotCode, LotType, PartnerSaved, Reading, Sku},
};

/// Receives raw material as a RAW lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateLot {
    /// Taken from its sequence, or given by hand and claimed.
    pub lot_code: LotCode,
    /// Who delivered it: the partner's id, and what is known of it.
    pub supplier: Option<(Uuid, PartnerSaved)>,
    /// 0 to 10,000,000; 0: not yet weighed.
    pub weight_grams: i64,
    /// The run that it belongs to, already found RUNNING.
    pub run_id: Option<Uuid>,
    /// The local day of `now`.
    pub production_day: LocalDay,
    /// When.
    pub now: DateTime<Utc>,
}

/// One input of a lot that is made, with what the rules need to know of the parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotInput {
    /// The parent.
    pub lot_id: Uuid,
    /// Its code.
    pub lot_code: LotCode,
    /// Its type.
    pub lot_type: LotType,
    /// Its SKU.
    pub sku: Option<Sku>,
    /// How much of it is used.
    pub used_grams: Grams,
    /// The buffer that it is taken from.
    pub from_buffer_id: Option<Uuid>,
}

/// Somebody with run:control answers for a weight outside the tolerance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceOverride {
    /// 10 to 500 characters.
    pub reason: String,
    /// Who answers for it.
    pub by: String,
}

/// Makes a lot from others: the child's side. Each parent gets a [`UseLot`] in the same commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProduceLot {
    /// The new lot's id.
    pub lot_id: Uuid,
    /// Taken from its sequence, or given by hand and claimed.
    pub lot_code: LotCode,
    /// Any type but RAW and the legacy ones.
    pub lot_type: LotType,
    /// What it is made from, 1 to 200.
    pub inputs: Vec<LotInput>,
    /// 0 to 10,000,000; 0: not yet weighed, then its balance is checked when it is weighed.
    pub weight_grams: i64,
    /// For a weight outside the tolerance.
    pub balance_override: Option<BalanceOverride>,
    /// The run that it belongs to, already found RUNNING at the type's step. A run can be named once runs exist;
    /// its guard stands where the run is loaded, in the command's handler.
    pub run_id: Option<Uuid>,
    /// The freezer cycle, already found OPEN and of the same SKU. See `run_id`.
    pub freezer_cycle_id: Option<Uuid>,
    /// The local day of `now`.
    pub production_day: LocalDay,
    /// When.
    pub now: DateTime<Utc>,
}

/// Adds further inputs: the child's side. Each parent gets a [`UseLot`] in the same commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddLotInput {
    /// The child's own id.
    pub lot_id: Uuid,
    /// What is added.
    pub inputs: Vec<LotInput>,
    /// The weight after the addition, when it was weighed anew.
    pub weight_grams: Option<i64>,
    /// For a weight outside the tolerance.
    pub balance_override: Option<BalanceOverride>,
    /// When.
    pub now: DateTime<Utc>,
}

/// Takes a part of a lot for a child: the parent's side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseLot {
    /// The parent's own id.
    pub lot_id: Uuid,
    /// The child.
    pub child_id: Uuid,
    /// Its code.
    pub child_code: LotCode,
    /// Its type.
    pub child_type: LotType,
    /// How much is taken.
    pub used_grams: Grams,
    /// The buffer that it is taken from, already found to hold as much.
    pub from_buffer_id: Option<Uuid>,
    /// The local day of `now`.
    pub day: LocalDay,
    /// When.
    pub now: DateTime<Utc>,
}

/// What a decision at a gate does to the lot. The decision is written down by its own aggregate, in the same commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectLot {
    /// The inspection.
    pub inspection_id: Uuid,
    /// The gate.
    pub gate: Gate,
    /// The decision.
    pub decision: Decision,
    /// Why; at least 10 characters unless the decision is PASS.
    pub notes: String,
    /// The lot's latest reading of the type that the gate's critical limit asks for.
    pub latest_reading: Option<Reading>,
    /// What the deviation of the lot's hold has decided, if the lot is on hold and anything is decided yet.
    pub hold_disposition: Option<Disposition>,
    /// The id of the deviation, should one be opened.
    pub deviation_id: Uuid,
    /// When.
    pub now: DateTime<Utc>,
}

/// Ships all that is left of a SHIP lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShipLot {
    /// Who sends it: the plant itself, if its name and address are known.
    pub dispatcher: Option<Dispatcher>,
    /// Who receives it: a CUSTOMER with name and address.
    pub consignee: (Uuid, PartnerSaved),
    /// Who carries it: a CARRIER with name and address.
    pub carrier: Option<(Uuid, PartnerSaved)>,
    /// The transport document's number, 1 to 100 characters.
    pub document: String,
    /// The local day of `now`.
    pub dispatch_day: LocalDay,
    /// When.
    pub now: DateTime<Utc>,
}

/// What may be asked of a lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LotCommand {
    /// Receives raw material.
    Create(CreateLot),
    /// Makes it from others.
    Produce(ProduceLot),
    /// Adds further inputs.
    AddInput(AddLotInput),
    /// Takes a part of it for a child.
    Use(UseLot),
    /// Takes its weight, 1 to 10,000,000 g.
    Weigh {
        /// What the scale shows.
        weight_grams: i64,
        /// For a weight outside the tolerance of its inputs.
        balance_override: Option<BalanceOverride>,
        /// When.
        now: DateTime<Utc>,
    },
    /// Lets it wait for its gate.
    Register {
        /// When.
        now: DateTime<Utc>,
    },
    /// Applies a decision at a gate.
    Inspect(InspectLot),
    /// Holds it by hand.
    Hold {
        /// 10 to 500 characters.
        reason: String,
        /// The deviation that is opened with it.
        deviation_id: Uuid,
        /// When.
        now: DateTime<Utc>,
    },
    /// Holds it because of a reading outside its limit; on a closed lot: no event.
    HoldForTemperature {
        /// The reading.
        reading: Reading,
        /// What the deviation of the lot's hold has decided, if the lot is on hold and anything is decided yet.
        hold_disposition: Option<Disposition>,
        /// The deviation, should one be opened.
        deviation_id: Uuid,
        /// When.
        now: DateTime<Utc>,
    },
    /// Ends a hold for good.
    ResolveHold {
        /// What its deviation decided, if anything yet.
        disposition: Option<Disposition>,
        /// When.
        now: DateTime<Utc>,
    },
    /// Rejects a held lot.
    ConfirmReject {
        /// What its deviation decided, if anything yet.
        disposition: Option<Disposition>,
        /// When.
        now: DateTime<Utc>,
    },
    /// Gives up what is left.
    WriteOffRemainder {
        /// 10 to 500 characters.
        reason: String,
        /// When.
        now: DateTime<Utc>,
    },
    /// Closes it after all that was made of it.
    Finish {
        /// Every child with where it stands.
        children: Vec<(LotCode, LotStatus)>,
        /// When.
        now: DateTime<Utc>,
    },
    /// Ships it.
    Ship(ShipLot),
}
