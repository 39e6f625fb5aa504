use chrono::{DateTime, Utc};
use commands::ports::{Position, RecordedEvent, Version};
use domain::{
    Decider,
    lots::{
        Deviation, DeviationEvent, DeviationOpened, DeviationStatus, Disposition, HoldCause, LotCode,
        Reading, Subject,
    },
};
use uuid::Uuid;

use crate::{FoldError, Json, Keys, ReadModel, Row, Rows, Table, decode, row, stream_uuid};

row! {
    /// A breach: what it was, what became of the goods, why, and who signed it off.
    pub struct DeviationRow in "deviations" {
        key {
            /// Whose goods they are.
            tenant: Uuid,
            /// The deviation.
            deviation_id: Uuid,
        }
        /// The lot. None: a buffer.
        lot_id: Option<Uuid>,
        /// The lot's code.
        lot_code: Option<LotCode>,
        /// The buffer. None: a lot.
        buffer_id: Option<Uuid>,
        /// What put the goods on hold.
        cause: HoldCause,
        /// Why, in words.
        reason: String,
        /// The reading and the limit that it violated.
        reading: Option<Json<Reading>>,
        /// The inspection that found it.
        inspection_id: Option<Uuid>,
        /// Where it stands.
        status: DeviationStatus,
        /// What becomes of the goods.
        disposition: Option<Disposition>,
        /// Why it came to this.
        root_cause: Option<String>,
        /// Whose reading, decision or hold it was.
        opened_by: String,
        /// When.
        opened_at: DateTime<Utc>,
        /// Who decided what becomes of the goods.
        dispositioned_by: Option<String>,
        /// When.
        dispositioned_at: Option<DateTime<Utc>>,
        /// Who signed it off.
        closed_by: Option<String>,
        /// When.
        closed_at: Option<DateTime<Utc>>,
        /// How many reminders were sent.
        reminders: u32,
        /// Where the log tells of its opening.
        opened_position: Position,
        /// The version of the deviation's stream that the row shows.
        version: Version,
    }
    index (tenant, opened_position);
    index (tenant, status, opened_position);
    index (tenant, lot_id, opened_position);
}

/// Which breaches are there, and what became of each?
pub struct Deviations;

impl ReadModel for Deviations {
    const NAME: &'static str = "deviations";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[Deviation::CATEGORY];

    fn tables() -> Vec<&'static Table> {
        vec![DeviationRow::TABLE]
    }

    fn keys(event: &RecordedEvent, keys: &mut Keys<'_>) {
        if let Ok(deviation_id) = stream_uuid(event) {
            keys.row::<DeviationRow>((event.stream.tenant, deviation_id));
        }
    }

    fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
        let deviation_id = stream_uuid(event)?;
        match decode::<DeviationEvent>(event)? {
            DeviationEvent::DeviationOpened(opened) => rows.put(opened_row(event, deviation_id, opened)?),
            happened => {
                let row = rows.change::<DeviationRow>(&(event.stream.tenant, deviation_id))?;
                row.apply(happened);
                row.version = event.version;
            }
        }
        Ok(())
    }
}

fn opened_row(
    event: &RecordedEvent,
    deviation_id: Uuid,
    opened: DeviationOpened,
) -> Result<DeviationRow, FoldError> {
    let (lot_id, buffer_id) = match opened.subject {
        Subject::Lot(lot_id) => (Some(lot_id), None),
        Subject::Buffer(buffer_id) => (None, Some(buffer_id)),
    };
    Ok(DeviationRow {
        tenant: event.stream.tenant,
        deviation_id,
        lot_id,
        lot_code: opened.lot_code,
        buffer_id,
        cause: opened.cause,
        reason: opened.reason,
        reading: opened.reading.map(Json::try_new).transpose()?,
        inspection_id: opened.inspection_id,
        status: opened.status_after,
        disposition: None,
        root_cause: None,
        opened_by: opened.opened_by,
        opened_at: opened.opened_at,
        dispositioned_by: None,
        dispositioned_at: None,
        closed_by: None,
        closed_at: None,
        reminders: 0,
        opened_position: event.position,
        version: event.version,
    })
}

impl DeviationRow {
    fn apply(&mut self, event: DeviationEvent) {
        match event {
            DeviationEvent::DeviationOpened(_) => {} // Opened once: its id is new.
            DeviationEvent::DeviationDispositioned(event) => {
                self.status = event.status_after;
                self.disposition = Some(event.disposition);
                self.root_cause = event.root_cause;
                self.dispositioned_by = Some(event.dispositioned_by);
                self.dispositioned_at = Some(event.dispositioned_at);
            }
            DeviationEvent::DeviationClosed(event) => {
                self.status = event.status_after;
                self.root_cause = Some(event.root_cause);
                self.closed_by = Some(event.closed_by);
                self.closed_at = Some(event.closed_at);
            }
            DeviationEvent::DeviationReminded(event) => self.reminders = event.reminder,
        }
    }
}
