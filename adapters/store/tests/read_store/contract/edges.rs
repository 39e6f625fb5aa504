//! Pages for each of several values of a column, and how a reader knows that an answer still holds.

use projections::{
    Direction, Filter, Query, Row, Value,
    ports::{BuildState, Claim, ReadStore, Step, StepOutcome},
};
use uuid::Uuid;

use super::store::{CrateRow, TENANT, a_crate, at_position, build, claimed, filled, query, rows_of, step};
use crate::harness::Harness;

fn by_weight(limit: u32) -> Query {
    query().order_by(&["packed_at"], Direction::Ascending).limit(limit)
}

async fn pages(store: &dyn ReadStore, query: &Query, weights: &[i64]) -> Vec<(i64, u128)> {
    let weights = weights.iter().map(|weight| Value::Int64(*weight)).collect();
    let rows: Vec<CrateRow> =
        rows_of(store.select_each(query, "weight_grams", weights).await.unwrap().values);
    let mut found: Vec<_> = rows.iter().map(|row| (row.weight_grams, row.crate_id.as_u128())).collect();
    // The order is that of each value's rows.
    found.sort_by_key(|(weight, _)| *weight);
    found
}

pub async fn each_value_has_a_page_of_its_own<H: Harness>() {
    let harness = &H::create().await;
    let crates: Vec<_> = (1..=10).map(|number| a_crate(number, (number % 2) as i64)).collect();
    let (store, _fence) = filled(harness, &crates).await;
    let two = by_weight(2);
    assert_eq!(pages(&*store, &two, &[0, 1, 7]).await, [(0, 2), (0, 4), (1, 1), (1, 3)]);
    assert_eq!(pages(&*store, &two, &[]).await, []);
    let behind = two.clone().after(Some(two.cursor(&crates[3])));
    assert_eq!(pages(&*store, &behind, &[0]).await, [(0, 6), (0, 8)]);
    let backward = Query { direction: Direction::Descending, ..two.clone() };
    assert_eq!(pages(&*store, &backward, &[1]).await, [(1, 9), (1, 7)]);
    let sealed = two.filter(Filter::Is("is_sealed", Value::Bool(true)));
    assert_eq!(pages(&*store, &sealed, &[0, 1]).await, [(0, 2), (0, 4)]);
    let counted =
        store.count_each(&query(), "weight_grams", [0, 1, 7].map(Value::Int64).to_vec(), 4).await.unwrap();
    let mut some: Vec<_> = counted.of_each.into_iter().filter(|(_, count)| *count > 0).collect();
    some.sort();
    assert_eq!(some, [(Value::Int64(0), 4), (Value::Int64(1), 4)], "no further than the cap");
    let empty = store.select_each(&by_weight(2), "weight_grams", vec![Value::Int64(7)]).await.unwrap();
    assert_eq!((empty.values, empty.position), (Vec::new(), 10), "where it stands is known without rows");
}

pub async fn a_page_of_a_hundred_thousand_rows_is_read_alone<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[]).await;
    for tens_of_thousands in 0..10 {
        let numbers = (1..=10_000).map(|number| tens_of_thousands * 10_000 + number);
        let crates: Vec<_> = numbers.map(|number| a_crate(number, 5)).collect();
        let from = 10 + tens_of_thousands as u64;
        assert_eq!(
            store.store_step(step(&fence, from, from + 1, &crates)).await.unwrap(),
            StepOutcome::Stored
        );
    }
    store.index_build(&build(1), &[CrateRow::TABLE]).await.unwrap();
    let before = harness.rows_read("crates_v1", 100_000).await;
    let query = by_weight(21);
    let page =
        store.select_each(&query, "weight_grams", vec![Value::Int64(5), Value::Int64(6)]).await.unwrap();
    assert_eq!(rows_of::<CrateRow>(page.values).len(), 21);
    if let (Some(before), Some(after)) = (before, harness.rows_read("crates_v1", 100_000).await) {
        assert!(after - before < 1_000, "{} rows were read for a page of 21", after - before);
    }
}

async fn count(store: &dyn ReadStore, tenant: Uuid) -> u64 {
    let changes = store.changes(&[tenant, Uuid::from_u128(99)]).await.unwrap();
    changes.iter().filter(|change| change.model == "crates").map(|change| change.count).sum()
}

pub async fn changes_are_counted_by_tenant_and_never_missed<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 5)]).await;
    let first = count(&*store, TENANT).await;
    assert!(first > 0, "rows were written");
    assert_eq!(store.select(&query(), None).await.unwrap().changes, first, "a page tells it too");
    assert_eq!(store.count(&query(), 10).await.unwrap().1, first, "and a count");
    // Another tenant's rows and a checkpoint that moves alone change nothing for this one.
    let strangers = CrateRow { tenant: Uuid::from_u128(2), ..a_crate(2, 5) };
    store.store_step(step(&fence, 10, 11, &[strangers])).await.unwrap();
    store.store_step(Step { changes: Vec::new(), ..step(&fence, 11, 12, &[]) }).await.unwrap();
    assert_eq!(count(&*store, TENANT).await, first);
    assert_eq!(count(&*store, Uuid::from_u128(2)).await, 1);
    // A written row, a deleted one, a step that moves no checkpoint, as a repair is.
    store.store_step(step(&fence, 12, 13, &[a_crate(1, 6)])).await.unwrap();
    assert_eq!(count(&*store, TENANT).await, first + 1);
    let mut deletes = Step { moves: Vec::new(), ..step(&fence, 13, 13, &[]) };
    deletes.changes[0].deleted = vec![Value::Uuid(TENANT), Value::Uuid(Uuid::from_u128(1))];
    assert_eq!(store.store_step(deletes).await.unwrap(), StepOutcome::Stored);
    assert_eq!(count(&*store, TENANT).await, first + 2);
    // What is not stored is not counted.
    claimed(&store, Claim::ByForce).await;
    assert_eq!(store.store_step(step(&fence, 13, 14, &[a_crate(3, 6)])).await.unwrap(), StepOutcome::Fenced);
    assert_eq!(count(&*store, TENANT).await, first + 2);
}

pub async fn another_build_that_takes_over_counts_as_a_change_for_everybody<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 5)]).await;
    let first = count(&*store, TENANT).await;
    store.create_build(&build(2), BuildState::Building, &[]).await.unwrap();
    let outcome = store.take_over(&[fence], &build(2), 0, &at_position("take_over", 0)).await.unwrap();
    assert_eq!(outcome, StepOutcome::Stored);
    assert!(count(&*store, TENANT).await > first, "the new build is empty");
    let live = store.builds().await.unwrap().into_iter().find(|build| build.state == BuildState::Live);
    let before = count(&*store, TENANT).await;
    assert!(store.discard_build(&live.unwrap(), &at_position("discard", 0)).await.unwrap());
    assert!(count(&*store, TENANT).await > before);
}
