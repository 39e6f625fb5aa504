use std::collections::BTreeSet;

use domain::{
    Decider,
    identity::Permission,
    lots::{self, LotRefusal, Partner, PartnerRole, PartnerSaved},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::engine::{Command, Stage, Stop};

/// Enters a partner, or replaces what is known of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavePartner {
    /// The partner to change; left out, a new one is entered.
    pub partner_id: Option<Uuid>,
    /// 1 to 200 characters.
    pub name: String,
    /// 1 to 500 characters; may be missing until the partner takes part in a shipment.
    pub address: Option<String>,
    /// At least one.
    pub roles: BTreeSet<PartnerRole>,
}

/// A partner after a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerReply {
    /// Its id.
    pub partner_id: Uuid,
}

impl Command for SavePartner {
    const NAME: &'static str = "SavePartner";
    const PERMISSION: Permission = Permission::RunControl;
    type Reply = PartnerReply;

    fn subject(&self) -> Option<(&'static str, String)> {
        self.partner_id.map(|partner_id| (Partner::CATEGORY, partner_id.to_string()))
    }

    fn made(reply: &PartnerReply) -> Option<(&'static str, String)> {
        Some((Partner::CATEGORY, reply.partner_id.to_string()))
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<PartnerReply, Stop> {
        let partner_id = match self.partner_id {
            Some(partner_id) => {
                existing(stage, "partnerId", partner_id)?;
                partner_id
            }
            None => stage.next_id(),
        };
        let command = lots::SavePartner {
            name: self.name.clone(),
            address: self.address.clone(),
            roles: self.roles.clone(),
        };
        stage.decide::<Partner>(&partner_id.to_string(), command)?;
        Ok(PartnerReply { partner_id })
    }
}

/// A partner that an input field names; it must exist.
pub(super) fn existing(
    stage: &mut Stage<'_>,
    field: &'static str,
    partner_id: Uuid,
) -> Result<(Uuid, PartnerSaved), Stop> {
    let partner = stage.state::<Partner>(&partner_id.to_string())?;
    let saved = partner.existing().ok_or(LotRefusal::NotFound { field })?;
    Ok((partner_id, saved.clone()))
}
