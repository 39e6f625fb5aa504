//! What happens to lots by itself.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use adapters_store::memory::MemoryEventStore;
use api::contexts::commands_run_later;
use async_trait::async_trait;
use chrono::TimeDelta;
use commands::{
    lots::{DispositionDeviation, HoldLot, LotFinisher, ShipLot, WriteOffRemainder},
    ports::{Advance, CheckpointLayer, CheckpointStore, EventStore, Fence, Position, StoreError},
    process::{DeadlineRunner, ProcessRunner},
};
use domain::lots::{Deviation, Disposition, LotStatus, LotType, PartnerRole};
use uuid::Uuid;

use super::plant::Plant;
use crate::gauge::OneGauge;

async fn finish_what_is_due(plant: &Plant) {
    let runner = ProcessRunner::new(plant.engine.clone(), Arc::clone(&plant.store) as _, LotFinisher);
    while runner.catch_up().await.unwrap() {}
    runner.stop().await;
}

/// One line of lots from receipt to a shipment that has left.
async fn shipped(plant: &Plant) -> Vec<Uuid> {
    let mut line = vec![plant.released_raw(15_000).await];
    for lot_type in [
        LotType::Deb,
        LotType::Bulk,
        LotType::Mix,
        LotType::Skw15,
        LotType::Frz15,
        LotType::Fg15,
        LotType::Pal,
        LotType::Ship,
    ] {
        let lot_id = plant.released(lot_type, &[(*line.last().unwrap(), 15_000)]).await;
        line.push(lot_id);
    }
    let consignee_id = plant.partner(&[PartnerRole::Customer], Some("Bécs, Ring 1")).await;
    let lot_id = *line.last().unwrap();
    let ship = ShipLot { lot_id, consignee_id, carrier_id: None, document: "CMR 4711".to_owned() };
    plant.give(ship).await.unwrap();
    line
}

#[tokio::test]
async fn a_shipment_finishes_every_consumed_lot_that_went_into_it() {
    let plant = Plant::new();
    let line = shipped(&plant).await;
    finish_what_is_due(&plant).await;
    for lot_id in line {
        assert_eq!(plant.lot(lot_id).await.status, LotStatus::Finished);
    }
}

#[tokio::test]
async fn the_finisher_told_twice_does_nothing_more() {
    let plant = Plant::new();
    shipped(&plant).await;
    finish_what_is_due(&plant).await;
    let before = plant.log().await.len();
    let forgetful =
        ProcessRunner::new(plant.engine.clone(), Arc::new(MemoryEventStore::new()) as _, LotFinisher);
    while forgetful.catch_up().await.unwrap() {}
    assert_eq!(plant.log().await.len(), before);
}

#[tokio::test]
async fn a_lot_with_something_left_or_an_open_child_is_not_finished() {
    let plant = Plant::new();
    let raw = plant.released_raw(400_000).await;
    let deb = plant.produce(LotType::Deb, &[(raw, 300_000)], 300_000).await.unwrap();
    finish_what_is_due(&plant).await;
    assert_eq!(plant.lot(raw).await.status, LotStatus::Released);
    let reason = "swept off the floor".to_owned();
    plant.give(WriteOffRemainder { lot_id: raw, reason }).await.unwrap();
    finish_what_is_due(&plant).await;
    assert_eq!(plant.lot(raw).await.status, LotStatus::Consumed);
    plant.register(deb.lot_id).await;
    plant.decide(&deb, domain::lots::Decision::Fail).await.unwrap();
    finish_what_is_due(&plant).await;
    assert_eq!(plant.lot(raw).await.status, LotStatus::Finished);
}

async fn reminders(plant: &Plant, deviation_id: Uuid) -> u32 {
    plant.state::<Deviation>(&deviation_id.to_string()).await.existing().unwrap().reminders
}

#[tokio::test]
async fn a_deviation_that_nobody_decides_reminds_each_day_until_somebody_does() {
    let plant = Plant::new();
    let lot_id = plant.released_raw(400_000).await;
    let hold = HoldLot { lot_id, reason: "foreign matter found".to_owned() };
    let deviation_id = plant.give(hold).await.unwrap().deviation_id.unwrap();
    let registry = commands_run_later();
    let runner = DeadlineRunner::new(plant.engine.clone(), Arc::clone(&plant.store) as _, registry);
    plant.pass_time(TimeDelta::hours(23));
    runner.fire_due().await.unwrap();
    assert_eq!(reminders(&plant, deviation_id).await, 0);
    for day in 1..=3 {
        plant.pass_time(TimeDelta::hours(24));
        while runner.fire_due().await.unwrap() {}
        assert_eq!(reminders(&plant, deviation_id).await, day);
    }
    let disposition = Disposition::Release;
    plant.give(DispositionDeviation { deviation_id, disposition, root_cause: None }).await.unwrap();
    plant.pass_time(TimeDelta::hours(48));
    while runner.fire_due().await.unwrap() {}
    assert_eq!(reminders(&plant, deviation_id).await, 3);
}

/// Counts how often a place is kept.
struct Counted(Arc<MemoryEventStore>, AtomicUsize);

#[async_trait]
impl CheckpointLayer for Counted {
    fn kept_below(&self) -> Arc<dyn CheckpointStore> {
        Arc::clone(&self.0) as _
    }

    async fn advance_checkpoint(
        &self,
        fence: &Fence,
        name: &str,
        from: Position,
        to: Position,
    ) -> Result<Advance, StoreError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.advance_checkpoint(fence, name, from, to).await
    }
}

#[tokio::test]
async fn what_calls_for_nothing_costs_one_kept_place_a_second_however_much_it_is() {
    let plant = Plant::new();
    let counted = Arc::new(Counted(Arc::clone(&plant.store), AtomicUsize::new(0)));
    let kept = || counted.1.load(Ordering::Relaxed);
    let runner = ProcessRunner::new(plant.engine.clone(), Arc::clone(&counted) as _, LotFinisher);
    for _ in 0..20 {
        plant.raw(400_000).await;
        while runner.catch_up().await.unwrap() {}
    }
    assert_eq!(kept(), 0, "the plant's clock stood still");
    plant.pass_time(TimeDelta::seconds(1));
    while runner.catch_up().await.unwrap() {}
    assert_eq!(kept(), 1, "also once nothing more comes");
    let head = plant.store.head().await.unwrap();
    assert_eq!(counted.load_checkpoint("lot_finisher").await.unwrap(), head);
    shipped(&plant).await;
    assert!(runner.catch_up().await.unwrap());
    assert_eq!(kept(), 2, "at once where something was wanted");
}

#[test]
fn a_log_that_a_clock_an_hour_ahead_has_written_to_says_so() {
    let gauge = OneGauge::of("cairn_log_clock_ahead_seconds");
    let ahead = || gauge.value();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&gauge, || {
        runtime.block_on(async {
            let plant = Plant::new();
            plant.raw(400_000).await;
            finish_what_is_due(&plant).await;
            assert_eq!(ahead(), 0.0);
            plant.pass_time(TimeDelta::hours(1));
            plant.raw(400_000).await;
            plant.pass_time(TimeDelta::hours(-1));
            finish_what_is_due(&plant).await;
            assert_eq!(ahead(), 3_600.0);
            let runner = ProcessRunner::new(plant.engine.clone(), Arc::clone(&plant.store) as _, LotFinisher);
            plant.raw(400_000).await;
            while runner.catch_up().await.unwrap() {}
            assert_eq!(ahead(), 3_600.0);
            plant.pass_time(TimeDelta::hours(1));
            while runner.catch_up().await.unwrap() {}
            assert_eq!(ahead(), 0.0, "the time has come, though nothing more was written");
        });
    });
}
