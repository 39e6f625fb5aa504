//! The rules of making one lot from others (lots.md, "Process rules"), as pure functions.

use uuid::Uuid;

use super::{
    Grams, LotType, Sku, Step,
    lot::{BalanceOverride, LotInput, LotRefusal, LotState, LotStatus, UseLot, WeightBalanceOverridden},
};
use crate::kernel::{InvalidInput, LocalDay, TextFault, TextRule};

/// The most inputs that one command may name, so that a commit stays within its limits.
pub const MAX_INPUTS: usize = 200;

/// The most parents, and the most children, that one lot may have: it is finished in a commit that rests on every child,
/// and a commit names at most 512 streams.
pub const MAX_LINKS: usize = 500;

/// New lots are made of the current types; RAW is received, not made, and the older types come by import alone.
///
/// # Errors
/// When no new lot may be made of the type.
pub fn check_made_type(lot_type: LotType) -> Result<(), InvalidInput> {
    if lot_type == LotType::Raw || lot_type.is_legacy() {
        return Err(InvalidInput::new("lotType", "must be a lot type from DEB to SHIP"));
    }
    Ok(())
}

/// RAW → DEB → BULK → MIX → SKW → FRZ → FG → PAL → SHIP: the next rung only.
pub(super) fn check_ladder(parent_type: LotType, child_type: LotType) -> Result<(), LotRefusal> {
    if child_type.rung() == parent_type.rung() + 1 {
        Ok(())
    } else {
        Err(LotRefusal::TypeLadder { parent_type, child_type })
    }
}

/// MIX, DEB and BULK are used on their own production day; RAW, rods, frozen and packed goods on any.
pub(super) fn check_day(parent: &LotState, day: LocalDay) -> Result<(), LotRefusal> {
    let (lot_code, production_day) = (parent.lot_code.clone(), parent.production_day);
    if production_day == day {
        return Ok(());
    }
    match parent.lot_type {
        LotType::Mix => Err(LotRefusal::MixNotSameDay { lot_code, production_day }),
        LotType::Deb | LotType::Bulk => Err(LotRefusal::BacklogNotAllowed { lot_code, production_day }),
        LotType::Raw
        | LotType::Skw15
        | LotType::Skw30
        | LotType::Skw
        | LotType::Frz15
        | LotType::Frz30
        | LotType::Frz
        | LotType::Fg15
        | LotType::Fg30
        | LotType::Fg
        | LotType::Pal
        | LotType::Ship => Ok(()),
    }
}

/// Whether a part of the parent may go into the child: the parent's side of every rule.
pub(super) fn check_use(parent: &LotState, command: &UseLot) -> Result<(), LotRefusal> {
    let lot_code = || parent.lot_code.clone();
    let is_linked = parent.children.iter().any(|child| child.lot_id == command.child_id);
    if command.lot_id == command.child_id || is_linked {
        return Err(LotRefusal::LinkInvalid { lot_code: lot_code() });
    }
    check_ladder(parent.lot_type, command.child_type)?;
    if parent.children.len() >= MAX_LINKS {
        return Err(LotRefusal::LinkLimit { lot_code: lot_code() });
    }
    let remaining = parent.remaining_grams();
    let not_enough = LotRefusal::NotEnoughLeft { lot_code: lot_code(), remaining };
    match parent.status {
        LotStatus::Released => {}
        // Used up: what is missing is the goods, not the release.
        LotStatus::Consumed | LotStatus::Finished => return Err(not_enough),
        LotStatus::Created | LotStatus::Quarantine | LotStatus::Hold | LotStatus::Rejected => {
            return Err(LotRefusal::ParentNotReleased { lot_code: lot_code(), status: parent.status });
        }
    }
    if command.used_grams > remaining {
        return Err(not_enough);
    }
    check_day(parent, command.day)
}

/// One to 200 inputs, each once, none of them the child itself or linked to it before.
pub(super) fn check_links(child_id: Uuid, linked: &[Uuid], inputs: &[LotInput]) -> Result<(), LotRefusal> {
    if inputs.is_empty() || inputs.len() > MAX_INPUTS {
        let problem = format!("must name 1 to {MAX_INPUTS} lots, they name {}", inputs.len());
        return Err(InvalidInput::new("inputs", problem).into());
    }
    for (index, input) in inputs.iter().enumerate() {
        if linked.len() + index >= MAX_LINKS {
            return Err(LotRefusal::LinkLimit { lot_code: input.lot_code.clone() });
        }
        let is_repeated = inputs[..index].iter().any(|other| other.lot_id == input.lot_id);
        if input.lot_id == child_id || is_repeated || linked.contains(&input.lot_id) {
            return Err(LotRefusal::LinkInvalid { lot_code: input.lot_code.clone() });
        }
    }
    Ok(())
}

/// The SKU of a lot made from these inputs; `known` is what it has already, be it none, when inputs are added to it.
/// FRZ and FG keep their input's SKU, a pallet carries one, a shipment may carry both and then has none.
pub(super) fn sku_of(
    child_type: LotType,
    known: Option<Option<Sku>>,
    inputs: &[LotInput],
) -> Result<Option<Sku>, LotRefusal> {
    let all_have =
        |sku: Option<Sku>| match inputs.iter().find(|input| input.sku.is_none() || input.sku != sku) {
            Some(stranger) => Err(LotRefusal::SkuMixed { lot_code: stranger.lot_code.clone() }),
            None => Ok(sku),
        };
    let first = inputs.first().and_then(|input| input.sku);
    match child_type {
        LotType::Raw | LotType::Deb | LotType::Bulk | LotType::Mix => Ok(None),
        LotType::Skw15 | LotType::Skw30 => Ok(child_type.sku()),
        LotType::Frz15 | LotType::Frz30 | LotType::Fg15 | LotType::Fg30 => all_have(child_type.sku()),
        LotType::Skw | LotType::Frz | LotType::Fg => Ok(known.flatten()),
        LotType::Pal => all_have(known.flatten().or(first)),
        LotType::Ship => {
            Ok(known.unwrap_or(first).filter(|sku| inputs.iter().all(|input| input.sku == Some(*sku))))
        }
    }
}

/// The least and greatest weight that a step's tolerance allows for this sum of inputs.
pub(super) fn tolerance(step: &Step, inputs_grams: Grams) -> (Grams, Grams) {
    let loss = step.loss_per_mille.unwrap_or(1_000);
    let least = inputs_grams.0.saturating_mul(1_000 - loss).saturating_add(999) / 1_000;
    let greatest = inputs_grams.0.saturating_mul(1_000 + step.gain_per_mille) / 1_000;
    (Grams(least), Grams(greatest))
}

/// Whether the weight can come from the inputs; an override that was needed is returned as its event. A lot that has
/// not been weighed, or was not made from others, has no balance.
pub(super) fn check_balance(
    lot_type: LotType,
    weight_grams: Grams,
    inputs_grams: Grams,
    balance_override: Option<&BalanceOverride>,
) -> Result<Option<WeightBalanceOverridden>, LotRefusal> {
    let accepted =
        balance_override.map(|given| accept_reason("overrideReason", &given.reason)).transpose()?;
    if weight_grams == Grams::ZERO || inputs_grams == Grams::ZERO {
        return Ok(None);
    }
    let (min_grams, max_grams) = tolerance(lot_type.step(), inputs_grams);
    if (min_grams..=max_grams).contains(&weight_grams) {
        return Ok(None);
    }
    match (balance_override, accepted) {
        (Some(given), Some(reason)) => Ok(Some(WeightBalanceOverridden {
            weight_grams,
            inputs_grams,
            min_grams,
            max_grams,
            reason,
            overridden_by: given.by.clone(),
        })),
        (Some(_), None) | (None, _) => Err(LotRefusal::WeightBalance { min: min_grams, max: max_grams }),
    }
}

/// A reason as it is kept: 10 to 500 characters.
pub(super) fn accept_reason(field: &'static str, reason: &str) -> Result<String, LotRefusal> {
    TextRule::lines(field, 10, 500).accept(reason).map_err(|fault| match fault {
        TextFault::TooShort { field, found, .. } => LotRefusal::ReasonTooShort { field, found },
        TextFault::Invalid(invalid) => invalid.into(),
    })
}
