use domain::{
    identity::Permission,
    lots::{Lot, LotCommand},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LotReply, balance_override, lot_subject};
use crate::engine::{Command, Stage, Stop};

/// Takes a lot's weight.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WeighLot {
    /// The lot.
    pub lot_id: Uuid,
    /// What the scale shows, 1 to 10,000,000.
    pub weight_grams: i64,
    /// Why a weight outside the tolerance of its inputs is accepted; needs run:control.
    pub override_reason: Option<String>,
}

impl Command for WeighLot {
    const NAME: &'static str = "WeighLot";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = LotReply;

    fn subject(&self) -> Option<(&'static str, String)> {
        lot_subject(self.lot_id)
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<LotReply, Stop> {
        let balance_override = balance_override(stage, self.override_reason.as_ref())?;
        let weigh = LotCommand::Weigh { weight_grams: self.weight_grams, balance_override, now: stage.now() };
        let lot = stage.decide::<Lot>(&self.lot_id.to_string(), weigh)?;
        LotReply::of(self.lot_id, &lot)
    }
}

/// Lets a weighed lot wait for its gate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterLot {
    /// The lot.
    pub lot_id: Uuid,
}

impl Command for RegisterLot {
    const NAME: &'static str = "RegisterLot";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = LotReply;

    fn subject(&self) -> Option<(&'static str, String)> {
        lot_subject(self.lot_id)
    }

    fn count(&self, lot: &LotReply) {
        metrics::counter!("cairn_lots_registered_total", "lot_type" => lot.lot_type.as_str()).increment(1);
    }

    /// A lot of a run will need it RUNNING; the guard stands here once runs have commands.
    fn handle(&self, stage: &mut Stage<'_>) -> Result<LotReply, Stop> {
        let register = LotCommand::Register { now: stage.now() };
        let lot = stage.decide::<Lot>(&self.lot_id.to_string(), register)?;
        LotReply::of(self.lot_id, &lot)
    }
}
