use chrono::{DateTime, Utc};
use commands::ports::{Position, RecordedEvent};
use domain::{
    Decider,
    lots::{Grams, Lot, LotCode, LotEvent, LotType},
};
use uuid::Uuid;

use crate::{FoldError, Keys, ReadModel, Row, Rows, Table, decode, row, stream_uuid};

row! {
    /// One lot went into another.
    pub struct LotLinkRow in "lot_links" {
        key {
            /// Whose lots they are.
            tenant: Uuid,
            /// The lot that was made.
            child_id: Uuid,
            /// The code of a lot that it was made from. In the key, so that what a lot was made from lies by code.
            parent_code: LotCode,
            /// That lot.
            parent_id: Uuid,
        }
        /// The child's code.
        child_code: LotCode,
        /// The parent's type.
        parent_type: LotType,
        /// How much of the parent went into the child.
        used_grams: Grams,
        /// The buffer that it was taken from.
        from_buffer_id: Option<Uuid>,
        /// When.
        linked_at: DateTime<Utc>,
        /// Where the log tells of it.
        position: Position,
    }
    index (tenant, parent_id, child_code);
}

/// What was a lot made from, and what was made of it?
///
/// The index in [`genealogy`](super::genealogy) answers the same over many generations; these rows are for SQL.
pub struct LotLinks;

impl ReadModel for LotLinks {
    const NAME: &'static str = "lot_links";
    const VERSION: u32 = 3;
    const CATEGORIES: &'static [&'static str] = &[Lot::CATEGORY];

    fn tables() -> Vec<&'static Table> {
        vec![LotLinkRow::TABLE]
    }

    fn keys(_: &RecordedEvent, _: &mut Keys<'_>) {}

    fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
        if &*event.event_type != "LotsLinked" {
            return Ok(()); // Spares reading the payloads of everything else that happens to lots.
        }
        let LotEvent::LotsLinked(linked) = decode::<LotEvent>(event)? else { return Ok(()) };
        let child_id = stream_uuid(event)?;
        for parent in linked.parents {
            rows.put(LotLinkRow {
                tenant: event.stream.tenant,
                child_id,
                parent_id: parent.lot_id,
                child_code: linked.lot_code.clone(),
                parent_code: parent.lot_code,
                parent_type: parent.lot_type,
                used_grams: parent.used_grams,
                from_buffer_id: parent.from_buffer_id,
                linked_at: linked.linked_at,
                position: event.position,
            });
        }
        Ok(())
    }
}
