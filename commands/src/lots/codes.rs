use domain::{
    Decider,
    claims::{KeyClaim, KeyClaimCommand, claim_id},
    lots::{CodeSequence, Lot, LotCode, LotType, Site, TakeNumber},
};
use uuid::Uuid;

use super::today;
use crate::engine::{Stage, Stop};

const SCOPE: &str = "lot_code";

/// The stream id of the key claim that tells which lot has a code.
pub fn lot_code_claim(code: &str) -> String {
    claim_id(SCOPE, code)
}
const TAKEN: &str = "CODE_TAKEN";

/// Gives a lot its code: the next of its sequence, or the one given by hand, claimed for the lot in the same commit.
pub(super) fn code_for(
    stage: &mut Stage<'_>,
    lot_type: LotType,
    lot_id: Uuid,
    by_hand: Option<&str>,
) -> Result<LotCode, Stop> {
    let owner = format!("{}-{lot_id}", Lot::CATEGORY);
    let code = match by_hand {
        Some(given) => LotCode::by_hand(lot_type, given)?,
        None => next_code(stage, lot_type)?,
    };
    let claim = KeyClaimCommand::Claim { owner, code_when_taken: TAKEN };
    stage.decide::<KeyClaim>(&lot_code_claim(code.as_str()), claim)?;
    Ok(code)
}

/// The next number of the day whose code nobody has taken by hand.
fn next_code(stage: &mut Stage<'_>, lot_type: LotType) -> Result<LotCode, Stop> {
    let day = today(stage);
    let site = Site::try_new(&stage.settings().site)?;
    let sequence_id = CodeSequence::stream_id(lot_type, day, &site);
    loop {
        let sequence = stage.decide::<CodeSequence>(&sequence_id, TakeNumber)?;
        let code = LotCode::numbered(lot_type, day, &site, sequence.last_number());
        let key = lot_code_claim(code.as_str());
        stage.presume_new::<KeyClaim>(&key);
        match &*stage.state::<KeyClaim>(&key)? {
            KeyClaim::Free => return Ok(code),
            // Ends at the latest when the sequence does.
            KeyClaim::Held { .. } => {}
        }
    }
}
