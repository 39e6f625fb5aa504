//! What a process has in memory of somebody who was erased is gone too; and which key-encryption key may seal.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use adapters_store::memory::MemoryEventStore;
use async_trait::async_trait;
use commands::{
    engine::EngineConfig,
    ports::{
        EventStore, LogFilter, LogLayer, Past, PastQuery, Snapshot, SnapshotStore, StoreError, StreamKey,
        SubjectKeys,
    },
    sealing::Sealing,
    tail::{Place, Read, Reader, Tail},
};
use uuid::Uuid;

use super::{
    Plant,
    personal::{Book, Restaurant},
};

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

/// Counts what is loaded, and erases somebody of a tenant at the end of each load, where one is named.
struct Loads {
    sealing: Arc<Sealing>,
    erases_in: Option<Uuid>,
    count: AtomicUsize,
}

impl Loads {
    fn of(restaurant: &Restaurant, erases_in: Option<Uuid>) -> (Arc<Self>, Plant) {
        let sealing = Arc::clone(&restaurant.sealing);
        let loads = Arc::new(Self { sealing, erases_in, count: AtomicUsize::new(0) });
        let snapshots = Arc::clone(&restaurant.sealing) as _;
        (Arc::clone(&loads), Plant::over(loads, snapshots, EngineConfig::default()))
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl LogLayer for Loads {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.sealing) as _
    }

    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        let number = self.count.fetch_add(asked.len(), Ordering::SeqCst);
        let found = self.sealing.load_pasts(asked, limit).await;
        if let Some(tenant) = self.erases_in {
            self.sealing.erase(tenant, &format!("o-{number}")).await?;
        }
        found
    }
}

/// A subject that comes back under its old id stays erased: each write about it is such a write.
#[tokio::test]
async fn whoever_writes_about_an_erased_subject_costs_no_other_tenant_his_memory() {
    let restaurant = Restaurant::open();
    let (loads, plant) = Loads::of(&restaurant, None);
    let (mine, yours) = (plant.as_tenant(2), plant.as_tenant(3));
    restaurant.sealing.erase(yours.caller.tenant, "y-1").await.unwrap();
    mine.give(Book::of("m-1", "Ann")).await.unwrap();
    mine.give(Book::of("m-1", "Ann")).await.unwrap();
    let before = loads.count();
    yours.give(Book::of("y-1", "Eve")).await.unwrap();
    mine.give(Book::of("m-1", "Ann")).await.unwrap();
    assert_eq!(loads.count() - before, 1, "your table's, and not mine again");
    let theirs = Book::of("y-2", "Flo");
    yours.give(theirs.clone()).await.unwrap();
    assert_eq!(*theirs.told.lock().unwrap(), ["ERASED", "Flo"]);
    assert_eq!(loads.count() - before, 2, "what was not kept is loaded again");
}

/// Thousands are erased, one after the other, and each faster than a stream can be loaded.
#[tokio::test]
async fn a_command_is_decided_while_others_are_erased() {
    let restaurant = Restaurant::open();
    restaurant.book("u-1", "Ann").await;
    let (loads, plant) = Loads::of(&restaurant, Some(restaurant.plant.caller.tenant));
    let given = tokio::time::timeout(Duration::from_secs(10), plant.give(Book::of("u-2", "Bob"))).await;
    given.expect("it is loading still").unwrap();
    assert!(loads.count() <= 2, "loaded {} times", loads.count());
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
