use async_graphql::{Context, Object, Result};

use super::{
    inputs::{
        AddLotInputInput, CloseDeviationInput, ConfirmRejectInput, CreateLotInput, DispositionDeviationInput,
        FinishLotInput, HoldLotInput, Input, ProduceLotInput, RecordInspectionInput, RecordTemperatureInput,
        RegisterLotInput, ResolveHoldInput, SavePartnerInput, ShipLotInput, WeighLotInput,
        WriteOffRemainderInput,
    },
    payloads::{
        DeviationPayload, HoldPayload, InspectionPayload, LotPayload, PartnerPayload, TemperaturePayload,
    },
};
use crate::graphql::kernel::{FromRequest, Int64, Mutation, Outcome, run};

/// The plant's commands.
#[derive(Debug, Clone, Copy, Default)]
pub struct LotMutations;

/// Gives the command that the input stands for, and shows what came of it.
async fn give<I, P>(
    context: &Context<'_>,
    operation: &'static str,
    input: I,
    idempotency_key: Option<String>,
    expected_version: Option<Int64>,
) -> Result<P>
where
    I: Input,
    P: From<Outcome<<I::Command as commands::engine::Command>::Reply>>,
{
    let tenant = context.request()?.caller.tenant;
    let command = match input.into_command(tenant) {
        Ok(command) => command,
        Err(error) => return Ok(Outcome::failed(error).into()),
    };
    let mutation = Mutation { operation, idempotency_key: idempotency_key.as_deref(), expected_version };
    Ok(run(context, mutation, command).await?.into())
}

macro_rules! mutations {
    ($( $(#[$meta:meta])* $field:ident($operation:literal, $input:ty) -> $payload:ty; )*) => {
        #[Object]
        impl LotMutations {
            $(
                $(#[$meta])*
                async fn $field(
                    &self,
                    context: &Context<'_>,
                    #[graphql(desc = "What to do.")] input: $input,
                    #[graphql(desc = "The same key with the same input gets the first answer again; the header \
                                      Idempotency-Key stands in for it.")]
                    idempotency_key: Option<String>,
                    #[graphql(desc = "The version of the entity that the client has seen; another one answers \
                                      CONCURRENT_MODIFICATION.")]
                    expected_version: Option<Int64>,
                ) -> Result<$payload> {
                    give(context, $operation, input, idempotency_key, expected_version).await
                }
            )*
        }
    };
}

mutations! {
    /// Enters a partner (supplier, customer, carrier), or replaces what is known of it. Needs `run:control`.
    save_partner("savePartner", SavePartnerInput) -> PartnerPayload;
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
    /// Writes a decision at a gate down; the lot is released, held or rejected with it. Needs `qc:decide`.
    record_inspection("recordInspection", RecordInspectionInput) -> InspectionPayload;
    /// Records a reading; one that violates its limit holds the lot in the same commit. Needs `temperature:record`.
    record_temperature("recordTemperature", RecordTemperatureInput) -> TemperaturePayload;
    /// Holds a released lot. Needs `qc:decide`.
    hold_lot("holdLot", HoldLotInput) -> HoldPayload;
    /// Decides what becomes of held goods. Needs `run:control`.
    disposition_deviation("dispositionDeviation", DispositionDeviationInput) -> DeviationPayload;
    /// Signs a deviation off; not by whoever recorded the reading. Needs `run:control`.
    close_deviation("closeDeviation", CloseDeviationInput) -> DeviationPayload;
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
