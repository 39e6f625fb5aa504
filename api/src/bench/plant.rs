//! A plant's lots as events: lives of lots for the lot board, and a genealogy for recalls.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use commands::ports::{Commit, StreamKey, StreamWrite, TenantId, Version};
use domain::{
    Decider,
    kernel::LocalDay,
    lots::{
        Gate, Grams, Lot, LotCode, LotEvent, LotStatus, LotType, Site,
        lot::{
            Decision, LotConsumed, LotCreated, LotInspected, LotRegistered, LotReleased, LotUsed, LotWeighed,
        },
    },
};
use uuid::Uuid;

use super::past;

/// Events in one lot's life, from its making until nothing of it is left.
pub const EVENTS_A_LIFE: u64 = 8;
/// Lots whose lives run side by side.
const OPEN_LOTS: u64 = 2_000;
/// Lots that change in one commit.
pub(super) const LOTS_A_COMMIT: u64 = 100;

/// A plant that makes lots one after the other, from a fixed morning on.
#[derive(Debug, Clone)]
pub struct Plant {
    pub(super) tenant: TenantId,
    site: Site,
    first_day: NaiveDate,
    opened_at: DateTime<Utc>,
}

impl Plant {
    /// A plant of this tenant.
    ///
    /// # Errors
    /// Never in practice: its name and first day are fixed.
    pub fn try_new(tenant: TenantId) -> anyhow::Result<Self> {
        let first_day = NaiveDate::from_ymd_opt(2026, 3, 2).ok_or_else(|| anyhow::anyhow!("no such day"))?;
        let opened_at =
            first_day.and_hms_opt(6, 0, 0).ok_or_else(|| anyhow::anyhow!("no such time"))?.and_utc();
        Ok(Self { tenant, site: Site::try_new("DUNA")?, first_day, opened_at })
    }

    /// The id of a lot. Ids rise with the lots' numbers, as UUIDv7 do.
    pub fn lot_id(number: u64) -> Uuid {
        // Version 7, variant 1, the number where the time is; the rest of the low half spreads over a hash table.
        let low = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2;
        Uuid::from_u64_pair(number << 16 | 0x7000, 1 << 63 | low)
    }

    pub(super) fn code(&self, lot_type: LotType, number: u64) -> LotCode {
        let day = self.day(number);
        let within_day = u16::try_from(number % 9_999 + 1).unwrap_or(1);
        LotCode::numbered(lot_type, day, &self.site, within_day)
    }

    fn day(&self, number: u64) -> LocalDay {
        LocalDay(self.first_day.checked_add_days(Days::new(number / 9_999)).unwrap_or(self.first_day))
    }

    pub(super) fn at(&self, second: u64) -> DateTime<Utc> {
        self.opened_at + TimeDelta::seconds(i64::try_from(second).unwrap_or_default())
    }

    fn stream(&self, number: u64) -> StreamKey {
        StreamKey::new(self.tenant, Lot::CATEGORY, Self::lot_id(number).to_string())
    }

    pub(super) fn write(
        &self,
        number: u64,
        expected_version: Version,
        events: Vec<LotEvent>,
    ) -> anyhow::Result<StreamWrite> {
        let events = events.iter().map(past::stored).collect::<anyhow::Result<_>>()?;
        Ok(StreamWrite { stream: self.stream(number), expected_version, expected_event: None, events })
    }

    /// Lives of `lots` lots, 2,000 of them side by side: first all are made, then all are weighed, and so on.
    pub fn lives(self, lots: u64) -> impl Iterator<Item = anyhow::Result<Commit>> + Send {
        (0..lots).step_by(OPEN_LOTS as usize).flat_map(move |first| {
            let plant = self.clone();
            let open = first..(first + OPEN_LOTS).min(lots);
            (0..EVENTS_A_LIFE).flat_map(move |step| {
                let (plant, open) = (plant.clone(), open.clone());
                open.clone()
                    .step_by(LOTS_A_COMMIT as usize)
                    .map(move |from| plant.step_of_lives(from..(from + LOTS_A_COMMIT).min(open.end), step))
            })
        })
    }

    fn step_of_lives(&self, lots: std::ops::Range<u64>, step: u64) -> anyhow::Result<Commit> {
        let at = self.at(lots.start + step * 60);
        let writes = lots.map(|number| self.write(number, step, vec![self.step_of_life(number, step, at)]));
        Ok(past::commit_at(self.tenant, writes.collect::<anyhow::Result<_>>()?, at))
    }

    fn step_of_life(&self, number: u64, step: u64, at: DateTime<Utc>) -> LotEvent {
        let (lot_type, weight) = (LotType::Deb, Grams(15_000));
        let inspection_id = Uuid::from_u64_pair(number, 0x8000_0000_0000_0001);
        match step {
            0 => self.created(lot_type, number, Grams::ZERO, at).into(),
            1 => {
                LotWeighed { old_weight_grams: Grams::ZERO, new_weight_grams: weight, weighed_at: at }.into()
            }
            2 => LotRegistered {
                lot_code: self.code(lot_type, number),
                lot_type,
                weight_grams: weight,
                status_before: LotStatus::Created,
                status_after: LotStatus::Quarantine,
                registered_at: at,
            }
            .into(),
            3 => LotInspected {
                inspection_id,
                step_index: 2,
                gate: Gate::Deboning,
                decision: Decision::Pass,
                inspected_at: at,
            }
            .into(),
            4 => LotReleased {
                inspection_id: Some(inspection_id),
                deviation_id: None,
                status_before: LotStatus::Quarantine,
                status_after: LotStatus::Released,
                released_at: at,
            }
            .into(),
            5 | 6 => LotUsed {
                child_id: Self::lot_id(number + OPEN_LOTS),
                child_code: self.code(LotType::Bulk, number),
                child_type: LotType::Bulk,
                used_grams: Grams(weight.0 / 2),
                remaining_grams: Grams(weight.0 / 2 * i64::from(step == 5)),
                from_buffer_id: None,
                used_at: at,
            }
            .into(),
            _ => LotConsumed {
                status_before: LotStatus::Released,
                status_after: LotStatus::Consumed,
                consumed_at: at,
            }
            .into(),
        }
    }

    /// A lot comes into being now.
    ///
    /// # Errors
    /// When its event cannot be written as JSON.
    pub fn creation(&self, number: u64) -> anyhow::Result<Commit> {
        let created = self.created(LotType::Raw, number, Grams(15_000), self.at(number));
        Ok(past::commit(self.tenant, vec![self.write(number, 0, vec![created.into()])?]))
    }

    pub(super) fn created(
        &self,
        lot_type: LotType,
        number: u64,
        weight_grams: Grams,
        at: DateTime<Utc>,
    ) -> LotCreated {
        LotCreated {
            lot_code: self.code(lot_type, number),
            lot_type,
            step_index: 2,
            status_after: LotStatus::Created,
            run_id: None,
            supplier_id: None,
            supplier_name: None,
            sku: None,
            weight_grams,
            freezer_cycle_id: None,
            production_day: self.day(number),
            created_at: at,
        }
    }
}
