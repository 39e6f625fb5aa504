use std::time::Duration;

use adapters_store::memory::MemoryEventStore;
use commands::ports::EventStore;
use projections::{ReadModel, ports::ReadStoreError, runner::WaitError};
use uuid::Uuid;

use crate::{
    harness::Harness,
    tally::{Tally, TallyRow, expected, raise, raise_many, totals},
};

pub async fn every_event_is_folded_once<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 300).await;
    let side = harness.start(&log).await;
    let position = raise_many(&log, tenant, 300).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    assert_eq!(totals::<Tally>(&side, tenant).await, expected(&log, tenant).await);
    crate::tally::append(&log, &crate::tally::stream(tenant, "t7"), "TallyWiped", "").await;
    let position = raise(&log, Uuid::now_v7(), "stranger", 1).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    let left = totals::<Tally>(&side, tenant).await;
    assert_eq!((left.len(), left.contains_key("t7")), (99, false));
    side.stop().await;
}

pub async fn runners_killed_at_any_moment_double_and_lose_nothing<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    for round in 0..8_u64 {
        raise_many(&log, tenant, 200).await;
        let side = harness.start(&log).await;
        tokio::time::sleep(Duration::from_millis(round * 13 % 60)).await;
        // As a killed process would, it neither ends its turn nor gives its lease back.
        side.abandon();
        harness.meddle("update read_leases set expires_at = 0").await;
    }
    let position = raise(&log, tenant, "last", 1).await;
    let side = harness.start(&log).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    assert_eq!(totals::<Tally>(&side, tenant).await, expected(&log, tenant).await);
    side.stop().await;
}

pub async fn of_two_processes_one_folds_and_the_other_takes_over<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let first = harness.start(&log).await;
    let position = raise_many(&log, tenant, 50).await;
    first.wait_for(Tally::NAME, position).await.unwrap();
    // Its first build came in under the lease, which it then takes up for good.
    let holds = async {
        while !first.is_projecting() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), holds).await.expect("the first projects");
    let second = harness.start(&log).await;
    let position = raise_many(&log, tenant, 50).await;
    // The one that stands by knows how far the other has come.
    second.wait_for(Tally::NAME, position).await.unwrap();
    assert!(first.is_projecting() && !second.is_projecting());
    first.stop().await;
    let position = raise_many(&log, tenant, 50).await;
    second.wait_for(Tally::NAME, position).await.unwrap();
    assert!(second.is_projecting());
    assert_eq!(totals::<Tally>(&second, tenant).await, expected(&log, tenant).await);
    second.stop().await;
}

pub async fn a_query_waits_for_a_position_and_gives_up_in_the_end<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let options = projections::runner::ReadSideOptions {
        wait_at_most: Duration::from_millis(50),
        ..Default::default()
    };
    let models = vec![projections::Model::of::<Tally>()];
    let side = projections::runner::ReadSide::stand_by(
        std::sync::Arc::new(log.clone()),
        harness.open().await,
        models,
        options,
    );
    let wanted = raise(&log, tenant, "a", 1).await;
    let error = side.wait_for(Tally::NAME, wanted).await.unwrap_err();
    assert_eq!(error, WaitError::Lagging { model: "tally", reached: 0, wanted });
    assert_eq!(error.code(), "READ_MODEL_LAGGING");
    assert!(matches!(
        side.select::<TallyRow>(&projections::Query::of::<Tally, TallyRow>(tenant)).await,
        Err(ReadStoreError::NotBuilt { model: "tally", version: 1 })
    ));
    assert_eq!(log.head().await.unwrap(), wanted);
}

pub async fn a_newer_read_store_is_refused<H: Harness>() {
    let harness = H::create().await;
    harness.open().await;
    harness.meddle("update read_schema set version = 99").await;
    assert!(matches!(harness.try_open().await.err(), Some(ReadStoreError::TooNew { found: 99, .. })));
}
