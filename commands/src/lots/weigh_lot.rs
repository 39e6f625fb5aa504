use domain::lots::{Lot, LotCommand};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LotReply, balance_override};
use crate::own_stream;

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

/// Lets a weighed lot wait for its gate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegisterLot {
    /// The lot.
    pub lot_id: Uuid,
}

// A lot of a run will need it RUNNING to be registered; the guard stands here once runs have commands.
own_stream! {
    Lot, named lot_id as "lotId", answers LotReply {
        WeighLot, LotCreate => |weigh, stage| LotCommand::Weigh {
            weight_grams: weigh.weight_grams,
            balance_override: balance_override(stage, weigh.override_reason.as_ref())?,
            now: stage.now(),
        };
        RegisterLot, LotCreate => |_register, stage| LotCommand::Register { now: stage.now() },
            counts |lot| {
                metrics::counter!("cairn_lots_registered_total", "lot_type" => lot.lot_type.as_str()).increment(1);
            };
    }
}
