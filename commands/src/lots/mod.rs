//! The commands of the plant: lots, their quality, and the partners around them (rules: lots.md).
//!
//! A handler gathers what a rule needs (the parents, the latest reading, the supplier), lets the aggregates decide, and
//! answers with ids and codes. It holds no rule of its own. Reading order: `create_lot` (how a code is taken),
//! `produce_lot` (many streams in one commit), `record_inspection`, then the others as they come.

mod codes;
mod create_lot;
mod deviations;
mod finish_lot;
mod holds;
mod partners;
mod process;
mod produce_lot;
mod record_inspection;
mod record_temperature;
mod remainder;
mod weigh_lot;

use std::sync::Arc;

use domain::{
    Refusal,
    claims::KeyClaim,
    identity::Permission,
    kernel::{Detail, LocalDay, RefusalKind},
    lots::{
        CodeSequence, Deviation, Grams, Inspection, Lot, LotCode, LotRefusal, LotStatus, LotType, Partner,
        TemperatureLog,
        lot::{BalanceOverride, WeightAdvice},
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{
    codes::lot_code_claim,
    create_lot::CreateLot,
    deviations::{CloseDeviation, DeviationReply, DispositionDeviation, RemindDeviation},
    finish_lot::{FinishLot, FinishLotIfDue},
    holds::{ConfirmReject, HoldLot, HoldReply, ResolveHold},
    partners::{PartnerReply, SavePartner},
    process::{LotFinisher, with_lot_commands},
    produce_lot::{AddLotInput, Input, ProduceLot},
    record_inspection::{InspectionReply, RecordInspection},
    record_temperature::{RecordTemperature, TemperatureReply},
    remainder::{ShipLot, WriteOffRemainder},
    weigh_lot::{RegisterLot, WeighLot},
};
use crate::engine::{Aggregate, Stage, Stop};

impl Aggregate for KeyClaim {
    const STATE_VERSION: u32 = 1;
}

impl Aggregate for Partner {
    const STATE_VERSION: u32 = 1;
}

impl Aggregate for CodeSequence {
    const STATE_VERSION: u32 = 2;
}

impl Aggregate for Lot {
    const STATE_VERSION: u32 = 3;
}

impl Aggregate for Inspection {
    const STATE_VERSION: u32 = 1;
}

impl Aggregate for Deviation {
    const STATE_VERSION: u32 = 2;
}

impl Aggregate for TemperatureLog {
    const STATE_VERSION: u32 = 2;
}

/// A lot after a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotReply {
    /// Its id.
    pub lot_id: Uuid,
    /// Its code.
    pub lot_code: LotCode,
    /// Its type.
    pub lot_type: LotType,
    /// Where it stands.
    pub status: LotStatus,
    /// Its weight; 0: not yet weighed.
    pub weight_grams: Grams,
    /// What is left of it.
    pub remaining_grams: Grams,
    /// What is unusual about its weight.
    pub advice: Option<WeightAdvice>,
}

impl LotReply {
    fn of(lot_id: Uuid, lot: &Lot) -> Result<Self, Stop> {
        let state = lot.found()?;
        Ok(Self {
            lot_id,
            lot_code: state.lot_code.clone(),
            lot_type: state.lot_type,
            status: state.status,
            weight_grams: state.weight_grams,
            remaining_grams: state.remaining_grams(),
            advice: state.weight_advice(),
        })
    }
}

/// The caller may not use a part of the command that needs more than the command itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} needs the permission {}", required.as_str())]
struct PermissionMissing {
    field: &'static str,
    required: Permission,
}

impl Refusal for PermissionMissing {
    fn code(&self) -> &'static str {
        "FORBIDDEN"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::Forbidden
    }

    fn field(&self) -> Option<&str> {
        Some(self.field)
    }

    fn details(&self) -> Vec<(&'static str, Detail)> {
        vec![("required", Detail::List(vec![self.required.as_str().to_owned()]))]
    }
}

/// Whoever overrides the weight balance needs run:control and answers for it by name.
fn balance_override(
    stage: &Stage<'_>,
    reason: Option<&String>,
) -> Result<Option<BalanceOverride>, PermissionMissing> {
    let Some(reason) = reason else { return Ok(None) };
    if !stage.permits(Permission::RunControl) {
        return Err(PermissionMissing { field: "overrideReason", required: Permission::RunControl });
    }
    Ok(Some(BalanceOverride { reason: reason.clone(), by: stage.actor().to_string() }))
}

/// The local day of the decision.
fn today(stage: &Stage<'_>) -> LocalDay {
    LocalDay::at(stage.now(), stage.settings().time_zone)
}

/// Refuses an id of something that cannot exist yet: runs, buffers and freezer cycles have no commands so far. The
/// guard that the rules ask for stands here once they have.
fn none_exists(field: &'static str, id: Option<Uuid>) -> Result<(), LotRefusal> {
    match id {
        Some(_) => Err(LotRefusal::NotFound { field }),
        None => Ok(()),
    }
}

/// A lot that must exist.
fn lot(stage: &mut Stage<'_>, lot_id: Uuid) -> Result<Arc<Lot>, Stop> {
    let lot = stage.state::<Lot>(&lot_id.to_string())?;
    lot.found()?;
    Ok(lot)
}

/// What a lot's stream is called, for `expectedVersion`.
fn lot_subject(lot_id: Uuid) -> Option<(&'static str, String)> {
    Some((<Lot as domain::Decider>::CATEGORY, lot_id.to_string()))
}
