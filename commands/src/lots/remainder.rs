use domain::{
    identity::Permission,
    lots::{Lot, LotCommand, lot},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LotReply, lot_subject, partners, today};
use crate::{
    engine::{Command, Reply as _, Stage, Stop},
    own_stream,
};

/// Gives up what is left of a lot that something was made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WriteOffRemainder {
    /// The lot.
    pub lot_id: Uuid,
    /// 10 to 500 characters.
    pub reason: String,
}

own_stream! {
    Lot, named lot_id as "lotId", answers LotReply {
        WriteOffRemainder, RunControl => |write_off, stage| LotCommand::WriteOffRemainder {
            reason: write_off.reason,
            now: stage.now(),
        };
    }
}

/// Ships all that is left of a SHIP lot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShipLot {
    /// The lot.
    pub lot_id: Uuid,
    /// Who receives it: a partner with the role CUSTOMER, name and address.
    pub consignee_id: Uuid,
    /// Who carries it: a partner with the role CARRIER, name and address.
    pub carrier_id: Option<Uuid>,
    /// The transport document's number, 1 to 100 characters.
    pub document: String,
}

impl Command for ShipLot {
    const NAME: &'static str = "ShipLot";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = LotReply;

    fn subject(&self) -> Option<(&'static str, String)> {
        lot_subject(self.lot_id)
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<LotReply, Stop> {
        super::lot(stage, self.lot_id)?;
        let consignee = partners::existing(stage, "consigneeId", self.consignee_id)?;
        let carrier = self.carrier_id.map(|id| partners::existing(stage, "carrierId", id)).transpose()?;
        let ship = lot::ShipLot {
            dispatcher: stage.settings().dispatcher.clone(),
            consignee,
            carrier,
            document: self.document.clone(),
            dispatch_day: today(stage),
            now: stage.now(),
        };
        let lot = stage.decide::<Lot>(&self.lot_id.to_string(), LotCommand::Ship(ship))?;
        LotReply::of(self.lot_id, &lot)
    }
}
