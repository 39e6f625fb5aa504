use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Decision, LotStatus, ParentLink};
use crate::{
    enumeration, events,
    kernel::LocalDay,
    lots::{Disposition, Gate, Grams, LotCode, LotType, Reading, Sku, TemperatureLimit, TenthsC},
};

/// A lot came into being, CREATED.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotCreated {
    /// Unique within the tenant.
    pub lot_code: LotCode,
    /// Its type.
    pub lot_type: LotType,
    /// The step that made it, 0 to 10.
    pub step_index: u8,
    /// CREATED.
    pub status_after: LotStatus,
    /// The run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// The partner that a RAW lot came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_id: Option<Uuid>,
    /// The supplier's name on that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier_name: Option<String>,
    /// The SKU, by its type or by what a pallet carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// The net weight; 0: not yet weighed.
    pub weight_grams: Grams,
    /// The freezer cycle of a frozen lot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freezer_cycle_id: Option<Uuid>,
    /// The local day on which it was made.
    pub production_day: LocalDay,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A lot was made from others, or from further ones. Stored in the child's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotsLinked {
    /// The child's own code.
    pub lot_code: LotCode,
    /// What it was made from, with the grams used of each.
    pub parents: Vec<ParentLink>,
    /// When.
    pub linked_at: DateTime<Utc>,
}

/// A child's weight lies outside its step's tolerance, and somebody who may answered for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WeightBalanceOverridden {
    /// The child's weight.
    pub weight_grams: Grams,
    /// The sum of its inputs.
    pub inputs_grams: Grams,
    /// The least weight that the tolerance allows.
    pub min_grams: Grams,
    /// The greatest.
    pub max_grams: Grams,
    /// Why it was accepted.
    pub reason: String,
    /// Who answered for it.
    pub overridden_by: String,
}

/// A part of a lot went into a child. Stored in the parent's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotUsed {
    /// The child.
    pub child_id: Uuid,
    /// Its code.
    pub child_code: LotCode,
    /// Its type.
    pub child_type: LotType,
    /// How much went into it.
    pub used_grams: Grams,
    /// How much is left after that.
    pub remaining_grams: Grams,
    /// The buffer that it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_buffer_id: Option<Uuid>,
    /// When.
    pub used_at: DateTime<Utc>,
}

/// Nothing of the lot is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotConsumed {
    /// RELEASED.
    pub status_before: LotStatus,
    /// CONSUMED.
    pub status_after: LotStatus,
    /// When.
    pub consumed_at: DateTime<Utc>,
}

/// The shipment was of one SKU and now carries both, so that it has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotSkuMixed {
    /// The SKU that it had.
    pub sku_before: Sku,
    /// When.
    pub mixed_at: DateTime<Utc>,
}

/// The lot was weighed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotWeighed {
    /// The weight before; 0: not yet weighed.
    pub old_weight_grams: Grams,
    /// What the scale showed.
    pub new_weight_grams: Grams,
    /// When.
    pub weighed_at: DateTime<Utc>,
}

/// The lot waits for its gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotRegistered {
    /// Its code, for labels and feeds.
    pub lot_code: LotCode,
    /// Its type.
    pub lot_type: LotType,
    /// Its weight.
    pub weight_grams: Grams,
    /// CREATED.
    pub status_before: LotStatus,
    /// QUARANTINE.
    pub status_after: LotStatus,
    /// When.
    pub registered_at: DateTime<Utc>,
}

/// A decision was taken on the lot at a gate. The decision itself is the inspection's own stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotInspected {
    /// The inspection.
    pub inspection_id: Uuid,
    /// The step of the gate.
    pub step_index: u8,
    /// The gate.
    pub gate: Gate,
    /// The decision.
    pub decision: Decision,
    /// When.
    pub inspected_at: DateTime<Utc>,
}

/// The lot may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotReleased {
    /// The PASS that released it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection_id: Option<Uuid>,
    /// The deviation whose disposition ended a hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation_id: Option<Uuid>,
    /// QUARANTINE or HOLD.
    pub status_before: LotStatus,
    /// RELEASED.
    pub status_after: LotStatus,
    /// When.
    pub released_at: DateTime<Utc>,
}

enumeration! {
    /// What put a lot on hold.
    pub enum HoldCause {
        /// A decision at a gate.
        QcDecision = "QC_DECISION",
        /// Somebody held it.
        ManualHold = "MANUAL_HOLD",
        /// A reading outside its limit.
        TempViolationHold = "TEMP_VIOLATION_HOLD",
    }
}

/// The lot may not be used until its deviation is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotHeld {
    /// What put it on hold.
    pub cause: HoldCause,
    /// The reason in words: the hold's reason, the inspection's notes, or the reading against its limit.
    pub reason: String,
    /// The deviation that was opened with it.
    pub deviation_id: Uuid,
    /// The inspection that decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection_id: Option<Uuid>,
    /// The reading that violated its limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// CREATED, QUARANTINE or RELEASED; HOLD when the goods were found wrong again after the hold before was decided.
    pub status_before: LotStatus,
    /// HOLD.
    pub status_after: LotStatus,
    /// When.
    pub held_at: DateTime<Utc>,
}

/// A further reading of a held lot violated its limit; the lot stays on hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemperatureViolationNoted {
    /// The deviation of the hold.
    pub deviation_id: Uuid,
    /// The reading.
    pub reading_id: Uuid,
    /// Its value.
    pub tenths_c: TenthsC,
    /// The limit that it violated.
    pub limit: TemperatureLimit,
    /// When.
    pub noted_at: DateTime<Utc>,
}

/// The lot is out for good: disposed of or returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotRejected {
    /// The FAIL that rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection_id: Option<Uuid>,
    /// The deviation whose disposition rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation_id: Option<Uuid>,
    /// What becomes of it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
    /// QUARANTINE or HOLD.
    pub status_before: LotStatus,
    /// REJECTED.
    pub status_after: LotStatus,
    /// The lots that it was made from: they may be finished now.
    pub parent_ids: Vec<Uuid>,
    /// When.
    pub rejected_at: DateTime<Utc>,
}

/// What was left of the lot is gone without a child.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotWrittenOff {
    /// How much.
    pub written_off_grams: Grams,
    /// Why.
    pub reason: String,
    /// When.
    pub written_off_at: DateTime<Utc>,
}

/// The lot and all that was made of it are closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotFinished {
    /// CONSUMED.
    pub status_before: LotStatus,
    /// FINISHED.
    pub status_after: LotStatus,
    /// The lots that it was made from: they may be finished now.
    pub parent_ids: Vec<Uuid>,
    /// When.
    pub finished_at: DateTime<Utc>,
}

/// A partner as it was on the day of a shipment: the record must not change with the partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShippingParty {
    /// The partner.
    pub partner_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
}

/// Whose plant a shipment left, as it called itself on that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Dispatcher {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
}

/// The lot left the plant: the dispatch record of EU 931/2011.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LotShipped {
    /// The lot reference of the dispatch record.
    pub lot_code: LotCode,
    /// How much left.
    pub shipped_grams: Grams,
    /// Who sent it; missing where the plant's address was not configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatcher: Option<Dispatcher>,
    /// Who receives it.
    pub consignee: ShippingParty,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<ShippingParty>,
    /// The number of the transport document.
    pub document: String,
    /// The local day of the dispatch.
    pub dispatch_day: LocalDay,
    /// When.
    pub shipped_at: DateTime<Utc>,
}

events! {
    /// What happens to a lot.
    pub enum LotEvent {
        LotCreated = 1;
        LotsLinked = 1;
        LotSkuMixed = 1;
        WeightBalanceOverridden = 1;
        LotUsed = 1;
        LotConsumed = 1;
        LotWeighed = 1;
        LotRegistered = 1;
        LotInspected = 1;
        LotReleased = 1;
        LotHeld = 1;
        TemperatureViolationNoted = 1;
        LotRejected = 1;
        LotWrittenOff = 1;
        LotFinished = 1;
        LotShipped = 1;
    }
}
