use domain::{
    Decider,
    claims::{KeyClaim, KeyClaimCommand, claim_id},
    lots::{CodeSequence, CodeSequenceCommand, Lot, LotCode, LotType, Site},
};
use uuid::Uuid;

use super::today;
use crate::engine::{Stage, Stop};

const SCOPE: &str = "lot_code";
const TAKEN: &str = "CODE_TAKEN";

/// The stream id of the key claim that tells which lot has a code.
pub fn lot_code_claim(code: &str) -> String {
    claim_id(SCOPE, code)
}

/// Gives a lot its code: the next of its sequence, or the one given by hand, claimed for the lot in the same commit.
pub(super) fn code_for(
    stage: &mut Stage<'_>,
    lot_type: LotType,
    lot_id: Uuid,
    by_hand: Option<&str>,
) -> Result<LotCode, Stop> {
    let code = match by_hand {
        Some(given) => reserved(stage, LotCode::by_hand(lot_type, given)?)?,
        None => next_code(stage, lot_type)?,
    };
    let owner = format!("{}-{lot_id}", Lot::CATEGORY);
    let claim = KeyClaimCommand::Claim { owner, code_when_taken: TAKEN };
    stage.decide::<KeyClaim>(&lot_code_claim(code.as_str()), claim)?;
    Ok(code)
}

/// Tells the code's series, so that it passes over the number without looking for its claim.
fn reserved(stage: &mut Stage<'_>, code: LotCode) -> Result<LotCode, Stop> {
    if let Some((sequence_id, number)) = code.series() {
        stage.decide::<CodeSequence>(sequence_id, CodeSequenceCommand::Reserve { number })?;
    }
    Ok(code)
}

/// The next number of the day that nobody has given away by hand.
fn next_code(stage: &mut Stage<'_>, lot_type: LotType) -> Result<LotCode, Stop> {
    let day = today(stage);
    let site = Site::try_new(&stage.settings().site)?;
    let sequence_id = CodeSequence::stream_id(lot_type, day, &site);
    let sequence = stage.decide::<CodeSequence>(&sequence_id, CodeSequenceCommand::Take)?;
    let code = LotCode::numbered(lot_type, day, &site, sequence.last_number());
    stage.presume_new::<KeyClaim>(&lot_code_claim(code.as_str()));
    Ok(code)
}
