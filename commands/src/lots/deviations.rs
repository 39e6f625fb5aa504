use domain::{
    identity::Permission,
    lots::{
        Deviation, DeviationCommand, DeviationOpened, DeviationStatus, Disposition, Grams, HoldCause, Lot,
        LotRefusal, Reading, Subject,
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    engine::{Command, RunLater, Stage, Stop},
    own_stream, replies,
};

/// A hold that has just come about, if it has: the lot's latest hold carries the deviation's id.
pub(super) struct NewHold<'a> {
    pub(super) lot_id: Uuid,
    pub(super) lot: &'a Lot,
    pub(super) deviation_id: Uuid,
    pub(super) cause: HoldCause,
    pub(super) reading: Option<Reading>,
    pub(super) inspection_id: Option<Uuid>,
}

/// Opens the deviation of a hold in the hold's own commit, and asks for its first reminder. Answers its id; `None` when the
/// command has not put the lot on hold.
pub(super) fn open_for(stage: &mut Stage<'_>, hold: NewHold<'_>) -> Result<Option<Uuid>, Stop> {
    let state = hold.lot.found()?;
    let Some(latest) = state.latest_hold.as_ref().filter(|latest| latest.deviation_id == hold.deviation_id)
    else {
        return Ok(None);
    };
    let opened = DeviationOpened {
        subject: Subject::Lot(hold.lot_id),
        lot_code: Some(state.lot_code.clone()),
        cause: hold.cause,
        reason: latest.reason.clone(),
        reading: hold.reading,
        inspection_id: hold.inspection_id,
        status_after: DeviationStatus::Open,
        opened_by: stage.actor().to_string(),
        opened_at: stage.now(),
    };
    let deviation =
        stage.decide::<Deviation>(&hold.deviation_id.to_string(), DeviationCommand::Open(opened))?;
    remind_later(stage, hold.deviation_id, &deviation)?;
    Ok(Some(hold.deviation_id))
}

fn remind_later(stage: &mut Stage<'_>, deviation_id: Uuid, deviation: &Deviation) -> Result<(), Stop> {
    let Some(state) = deviation.existing().filter(|state| state.status == DeviationStatus::Open) else {
        return Ok(());
    };
    stage.schedule(state.next_reminder_at(), &RemindDeviation { deviation_id })
}

replies! {
    /// A deviation after a command.
    pub struct DeviationReply of Deviation as deviation_id {
        /// Where it stands.
        status: DeviationStatus = |deviation| deviation.found()?.status;
    }
}

/// Decides what becomes of the goods.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DispositionDeviation {
    /// The deviation.
    pub deviation_id: Uuid,
    /// The decision.
    pub disposition: Disposition,
    /// 10 to 2,000 characters, when it is known already.
    pub root_cause: Option<String>,
}

/// A lot held before it was weighed can neither be weighed nor released any more: said here, while its deviation may still
/// decide otherwise.
fn refuse_unweighed(stage: &mut Stage<'_>, deviation_id: Uuid) -> Result<(), Stop> {
    let deviation = stage.state::<Deviation>(&deviation_id.to_string())?;
    let Some(state) = deviation.existing() else { return Ok(()) };
    let Subject::Lot(lot_id) = state.opened.subject else { return Ok(()) };
    if super::lot(stage, lot_id)?.found()?.weight_grams == Grams::ZERO {
        return Err(LotRefusal::WeightMissing.into());
    }
    Ok(())
}

/// Signs a deviation off.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CloseDeviation {
    /// The deviation.
    pub deviation_id: Uuid,
    /// 10 to 2,000 characters; may be left out when the disposition named it.
    pub root_cause: Option<String>,
}

own_stream! {
    Deviation, named deviation_id as "deviationId", answers DeviationReply {
        DispositionDeviation, RunControl => |decided, stage| {
            if decided.disposition == Disposition::Release {
                refuse_unweighed(stage, decided.deviation_id)?;
            }
            DeviationCommand::Disposition {
                disposition: decided.disposition,
                root_cause: decided.root_cause,
                by: stage.actor().to_string(),
                now: stage.now(),
            }
        };
        CloseDeviation, RunControl => |close, stage| DeviationCommand::Close {
            root_cause: close.root_cause,
            by: stage.actor().to_string(),
            now: stage.now(),
        };
    }
}

/// Reminds of a deviation that nobody has decided for a day, and asks for the next reminder. Due by deadline; an early,
/// late or repeated delivery does no harm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemindDeviation {
    /// The deviation.
    pub deviation_id: Uuid,
}

impl RunLater for RemindDeviation {}

impl Command for RemindDeviation {
    const NAME: &'static str = "RemindDeviation";
    const PERMISSION: Permission = Permission::RunControl;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let remind = DeviationCommand::Remind { now: stage.now() };
        let deviation = stage.decide::<Deviation>(&self.deviation_id.to_string(), remind)?;
        remind_later(stage, self.deviation_id, &deviation)
    }
}
