//! Deadlines pass from program to program.

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use commands::process::{CommandRegistry, DEADLINES, DeadlineRunner};
use uuid::Uuid;

use super::{
    Plant,
    stores::{Shared, Store},
    tally::{Change, ChangeLater, Stumble, StumbleLater},
};
use crate::gauge::OneGauge;

fn runner(plant: &Plant, store: &Arc<dyn Store>, registry: CommandRegistry) -> DeadlineRunner {
    DeadlineRunner::new(plant.engine.clone(), Arc::clone(store) as _, registry)
}

fn registry() -> CommandRegistry {
    CommandRegistry::default().with::<Change>()
}

async fn stumbles(plant: &Plant) {
    let due_at = Utc::now() - TimeDelta::hours(1);
    plant.give(StumbleLater { id: "tally".to_owned(), times: 1, due_at }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_program_that_is_too_old_for_a_deadline_makes_way_however_much_else_is_due() {
    let (store, plant) = Shared::in_memory().process().await;
    let old = runner(&plant, &store, registry());
    stumbles(&plant).await;
    for _ in 0..12 {
        let change = Change { id: "busy".to_owned(), by: 1 };
        plant.give(ChangeLater { change, due_at: Utc::now() }).await.unwrap();
        old.fire_due().await.unwrap();
        tokio::time::advance(Duration::from_secs(5)).await;
    }
    assert!(plant.count("busy").await > 12, "it went on for a while with what it knows");
    let free = store.claim_lease(DEADLINES, Uuid::now_v7(), Duration::from_secs(10)).await.unwrap();
    assert!(free.is_some(), "a newer one may take it");
}

#[test]
fn who_has_lost_the_deadlines_tells_no_more_of_those_that_fail() {
    let gauge = OneGauge::of("cairn_deadlines_failing");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&gauge, || {
        runtime.block_on(async {
            let (store, plant) = Shared::in_memory().process().await;
            let one = runner(&plant, &store, registry().with::<Stumble>());
            stumbles(&plant).await;
            one.fire_due().await.unwrap();
            assert_eq!(gauge.value(), 1.0);
            one.stop().await;
            assert_eq!(gauge.value(), 0.0);
        });
    });
}
