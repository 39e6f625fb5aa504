//! One tail of the log for many readers: each reads everything it wants, once, in order, and the log is asked once.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "support/commits.rs"]
mod commits;
#[path = "support/troubled_log.rs"]
mod troubled_log;

use std::{sync::Arc, time::Duration};

use adapters_store::memory::MemoryEventStore;
use commands::{
    ports::{EventStore, LogFilter, NewEvent, Position, StoreError, StreamKey},
    tail::{Place, Read, Reader, Tail},
};
use troubled_log::TroubledLog;
use uuid::Uuid;

/// Appends so many events to new streams of a category, one commit each.
async fn append(log: &MemoryEventStore, category: &'static str, count: usize) {
    for _ in 0..count {
        let stream = StreamKey::new(Uuid::nil(), category, Uuid::now_v7().to_string());
        log.append(&[commits::commit(stream, 0, commits::event("ThingDone", "{}"))]).await.unwrap();
    }
}

fn of_category(category: &'static str) -> LogFilter {
    LogFilter { categories: vec![category.into()], ..LogFilter::default() }
}

/// Reads to the end; answers the positions, and moves the place on.
async fn read_all(reader: &mut Reader, place: &mut Place, limit: usize) -> Vec<Position> {
    let mut positions = Vec::new();
    loop {
        match reader.read(*place, limit).await.unwrap() {
            Read::Page(page) => {
                assert!(page.events.len() <= limit && page.end.position > place.position);
                positions.extend(page.events.iter().map(|event| event.position));
                *place = page.end;
            }
            Read::AtEnd => return positions,
            Read::Replaced => panic!("the log is the same"),
        }
    }
}

fn troubled(log: &MemoryEventStore) -> (Arc<TroubledLog>, Tail) {
    let troubled = TroubledLog::new(log);
    let tail = Tail::of(Arc::clone(&troubled) as _);
    (troubled, tail)
}

#[tokio::test]
async fn what_many_readers_follow_is_read_once() {
    let log = MemoryEventStore::new();
    append(&log, "lot", 10).await;
    let (asked, tail) = troubled(&log);
    let mut readers: Vec<_> = (0..5).map(|_| tail.reader(LogFilter::default())).collect();
    let mut places = [Place::BEGINNING; 5];
    for (reader, place) in readers.iter_mut().zip(&mut places) {
        assert_eq!(read_all(reader, place, 100).await, (1..=10).collect::<Vec<_>>());
    }
    asked.take_counts();
    append(&log, "lot", 100).await;
    for (reader, place) in readers.iter_mut().zip(&mut places) {
        assert_eq!(read_all(reader, place, 7).await, (11..=110).collect::<Vec<_>>());
    }
    // The event that stood at the end comes once more with them: it shows that it is the same log.
    assert_eq!(asked.take_counts(), (1, 101));
}

#[tokio::test]
async fn each_reader_gets_what_passes_its_own_filter() {
    let log = MemoryEventStore::new();
    let (_, tail) = troubled(&log);
    let (mut lots, mut all) = (tail.reader(of_category("lot")), tail.reader(LogFilter::default()));
    let mut partners = tail.reader(of_category("partner"));
    let mut places = [Place::BEGINNING; 3];
    for round in 0..3 {
        append(&log, "lot", 2).await;
        append(&log, "partner", 1).await;
        append(&log, "recording", 1).await;
        let first = round * 4 + 1;
        assert_eq!(read_all(&mut lots, &mut places[0], 100).await, [first, first + 1]);
        assert_eq!(read_all(&mut partners, &mut places[1], 1).await, [first + 2]);
        assert_eq!(read_all(&mut all, &mut places[2], 3).await, (first..first + 4).collect::<Vec<_>>());
        assert!(places.iter().all(|place| *place == places[0]), "all stand at the end");
    }
}

#[tokio::test]
async fn what_no_reader_wants_is_not_read() {
    let log = MemoryEventStore::new();
    let (asked, tail) = troubled(&log);
    let (mut lots, mut place) = (tail.reader(of_category("lot")), Place::BEGINNING);
    assert!(read_all(&mut lots, &mut place, 100).await.is_empty());
    append(&log, "benchmark", 1_000).await;
    append(&log, "lot", 1).await;
    append(&log, "benchmark", 1_000).await;
    asked.take_counts();
    assert_eq!(read_all(&mut lots, &mut place, 100).await, [1_001]);
    let (statements, events) = asked.take_counts();
    assert!(statements <= 4 && events <= 4, "{statements} statements, {events} events");
    assert_eq!(place.position, 2_001);
    // Somebody who wants more comes later, and misses nothing either.
    let mut all = tail.reader(LogFilter::default());
    assert_eq!(read_all(&mut all, &mut Place::BEGINNING.clone(), 5_000).await.len(), 2_001);
    append(&log, "benchmark", 5).await;
    assert_eq!(read_all(&mut all, &mut place.clone(), 5_000).await.len(), 5);
    assert!(read_all(&mut lots, &mut place, 100).await.is_empty());
    // And is gone again.
    drop(all);
    append(&log, "benchmark", 1_000).await;
    asked.take_counts();
    assert!(read_all(&mut lots, &mut place, 100).await.is_empty());
    let (statements, events) = asked.take_counts();
    assert!(statements <= 5 && events <= 5, "{statements} statements, {events} events");
}

/// The window holds 16,384 events: who is further behind reads the log.
#[tokio::test]
async fn a_reader_far_behind_reads_the_log_itself_until_it_has_caught_up() {
    let log = MemoryEventStore::new();
    let (asked, tail) = troubled(&log);
    let (mut ahead, mut behind) = (tail.reader(LogFilter::default()), tail.reader(LogFilter::default()));
    let (mut at, mut left_at) = (Place::BEGINNING, Place::BEGINNING);
    append(&log, "lot", 1).await;
    read_all(&mut ahead, &mut at, 1).await;
    read_all(&mut behind, &mut left_at, 1).await;
    append(&log, "lot", 20_000).await;
    assert_eq!(read_all(&mut ahead, &mut at, 1_000).await.len(), 20_000);
    asked.take_counts();
    assert_eq!(read_all(&mut behind, &mut left_at, 1_000).await, (2..=20_001).collect::<Vec<_>>());
    let (_, events) = asked.take_counts();
    assert!((3_600..=5_100).contains(&events), "{events} were too old for the window");
    append(&log, "lot", 10).await;
    for (reader, place) in [(&mut ahead, &mut at), (&mut behind, &mut left_at)] {
        assert_eq!(read_all(reader, place, 1_000).await.len(), 10);
    }
    assert_eq!(asked.take_counts().1, 11);
}

#[tokio::test]
async fn nobody_waits_for_a_reader_whose_page_of_the_log_takes_long() {
    let log = MemoryEventStore::new();
    append(&log, "lot", 10).await;
    let (troubled, tail) = troubled(&log);
    let (mut ahead, mut behind) = (tail.reader(LogFilter::default()), tail.reader(LogFilter::default()));
    let mut at = tail.place_at(10).await.unwrap().unwrap();
    assert!(read_all(&mut ahead, &mut at, 100).await.is_empty());
    troubled.hang_before(5);
    let reading = tokio::spawn(async move { behind.read(Place::BEGINNING, 100).await.map(drop) });
    // Of those that have read before, and of this one.
    for _ in 0..2 {
        troubled.is_read().await;
    }
    append(&log, "lot", 1).await;
    let read = tokio::time::timeout(Duration::from_secs(10), read_all(&mut ahead, &mut at, 100));
    assert_eq!(read.await.unwrap(), [11]);
    assert!(!reading.is_finished());
    reading.abort();
}

#[tokio::test(start_paused = true)]
async fn readers_of_a_log_that_was_replaced_or_cut_are_told_so() {
    for (shared, fresh) in [(0, 3), (0, 30), (5, 0), (5, 40), (0, 0)] {
        let log = MemoryEventStore::new();
        append(&log, "lot", 5).await;
        let other = MemoryEventStore::new();
        if shared > 0 {
            // The other log is an older backup of this one.
            restore(&log, &other).await;
        }
        append(&log, "lot", 15).await;
        append(&other, "lot", fresh).await;
        let (troubled, tail) = troubled(&log);
        let (mut ended, mut half_way) = (tail.reader(LogFilter::default()), tail.reader(of_category("lot")));
        let mut place = Place::BEGINNING;
        read_all(&mut ended, &mut place, 100).await;
        let half = half_way.read(tail.place_at(3).await.unwrap().unwrap(), 4).await.unwrap();
        let Read::Page(half) = half else { panic!("{half:?}") };
        assert_eq!(half.end.position, 7);
        troubled.replace(&other);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(matches!(ended.read(place, 100).await.unwrap(), Read::Replaced), "{shared} {fresh}");
        assert!(matches!(half_way.read(half.end, 100).await.unwrap(), Read::Replaced), "{shared} {fresh}");
        // What both logs have stands still, and everything is read from there.
        let mut kept = tail.place_at(shared as Position).await.unwrap().unwrap();
        let rest: Vec<_> = (shared as Position + 1..=(shared + fresh) as Position).collect();
        assert_eq!(read_all(&mut ended, &mut kept.clone(), 100).await, rest);
        assert_eq!(read_all(&mut half_way, &mut kept, 100).await, rest);
    }
}

async fn restore(from: &MemoryEventStore, into: &MemoryEventStore) {
    for event in from.read_log(0, &LogFilter::default(), 100).await.unwrap().events {
        let again = NewEvent { event_id: event.event_id, ..commits::event("ThingDone", &event.payload) };
        let commit = commits::commit(event.stream, 0, again);
        into.append(&[commit]).await.unwrap();
    }
}

#[tokio::test]
async fn readers_that_wait_are_woken_by_an_append() {
    let log = MemoryEventStore::new();
    let (_, tail) = troubled(&log);
    let mut reader = tail.reader(LogFilter::default());
    assert!(matches!(reader.read(Place::BEGINNING, 10).await.unwrap(), Read::AtEnd));
    let appending = log.clone();
    let appended = tokio::spawn(async move { append(&appending, "lot", 1).await });
    tokio::time::timeout(Duration::from_millis(900), reader.woken()).await.unwrap();
    appended.await.unwrap();
    assert_eq!(read_all(&mut reader, &mut Place::BEGINNING.clone(), 10).await, [1]);
}

/// Five readers that look every second ask once a second in all.
#[tokio::test(start_paused = true)]
async fn while_nothing_happens_the_log_is_asked_once_a_second_for_all() {
    let log = MemoryEventStore::new();
    append(&log, "lot", 3).await;
    let (asked, tail) = troubled(&log);
    let readers = (0..5).map(|number| {
        let mut reader = tail.reader(of_category(if number == 0 { "lot" } else { "partner" }));
        tokio::spawn(async move {
            let mut place = Place::BEGINNING;
            loop {
                read_all(&mut reader, &mut place, 10).await;
                reader.woken().await;
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    asked.take_counts();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (statements, _) = asked.take_counts();
    assert!((9..=11).contains(&statements), "{statements}");
    readers.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_hole_in_the_log_is_said_to_whoever_reads_at_the_end() {
    let log = MemoryEventStore::new();
    let (troubled, tail) = troubled(&log);
    let (mut first, mut second) = (tail.reader(LogFilter::default()), tail.reader(LogFilter::default()));
    let mut place = Place::BEGINNING;
    assert!(read_all(&mut first, &mut place, 10).await.is_empty());
    append(&log, "lot", 3).await;
    troubled.lose(2);
    for reader in [&mut first, &mut second] {
        let found = reader.read(place, 10).await;
        assert!(matches!(found, Err(StoreError::Gap { expected: 2, found: 3 })), "{found:?}");
    }
}
