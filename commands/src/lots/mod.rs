//! The commands of the plant: lots, their quality, and the partners around them (rules: lots.md).
//!
//! A handler gathers what a rule needs (the parents, the latest reading, the supplier), lets the aggregates decide, and
//! answers with ids and codes. It holds no rule of its own. Reading order: `create_lot` (how a code is taken),
//! `produce_lot` (many streams in one commit), `record_inspection`, then the others as they come.

mod codes;
mod create_lot;
mod deviations;
mod finish_lot;
mod holds;
mod partners;
mod process;
mod produce_lot;
mod record_inspection;
mod record_temperature;
mod remainder;
mod weigh_lot;

use std::sync::Arc;

use domain::{
    claims::KeyClaim,
    identity::Permission,
    kernel::{LocalDay, NotFound},
    lots::{
        CodeSequence, Deviation, Grams, Inspection, Lot, LotCode, LotStatus, LotType, Partner,
        TemperatureLog,
        lot::{BalanceOverride, WeightAdvice},
    },
    refusals,
};
use uuid::Uuid;

pub use domain::lots::SavePartner;

pub use self::{
    codes::lot_code_claim,
    create_lot::CreateLot,
    deviations::{CloseDeviation, DeviationReply, DispositionDeviation, RemindDeviation},
    finish_lot::{FinishLot, FinishLotIfDue},
    holds::{ConfirmReject, HoldLot, HoldReply, ResolveHold},
    partners::PartnerReply,
    process::LotFinisher,
    produce_lot::{AddLotInput, Input, ProduceLot},
    record_inspection::{InspectionReply, RecordInspection},
    record_temperature::{RecordTemperature, TemperatureReply},
    remainder::{ShipLot, WriteOffRemainder},
    weigh_lot::{RegisterLot, WeighLot},
};
use crate::{
    aggregates,
    engine::{Stage, Stop},
    replies,
};

aggregates! {
    KeyClaim = 1;
    Partner = 1;
    CodeSequence = 2;
    Lot = 3;
    Inspection = 1;
    Deviation = 2;
    TemperatureLog = 2;
}

replies! {
    /// A lot after a command.
    pub struct LotReply of Lot as lot_id {
        /// Its code.
        lot_code: LotCode = |lot| lot.found()?.lot_code.clone();
        /// Its type.
        lot_type: LotType = |lot| lot.found()?.lot_type;
        /// Where it stands.
        status: LotStatus = |lot| lot.found()?.status;
        /// Its weight; 0: not yet weighed.
        weight_grams: Grams = |lot| lot.found()?.weight_grams;
        /// What is left of it.
        remaining_grams: Grams = |lot| lot.found()?.remaining_grams();
        /// What is unusual about its weight.
        advice: Option<WeightAdvice> = |lot| lot.found()?.weight_advice();
    }
}

refusals! {
    /// The caller may not use a part of the command that needs more than the command itself.
    struct PermissionMissing { field: &'static str, required: Permission } = "FORBIDDEN" as Forbidden,
        "{field} needs the permission {permission}", with permission = required.as_str(),
        at field, tells { required: [required.as_str()] };
}

/// Whoever overrides the weight balance needs run:control and answers for it by name.
fn balance_override(
    stage: &Stage<'_>,
    reason: Option<&String>,
) -> Result<Option<BalanceOverride>, PermissionMissing> {
    let Some(reason) = reason else { return Ok(None) };
    if !stage.permits(Permission::RunControl) {
        return Err(PermissionMissing { field: "overrideReason", required: Permission::RunControl });
    }
    Ok(Some(BalanceOverride { reason: reason.clone(), by: stage.actor().to_string() }))
}

/// The local day of the decision.
fn today(stage: &Stage<'_>) -> LocalDay {
    LocalDay::at(stage.now(), stage.settings().time_zone)
}

/// Refuses an id of something that cannot exist yet: runs, buffers and freezer cycles have no commands so far. The
/// guard that the rules ask for stands here once they have.
fn none_exists(field: &'static str, id: Option<Uuid>) -> Result<(), NotFound> {
    match id {
        Some(_) => Err(NotFound { field }),
        None => Ok(()),
    }
}

/// A lot that must exist.
fn lot(stage: &mut Stage<'_>, lot_id: Uuid) -> Result<Arc<Lot>, Stop> {
    stage.existing::<Lot>("lotId", lot_id)
}

/// What a lot's stream is called, for `expectedVersion`.
fn lot_subject(lot_id: Uuid) -> Option<(&'static str, String)> {
    Some((<Lot as domain::Decider>::CATEGORY, lot_id.to_string()))
}

#[cfg(test)]
mod tests {
    use domain::{
        Refusal as _,
        kernel::{Detail, RefusalKind},
        lots::{PartnerRole, SavePartner},
    };
    use uuid::Uuid;

    use super::*;
    use crate::engine::{Command, Reply as _};

    /// Answers lie on the log, and a repetition is known by the digest of this text: neither may change with the code.
    #[test]
    fn the_stored_forms_of_commands_that_moved_stay() {
        let save = SavePartner {
            partner_id: Some(Uuid::nil()),
            name: "Tisza Farm".to_owned(),
            address: None,
            roles: [PartnerRole::Supplier].into(),
        };
        let text = serde_json::to_string(&save).unwrap();
        let id = "00000000-0000-0000-0000-000000000000";
        let stored =
            format!(r#"{{"partner_id":"{id}","name":"Tisza Farm","address":null,"roles":["SUPPLIER"]}}"#);
        assert_eq!((SavePartner::NAME, text), ("SavePartner", stored));
        let reply = PartnerReply::of(Uuid::nil(), &Partner::default()).unwrap();
        assert_eq!(serde_json::to_string(&reply).unwrap(), format!(r#"{{"partner_id":"{id}"}}"#));
    }

    #[test]
    fn a_part_that_is_not_permitted_is_forbidden_by_its_field() {
        let refused = PermissionMissing { field: "overrideReason", required: Permission::RunControl };
        assert_eq!((refused.code(), refused.kind()), ("FORBIDDEN", RefusalKind::Forbidden));
        assert_eq!(refused.field(), Some("overrideReason"));
        assert_eq!(refused.to_string(), "overrideReason needs the permission run:control");
        assert_eq!(refused.details(), [("required", Detail::List(vec!["run:control".to_owned()]))]);
    }

    #[test]
    fn leaving_the_id_out_is_what_makes_a_partner() {
        let save =
            |partner_id| SavePartner { partner_id, name: String::new(), address: None, roles: [].into() };
        assert_eq!(save(None).subject(), None);
        assert_eq!(save(Some(Uuid::nil())).subject(), Some(("partner", Uuid::nil().to_string())));
        assert!(!SavePartner::KEY_REQUIRED && SavePartner::PERMISSION == Permission::RunControl);
    }
}
