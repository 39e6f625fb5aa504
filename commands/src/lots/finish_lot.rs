use domain::{
    identity::Permission,
    lots::{Lot, LotCode, LotCommand, LotStatus},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::LotReply;
use crate::{
    engine::{Command, Stage, Stop},
    own_stream,
};

/// Closes a consumed lot: all that was made of it is closed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FinishLot {
    /// The lot.
    pub lot_id: Uuid,
}

own_stream! {
    Lot, named lot_id as "lotId", answers LotReply {
        FinishLot, LotCreate => |finish, stage| LotCommand::Finish {
            children: children(stage, finish.lot_id)?,
            now: stage.now(),
        };
    }
}

/// Closes a lot if it is consumed and all that was made of it is closed; else nothing happens. What `lot_finisher` asks after
/// each lot that is closed: that others are still open is no refusal then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FinishLotIfDue {
    /// The lot.
    pub lot_id: Uuid,
}

impl Command for FinishLotIfDue {
    const NAME: &'static str = "FinishLotIfDue";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let lot = super::lot(stage, self.lot_id)?;
        if lot.found()?.status != LotStatus::Consumed {
            return Ok(());
        }
        let children = children(stage, self.lot_id)?;
        if children.iter().all(|(_, status)| status.is_closed()) {
            let finish = LotCommand::Finish { children, now: stage.now() };
            stage.decide::<Lot>(&self.lot_id.to_string(), finish)?;
        }
        Ok(())
    }
}

/// Every child with where it stands.
fn children(stage: &mut Stage<'_>, lot_id: Uuid) -> Result<Vec<(LotCode, LotStatus)>, Stop> {
    let lot = super::lot(stage, lot_id)?;
    let ids: Vec<String> = lot.found()?.children.iter().map(|child| child.lot_id.to_string()).collect();
    stage.load_all::<Lot>(ids.iter().map(String::as_str))?;
    let mut children = Vec::with_capacity(ids.len());
    for id in &ids {
        let child = stage.state::<Lot>(id)?;
        let state = child.found()?;
        children.push((state.lot_code.clone(), state.status));
    }
    Ok(children)
}
