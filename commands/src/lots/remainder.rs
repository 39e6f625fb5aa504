use domain::lots::{Lot, LotCommand, lot};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LotReply, partners, today};
use crate::own_stream;

/// Gives up what is left of a lot that something was made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WriteOffRemainder {
    /// The lot.
    pub lot_id: Uuid,
    /// 10 to 500 characters.
    pub reason: String,
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

own_stream! {
    Lot, named lot_id as "lotId", answers LotReply {
        WriteOffRemainder, RunControl => |write_off, stage| LotCommand::WriteOffRemainder {
            reason: write_off.reason,
            now: stage.now(),
        };
        ShipLot, LotCreate => |ship, stage| LotCommand::Ship(lot::ShipLot {
            dispatcher: stage.settings().dispatcher.clone(),
            consignee: partners::existing(stage, "consigneeId", ship.consignee_id)?,
            carrier: ship.carrier_id.map(|id| partners::existing(stage, "carrierId", id)).transpose()?,
            document: ship.document,
            dispatch_day: today(stage),
            now: stage.now(),
        });
    }
}
