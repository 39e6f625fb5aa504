use adapters_store::memory::MemoryEventStore;
use commands::ports::EventStore;
use projections::{
    ReadModel,
    runner::{Repair, RunError},
};
use uuid::Uuid;

use crate::{
    harness::Harness,
    tally::{Tally, append, mend, raise, stream, totals},
};

/// A log with one good tally and one whose second event is poison.
async fn poisoned(log: &MemoryEventStore, tenant: Uuid, event_type: &'static str, payload: &str) -> u64 {
    raise(log, tenant, "good", 1).await;
    raise(log, tenant, "bad", 1).await;
    append(log, &stream(tenant, "bad"), event_type, payload).await;
    raise(log, tenant, "good", 10).await;
    raise(log, tenant, "bad", 100).await;
    raise(log, tenant, "good", 1_000).await
}

pub async fn a_poison_event_parks_its_stream_and_no_other<H: Harness>() {
    for (event_type, payload) in [("TallyBroken", "10"), ("TallyRaised", "not a number")] {
        let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
        let side = harness.start(&log).await;
        side.caught_up().await.unwrap();
        let position = poisoned(&log, tenant, event_type, payload).await;
        side.wait_for(Tally::NAME, position).await.unwrap();
        let totals = totals::<Tally>(&side, tenant).await;
        assert_eq!((totals["good"], totals["bad"]), (1_011, 1), "nothing of the poison event is in the rows");
        let parked = side.parked().await.unwrap();
        assert_eq!((parked.len(), parked[0].waiting, parked[0].event.position), (1, 1, 3));
        assert_eq!(parked[0].event.stream, stream(tenant, "bad"));
        assert_eq!(side.lags()[0].parked_events, 2);
        side.stop().await;
    }
}

pub async fn a_retried_stream_folds_in_order_once_its_fold_is_mended<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    let position = poisoned(&log, tenant, "TallyBroken", "10").await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    let bad = stream(tenant, "bad");
    let repaired = side.repair("tally", &bad, Repair::Retry, "maria", "try again").await.unwrap();
    assert_eq!((repaired.folded, repaired.still_parked), (0, 2));
    assert_eq!(side.parked().await.unwrap()[0].event.attempts, 2);
    mend(tenant);
    let repaired = side.repair("tally", &bad, Repair::Retry, "maria", "the fold is mended").await.unwrap();
    assert_eq!((repaired.folded, repaired.still_parked), (2, 0));
    // The runner goes on with the stream as if nothing had been.
    let position = raise(&log, tenant, "bad", 1_000).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    assert_eq!(totals::<Tally>(&side, tenant).await["bad"], 1_111);
    assert!(side.parked().await.unwrap().is_empty());
    assert!(matches!(
        side.repair("tally", &bad, Repair::Retry, "maria", "again").await,
        Err(RunError::NothingParked { .. })
    ));
    side.stop().await;
}

pub async fn a_skipped_event_is_left_out_and_the_record_says_why<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    let position = poisoned(&log, tenant, "TallyBroken", "10").await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    let reason = "typed twice, see ticket 12";
    let bad = stream(tenant, "bad");
    let repaired = side.repair("tally", &bad, Repair::Skip, "maria", reason).await.unwrap();
    assert_eq!((repaired.folded, repaired.still_parked), (1, 0));
    assert_eq!(totals::<Tally>(&side, tenant).await["bad"], 101);
    let record = side.store().audit(10).await.unwrap();
    let skip = record.iter().find(|entry| entry.action == "skip").unwrap();
    assert_eq!((&*skip.actor, &*skip.reason, skip.position), ("maria", reason, 3));
    side.stop().await;
}

pub async fn a_skipped_event_stays_out_of_every_later_build<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    let position = poisoned(&log, tenant, "TallyBroken", "10").await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    let rebuilt = side.rebuild("tally").unwrap().run(&mut |_| {}).await.unwrap();
    assert_eq!((rebuilt.is_equal(), rebuilt.parked_events), (true, 2), "the event and the one behind it");
    let bad = stream(tenant, "bad");
    side.repair("tally", &bad, Repair::Skip, "maria", "typed twice").await.unwrap();
    let rebuilt = side.rebuild("tally").unwrap().run(&mut |_| {}).await.unwrap();
    assert!(rebuilt.is_equal(), "{:?}", rebuilt.comparisons);
    assert_eq!(rebuilt.parked_events, 0);
    let of = |parked: &projections::runner::Parked| parked.event.build == rebuilt.build;
    assert!(!side.parked().await.unwrap().iter().any(of));
    side.wait_for(Tally::NAME, raise(&log, tenant, "bad", 1_000).await).await.unwrap();
    assert_eq!(totals::<Tally>(&side, tenant).await["bad"], 1_101);
    let scratch = side.as_of("tally", log.head().await.unwrap()).await.unwrap();
    let query = projections::Query::of::<Tally, crate::tally::TallyRow>(tenant).limit(10);
    let page = scratch.select::<crate::tally::TallyRow>(&query).await.unwrap();
    assert!(page.rows.iter().any(|row| row.name == "bad" && row.total == 1_101));
    scratch.drop_tables().await.unwrap();
    side.stop().await;
}

/// A batch must not be folded again for every set of its events that fail half-way.
pub async fn many_events_of_one_batch_that_fail_half_way_are_parked_at_once<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let mut position = 0;
    for number in 0..24 {
        position = append(&log, &stream(tenant, &format!("b{number}")), "TallyBroken", "1").await;
    }
    let side = harness.start(&log).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    assert_eq!(side.parked().await.unwrap().len(), 24);
    side.stop().await;
}

pub async fn parked_events_stay_parked_when_another_process_takes_over<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let first = harness.start(&log).await;
    let position = poisoned(&log, tenant, "TallyBroken", "10").await;
    first.wait_for(Tally::NAME, position).await.unwrap();
    first.stop().await;
    let second = harness.start(&log).await;
    let position = raise(&log, tenant, "bad", 1_000).await;
    second.wait_for(Tally::NAME, position).await.unwrap();
    assert_eq!(totals::<Tally>(&second, tenant).await["bad"], 1);
    assert_eq!(second.parked().await.unwrap()[0].waiting, 2);
    second.stop().await;
}
