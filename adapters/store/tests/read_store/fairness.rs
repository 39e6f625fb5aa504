//! A process that folds still runs commands and answers queries.

use std::{
    thread,
    time::{Duration, Instant},
};

use adapters_store::memory::MemoryEventStore;
use commands::ports::RecordedEvent;
use projections::{FoldError, Keys, Model, ReadModel, Rows, Table};
use uuid::Uuid;

use crate::{
    harness::{Harness, Sqlite},
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
        vec![<TallyRow as projections::Row>::TABLE]
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
