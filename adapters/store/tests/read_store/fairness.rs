//! A process that folds still runs commands, answers queries and keeps its leases.

use std::{
    thread,
    time::{Duration, Instant},
};

use adapters_store::memory::MemoryEventStore;
use commands::ports::RecordedEvent;
use projections::{FoldError, Keys, Model, ReadModel, Row, Rows, Table, ports::Claim};
use uuid::Uuid;

use crate::{
    contract::store::{CrateRow, a_crate, build, filled},
    harness::{Harness, Postgres, Sqlite},
    tally::{TallyRow, raise_many},
};

/// A read model that takes its time.
struct Slow;

const EVENTS: u32 = 100;
const FOLD: Duration = Duration::from_millis(5);

impl ReadModel for Slow {
    const NAME: &'static str = "slow";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["tally"];

    fn tables() -> Vec<&'static Table> {
        vec![TallyRow::TABLE]
    }

    fn keys(_: &RecordedEvent, _: &mut Keys<'_>) {}

    fn apply(_: &RecordedEvent, _: &mut Rows) -> Result<(), FoldError> {
        thread::sleep(FOLD);
        Ok(())
    }
}

/// All tasks of this test share one thread: were the page folded there, nobody else had a turn before its end.
#[tokio::test]
async fn whoever_waits_for_a_turn_does_not_wait_for_a_page_to_be_folded() {
    let (harness, log, tenant) = (Sqlite::create().await, MemoryEventStore::new(), Uuid::now_v7());
    raise_many(&log, tenant, EVENTS.into()).await;
    let side = harness.start_with(&log, vec![Model::of::<Slow>()]).await;
    let other = tokio::spawn(async {
        let mut longest = Duration::ZERO;
        loop {
            let asked = Instant::now();
            tokio::time::sleep(Duration::from_millis(1)).await;
            longest = longest.max(asked.elapsed());
            if longest > FOLD * EVENTS {
                return longest;
            }
        }
    });
    let began = Instant::now();
    // Built, and then kept current.
    side.caught_up().await.unwrap();
    raise_many(&log, tenant, EVENTS.into()).await;
    side.caught_up().await.unwrap();
    assert!(began.elapsed() >= FOLD * EVENTS, "it took its time");
    assert!(!other.is_finished(), "somebody waited for {:?}", other.await.unwrap());
    other.abort();
    side.stop().await;
}

/// As it was, a lease was kept on the turns of those who write: three indexes over large tables, and it was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_kept_while_indexes_are_built() {
    let harness = Postgres::create().await;
    let (store, fence) = filled(&harness, &[a_crate(1, 5)]).await;
    // Whoever writes holds up the building of an index.
    let stranger = harness.stranger().await;
    let write = "begin; update crates_v1 set weight_grams = 6; drop index crates_v1_i1";
    stranger.batch_execute(write).await.unwrap();
    let builds = (0..3).map(|_| {
        let store = std::sync::Arc::clone(&store);
        tokio::spawn(async move { store.index_build(&build(1), &[CrateRow::TABLE]).await })
    });
    let builds: Vec<_> = builds.collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let asked = Instant::now();
    assert!(store.renew(&fence, Duration::from_secs(60)).await.unwrap());
    assert!(asked.elapsed() < Duration::from_secs(2), "it waited for {:?}", asked.elapsed());
    assert!(builds.iter().all(|build| !build.is_finished()), "they waited for nobody: nothing was tested");
    stranger.batch_execute("rollback").await.unwrap();
    for build in builds {
        build.await.unwrap().unwrap();
    }
}

/// A step that writes for long holds its lease's row to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_whose_row_is_locked_holds_up_no_other_lease() {
    let harness = Postgres::create().await;
    let (store, fence) = filled(&harness, &[a_crate(1, 5)]).await;
    let ttl = Duration::from_secs(60);
    let other = store.claim("another", Uuid::from_u128(9), ttl, Claim::WhenFree).await.unwrap().unwrap();
    let stranger = harness.stranger().await;
    let step = format!("begin; update read_leases set epoch = epoch where name = '{}'", fence.lease);
    stranger.batch_execute(&step).await.unwrap();
    let asked = Instant::now();
    let (locked, free) = tokio::join!(store.renew(&fence, ttl), store.renew(&other, ttl));
    assert!(locked.unwrap() && free.unwrap(), "both are held");
    assert!(asked.elapsed() < Duration::from_secs(2), "they waited for {:?}", asked.elapsed());
    let taken = format!("update read_leases set epoch = epoch + 1 where name = '{}'; commit", fence.lease);
    stranger.batch_execute(&taken).await.unwrap();
    assert!(!store.renew(&fence, ttl).await.unwrap(), "somebody else has it");
    let left = "select expires_at from read_leases where name = 'another'";
    let before: i64 = stranger.query_one(left, &[]).await.unwrap().get(0);
    assert!(store.renew(&other, 2 * ttl).await.unwrap());
    let after: i64 = stranger.query_one(left, &[]).await.unwrap().get(0);
    assert!(after > before + 30_000, "a free one is renewed: {before} to {after}");
}
