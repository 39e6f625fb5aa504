//! What the plant's mutations take, and the commands that they become.

use std::collections::BTreeSet;

use async_graphql::{ID, InputObject};
use commands::{engine::Command, lots, ports::TenantId};
use domain::lots::{ChecklistAnswer, Gate, Subject};
use uuid::Uuid;

use super::enums::{Disposition, LotType, PartnerRole, QcDecision, ReadingType};
use crate::graphql::kernel::{GlobalId, GlobalIdError, MutationError};

/// Input of a mutation: turns into a command, or into the error of the field that cannot be read.
pub(super) trait Input {
    type Command: Command;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError>;
}

/// The id of an entity of the caller's tenant.
pub(super) fn entity_id(
    tenant: TenantId,
    type_name: &str,
    field: &str,
    id: &ID,
) -> Result<Uuid, MutationError> {
    let malformed = || MutationError::invalid(field, GlobalIdError::Malformed.to_string());
    let stream_id = GlobalId::decode_as(id, type_name, tenant).map_err(|error| match error {
        GlobalIdError::Malformed => malformed(),
        GlobalIdError::Foreign => MutationError::not_found(field, error.to_string()),
    })?;
    Uuid::try_parse(&stream_id).map_err(|_not_a_uuid| malformed())
}

/// Enters a partner, or replaces what is known of it.
#[derive(Debug, Clone, InputObject)]
pub struct SavePartnerInput {
    /// The partner to change; left out, a new one is entered.
    pub partner: Option<ID>,
    /// 1 to 200 characters.
    pub name: String,
    /// 1 to 500 characters; may be missing until the partner takes part in a shipment.
    pub address: Option<String>,
    /// At least one.
    pub roles: Vec<PartnerRole>,
}

impl Input for SavePartnerInput {
    type Command = lots::SavePartner;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
        let partner = self.partner.map(|id| entity_id(tenant, "Partner", "partner", &id)).transpose()?;
        let roles: BTreeSet<_> = self.roles.into_iter().map(Into::into).collect();
        Ok(lots::SavePartner { partner_id: partner, name: self.name, address: self.address, roles })
    }
}

/// Receives raw material.
#[derive(Debug, Clone, InputObject)]
pub struct CreateLotInput {
    /// Who delivered it: a partner with the role SUPPLIER.
    pub supplier: Option<ID>,
    /// Net grams, 0 to 10,000,000; 0: not yet weighed.
    #[graphql(default)]
    pub weight_g: i32,
    /// The run that it belongs to.
    pub run: Option<ID>,
    /// A code given by hand, such as `RAW-20260302-DUNA-0001`; left out, the next of the day is taken.
    pub code: Option<String>,
}

impl Input for CreateLotInput {
    type Command = lots::CreateLot;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
        Ok(lots::CreateLot {
            supplier_id: self.supplier.map(|id| entity_id(tenant, "Partner", "supplier", &id)).transpose()?,
            weight_grams: self.weight_g.into(),
            run_id: self.run.map(|id| entity_id(tenant, "Run", "run", &id)).transpose()?,
            code: self.code,
        })
    }
}

/// One input of a lot: which lot, and how much of it.
#[derive(Debug, Clone, InputObject)]
pub struct LotInputInput {
    /// The lot.
    pub lot: ID,
    /// How many grams of it, at least 1.
    pub used_g: i32,
    /// The buffer that it is taken from.
    pub from_buffer: Option<ID>,
}

fn inputs(tenant: TenantId, given: Vec<LotInputInput>) -> Result<Vec<lots::Input>, MutationError> {
    let input = |one: LotInputInput| {
        let buffer = one.from_buffer.map(|id| entity_id(tenant, "Buffer", "inputs.fromBuffer", &id));
        Ok(lots::Input {
            lot_id: entity_id(tenant, "Lot", "inputs.lot", &one.lot)?,
            used_grams: one.used_g.into(),
            from_buffer_id: buffer.transpose()?,
        })
    };
    given.into_iter().map(input).collect()
}

/// Makes a lot from others.
#[derive(Debug, Clone, InputObject)]
pub struct ProduceLotInput {
    /// Any type but RAW.
    #[graphql(name = "type")]
    pub lot_type: LotType,
    /// What it is made from, 1 to 200.
    pub inputs: Vec<LotInputInput>,
    /// Net grams, 0 to 10,000,000; 0: not yet weighed.
    #[graphql(default)]
    pub weight_g: i32,
    /// Why a weight outside the tolerance is accepted, 10 to 500 characters; needs `run:control`.
    pub override_reason: Option<String>,
    /// The run that it belongs to.
    pub run: Option<ID>,
    /// The freezer cycle of a frozen lot.
    pub freezer_cycle: Option<ID>,
    /// A code given by hand; left out, the next of the day is taken.
    pub code: Option<String>,
}

impl Input for ProduceLotInput {
    type Command = lots::ProduceLot;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
        let cycle = self.freezer_cycle.map(|id| entity_id(tenant, "FreezerCycle", "freezerCycle", &id));
        Ok(lots::ProduceLot {
            lot_type: self.lot_type.into(),
            inputs: inputs(tenant, self.inputs)?,
            weight_grams: self.weight_g.into(),
            override_reason: self.override_reason,
            run_id: self.run.map(|id| entity_id(tenant, "Run", "run", &id)).transpose()?,
            freezer_cycle_id: cycle.transpose()?,
            code: self.code,
        })
    }
}

/// Adds further inputs to a lot that has not been released.
#[derive(Debug, Clone, InputObject)]
pub struct AddLotInputInput {
    /// The lot.
    pub lot: ID,
    /// What is added, 1 to 200.
    pub inputs: Vec<LotInputInput>,
    /// Net grams after the addition, when it was weighed anew.
    pub weight_g: Option<i32>,
    /// Why a weight outside the tolerance is accepted, 10 to 500 characters; needs `run:control`.
    pub override_reason: Option<String>,
}

impl Input for AddLotInputInput {
    type Command = lots::AddLotInput;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
        Ok(lots::AddLotInput {
            lot_id: entity_id(tenant, "Lot", "lot", &self.lot)?,
            inputs: inputs(tenant, self.inputs)?,
            weight_grams: self.weight_g.map(Into::into),
            override_reason: self.override_reason,
        })
    }
}

/// Takes a lot's weight.
#[derive(Debug, Clone, InputObject)]
pub struct WeighLotInput {
    /// The lot.
    pub lot: ID,
    /// Net grams, 1 to 10,000,000.
    pub weight_g: i32,
    /// Why a weight outside the tolerance of its inputs is accepted, 10 to 500 characters; needs `run:control`.
    pub override_reason: Option<String>,
}

impl Input for WeighLotInput {
    type Command = lots::WeighLot;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
        Ok(lots::WeighLot {
            lot_id: entity_id(tenant, "Lot", "lot", &self.lot)?,
            weight_grams: self.weight_g.into(),
            override_reason: self.override_reason,
        })
    }
}

macro_rules! names_a_lot {
    ($( $(#[$meta:meta])* $input:ident => $command:ident; )*) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, InputObject)]
        pub struct $input {
            /// The lot.
            pub lot: ID,
        }

        impl Input for $input {
            type Command = lots::$command;

            fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
                Ok(lots::$command { lot_id: entity_id(tenant, "Lot", "lot", &self.lot)? })
            }
        }
    )* };
}

names_a_lot! {
    /// Lets a weighed lot wait for its gate.
    RegisterLotInput => RegisterLot;
    /// Ends a hold whose deviation was dispositioned RELEASE.
    ResolveHoldInput => ResolveHold;
    /// Rejects a held lot whose deviation was dispositioned DISPOSE or RETURN_TO_SUPPLIER.
    ConfirmRejectInput => ConfirmReject;
    /// Closes a consumed lot after all that was made of it.
    FinishLotInput => FinishLot;
}

macro_rules! gives_a_reason {
    ($( $(#[$meta:meta])* $input:ident => $command:ident; )*) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, InputObject)]
        pub struct $input {
            /// The lot.
            pub lot: ID,
            /// 10 to 500 characters.
            pub reason: String,
        }

        impl Input for $input {
            type Command = lots::$command;

            fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
                let lot_id = entity_id(tenant, "Lot", "lot", &self.lot)?;
                Ok(lots::$command { lot_id, reason: self.reason })
            }
        }
    )* };
}

gives_a_reason! {
    /// Holds a released lot by hand.
    HoldLotInput => HoldLot;
    /// Gives up what is left of a lot that something was made of.
    WriteOffRemainderInput => WriteOffRemainder;
}

/// One line of an inspection's checklist.
#[derive(Debug, Clone, InputObject)]
pub struct ChecklistAnswerInput {
    /// What was asked, 1 to 200 characters.
    pub question: String,
    /// Whether it is as it should be.
    pub is_met: bool,
    /// What there is to say about it, at most 500 characters.
    pub remark: Option<String>,
}

/// A decision at a gate.
#[derive(Debug, Clone, InputObject)]
pub struct RecordInspectionInput {
    /// The lot.
    pub lot: ID,
    /// The gate's key: `1`, `3`, `4`, `5`, `6`, `6.5`, `7`, `8` or `10`.
    pub gate: String,
    /// The kind of inspection, 1 to 30 characters.
    pub inspection_type: String,
    /// The decision.
    pub decision: QcDecision,
    /// At most 2,000 characters; at least 10 unless the decision is PASS.
    #[graphql(default)]
    pub notes: String,
    /// The answers to the checklist.
    #[graphql(default)]
    pub checklist: Vec<ChecklistAnswerInput>,
    /// At most 512 characters.
    pub signature: Option<String>,
}

impl Input for RecordInspectionInput {
    type Command = lots::RecordInspection;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
        let gate: Gate = self.gate.parse().map_err(|refusal| MutationError::refusal(&refusal))?;
        let answer = |answer: ChecklistAnswerInput| ChecklistAnswer {
            question: answer.question,
            is_met: answer.is_met,
            remark: answer.remark,
        };
        Ok(lots::RecordInspection {
            lot_id: entity_id(tenant, "Lot", "lot", &self.lot)?,
            gate,
            inspection_type: self.inspection_type,
            decision: self.decision.into(),
            notes: self.notes,
            checklist: self.checklist.into_iter().map(answer).collect(),
            signature: self.signature,
        })
    }
}

/// A reading.
#[derive(Debug, Clone, InputObject)]
pub struct RecordTemperatureInput {
    /// The lot that was measured.
    pub lot: ID,
    /// Where the thermometer was held.
    #[graphql(name = "type")]
    pub reading_type: ReadingType,
    /// Tenths of a degree Celsius, -500 to 1,000.
    pub tenths_c: i32,
}

impl Input for RecordTemperatureInput {
    type Command = lots::RecordTemperature;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
        Ok(lots::RecordTemperature {
            subject: Subject::Lot(entity_id(tenant, "Lot", "lot", &self.lot)?),
            reading_type: self.reading_type.into(),
            tenths_c: self.tenths_c,
        })
    }
}

/// Decides what becomes of held goods.
#[derive(Debug, Clone, InputObject)]
pub struct DispositionDeviationInput {
    /// The deviation.
    pub deviation: ID,
    /// The decision.
    pub disposition: Disposition,
    /// 10 to 2,000 characters, when it is known already.
    pub root_cause: Option<String>,
}

impl Input for DispositionDeviationInput {
    type Command = lots::DispositionDeviation;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
        Ok(lots::DispositionDeviation {
            deviation_id: entity_id(tenant, "Deviation", "deviation", &self.deviation)?,
            disposition: self.disposition.into(),
            root_cause: self.root_cause,
        })
    }
}

/// Signs a deviation off.
#[derive(Debug, Clone, InputObject)]
pub struct CloseDeviationInput {
    /// The deviation.
    pub deviation: ID,
    /// 10 to 2,000 characters; may be left out when the disposition named it.
    pub root_cause: Option<String>,
}

impl Input for CloseDeviationInput {
    type Command = lots::CloseDeviation;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
        let deviation_id = entity_id(tenant, "Deviation", "deviation", &self.deviation)?;
        Ok(lots::CloseDeviation { deviation_id, root_cause: self.root_cause })
    }
}

/// Ships all that is left of a SHIP lot.
#[derive(Debug, Clone, InputObject)]
pub struct ShipLotInput {
    /// The lot.
    pub lot: ID,
    /// Who receives it: a partner with the role CUSTOMER, name and address.
    pub consignee: ID,
    /// Who carries it: a partner with the role CARRIER, name and address.
    pub carrier: Option<ID>,
    /// The transport document's number, 1 to 100 characters.
    pub document: String,
}

impl Input for ShipLotInput {
    type Command = lots::ShipLot;

    fn into_command(self, tenant: TenantId) -> Result<Self::Command, MutationError> {
        Ok(lots::ShipLot {
            lot_id: entity_id(tenant, "Lot", "lot", &self.lot)?,
            consignee_id: entity_id(tenant, "Partner", "consignee", &self.consignee)?,
            carrier_id: self.carrier.map(|id| entity_id(tenant, "Partner", "carrier", &id)).transpose()?,
            document: self.document,
        })
    }
}
