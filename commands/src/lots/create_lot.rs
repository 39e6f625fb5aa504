use domain::{
    identity::Permission,
    lots::{Lot, LotCommand, LotType, lot},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LotReply, codes::code_for, lot_subject, none_exists, partners, today};
use crate::engine::{Command, Reply as _, Stage, Stop};

/// Receives raw material as a RAW lot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateLot {
    /// Who delivered it: a partner with the role SUPPLIER.
    pub supplier_id: Option<Uuid>,
    /// 0 to 10,000,000; 0: not yet weighed.
    pub weight_grams: i64,
    /// The run that it belongs to.
    pub run_id: Option<Uuid>,
    /// A code given by hand; left out, the next of the day is taken.
    pub code: Option<String>,
}

impl Command for CreateLot {
    const NAME: &'static str = "CreateLot";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = LotReply;

    fn made(reply: &LotReply) -> Option<(&'static str, String)> {
        lot_subject(reply.lot_id)
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<LotReply, Stop> {
        none_exists("runId", self.run_id)?;
        let supplier = self.supplier_id.map(|id| partners::existing(stage, "supplierId", id)).transpose()?;
        let lot_id = stage.next_id();
        let lot_code = code_for(stage, LotType::Raw, lot_id, self.code.as_deref())?;
        let create = lot::CreateLot {
            lot_code,
            supplier,
            weight_grams: self.weight_grams,
            run_id: self.run_id,
            production_day: today(stage),
            now: stage.now(),
        };
        let lot = stage.decide::<Lot>(&lot_id.to_string(), LotCommand::Create(create))?;
        LotReply::of(lot_id, &lot)
    }
}
