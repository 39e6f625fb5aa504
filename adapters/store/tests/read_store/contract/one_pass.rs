use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use adapters_store::memory::MemoryEventStore;
use commands::ports::EventStore;
use projections::{
    Model,
    lots::{
        LotBoard, LotLinks,
        genealogy::{Genealogy, GenealogyOptions, LotRef},
    },
    ports::{BuildState, Claim, ReadStore},
    runner::{ReadSide, ReadSideOptions},
};
use uuid::Uuid;

use super::replaced_logs::log_of_lots;
use crate::{
    harness::Harness,
    sums,
    tally::{Tally, append, expected, raise_many, stream, totals},
    troubled_log::TroubledLog,
};

fn models() -> Vec<Model> {
    let mut models = sums::models();
    models.push(Model::of::<Tally>());
    models
}

async fn live_builds(store: &dyn ReadStore) -> usize {
    store.builds().await.unwrap().iter().filter(|build| build.state == BuildState::Live).count()
}

/// Every read model built again, alone, has the same rows.
async fn equal_those_built_alone(side: &ReadSide) {
    for model in side.models() {
        let alone = side.rebuild(model.name).unwrap().run(&mut |_| {}).await.unwrap();
        assert_eq!(alone.comparisons.len(), 1, "{model:?}");
        assert!(alone.is_equal(), "{:?}", alone.comparisons);
    }
}

pub async fn missing_read_models_are_built_in_one_pass<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 3_000).await;
    // One of them parks a stream, and none of the others.
    append(&log, &stream(tenant, "t7"), "TallyBroken", "1").await;
    let position = raise_many(&log, tenant, 500).await;
    let counted = TroubledLog::new(&log);
    let store = harness.open().await;
    let side = ReadSide::start(Arc::clone(&counted), store, models(), ReadSideOptions::default());
    side.caught_up().await.unwrap();
    let (_, events) = counted.take_counts();
    assert!(events < position as usize + 100, "{events} events were read for {position}");
    assert_eq!(side.parked().await.unwrap().len(), 1);
    side.stop().await;
    equal_those_built_alone(&side).await;
}

pub async fn a_read_model_that_cannot_be_built_now_holds_up_no_other<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 300).await;
    let store = harness.open().await;
    let elsewhere =
        store.claim("rebuild:sum_twice", Uuid::now_v7(), Duration::from_secs(3_600), Claim::WhenFree);
    let elsewhere = elsewhere.await.unwrap().unwrap();
    let side = harness.start_with(&log, models()).await;
    while live_builds(&*store).await < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    side.wait_for("tally", 300).await.unwrap();
    assert_eq!(totals::<Tally>(&side, tenant).await, expected(&log, tenant).await);
    store.release(&elsewhere).await.unwrap();
    side.caught_up().await.unwrap();
    side.stop().await;
    equal_those_built_alone(&side).await;
}

pub async fn a_pass_killed_at_any_moment_goes_on_or_begins_anew<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 20_000).await;
    for round in 0..10_u64 {
        let side = harness.start_with(&log, models()).await;
        tokio::time::sleep(Duration::from_millis(round * 37 % 150)).await;
        side.abandon();
        harness.meddle("update read_leases set expires_at = 0").await;
    }
    let side = harness.start_with(&log, models()).await;
    side.caught_up().await.unwrap();
    assert_eq!(totals::<Tally>(&side, tenant).await, expected(&log, tenant).await);
    side.stop().await;
    equal_those_built_alone(&side).await;
}

pub async fn the_genealogy_rides_with_the_pass<H: Harness>() {
    let (harness, tenant) = (H::create().await, Uuid::now_v7());
    let (log, lot) = log_of_lots(tenant, 300).await;
    let counted = TroubledLog::new(&log);
    let head = log.head().await.unwrap();
    let store = harness.open().await;
    let options = ReadSideOptions::default();
    let models = || vec![Model::of::<LotBoard>(), Model::of::<LotLinks>()];
    let side = ReadSide::stand_by(Arc::clone(&counted), Arc::clone(&store), models(), options);
    let start = |side: &ReadSide| {
        let (images, options) = (Some(Arc::clone(&store)), GenealogyOptions::default());
        Genealogy::start_riding(side.tail().clone(), images, options, Some(side.ride()))
    };
    let genealogy = start(&side);
    side.keep_current();
    side.caught_up().await.unwrap();
    genealogy.wait_for(head, Duration::from_secs(20)).await.unwrap();
    let (_, events) = counted.take_counts();
    assert!(events < head as usize + 100, "{events} events were read for {head}");
    genealogy.lot(tenant, LotRef::Id(lot), None).unwrap();
    side.stop().await;
    genealogy.stop().await;

    // With nothing to build, nobody reads for it: it goes on from its image.
    let side = ReadSide::stand_by(Arc::new(log), Arc::clone(&store), models(), ReadSideOptions::default());
    let again = start(&side);
    side.keep_current();
    again.wait_for(head, Duration::from_secs(20)).await.unwrap();
    again.lot(tenant, LotRef::Id(lot), None).unwrap();
    side.stop().await;
    again.stop().await;
}

/// On the code as it was, a genealogy that nobody asked took a breath after each page, however many were to come: 8,000 events a
/// second.
pub async fn a_genealogy_takes_no_breath_before_it_has_caught_up<H: Harness>() {
    let (harness, tenant) = (H::create().await, Uuid::now_v7());
    let (log, lot) = log_of_lots(tenant, 40_000).await;
    let head = log.head().await.unwrap();
    let images = Some(harness.open().await);
    let began = Instant::now();
    let genealogy = Genealogy::start(Arc::new(log), images, GenealogyOptions::default());
    while genealogy.position() < head {
        assert!(began.elapsed() < Duration::from_millis(head / 2_000 * 200), "it dawdles");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    genealogy.lot(tenant, LotRef::Id(lot), None).unwrap();
    genealogy.stop().await;
}
