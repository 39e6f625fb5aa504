use domain::{
    identity::Permission,
    lots::{Deviation, Disposition, HoldCause, Lot, LotCommand, LotStatus},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    LotReply,
    deviations::{self, NewHold},
    lot_subject,
};
use crate::{
    engine::{Command, Reply as _, Stage, Stop},
    own_stream, replies,
};

/// Holds a released lot by hand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HoldLot {
    /// The lot.
    pub lot_id: Uuid,
    /// 10 to 500 characters.
    pub reason: String,
}

replies! {
    /// A held lot.
    pub struct HoldReply of Lot as lot_id {
        /// Where it stands.
        status: LotStatus = |lot| lot.found()?.status;
        /// The deviation that must be resolved.
        deviation_id: Option<Uuid> = |lot| lot.found()?.latest_hold.as_ref().map(|hold| hold.deviation_id);
    }
}

impl Command for HoldLot {
    const NAME: &'static str = "HoldLot";
    const PERMISSION: Permission = Permission::QcDecide;
    type Reply = HoldReply;

    fn subject(&self) -> Option<(&'static str, String)> {
        lot_subject(self.lot_id)
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<HoldReply, Stop> {
        let deviation_id = stage.next_id();
        let hold = LotCommand::Hold { reason: self.reason.clone(), deviation_id, now: stage.now() };
        let lot = stage.decide::<Lot>(&self.lot_id.to_string(), hold)?;
        let new_hold = NewHold {
            lot_id: self.lot_id,
            lot: &lot,
            deviation_id,
            cause: HoldCause::ManualHold,
            reading: None,
            inspection_id: None,
        };
        deviations::open_for(stage, new_hold)?;
        HoldReply::of(self.lot_id, &lot)
    }
}

/// Ends a hold: its deviation was dispositioned RELEASE.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolveHold {
    /// The lot.
    pub lot_id: Uuid,
}

/// Rejects a held lot: its deviation was dispositioned DISPOSE or RETURN_TO_SUPPLIER.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ConfirmReject {
    /// The lot.
    pub lot_id: Uuid,
}

own_stream! {
    Lot, named lot_id as "lotId", answers LotReply {
        ResolveHold, RunControl => |resolve, stage| LotCommand::ResolveHold {
            disposition: disposition(stage, resolve.lot_id)?,
            now: stage.now(),
        };
        ConfirmReject, RunControl => |confirm, stage| LotCommand::ConfirmReject {
            disposition: disposition(stage, confirm.lot_id)?,
            now: stage.now(),
        };
    }
}

/// What the deviation of the hold that the lot is on has decided so far. It becomes a condition of the commit: a disposition
/// at the same moment forces a new decision.
pub(super) fn disposition(stage: &mut Stage<'_>, lot_id: Uuid) -> Result<Option<Disposition>, Stop> {
    let lot = super::lot(stage, lot_id)?;
    let state = lot.found()?;
    let Some(hold) = state.latest_hold.as_ref().filter(|_| state.status == LotStatus::Hold) else {
        return Ok(None);
    };
    let deviation = stage.state::<Deviation>(&hold.deviation_id.to_string())?;
    Ok(deviation.existing().and_then(|state| state.disposition))
}
