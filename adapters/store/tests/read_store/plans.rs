//! How PostgreSQL finds a read model's rows, and how often it is asked.

use std::time::Duration;

use adapters_store::memory::MemoryEventStore;
use projections::{ReadModel, ports::StepOutcome};
use uuid::Uuid;

use crate::{
    contract::store::{CrateRow, a_crate, filled, step},
    harness::{Harness, Postgres},
    tally::{Tally, raise, raise_many},
};

/// The plan that fits the statistics of an empty table compares every row with every key that is looked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_read_model_that_was_built_over_an_empty_log_come_by_their_keys() {
    let (harness, log, tenant) = (Postgres::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    side.caught_up().await.unwrap();
    side.wait_for(Tally::NAME, raise(&log, tenant, "first", 1).await).await.unwrap();
    side.stop().await;
    drop(side);

    let side = harness.start(&log).await;
    side.caught_up().await.unwrap();
    // So often that PostgreSQL keeps the plan.
    for number in 0..12 {
        let position = raise(&log, tenant, &format!("one by one {number}"), 1).await;
        side.wait_for(Tally::NAME, position).await.unwrap();
    }
    raise_many(&log, tenant, 300).await;
    side.caught_up().await.unwrap();
    side.stop().await;
    drop(side);

    // A connection tells what it did when it ends.
    let stranger = harness.stranger().await;
    let counted = "select n_tup_ins, seq_tup_read from pg_stat_user_tables where relname = 'tallies_v1'";
    let (written, read_in_sequence) = loop {
        let row = stranger.query_one(counted, &[]).await.unwrap();
        let (written, read): (i64, i64) = (row.get(0), row.get(1));
        if written >= 113 {
            break (written, read);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(read_in_sequence, 0, "of {written} rows");
}

/// As it was, a step of a thousand tenants waited for the server a thousand times, with its lease locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_of_many_tenants_marks_them_all_in_one_statement() {
    let harness = Postgres::create().await;
    let (store, fence) = filled(&harness, &[]).await;
    harness
        .meddle(
            "create table asked (at timestamptz not null default clock_timestamp());
             create function note() returns trigger language plpgsql as
                 $$ begin insert into asked default values; return null; end $$;
             create trigger asked after insert on read_marks for each statement execute function note()",
        )
        .await;
    let crates: Vec<_> =
        (1..=1_000).map(|tenant| CrateRow { tenant: Uuid::from_u128(tenant), ..a_crate(1, 5) }).collect();
    assert_eq!(store.store_step(step(&fence, 10, 11, &crates)).await.unwrap(), StepOutcome::Stored);
    let counted = "select (select count(*) from asked), (select count(*) from read_marks)";
    let row = harness.stranger().await.query_one(counted, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 1_000));
}
