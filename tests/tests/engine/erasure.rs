//! What a process has in memory of somebody who was erased is gone too; and which key-encryption key may seal.

use std::{sync::Arc, time::Duration};

use adapters_store::memory::MemoryEventStore;
use commands::{
    ports::{EventStore, LogFilter, Snapshot, SnapshotStore, StoreError, StreamKey, SubjectKeys},
    tail::{Place, Read, Reader, Tail},
};

use super::personal::Restaurant;

impl Restaurant {
    async fn erase(&self, subject: &str) {
        self.sealing.erase(self.plant.caller.tenant, subject).await.unwrap();
    }
}

#[tokio::test]
async fn a_state_in_memory_forgets_whom_it_told_about() {
    let restaurant = Restaurant::open();
    restaurant.book("u-1", "Ann").await;
    assert_eq!(restaurant.book("u-2", "Bob").await, ["Ann", "Bob"]);
    restaurant.erase("u-1").await;
    assert_eq!(restaurant.book("u-3", "Cec").await, ["ERASED", "Bob", "Cec"]);
    let words_of_the_command = restaurant.book("u-1", "Ann").await;
    assert_eq!(words_of_the_command, ["ERASED", "Bob", "Cec", "Ann"]);
    let next = restaurant.book("u-4", "Dan").await;
    assert_eq!(next, ["ERASED", "Bob", "Cec", "ERASED", "Dan"], "what was not kept is not in memory either");
}

/// With a key that was read just before the erasure, and a state that was folded with it as late as possible.
#[tokio::test(start_paused = true)]
async fn another_process_forgets_within_a_minute() {
    let restaurant = Restaurant::open();
    restaurant.book("u-1", "Ann").await;
    let other = Restaurant::over(Arc::clone(&restaurant.raw));
    assert_eq!(other.guests().await, ["Ann"]);
    restaurant.erase("u-1").await;
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(other.book("u-2", "Bob").await, ["Ann", "Bob"], "nobody has told it yet");
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(other.book("u-3", "Cec").await, ["ERASED", "Bob", "Cec"]);
    assert_eq!(other.guests().await, ["ERASED", "Bob", "Cec"]);
}

async fn read(reader: &mut Reader) -> String {
    match reader.read(Place::BEGINNING, 10).await.unwrap() {
        Read::Page(page) => page.events.iter().map(|event| &*event.payload).collect(),
        other @ (Read::AtEnd | Read::Replaced) => format!("{other:?}"),
    }
}

#[tokio::test]
async fn the_tail_tells_nobody_any_more_who_was_erased() {
    let restaurant = Restaurant::open();
    let sealed = Tail::of(Arc::clone(restaurant.sealing.sealed_log()));
    let tail = Tail::of(Arc::clone(&restaurant.sealing) as _);
    let mut reader = tail.reader(LogFilter::default());
    assert_eq!(read(&mut reader).await, "AtEnd", "its window begins here");
    restaurant.book("u-1", "Ann").await;
    restaurant.book("u-2", "Bob").await;
    let told = read(&mut reader).await;
    assert!(told.contains("Ann") && told.contains("Bob"), "{told}");
    restaurant.erase("u-1").await;
    let told = read(&mut reader).await;
    assert!(!told.contains("Ann") && told.contains("u-1") && told.contains("Bob"), "{told}");
    let published = read(&mut sealed.reader(LogFilter::default())).await;
    assert!(!published.contains("Bob") && published.contains("u-2"), "{published}");
}

/// Two servers over one log, each with a key of its own: had the second sealed anything, neither would read it all.
#[tokio::test]
async fn the_first_key_encryption_key_that_seals_is_the_only_one() {
    let raw = Arc::new(MemoryEventStore::new());
    let first = Restaurant::over(Arc::clone(&raw));
    let second = Restaurant::by_secret(b"another secret of thirty-two bytes or more", Arc::clone(&raw));
    assert!(first.sealing.fits().await.unwrap() && second.sealing.fits().await.unwrap(), "nothing is sealed");
    first.book("u-1", "Ann").await;
    assert!(first.sealing.fits().await.unwrap());
    assert!(!second.sealing.fits().await.unwrap());
    let tenant = first.plant.caller.tenant;
    let state = r#"{"name":{"$open":{"subject":"u-2","value":"Bob"}}}"#.to_owned();
    let snapshot = Snapshot { version: 1, shape: "table.1".to_owned(), state };
    let kept = second.sealing.save_snapshot(&StreamKey::new(tenant, "table", "door"), &snapshot).await;
    assert!(matches!(kept, Err(StoreError::Rejected { .. })), "{kept:?}");
    assert_eq!(raw.subject_keys(tenant, &["u-2".into()]).await.unwrap(), []);
    assert_eq!(raw.head().await.unwrap(), 1);
}
