//! Reading: streams, the log, its past.

use chrono::TimeDelta;
use commands::ports::{
    EventStore, LogFilter, LogPage, Past, PastEvent, PastQuery, RecordedEvent, Snapshot, SnapshotStore,
    StoreError, StreamKey,
};

use crate::{
    fixtures::{append_one, appended, at, commit, event, lot, positions, tenant, whole_log, write},
    harness::Harness,
};

pub async fn a_stream_is_read_from_a_version(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let stream = lot(tenant, "a");
    append_one(&store, &commit(tenant, vec![write(&stream, 0, 3)])).await;
    append_one(&store, &commit(tenant, vec![write(&lot(tenant, "b"), 0, 2)])).await;
    append_one(&store, &commit(tenant, vec![write(&stream, 3, 3)])).await;
    let versions = |events: Vec<commands::ports::RecordedEvent>| {
        events.iter().map(|event| (event.version, event.position)).collect::<Vec<_>>()
    };
    let all = store.read_stream(&stream, 0, 100).await.unwrap();
    assert_eq!(versions(all), [(1, 1), (2, 2), (3, 3), (4, 6), (5, 7), (6, 8)]);
    let middle = store.read_stream(&stream, 2, 3).await.unwrap();
    assert_eq!(versions(middle), [(3, 3), (4, 6), (5, 7)]);
    assert_eq!(store.read_stream(&stream, 6, 100).await.unwrap(), []);
    assert_eq!(store.read_stream(&stream, u64::MAX, 100).await.unwrap(), []);
    assert_eq!(store.read_stream(&lot(tenant, "none"), 0, 100).await.unwrap(), []);
}

pub async fn the_pasts_of_many_streams_are_the_streams_without_their_envelopes(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (one, other, none) = (lot(tenant, "a"), lot(tenant, "b"), lot(tenant, "none"));
    let mut mixed = commit(tenant, vec![write(&one, 0, 3), write(&other, 0, 2)]);
    mixed.streams[0].events[1].event_type = "LotHeld";
    mixed.streams[0].events[2].schema_version = 2;
    mixed.streams[0].events[2].payload = r#"{"text":"första"}"#.into();
    appended(&append_one(&store, &mixed).await);
    appended(&append_one(&store, &commit(tenant, vec![write(&one, 3, 2)])).await);
    for (limit, after) in [(100, [0, 0, 0]), (2, [0, 1, 9]), (1, [4, 2, 0]), (100, [5, 9, 1])] {
        let asked: Vec<_> = [&one, &other, &none].into_iter().zip(after).map(past_of).collect();
        let pasts = store.load_pasts(&asked, limit).await.unwrap();
        assert_eq!(pasts.len(), 3);
        for (query, past) in asked.iter().zip(pasts) {
            let events = store.read_stream(&query.stream, query.after_version, limit).await.unwrap();
            let expected: Vec<_> = events.iter().map(past_event).collect();
            assert_eq!(past.events().collect::<Vec<_>>(), expected, "{limit} of {query:?}");
            assert_eq!(past.last_event(), events.last().map(|event| event.event_id));
            assert_eq!((past.version(), past.snapshot), (query.after_version + events.len() as u64, None));
        }
    }
    assert_eq!(store.load_pasts(&[], 100).await.unwrap(), []);
}

fn past_of((stream, after_version): (&StreamKey, u64)) -> PastQuery {
    PastQuery { stream: stream.clone(), after_version, shape: Some("v1".to_owned()) }
}

fn past_event(event: &RecordedEvent) -> PastEvent<'_> {
    let RecordedEvent { version, event_type, schema_version, payload, .. } = event;
    PastEvent { version: *version, event_type, schema_version: *schema_version, payload }
}

pub async fn a_snapshot_stands_for_the_events_before_it(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (stream, other) = (lot(tenant, "a"), lot(tenant, "b"));
    appended(&append_one(&store, &commit(tenant, vec![write(&stream, 0, 5), write(&other, 0, 2)])).await);
    let snapshot = |version| Snapshot { version, shape: "v1".to_owned(), state: "{}".to_owned() };
    store.save_snapshot(&stream, &snapshot(3)).await.unwrap();
    let versions = async |query: PastQuery, limit| {
        let asked = [past_of((&other, 0)), query];
        let past = store.load_pasts(&asked, limit).await.unwrap().remove(1);
        let versions: Vec<_> = past.events().map(|event| event.version).collect();
        (past.snapshot.map(|snapshot| snapshot.version), versions)
    };
    assert_eq!(
        versions(past_of((&stream, 0)), 100).await.1,
        [3, 4, 5],
        "the snapshot's own event comes first"
    );
    assert_eq!(versions(past_of((&stream, 2)), 1).await, (Some(3), vec![3]));
    assert_eq!(versions(past_of((&stream, 3)), 100).await, (None, vec![4, 5]), "it is no newer");
    let unshaped = PastQuery { shape: None, ..past_of((&stream, 0)) };
    assert_eq!(versions(unshaped, 2).await, (None, vec![1, 2]));
    let foreign = PastQuery { shape: Some("v2".to_owned()), ..past_of((&stream, 0)) };
    assert_eq!(versions(foreign, 2).await, (None, vec![1, 2]));
    store.save_snapshot(&stream, &snapshot(9)).await.unwrap();
    assert_eq!(versions(past_of((&stream, 0)), 100).await, (Some(9), vec![]), "the log ends before it");
}

pub async fn the_log_is_read_from_a_position(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    append_one(&store, &commit(tenant, vec![write(&lot(tenant, "a"), 0, 5)])).await;
    let all = LogFilter::default();
    let page = store.read_log(0, &all, 3).await.unwrap();
    assert_eq!((positions(&page.events), page.read_through), (vec![1, 2, 3], 3));
    let page = store.read_log(3, &all, 3).await.unwrap();
    assert_eq!((positions(&page.events), page.read_through), (vec![4, 5], 5));
    let page = store.read_log(5, &all, 3).await.unwrap();
    assert_eq!(page, LogPage { events: Vec::new(), read_through: 5 });
    // A reader that is ahead of the log, of a restored one perhaps, is not sent back.
    assert_eq!(store.read_log(9, &all, 3).await.unwrap().read_through, 9);
}

/// Positions 1 to 6: lots, an order, lots; types `LotWeighed` and `LotHeld`.
async fn mixed_log(store: &std::sync::Arc<impl EventStore>) {
    let tenant = tenant();
    let order = StreamKey::new(tenant, "order", "o");
    let mut held = commit(tenant, vec![write(&lot(tenant, "a"), 2, 0)]);
    held.streams[0].events.push(event("LotHeld", "{}"));
    append_one(store, &commit(tenant, vec![write(&lot(tenant, "a"), 0, 2)])).await;
    append_one(store, &commit(tenant, vec![write(&order, 0, 1)])).await;
    append_one(store, &held).await;
    append_one(store, &commit(tenant, vec![write(&order, 1, 2)])).await;
}

pub async fn a_filter_keeps_categories_and_types(harness: &impl Harness) {
    let store = harness.open().await;
    mixed_log(&store).await;
    let read = async |categories: &[&'static str], event_types: &[&'static str]| {
        let filter = LogFilter {
            categories: categories.iter().map(|&category| category.into()).collect(),
            event_types: event_types.iter().map(|&event_type| event_type.into()).collect(),
        };
        positions(&store.read_log(0, &filter, 100).await.unwrap().events)
    };
    assert_eq!(read(&["lot"], &[]).await, [1, 2, 4]);
    assert_eq!(read(&["lot", "order"], &[]).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(read(&[], &["LotHeld"]).await, [4]);
    assert!(read(&["order"], &["LotHeld"]).await.is_empty());
    assert_eq!(read(&["order"], &["LotHeld", "LotWeighed"]).await, [3, 5, 6]);
}

pub async fn a_filtered_page_says_how_far_it_looked(harness: &impl Harness) {
    let store = harness.open().await;
    mixed_log(&store).await;
    let lots = LogFilter { categories: vec!["lot".into()], event_types: Vec::new() };
    let page = store.read_log(0, &lots, 2).await.unwrap();
    assert_eq!((positions(&page.events), page.read_through), (vec![1, 2], 2));
    let page = store.read_log(2, &lots, 2).await.unwrap();
    assert_eq!((positions(&page.events), page.read_through), (vec![4], 6));
    let page = store.read_log(4, &lots, 2).await.unwrap();
    assert_eq!((positions(&page.events), page.read_through), (vec![], 6));
    assert_eq!(store.read_log(6, &lots, 2).await.unwrap().read_through, 6);
    assert_eq!(store.read_log(9, &lots, 2).await.unwrap().read_through, 9);
}

pub async fn a_hole_stops_an_unfiltered_reader(harness: &impl Harness) {
    let store = harness.open().await;
    mixed_log(&store).await;
    if !harness.delete_event(3).await {
        return;
    }
    let all = LogFilter::default();
    let gap = |result: Result<LogPage, StoreError>| match result {
        Err(StoreError::Gap { expected, found }) => (expected, found),
        other => panic!("no gap: {other:?}"),
    };
    assert_eq!(gap(store.read_log(0, &all, 100).await), (3, 4));
    assert_eq!(gap(store.read_log(2, &all, 100).await), (3, 4));
    assert_eq!(positions(&store.read_log(0, &all, 2).await.unwrap().events), [1, 2]);
    assert_eq!(positions(&store.read_log(3, &all, 100).await.unwrap().events), [4, 5, 6]);
    let lots = LogFilter { categories: vec!["lot".into()], event_types: Vec::new() };
    assert_eq!(positions(&store.read_log(0, &lots, 100).await.unwrap().events), [1, 2, 4]);
}

pub async fn the_position_at_an_instant_is_the_last_recorded_by_then(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    for (number, milliseconds) in [100, 100, 200, 200, 200, 300, 500].into_iter().enumerate() {
        let mut one = commit(tenant, vec![write(&lot(tenant, &number.to_string()), 0, 1)]);
        one.decided_at = at(milliseconds);
        append_one(&store, &one).await;
    }
    for (milliseconds, position) in
        [(0, 0), (99, 0), (100, 2), (150, 2), (200, 5), (299, 5), (300, 6), (499, 6), (500, 7), (9_999, 7)]
    {
        assert_eq!(store.position_at(at(milliseconds)).await.unwrap(), position, "at {milliseconds} ms");
    }
    assert_eq!(store.position_at(at(0) - TimeDelta::days(30_000)).await.unwrap(), 0);
}

pub async fn an_empty_log_has_nothing(harness: &impl Harness) {
    let store = harness.open().await;
    assert_eq!(store.head().await.unwrap(), 0);
    assert_eq!(whole_log(&store).await, []);
    assert_eq!(store.position_at(at(0)).await.unwrap(), 0);
    assert_eq!(store.read_log(0, &LogFilter::default(), 10).await.unwrap().read_through, 0);
    assert_eq!(store.find_answer(tenant(), uuid::Uuid::now_v7()).await.unwrap(), None);
}

/// A few thousand of them at once would not fit into memory.
pub async fn a_page_of_large_events_ends_at_so_many_bytes(harness: &impl Harness) {
    const LARGE: usize = 3 * 1024 * 1024;
    let (store, tenant) = (harness.open().await, tenant());
    let stream = lot(tenant, "large");
    let payload = format!(r#"{{"text":"{}"}}"#, "x".repeat(LARGE));
    for version in 0..14 {
        let mut large = commit(tenant, vec![write(&stream, version, 1)]);
        large.streams[0].events[0].payload = payload.as_str().into();
        appended(&append_one(&store, &large).await);
    }
    append_one(&store, &commit(tenant, vec![write(&lot(tenant, "small"), 0, 200)])).await;
    let lots = LogFilter { categories: vec!["lot".into()], ..LogFilter::default() };
    for filter in [LogFilter::default(), lots] {
        let (mut after, mut found) = (0, Vec::new());
        while after < 214 {
            let page = store.read_log(after, &filter, 500).await.unwrap();
            let bytes: usize = page.events.iter().map(|event| event.payload.len()).sum();
            assert!(bytes <= LogPage::BYTES + payload.len(), "{bytes} at once");
            assert!(page.read_through > after, "each page comes further");
            after = page.read_through;
            found.extend(positions(&page.events));
        }
        assert_eq!(found, (1..=214).collect::<Vec<_>>());
    }
    let (mut after, mut found) = (0, Vec::new());
    loop {
        let past = store.load_pasts(&[past_of((&stream, after))], 500).await.unwrap().remove(0);
        found.extend(past.events().map(|event| event.version));
        assert!(
            past.bytes() < Past::BYTES + payload.len() + 100,
            "{} bytes of a stream at once",
            past.bytes()
        );
        after = past.version();
        if !past.may_go_on(500) {
            break;
        }
    }
    assert_eq!(found, (1..=14).collect::<Vec<_>>());
}
