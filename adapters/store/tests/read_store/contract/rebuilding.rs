use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use adapters_store::memory::MemoryEventStore;
use commands::ports::EventStore;
use projections::{
    Model, ReadModel,
    ports::{BuildState, Claim, ReadStore},
    runner::{PROJECTOR_LEASE, Phase, Progress, ReadSide, RunError},
};
use uuid::Uuid;

use crate::{
    harness::Harness,
    tally::{NegativeTally, Tally, append, expected, raise, raise_many, stream, totals},
    troubled_log::TroubledLog,
};

/// Keeps raising tallies until it is told to stop.
fn keep_coming(
    log: &MemoryEventStore,
    tenant: Uuid,
) -> (Arc<std::sync::atomic::AtomicBool>, tokio::task::JoinHandle<()>) {
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (stopped, log) = (Arc::clone(&stop), log.clone());
    let task = tokio::spawn(async move {
        let mut number = 0;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            number += 1;
            raise(&log, tenant, &format!("t{}", number % 100), number).await;
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    });
    (stop, task)
}

async fn live_build(store: &dyn ReadStore) -> String {
    let builds = store.builds().await.unwrap();
    let mut live = builds.iter().filter(|build| build.state == BuildState::Live);
    let name = live.next().unwrap().id.to_string();
    assert_eq!(live.next(), None);
    name
}

pub async fn a_rebuild_equals_the_live_rows_while_events_keep_coming<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    raise_many(&log, tenant, 2_000).await;
    side.caught_up().await.unwrap();
    let (stop, coming) = keep_coming(&log, tenant);
    for round in 2..5 {
        let mut phases = Vec::new();
        let rebuild = side.rebuild("tally").unwrap().page(64);
        let rebuilt = rebuild.run(&mut |progress| phases.push(progress.phase)).await.unwrap();
        assert_eq!(rebuilt.comparisons.len(), 1);
        assert!(rebuilt.is_equal(), "{:?}", rebuilt.comparisons);
        assert_eq!(rebuilt.build.to_string(), format!("tally_v1_r{round}"));
        assert_eq!(live_build(&**side.store()).await, format!("tally_v1_r{round}"));
        assert!(phases.contains(&Phase::Folding) && phases.contains(&Phase::Indexing));
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    coming.await.unwrap();
    let position = raise(&log, tenant, "last", 1).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    assert_eq!(totals::<Tally>(&side, tenant).await, expected(&log, tenant).await);
    side.stop().await;
}

pub async fn readers_see_no_gap_while_a_rebuild_takes_over<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    raise_many(&log, tenant, 500).await;
    side.caught_up().await.unwrap();
    let (stop, coming) = keep_coming(&log, tenant);
    let reader = {
        let (side, stop) = (Arc::clone(&side), Arc::clone(&stop));
        tokio::spawn(async move {
            let (mut reads, mut position, mut sum) = (0, 0, 0);
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let query = projections::Query::of::<Tally, crate::tally::TallyRow>(tenant).limit(1_000);
                let page = side.select::<crate::tally::TallyRow>(&query).await.unwrap();
                let total: i64 = page.rows.iter().map(|row| row.total).sum();
                assert_eq!(page.rows.len(), 100);
                assert!(page.position >= position && total >= sum, "what was seen once is never unseen");
                (reads, position, sum) = (reads + 1, page.position, total);
            }
            reads
        })
    };
    for _ in 0..3 {
        side.rebuild("tally").unwrap().run(&mut |_| {}).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    coming.await.unwrap();
    assert!(reader.await.unwrap() > 3);
    side.stop().await;
}

pub async fn a_rebuild_reports_rows_that_somebody_changed<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    let position = raise_many(&log, tenant, 200).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    side.stop().await;
    harness.meddle("update tallies_v1 set total = total + 1 where name = 't7'").await;
    harness.meddle("delete from tallies_v1 where name = 't8'").await;
    let rebuilt = side.rebuild("tally").unwrap().run(&mut |_| {}).await.unwrap();
    let differences = &rebuilt.comparisons[0].differences;
    assert_eq!((differences.left_only, differences.right_only), (1, 2));
    assert_eq!(differences.samples.len(), 3);
    assert_eq!(totals::<Tally>(&side, tenant).await, expected(&log, tenant).await, "the log is right");
}

pub async fn a_rebuild_that_breaks_off_is_resumed<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    let position = raise_many(&log, tenant, 2_000).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    let (sender, mut half_way) = tokio::sync::mpsc::unbounded_channel();
    let rebuild = side.rebuild("tally").unwrap().page(100);
    let running = tokio::spawn(async move {
        rebuild
            .run(&mut |progress| {
                if progress.position > 900 {
                    let _gone = sender.send(());
                }
            })
            .await
    });
    half_way.recv().await;
    running.abort();
    let _ = running.await;
    // A write that was under way ends by itself.
    tokio::time::sleep(Duration::from_millis(200)).await;
    harness.meddle("update read_leases set expires_at = 0 where name = 'rebuild:tally'").await;
    let begun = side.store().builds().await.unwrap();
    let begun = begun.iter().find(|build| build.state == BuildState::Building).unwrap().position;
    assert!((1..position).contains(&begun), "{begun}");
    let rebuilt = side.rebuild("tally").unwrap().run(&mut |_| {}).await.unwrap();
    assert!(rebuilt.is_equal());
    assert_eq!((rebuilt.events, rebuilt.build.revision), (position - begun, 2), "only the rest is folded");
    side.stop().await;
}

/// Wherever it is stopped once its tables are full: indexing, comparing, taking over.
pub async fn an_interrupted_rebuild_keeps_no_lease<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    let position = raise_many(&log, tenant, 200).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    side.stop().await;
    let mut interrupted = 0;
    loop {
        // Stopped at each of its waits in turn.
        let (indexing, mut waits) = (AtomicBool::new(false), 0);
        let stop = std::future::poll_fn(|_| {
            waits += usize::from(indexing.load(Ordering::Relaxed));
            if waits > interrupted { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        });
        let rebuild = side.rebuild("tally").unwrap();
        let mut progress = |now: Progress| {
            indexing.fetch_or(now.phase == Phase::Indexing, Ordering::Relaxed);
        };
        let outcome = rebuild.run_until(stop, &mut progress).await;
        for lease in [PROJECTOR_LEASE, "rebuild:tally"] {
            let holder = Uuid::now_v7();
            let claimed =
                side.store().claim(lease, holder, Duration::from_secs(10), Claim::WhenFree).await.unwrap();
            assert!(claimed.is_some(), "{lease} is held after {interrupted} waits");
            let fence = claimed.unwrap();
            side.store().release(&fence).await.unwrap();
        }
        match outcome {
            Err(RunError::Interrupted) => interrupted += 1,
            rebuilt => {
                assert!(rebuilt.unwrap().is_equal());
                break;
            }
        }
    }
    assert!(interrupted > 2, "{interrupted}");
    assert_eq!(totals::<Tally>(&side, tenant).await, expected(&log, tenant).await);
}

pub async fn a_read_side_that_is_stopped_while_it_builds_keeps_no_lease<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise(&log, tenant, "t1", 1).await;
    let hanging = TroubledLog::hanging(&log);
    let side = harness.start_over(Arc::clone(&hanging) as _).await;
    hanging.is_read().await;
    side.stop().await;
    for lease in [PROJECTOR_LEASE, "rebuild:tally"] {
        let ttl = Duration::from_secs(10);
        let claimed = side.store().claim(lease, Uuid::now_v7(), ttl, Claim::WhenFree).await.unwrap();
        assert!(claimed.is_some(), "{lease} is held");
    }
}

pub async fn a_new_version_is_built_beside_the_old_one<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let old = harness.start(&log).await;
    let position = raise_many(&log, tenant, 200).await;
    old.wait_for(Tally::NAME, position).await.unwrap();
    let new = harness.start_with(&log, vec![Model::of::<NegativeTally>()]).await;
    new.wait_for(Tally::NAME, position).await.unwrap();
    assert_eq!(live_build(&**new.store()).await, "tally_v2");
    let negative: std::collections::BTreeMap<_, _> =
        expected(&log, tenant).await.into_iter().map(|(name, total)| (name, -total)).collect();
    assert_eq!(totals::<NegativeTally>(&new, tenant).await, negative);
    let position = raise(&log, tenant, "t2", 5).await;
    new.wait_for(Tally::NAME, position).await.unwrap();
    // The old program has nothing to read any more, and leaves it so.
    while old.lags()[0].position.is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    new.wait_for(Tally::NAME, raise(&log, tenant, "t3", 5).await).await.unwrap();
    assert_eq!(live_build(&**new.store()).await, "tally_v2");
    old.stop().await;
    let position = raise(&log, tenant, "t1", 5).await;
    new.wait_for(Tally::NAME, position).await.unwrap();
    new.stop().await;
}

/// However busy the machine is: a read model that stands still does so for good.
async fn is_current(side: &ReadSide) {
    tokio::time::timeout(Duration::from_secs(60), side.caught_up()).await.unwrap().unwrap();
}

/// Two programs over one read store, one of them newer: whoever comes or goes, the newer one's rows are kept current.
pub async fn an_older_program_neither_starves_nor_replaces_a_newer_read_model<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let old = harness.start(&log).await;
    old.wait_for(Tally::NAME, raise(&log, tenant, "t1", 1).await).await.unwrap();
    let new = harness.start_with(&log, vec![Model::of::<NegativeTally>()]).await;
    while live_build(&**new.store()).await != "tally_v2" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    new.stop().await;
    // Alone it may take the lease, and gives it back to the next that knows more.
    while !old.is_projecting() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let new = harness.start_with(&log, vec![Model::of::<NegativeTally>()]).await;
    raise(&log, tenant, "t1", 1).await;
    is_current(&new).await;
    old.stop().await;
    let again = harness.start(&log).await;
    let refused = again.build_missing().await;
    assert!(refused.is_ok(), "{refused:?}");
    // The newer program was stopped the moment its build was live, perhaps before it gave the rebuild's lease back.
    let refused = loop {
        match again.rebuild("tally").unwrap().run(&mut |_| {}).await {
            Err(RunError::RebuildRunning { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
            refused => break refused,
        }
    };
    assert!(matches!(refused, Err(RunError::NewerIsLive { version: 2, .. })), "{refused:?}");
    assert_eq!(live_build(&**new.store()).await, "tally_v2");
    raise(&log, tenant, "t1", 1).await;
    is_current(&new).await;
    assert_eq!(totals::<NegativeTally>(&new, tenant).await["t1"], -3);
    new.stop().await;
    again.stop().await;
}

pub async fn a_read_model_as_of_a_position_leaves_the_live_one_alone<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    let then = raise_many(&log, tenant, 150).await;
    let expected_then = expected(&log, tenant).await;
    let now = raise_many(&log, tenant, 150).await;
    side.wait_for(Tally::NAME, now).await.unwrap();
    let scratch = side.as_of("tally", then).await.unwrap();
    assert_eq!(scratch.position(), then);
    let query = projections::Query::of::<Tally, crate::tally::TallyRow>(tenant).limit(1_000);
    let page = scratch.select::<crate::tally::TallyRow>(&query).await.unwrap();
    let found: std::collections::BTreeMap<_, _> =
        page.rows.into_iter().map(|row| (row.name, row.total)).collect();
    assert_eq!((found, page.position), (expected_then, then));
    scratch.drop_tables().await.unwrap();
    assert_eq!(side.store().builds().await.unwrap().len(), 1);
    assert_eq!(totals::<Tally>(&side, tenant).await, expected(&log, tenant).await);
    side.stop().await;
}

pub async fn poison_events_are_parked_in_the_new_build_too<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, 100).await;
    append(&log, &stream(tenant, "t7"), "TallyBroken", "3").await;
    let position = raise_many(&log, tenant, 100).await;
    let side: Arc<ReadSide> = harness.start(&log).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    let rebuilt = side.rebuild("tally").unwrap().page(30).run(&mut |_| {}).await.unwrap();
    assert!(rebuilt.is_equal(), "{:?}", rebuilt.comparisons);
    let parked = side.parked().await.unwrap();
    assert!(parked.iter().any(|parked| parked.event.build == rebuilt.build && parked.waiting == 1));
    assert_eq!(log.head().await.unwrap(), position);
    side.stop().await;
}
