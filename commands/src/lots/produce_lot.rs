use std::sync::Arc;

use domain::{
    identity::Permission,
    kernel::{InvalidInput, NotFound},
    lots::{
        Grams, Lot, LotCode, LotCommand, LotType, MAX_INPUTS, check_made_type,
        lot::{self, LotInput, UseLot},
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LotReply, balance_override, codes::code_for, lot_subject, none_exists, today};
use crate::engine::{Command, Reply as _, Stage, Stop};

/// One input: which lot, and how much of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input {
    /// The lot.
    pub lot_id: Uuid,
    /// How much of it, at least 1.
    pub used_grams: i64,
    /// The buffer that it is taken from.
    pub from_buffer_id: Option<Uuid>,
}

/// Makes a lot from others: the child, its links and every parent in one commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProduceLot {
    /// Any type but RAW.
    pub lot_type: LotType,
    /// What it is made from, 1 to 200.
    pub inputs: Vec<Input>,
    /// 0 to 10,000,000; 0: not yet weighed.
    pub weight_grams: i64,
    /// Why a weight outside the tolerance is accepted, 10 to 500 characters; needs run:control.
    pub override_reason: Option<String>,
    /// The run that it belongs to.
    pub run_id: Option<Uuid>,
    /// The freezer cycle of a frozen lot.
    pub freezer_cycle_id: Option<Uuid>,
    /// A code given by hand; left out, the next of the day is taken.
    pub code: Option<String>,
}

impl Command for ProduceLot {
    const NAME: &'static str = "ProduceLot";
    const PERMISSION: Permission = Permission::LotCreate;
    const KEY_REQUIRED: bool = true;
    type Reply = LotReply;

    fn made(reply: &LotReply) -> Option<(&'static str, String)> {
        lot_subject(reply.lot_id)
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<LotReply, Stop> {
        none_exists("runId", self.run_id)?;
        none_exists("freezerCycleId", self.freezer_cycle_id)?;
        check_made_type(self.lot_type)?;
        let balance_override = balance_override(stage, self.override_reason.as_ref())?;
        let inputs = load_inputs(stage, &self.inputs)?;
        let lot_id = stage.next_id();
        let lot_code = code_for(stage, self.lot_type, lot_id, self.code.as_deref())?;
        take_from_parents(stage, &inputs, lot_id, &lot_code, self.lot_type)?;
        let produce = lot::ProduceLot {
            lot_id,
            lot_code,
            lot_type: self.lot_type,
            inputs,
            weight_grams: self.weight_grams,
            balance_override,
            run_id: self.run_id,
            freezer_cycle_id: self.freezer_cycle_id,
            production_day: today(stage),
            now: stage.now(),
        };
        let lot = stage.decide::<Lot>(&lot_id.to_string(), LotCommand::Produce(produce))?;
        LotReply::of(lot_id, &lot)
    }
}

/// Adds further inputs to a lot that has not been released.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddLotInput {
    /// The lot.
    pub lot_id: Uuid,
    /// What is added, 1 to 200.
    pub inputs: Vec<Input>,
    /// The weight after the addition, when it was weighed anew.
    pub weight_grams: Option<i64>,
    /// Why a weight outside the tolerance is accepted, 10 to 500 characters; needs run:control.
    pub override_reason: Option<String>,
}

impl Command for AddLotInput {
    const NAME: &'static str = "AddLotInput";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = LotReply;

    fn subject(&self) -> Option<(&'static str, String)> {
        lot_subject(self.lot_id)
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<LotReply, Stop> {
        let balance_override = balance_override(stage, self.override_reason.as_ref())?;
        let child = super::lot(stage, self.lot_id)?;
        let (child_code, child_type) = child.found().map(|state| (state.lot_code.clone(), state.lot_type))?;
        let inputs = load_inputs(stage, &self.inputs)?;
        let add = lot::AddLotInput {
            lot_id: self.lot_id,
            inputs: inputs.clone(),
            weight_grams: self.weight_grams,
            balance_override,
            now: stage.now(),
        };
        // The child first: whether it may change at all comes before what its parents have left.
        let child = stage.decide::<Lot>(&self.lot_id.to_string(), LotCommand::AddInput(add))?;
        take_from_parents(stage, &inputs, self.lot_id, &child_code, child_type)?;
        LotReply::of(self.lot_id, &child)
    }
}

/// Reads every parent in one round; each must exist. What the parent itself says to the taking comes after.
fn load_inputs(stage: &mut Stage<'_>, inputs: &[Input]) -> Result<Vec<LotInput>, Stop> {
    if inputs.len() > MAX_INPUTS {
        return Err(InvalidInput::new("inputs", format!("must name 1 to {MAX_INPUTS} lots")).into());
    }
    let ids: Vec<String> = inputs.iter().map(|input| input.lot_id.to_string()).collect();
    stage.load_all::<Lot>(ids.iter().map(String::as_str))?;
    inputs.iter().zip(&ids).map(|(input, id)| load_input(stage, input, id)).collect()
}

fn load_input(stage: &mut Stage<'_>, input: &Input, id: &str) -> Result<LotInput, Stop> {
    none_exists("inputs.fromBufferId", input.from_buffer_id)?;
    let used_grams = Grams::amount("inputs.usedGrams", input.used_grams)?;
    let parent: Arc<Lot> = stage.state::<Lot>(id)?;
    let state = parent.existing().ok_or(NotFound { field: "inputs.lotId" })?;
    Ok(LotInput {
        lot_id: input.lot_id,
        lot_code: state.lot_code.clone(),
        lot_type: state.lot_type,
        sku: state.sku,
        used_grams,
        from_buffer_id: input.from_buffer_id,
    })
}

fn take_from_parents(
    stage: &mut Stage<'_>,
    inputs: &[LotInput],
    child_id: Uuid,
    child_code: &LotCode,
    child_type: LotType,
) -> Result<(), Stop> {
    let day = today(stage);
    for input in inputs {
        let take = UseLot {
            lot_id: input.lot_id,
            child_id,
            child_code: child_code.clone(),
            child_type,
            used_grams: input.used_grams,
            from_buffer_id: input.from_buffer_id,
            day,
            now: stage.now(),
        };
        stage.decide::<Lot>(&input.lot_id.to_string(), LotCommand::Use(take))?;
    }
    Ok(())
}
