use chrono::{DateTime, Utc};
use commands::ports::{Position, RecordedEvent, Version};
use domain::{
    Decider,
    kernel::LocalDay,
    lots::{Grams, Lot, LotCode, LotEvent, LotState, LotStatus, LotType, Sku, lot::LotCreated},
};
use uuid::Uuid;

use crate::{FoldError, Keys, ReadModel, Row, Rows, Table, decode, row, stream_uuid};

row! {
    /// A lot as the board shows it.
    pub struct LotBoardRow in "lot_board" {
        key {
            /// Whose lot it is.
            tenant: Uuid,
            /// The lot.
            lot_id: Uuid,
        }
        /// Unique within the tenant.
        lot_code: LotCode,
        /// Its type.
        lot_type: LotType,
        /// The step that made it.
        step_index: u8,
        /// Where it stands.
        status: LotStatus,
        /// The run that it belongs to.
        run_id: Option<Uuid>,
        /// The partner that a RAW lot came from.
        supplier_id: Option<Uuid>,
        /// The supplier's name on that day.
        supplier_name: Option<String>,
        /// Its SKU.
        sku: Option<Sku>,
        /// Its net weight; 0: not yet weighed.
        weight_grams: Grams,
        /// How much went into children.
        used_grams: Grams,
        /// How much was written off.
        written_off_grams: Grams,
        /// How much left the plant.
        shipped_grams: Grams,
        /// What is left.
        remaining_grams: Grams,
        /// The freezer cycle of a frozen lot.
        freezer_cycle_id: Option<Uuid>,
        /// The local day on which it was made.
        production_day: LocalDay,
        /// Why it is on hold.
        hold_reason: Option<String>,
        /// The deviation that must be resolved before a hold ends.
        deviation_id: Option<Uuid>,
        /// When it was made.
        created_at: DateTime<Utc>,
        /// When something last happened to it.
        changed_at: DateTime<Utc>,
        /// Where the log tells of its making: newest first is the greatest first.
        created_position: Position,
        /// The version of the lot's stream that the row shows.
        version: Version,
    }
    index (tenant, created_position);
    index (tenant, lot_type, created_position);
    index (tenant, status, created_position);
    index (tenant, run_id, created_position);
    index (tenant, lot_code);
}

/// What a row shows nothing of but that it happened: links and decisions have rows of their own. Their payloads are not read.
const ONLY_HAPPENED: [&str; 4] =
    ["LotsLinked", "LotInspected", "WeightBalanceOverridden", "TemperatureViolationNoted"];

/// Which lots are there, and where does each stand?
pub struct LotBoard;

impl ReadModel for LotBoard {
    const NAME: &'static str = "lot_board";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &[Lot::CATEGORY];

    fn tables() -> Vec<&'static Table> {
        vec![LotBoardRow::TABLE]
    }

    fn keys(event: &RecordedEvent, keys: &mut Keys<'_>) {
        if let Ok(lot_id) = stream_uuid(event) {
            keys.row::<LotBoardRow>((event.stream.tenant, lot_id));
        }
    }

    fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
        let lot_id = stream_uuid(event)?;
        let happened = match ONLY_HAPPENED.contains(&&*event.event_type) {
            true => None,
            false => Some(decode::<LotEvent>(event)?),
        };
        if let Some(LotEvent::LotCreated(created)) = happened {
            rows.put(created_row(event, lot_id, created));
            return Ok(());
        }
        let row = rows.change::<LotBoardRow>(&(event.stream.tenant, lot_id))?;
        if let Some(happened) = happened {
            row.apply(happened);
        }
        row.changed_at = event.recorded_at;
        row.version = event.version;
        Ok(())
    }
}

fn created_row(event: &RecordedEvent, lot_id: Uuid, created: LotCreated) -> LotBoardRow {
    LotBoardRow {
        tenant: event.stream.tenant,
        lot_id,
        lot_code: created.lot_code,
        lot_type: created.lot_type,
        step_index: created.step_index,
        status: created.status_after,
        run_id: created.run_id,
        supplier_id: created.supplier_id,
        supplier_name: created.supplier_name,
        sku: created.sku,
        weight_grams: created.weight_grams,
        used_grams: Grams::ZERO,
        written_off_grams: Grams::ZERO,
        shipped_grams: Grams::ZERO,
        remaining_grams: created.weight_grams,
        freezer_cycle_id: created.freezer_cycle_id,
        production_day: created.production_day,
        hold_reason: None,
        deviation_id: None,
        created_at: created.created_at,
        changed_at: event.recorded_at,
        created_position: event.position,
        version: event.version,
    }
}

impl LotBoardRow {
    fn apply(&mut self, event: LotEvent) {
        match event {
            // Only happened, or made the row.
            LotEvent::LotCreated(_)
            | LotEvent::LotsLinked(_)
            | LotEvent::WeightBalanceOverridden(_)
            | LotEvent::LotInspected(_)
            | LotEvent::TemperatureViolationNoted(_) => {}
            LotEvent::LotUsed(event) => self.used_grams.0 += event.used_grams.0,
            LotEvent::LotSkuMixed(_) => self.sku = None,
            LotEvent::LotWeighed(event) => self.weight_grams = event.new_weight_grams,
            LotEvent::LotWrittenOff(event) => self.written_off_grams.0 += event.written_off_grams.0,
            LotEvent::LotShipped(event) => self.shipped_grams.0 += event.shipped_grams.0,
            LotEvent::LotConsumed(event) => self.status = event.status_after,
            LotEvent::LotRegistered(event) => self.status = event.status_after,
            LotEvent::LotReleased(event) => self.stand(event.status_after),
            LotEvent::LotRejected(event) => self.stand(event.status_after),
            LotEvent::LotFinished(event) => self.status = event.status_after,
            LotEvent::LotHeld(event) => {
                self.status = event.status_after;
                self.hold_reason = Some(event.reason);
                self.deviation_id = Some(event.deviation_id);
            }
        }
        let gone = [self.used_grams, self.written_off_grams, self.shipped_grams];
        self.remaining_grams = LotState::remaining_of(self.weight_grams, gone);
    }

    /// A status that ends a hold.
    fn stand(&mut self, status: LotStatus) {
        self.status = status;
        self.hold_reason = None;
        self.deviation_id = None;
    }
}
