use async_graphql::SimpleObject;
use commands::lots::{
    AddLotInput, ConfirmReject, CreateLot, FinishLot, HoldLot, HoldReply, Input, LotReply, ProduceLot,
    RegisterLot, ResolveHold, ShipLot, WeighLot, WriteOffRemainder,
};
use domain::lots::{
    LotType,
    lot::{self, RangeCode},
};

use super::Lot;
use crate::graphql::{
    kernel::{E, Id},
    lots::{Buffer, Deviation, FreezerCycle, Partner, Run},
};

/// A warning: the weight is unusual. Nothing was refused for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SimpleObject)]
pub struct WeightAdvice {
    /// Which range.
    pub code: E<RangeCode>,
    /// The least usual weight in grams.
    pub min_g: i64,
    /// The greatest usual weight in grams.
    pub max_g: i64,
}

impl From<&lot::WeightAdvice> for WeightAdvice {
    fn from(advice: &lot::WeightAdvice) -> Self {
        Self { code: E(advice.code), min_g: advice.min_grams.0, max_g: advice.max_grams.0 }
    }
}

crate::payloads! {
    /// A lot after a command.
    LotPayload of LotReply {
        /// The lot, as it is after the command.
        lot: Lot by |reply| Some(reply.lot_id);
        {
            /// What is unusual about its weight.
            advice: WeightAdvice = |reply| reply.advice.as_ref().map(WeightAdvice::from);
        }
    }

    /// A held lot.
    HoldPayload of HoldReply {
        /// The lot, as it is after the command.
        lot: Lot by |reply| Some(reply.lot_id);
        /// The deviation that must be resolved.
        deviation: Deviation by |reply| reply.deviation_id;
    }
}

crate::inputs! {
    /// Receives raw material.
    CreateLotInput => CreateLot {
        /// Who delivered it: a partner with the role SUPPLIER.
        supplier_id as "supplier": Option<Id<Partner>>,
        /// Net grams, 0 to 10,000,000; 0: not yet weighed.
        #[graphql(default)]
        weight_grams as "weightG": i32,
        /// The run that it belongs to.
        run_id as "run": Option<Id<Run>>,
        /// A code given by hand, such as `RAW-20260302-DUNA-0001`; left out, the next of the day is taken.
        code: Option<String>,
    }

    /// One input of a lot: which lot, and how much of it.
    LotInputInput => Input {
        /// The lot.
        lot_id as "lot": Id<Lot>,
        /// How many grams of it, at least 1.
        used_grams as "usedG": i32,
        /// The buffer that it is taken from.
        from_buffer_id as "fromBuffer": Option<Id<Buffer>>,
    }

    /// Makes a lot from others.
    ProduceLotInput => ProduceLot {
        /// Any type but RAW.
        lot_type as "type": E<LotType>,
        /// What it is made from, 1 to 200.
        inputs: Vec<LotInputInput>,
        /// Net grams, 0 to 10,000,000; 0: not yet weighed.
        #[graphql(default)]
        weight_grams as "weightG": i32,
        /// Why a weight outside the tolerance is accepted, 10 to 500 characters; needs `run:control`.
        override_reason: Option<String>,
        /// The run that it belongs to.
        run_id as "run": Option<Id<Run>>,
        /// The freezer cycle of a frozen lot.
        freezer_cycle_id as "freezerCycle": Option<Id<FreezerCycle>>,
        /// A code given by hand; left out, the next of the day is taken.
        code: Option<String>,
    }

    /// Adds further inputs to a lot that has not been released.
    AddLotInputInput => AddLotInput {
        /// The lot.
        lot_id as "lot": Id<Lot>,
        /// What is added, 1 to 200.
        inputs: Vec<LotInputInput>,
        /// Net grams after the addition, when it was weighed anew.
        weight_grams as "weightG": Option<i32>,
        /// Why a weight outside the tolerance is accepted, 10 to 500 characters; needs `run:control`.
        override_reason: Option<String>,
    }

    /// Takes a lot's weight.
    WeighLotInput => WeighLot {
        /// The lot.
        lot_id as "lot": Id<Lot>,
        /// Net grams, 1 to 10,000,000.
        weight_grams as "weightG": i32,
        /// Why a weight outside the tolerance of its inputs is accepted, 10 to 500 characters; needs `run:control`.
        override_reason: Option<String>,
    }

    /// Lets a weighed lot wait for its gate.
    RegisterLotInput => RegisterLot {
        /// The lot.
        lot_id as "lot": Id<Lot>,
    }

    /// Ends a hold whose deviation was dispositioned RELEASE.
    ResolveHoldInput => ResolveHold {
        /// The lot.
        lot_id as "lot": Id<Lot>,
    }

    /// Rejects a held lot whose deviation was dispositioned DISPOSE or RETURN_TO_SUPPLIER.
    ConfirmRejectInput => ConfirmReject {
        /// The lot.
        lot_id as "lot": Id<Lot>,
    }

    /// Closes a consumed lot after all that was made of it.
    FinishLotInput => FinishLot {
        /// The lot.
        lot_id as "lot": Id<Lot>,
    }

    /// Holds a released lot by hand.
    HoldLotInput => HoldLot {
        /// The lot.
        lot_id as "lot": Id<Lot>,
        /// 10 to 500 characters.
        reason: String,
    }

    /// Gives up what is left of a lot that something was made of.
    WriteOffRemainderInput => WriteOffRemainder {
        /// The lot.
        lot_id as "lot": Id<Lot>,
        /// 10 to 500 characters.
        reason: String,
    }

    /// Ships all that is left of a SHIP lot.
    ShipLotInput => ShipLot {
        /// The lot.
        lot_id as "lot": Id<Lot>,
        /// Who receives it: a partner with the role CUSTOMER, name and address.
        consignee_id as "consignee": Id<Partner>,
        /// Who carries it: a partner with the role CARRIER, name and address.
        carrier_id as "carrier": Option<Id<Partner>>,
        /// The transport document's number, 1 to 100 characters.
        document: String,
    }
}

crate::mutations! {
    /// The commands around lots.
    LotMutations {
        /// Receives raw material as a RAW lot. Needs `lot:create`.
        create_lot("createLot", CreateLotInput) -> LotPayload;
        /// Makes a lot from others: the lot, its links and every input in one commit. Needs `lot:create` and a key.
        produce_lot("produceLot", ProduceLotInput) -> LotPayload;
        /// Adds further inputs to a lot that has not been released. Needs `lot:create`.
        add_lot_input("addLotInput", AddLotInputInput) -> LotPayload;
        /// Takes a lot's weight. Needs `lot:create`.
        weigh_lot("weighLot", WeighLotInput) -> LotPayload;
        /// Lets a weighed lot wait for its gate. Needs `lot:create`.
        register_lot("registerLot", RegisterLotInput) -> LotPayload;
        /// Holds a released lot. Needs `qc:decide`.
        hold_lot("holdLot", HoldLotInput) -> HoldPayload;
        /// Ends a hold whose deviation was dispositioned RELEASE. Needs `run:control`.
        resolve_hold("resolveHold", ResolveHoldInput) -> LotPayload;
        /// Rejects a held lot whose deviation was dispositioned DISPOSE or RETURN_TO_SUPPLIER. Needs `run:control`.
        confirm_reject("confirmReject", ConfirmRejectInput) -> LotPayload;
        /// Gives up what is left of a lot that something was made of. Needs `run:control`.
        write_off_remainder("writeOffRemainder", WriteOffRemainderInput) -> LotPayload;
        /// Closes a consumed lot after all that was made of it. Needs `lot:create`.
        finish_lot("finishLot", FinishLotInput) -> LotPayload;
        /// Ships all that is left of a SHIP lot. Needs `lot:create`.
        ship_lot("shipLot", ShipLotInput) -> LotPayload;
    }
}
