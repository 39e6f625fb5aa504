//! What tells about a person lies on the log sealed, is read as if it were not, and is gone when its subject is erased.

use std::sync::{Arc, Mutex};

use adapters_store::memory::MemoryEventStore;
use commands::{
    engine::{Aggregate, Command, CommandError, EngineConfig, Stage, Stop, decode_event, fold},
    ports::{
        AppendOutcome, EventStore, LogFilter, PastQuery, RecordedEvent, Snapshot, StreamKey, SubjectKey,
        SubjectKeys,
    },
    sealing::{KeyEncryptionKey, Sealing},
};
use domain::{
    Decider, events,
    identity::Permission,
    kernel::{Email, Personal},
    refusals,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Plant;

/// Somebody has booked a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuestBooked {
    pub name: Personal<String>,
    pub email: Personal<Email>,
    pub seats: u8,
}

events! {
    pub enum GuestEvent {
        GuestBooked = 1;
    }
}

/// Who comes, with the table's seats.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Table {
    guests: Vec<Personal<String>>,
    seats: u32,
}

refusals! {
    pub struct TableFull = "TABLE_FULL", "the table is full";
}

impl Decider for Table {
    const CATEGORY: &'static str = "table";
    type Command = GuestBooked;
    type Event = GuestEvent;
    type Error = TableFull;

    fn decide(&self, booked: GuestBooked) -> Result<Vec<GuestEvent>, TableFull> {
        if self.seats + u32::from(booked.seats) > 10 { Err(TableFull) } else { Ok(vec![booked.into()]) }
    }

    fn evolve(mut self, event: &GuestEvent) -> Self {
        let GuestEvent::GuestBooked(booked) = event;
        self.guests.push(booked.name.clone());
        self.seats += u32::from(booked.seats);
        self
    }
}

impl Aggregate for Table {
    const STATE_VERSION: u32 = 1;
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Book {
    subject: String,
    name: String,
    /// Where it tells what the engine's state shows after it: an answer is stored, and carries nothing personal.
    #[serde(skip)]
    pub(super) told: Arc<Mutex<Vec<String>>>,
}

impl Book {
    pub(super) fn of(subject: &str, name: &str) -> Self {
        Self { subject: subject.to_owned(), name: name.to_owned(), told: Arc::default() }
    }
}

impl Command for Book {
    const NAME: &'static str = "Book";
    const PERMISSION: Permission = Permission::BookingsManage;
    /// The subjects whom the engine's state tells about after it.
    type Reply = Vec<String>;

    fn handle(&self, stage: &mut Stage<'_>) -> Result<Vec<String>, Stop> {
        let booked = GuestBooked {
            name: Personal::of(self.subject.as_str(), self.name.clone()),
            email: Personal::of(self.subject.as_str(), format!("{}@example.com", self.name).parse()?),
            seats: 2,
        };
        let table = stage.decide::<Table>("window", booked)?;
        *self.told.lock().unwrap() = table.guests.iter().map(Personal::shown).collect();
        Ok(table.guests.iter().map(|guest| guest.subject().to_owned()).collect())
    }
}

/// A command whose answer would tell what it has read.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Telling;

impl Command for Telling {
    const NAME: &'static str = "Telling";
    const PERMISSION: Permission = Permission::BookingsManage;
    type Reply = Vec<Personal<String>>;

    fn handle(&self, stage: &mut Stage<'_>) -> Result<Vec<Personal<String>>, Stop> {
        Ok(stage.state::<Table>("window")?.guests.clone())
    }
}

/// A command that would carry personal data into places that nobody seals.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Careless {
    name: Personal<String>,
}

impl Command for Careless {
    const NAME: &'static str = "Careless";
    const PERMISSION: Permission = Permission::BookingsManage;
    type Reply = ();

    fn handle(&self, _stage: &mut Stage<'_>) -> Result<(), Stop> {
        Ok(())
    }
}

pub(super) struct Restaurant {
    pub(super) raw: Arc<MemoryEventStore>,
    pub(super) sealing: Arc<Sealing>,
    pub(super) plant: Plant,
}

impl Restaurant {
    pub(super) fn open() -> Self {
        Self::over(Arc::new(MemoryEventStore::new()))
    }

    /// A process over the log, with nothing in its memory.
    pub(super) fn over(raw: Arc<MemoryEventStore>) -> Self {
        Self::by_secret(b"a secret of at least thirty-two bytes", raw)
    }

    pub(super) fn by_secret(secret: &[u8], raw: Arc<MemoryEventStore>) -> Self {
        let kek = KeyEncryptionKey::from_secret(secret).unwrap();
        let log = Arc::clone(&raw);
        let sealing = Arc::new(Sealing::new(log, Arc::clone(&raw) as _, Arc::clone(&raw) as _, kek));
        let config = EngineConfig { snapshot_every: 2, ..EngineConfig::default() };
        let plant = Plant::over(Arc::clone(&sealing) as _, Arc::clone(&sealing) as _, config);
        Self { raw, sealing, plant }
    }

    pub(super) fn key(&self) -> StreamKey {
        StreamKey::new(self.plant.caller.tenant, Table::CATEGORY, "window")
    }

    /// Whom the engine's state tells about afterwards.
    pub(super) async fn book(&self, subject: &str, name: &str) -> Vec<String> {
        let book = Book::of(subject, name);
        let told = Arc::clone(&book.told);
        self.plant.give(book).await.unwrap();
        std::mem::take(&mut *told.lock().unwrap())
    }

    pub(super) async fn events(&self) -> Vec<RecordedEvent> {
        self.sealing.read_stream(&self.key(), 0, 100).await.unwrap()
    }

    pub(super) async fn guests(&self) -> Vec<String> {
        let table = fold::<Table>(&self.events().await).unwrap();
        table.guests.iter().map(Personal::shown).collect()
    }
}

#[tokio::test]
async fn the_log_holds_ciphertext_and_every_reader_the_value() {
    let restaurant = Restaurant::open();
    restaurant.book("u-1", "Ann").await;
    assert_eq!(restaurant.book("u-2", "Bob").await, ["Ann", "Bob"]);
    for event in restaurant.raw.read_stream(&restaurant.key(), 0, 100).await.unwrap() {
        assert!(!event.payload.contains("Ann") && !event.payload.contains("Bob"), "{}", event.payload);
        assert!(event.payload.contains("\"subject\":\"u-") && event.payload.contains("\"seats\":2"));
        assert!(decode_event::<GuestEvent>(&event).is_err(), "without keys there is nothing to read");
    }
    assert_eq!(restaurant.guests().await, ["Ann", "Bob"]);
    let page = restaurant.sealing.read_log(0, &LogFilter::default(), 10).await.unwrap();
    let GuestEvent::GuestBooked(first) = decode_event(&page.events[0]).unwrap();
    assert_eq!(first.email.shown(), "Ann@example.com");
    let restarted = Restaurant::over(Arc::clone(&restaurant.raw));
    assert_eq!(restarted.book("u-3", "Cec").await, ["Ann", "Bob", "Cec"], "the state is folded from the log");
}

async fn snapshot(log: &dyn EventStore, stream: &StreamKey, shape: &str) -> Option<Snapshot> {
    let asked = PastQuery { stream: stream.clone(), after_version: 0, shape: Some(shape.to_owned()) };
    log.load_pasts(&[asked], 100).await.unwrap().remove(0).snapshot
}

#[tokio::test]
async fn a_snapshot_is_sealed_too() {
    let restaurant = Restaurant::open();
    for (subject, name) in [("u-1", "Ann"), ("u-2", "Bob")] {
        restaurant.book(subject, name).await;
    }
    let shape = format!("{}.{}", Table::CATEGORY, Table::STATE_VERSION);
    let mut kept = None;
    while kept.is_none() {
        tokio::task::yield_now().await;
        kept = snapshot(&*restaurant.raw, &restaurant.key(), &shape).await;
    }
    let stored = kept.unwrap();
    assert!(!stored.state.contains("Ann") && stored.state.contains("u-1"), "{}", stored.state);
    let opened = snapshot(&*restaurant.sealing, &restaurant.key(), &shape).await.unwrap();
    assert!(opened.state.contains("Ann"));
    let restarted = Restaurant::over(Arc::clone(&restaurant.raw));
    assert_eq!(restarted.book("u-3", "Cec").await, ["Ann", "Bob", "Cec"]);
}

/// Acceptance case 15 of identity.md, as far as it is the log's.
#[tokio::test]
async fn after_erasure_every_event_still_replays_and_reads_erased() {
    let restaurant = Restaurant::open();
    restaurant.book("u-1", "Ann").await;
    restaurant.book("u-2", "Bob").await;
    let tenant = restaurant.plant.caller.tenant;
    restaurant.sealing.erase(tenant, "u-1").await.unwrap();
    assert_eq!(restaurant.guests().await, ["ERASED", "Bob"]);
    let seats = fold::<Table>(&restaurant.events().await).unwrap().seats;
    assert_eq!(seats, 4, "what tells about nobody stays");
    let restarted = Restaurant::over(Arc::clone(&restaurant.raw));
    assert_eq!(restarted.book("u-1", "Ann").await, ["ERASED", "Bob", "Ann"]);
    assert_eq!(restarted.guests().await, ["ERASED", "Bob", "ERASED"], "nothing more is kept about her");
    let keys = restaurant.raw.subject_keys(tenant, &["u-1".into()]).await.unwrap();
    assert_eq!(keys[0].wrapped, None);
}

/// As acceptance case 16 of identity.md, for personal data.
#[tokio::test]
async fn a_ciphertext_that_was_moved_is_reported_and_never_shown() {
    let restaurant = Restaurant::open();
    restaurant.book("u-1", "Ann").await;
    let stored = restaurant.raw.read_stream(&restaurant.key(), 0, 1).await.unwrap().remove(0);
    // Somebody who can write to the database copies her name into an event of his own.
    let forged = MemoryEventStore::new();
    let other = Restaurant::over(Arc::new(forged.clone()));
    let key = restaurant.raw.subject_keys(stored.stream.tenant, &["u-1".into()]).await.unwrap().remove(0);
    forged.keep_subject_key(stored.stream.tenant, key).await.unwrap();
    let mut commit = copy_of(&stored);
    let outcome = forged.append(std::slice::from_ref(&commit)).await.unwrap();
    assert!(matches!(outcome[0], AppendOutcome::Appended(_)));
    assert_eq!(other.guests().await, ["Ann"], "the same event opens wherever its log is copied to");
    commit.streams[0].expected_version = 1;
    commit.streams[0].events[0].event_id = uuid::Uuid::now_v7();
    commit.command_id = uuid::Uuid::now_v7();
    forged.append(&[commit]).await.unwrap();
    let moved = other.events().await.remove(1);
    assert!(!moved.payload.contains("Ann"), "{}", moved.payload);
    let fault = decode_event::<GuestEvent>(&moved).unwrap_err();
    assert!(fault.reason.contains("personal data is not open"), "{fault}");
    let refused = other.plant.give(Book::of("u-2", "Bob")).await.unwrap_err();
    assert_eq!(refused.code(), "INTERNAL", "{refused}");
}

/// A key that does not unwrap: somebody has changed it in the database.
#[tokio::test]
async fn what_cannot_be_sealed_fails_no_other_command_of_its_batch() {
    let restaurant = Restaurant::open();
    let tenant = restaurant.plant.caller.tenant;
    let spoilt = SubjectKey { subject: "u-9".into(), version: 1, wrapped: Some(vec![7; 60]) };
    restaurant.raw.keep_subject_key(tenant, spoilt).await.unwrap();
    let subjects = ["u-1", "u-9", "u-2", "u-9", "u-3"];
    let given = subjects.map(|subject| restaurant.plant.give(Book::of(subject, &format!("Guest-{subject}"))));
    let outcomes = futures::future::join_all(given).await;
    let stand: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(stand, [true, false, true, false, true], "{outcomes:?}");
    let mut guests = restaurant.guests().await;
    guests.sort();
    assert_eq!(guests, ["Guest-u-1", "Guest-u-2", "Guest-u-3"]);
}

/// Nor does it keep anybody from reading what tells about others.
#[tokio::test]
async fn a_key_that_does_not_unwrap_hides_one_subject_alone() {
    let restaurant = Restaurant::open();
    restaurant.book("u-1", "Ann").await;
    restaurant.book("u-2", "Bob").await;
    let tenant = restaurant.plant.caller.tenant;
    let copy = MemoryEventStore::new();
    for event in restaurant.raw.read_stream(&restaurant.key(), 0, 10).await.unwrap() {
        let mut commit = copy_of(&event);
        commit.streams[0].expected_version = event.version - 1;
        copy.append(&[commit]).await.unwrap();
    }
    for mut key in restaurant.raw.subject_keys(tenant, &["u-1".into(), "u-2".into()]).await.unwrap() {
        if &*key.subject == "u-1" {
            key.wrapped = Some(vec![7; 60]);
        }
        copy.keep_subject_key(tenant, key).await.unwrap();
    }
    let events = Restaurant::over(Arc::new(copy)).events().await;
    assert!(decode_event::<GuestEvent>(&events[0]).is_err());
    let GuestEvent::GuestBooked(second) = decode_event(&events[1]).unwrap();
    assert_eq!(second.name.shown(), "Bob");
}

fn copy_of(event: &RecordedEvent) -> commands::ports::Commit {
    commands::ports::Commit {
        tenant: event.stream.tenant,
        command_id: event.metadata.command_id,
        digest: [0; 32],
        metadata: event.metadata.clone(),
        streams: vec![commands::ports::StreamWrite {
            stream: event.stream.clone(),
            expected_version: 0,
            expected_event: None,
            events: vec![commands::ports::NewEvent {
                event_id: event.event_id,
                event_type: "GuestBooked",
                schema_version: 1,
                payload: Arc::clone(&event.payload),
            }],
        }],
        reply: None,
        deadlines: Vec::new(),
        decided_at: event.recorded_at,
        remember: false,
        keep_answer_for: None,
    }
}

#[tokio::test]
async fn nothing_personal_passes_a_log_that_does_not_seal_nor_a_command() {
    let plain = Plant::new();
    let refused = plain.give(Book::of("u-1", "Ann")).await.unwrap_err();
    assert!(matches!(refused, CommandError::Fault { .. }), "{refused}");
    assert!(refused.to_string().contains("not sealed"), "{refused}");
    assert_eq!(plain.store.head().await.unwrap(), 0);
    let refused = plain.give(Careless { name: Personal::of("u-1", "Ann".to_owned()) }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Fault { .. }), "{refused}");
}

#[tokio::test]
async fn an_answer_cannot_carry_what_is_personal() {
    let restaurant = Restaurant::open();
    restaurant.book("u-1", "Ann").await;
    let refused = restaurant.plant.give(Telling).await.unwrap_err();
    assert!(matches!(refused, CommandError::Fault { .. }), "{refused}");
    assert!(!refused.to_string().contains("Ann"), "{refused}");
}
