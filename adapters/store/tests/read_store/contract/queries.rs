use adapters_store::memory::MemoryEventStore;
use projections::{Direction, Filter, Query, ReadModel, Value, ports::ReadStoreError, runner::ReadSide};
use uuid::Uuid;

use crate::{
    harness::Harness,
    tally::{Tally, TallyRow, append, raise, stream},
};

async fn names(side: &ReadSide, query: &Query) -> Vec<String> {
    side.select::<TallyRow>(query).await.unwrap().rows.into_iter().map(|row| row.name).collect()
}

pub async fn filters_keep_what_they_say<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    let mut position = 0;
    for (name, by) in [("apple", 5), ("Berry", 20), ("cherry_1", -3), ("d%te", 20)] {
        position = raise(&log, tenant, name, by).await;
    }
    position = position.max(raise(&log, Uuid::now_v7(), "apple", 5).await);
    side.wait_for(Tally::NAME, position).await.unwrap();
    let all = || Query::of::<Tally, TallyRow>(tenant);
    let text = |text: &str| Value::Text(text.to_owned());
    // Text sorts by its bytes on every engine: capitals first.
    assert_eq!(names(&side, &all()).await, ["Berry", "apple", "cherry_1", "d%te"]);
    let cases: Vec<(Filter, Vec<&str>)> = vec![
        (Filter::Is("name", text("apple")), vec!["apple"]),
        (Filter::IsNot("name", text("apple")), vec!["Berry", "cherry_1", "d%te"]),
        (Filter::Is("is_high", Value::Bool(true)), vec!["Berry", "d%te"]),
        (Filter::Is("note", Value::Null), vec!["Berry", "apple", "cherry_1", "d%te"]),
        (Filter::IsNot("note", Value::Null), vec![]),
        (Filter::IsNot("note", text("light")), vec!["Berry", "apple", "cherry_1", "d%te"]),
        (Filter::In("total", vec![Value::Int64(5), Value::Int64(-3)]), vec!["apple", "cherry_1"]),
        (Filter::In("total", vec![]), vec![]),
        (Filter::AtLeast("total", Value::Int64(5)), vec!["Berry", "apple", "d%te"]),
        (Filter::AtMost("total", Value::Int64(5)), vec!["apple", "cherry_1"]),
        (Filter::Contains("name", "ERRY".to_owned()), vec!["Berry", "cherry_1"]),
        (Filter::Contains("name", "%".to_owned()), vec!["d%te"]),
        (Filter::Contains("name", "y_".to_owned()), vec!["cherry_1"]),
        (
            Filter::Any(vec![Filter::Is("name", text("apple")), Filter::Is("total", Value::Int64(-3))]),
            vec!["apple", "cherry_1"],
        ),
        (Filter::Any(vec![]), vec![]),
        (Filter::All(vec![]), vec!["Berry", "apple", "cherry_1", "d%te"]),
    ];
    for (filter, expected) in cases {
        let query = all().filter(filter);
        assert_eq!(names(&side, &query).await, expected, "{:?}", query.filter);
        assert_eq!(side.count(&query, 10_000).await.unwrap().0, expected.len() as u64);
    }
    assert_eq!(side.count(&all(), 3).await.unwrap().0, 3, "a count is capped");
    let found = side.find::<Tally, TallyRow>(tenant, &(tenant, "Berry".to_owned())).await.unwrap();
    assert_eq!(found.unwrap().total, 20);
    side.stop().await;
}

pub async fn an_unknown_column_and_a_foreign_cursor_are_refused<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    side.caught_up().await.unwrap();
    let all = || Query::of::<Tally, TallyRow>(tenant);
    let unknown = [
        all().filter(Filter::Is("tenant; drop table tallies_v1", Value::Null)),
        all().order_by(&["nothing"], Direction::Ascending),
    ];
    for query in unknown {
        let error = side.select::<TallyRow>(&query).await.unwrap_err();
        assert!(matches!(error, ReadStoreError::UnknownColumn { table: "tallies", .. }), "{error}");
    }
    let cursors = [vec![], vec![Value::Int64(1), Value::Int64(2)], vec![Value::Uuid(tenant), Value::Null]];
    for cursor in cursors {
        let error = side.select::<TallyRow>(&all().after(Some(cursor))).await.unwrap_err();
        assert!(matches!(error, ReadStoreError::ForeignCursor), "{error}");
    }
    side.stop().await;
}

pub async fn what_no_row_can_hold_is_refused_and_no_outage<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let side = harness.start(&log).await;
    side.caught_up().await.unwrap();
    let all = || Query::of::<Tally, TallyRow>(tenant);
    let zero = || Value::Text("a\0b".to_owned());
    let many = (0..33_000).map(Value::Int64).collect();
    let queries = [
        all().filter(Filter::Contains("name", "\0".to_owned())),
        all().filter(Filter::Is("name", zero())),
        all().after(Some(vec![Value::Uuid(tenant), zero()])),
        all().filter(Filter::In("total", many)),
    ];
    for query in queries {
        let error = side.select::<TallyRow>(&query).await.unwrap_err();
        assert!(matches!(error, ReadStoreError::Unanswerable { .. }), "{error}");
    }
    assert_eq!(names(&side, &all()).await, [""; 0], "and the next query is answered");
    side.stop().await;
}

pub async fn every_value_comes_back_as_it_went_in<H: Harness>() {
    let (harness, log, tenant) = (H::create().await, MemoryEventStore::new(), Uuid::now_v7());
    let name = "Ő 'quoted' \"twice\" \\ \u{1F356}";
    append(&log, &stream(tenant, name), "TallyRaised", "-9223372036854775808").await;
    let position = append(&log, &stream(tenant, name), "TallyRaised", "9223372036854775807").await;
    let side = harness.start(&log).await;
    side.wait_for(Tally::NAME, position).await.unwrap();
    let events =
        commands::ports::EventStore::read_log(&log, 0, &Default::default(), 10).await.unwrap().events;
    let expected = projections::rows_of::<Tally, TallyRow>(&events).unwrap();
    let page = side.select::<TallyRow>(&Query::of::<Tally, TallyRow>(tenant)).await.unwrap();
    assert_eq!((page.rows, page.has_more, page.position), (expected, false, 2));
    side.stop().await;
}

pub async fn an_image_comes_back_whole<H: Harness>() {
    let (harness, store) = H::create().await.open_owned().await;
    assert_eq!(store.load_image("index").await.unwrap(), None);
    let image: Vec<u8> = (0..20_000_000_u32).map(|number| (number * 31 % 251) as u8).collect();
    store.save_image("index", 7, vec![1, 2, 3]).await.unwrap();
    store.save_image("index", 8, image.clone()).await.unwrap();
    assert!(store.load_image("index").await.unwrap() == Some((8, image)));
    drop(harness);
}
