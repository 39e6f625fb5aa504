use domain::{
    kernel::NotFound,
    lots::{Partner, PartnerSaved, SavePartner},
};
use uuid::Uuid;

use crate::{
    engine::{Stage, Stop},
    own_stream, replies,
};

replies! {
    /// A partner after a command.
    pub struct PartnerReply of Partner as partner_id {}
}

own_stream! {
    Partner, named partner_id as "partnerId", answers PartnerReply {
        SavePartner, RunControl => |save, _stage| save;
    }
}

/// A partner that an input field names; it must exist.
pub(super) fn existing(
    stage: &mut Stage<'_>,
    field: &'static str,
    partner_id: Uuid,
) -> Result<(Uuid, PartnerSaved), Stop> {
    let partner = stage.existing::<Partner>(field, partner_id)?;
    let saved = partner.existing().ok_or(NotFound { field })?;
    Ok((partner_id, saved.clone()))
}
