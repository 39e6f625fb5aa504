//! Pages for each of several values of a column.

use projections::{
    Direction, Filter, Query, Row, Value,
    ports::{ReadStore, StepOutcome},
};

use super::store::{CrateRow, a_crate, build, filled, query, rows_of, step};
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
