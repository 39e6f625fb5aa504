use domain::{
    identity::Permission,
    lots::{
        self, HoldCause, Lot, LotCommand, LotStatus, Reading, ReadingType, Subject, TemperatureLimit,
        TemperatureLog,
    },
    refusals,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    deviations::{self, NewHold},
    holds, today,
};
use crate::engine::{Command, Stage, Stop};

/// Records a reading. One that violates its limit holds the lot in the same commit, so that there is no window in which a
/// violated lot is usable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordTemperature {
    /// The lot; buffers follow.
    pub subject: Subject,
    /// Where the thermometer was held.
    pub reading_type: ReadingType,
    /// What it showed, -500 to 1,000.
    pub tenths_c: i32,
}

/// What a reading came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemperatureReply {
    /// The reading.
    pub reading_id: Uuid,
    /// The limit that it was judged by.
    pub limit: TemperatureLimit,
    /// Whether it lies outside.
    pub is_violation: bool,
    /// Where the lot stands.
    pub status: LotStatus,
    /// The deviation that was opened.
    pub deviation_id: Option<Uuid>,
}

refusals! {
    /// The reading is of nothing that is known.
    struct SubjectUnknown = "SUBJECT_UNKNOWN", "the subject of the reading is unknown", at "subject";
}

impl Command for RecordTemperature {
    const NAME: &'static str = "RecordTemperature";
    const PERMISSION: Permission = Permission::TemperatureRecord;
    type Reply = TemperatureReply;

    fn handle(&self, stage: &mut Stage<'_>) -> Result<TemperatureReply, Stop> {
        let lot_id = match self.subject {
            Subject::Lot(lot_id) => lot_id,
            // No buffer has commands yet, so none can be known.
            Subject::Buffer(_) => return Err(SubjectUnknown.into()),
        };
        let lot = stage.state::<Lot>(&lot_id.to_string())?;
        let state = lot.existing().ok_or(SubjectUnknown)?;
        let limit = TemperatureLimit::used(Some(state.lot_type.step()), None, self.reading_type);
        let (reading_id, deviation_id, day) = (stage.next_id(), stage.next_id(), today(stage));
        let record = lots::RecordTemperature {
            reading_id,
            subject: self.subject,
            lot_code: Some(state.lot_code.clone()),
            day,
            reading_type: self.reading_type,
            tenths_c: self.tenths_c,
            limit,
            recorded_by: stage.actor().to_string(),
            now: stage.now(),
        };
        let reading = record.reading()?;
        stage.decide::<TemperatureLog>(&self.subject.log_id(day), record)?;
        let is_violation = !limit.allows(reading.tenths_c);
        let mut reply =
            TemperatureReply { reading_id, limit, is_violation, status: state.status, deviation_id: None };
        if is_violation {
            reply.deviation_id = hold(stage, lot_id, reading, deviation_id, &mut reply.status)?;
        }
        Ok(reply)
    }
}

fn hold(
    stage: &mut Stage<'_>,
    lot_id: Uuid,
    reading: Reading,
    deviation_id: Uuid,
    status: &mut LotStatus,
) -> Result<Option<Uuid>, Stop> {
    let hold = LotCommand::HoldForTemperature {
        reading: reading.clone(),
        hold_disposition: holds::disposition(stage, lot_id)?,
        deviation_id,
        now: stage.now(),
    };
    let lot = stage.decide::<Lot>(&lot_id.to_string(), hold)?;
    *status = lot.found()?.status;
    let hold = NewHold {
        lot_id,
        lot: &lot,
        deviation_id,
        cause: HoldCause::TempViolationHold,
        reading: Some(reading),
        inspection_id: None,
    };
    deviations::open_for(stage, hold)
}
