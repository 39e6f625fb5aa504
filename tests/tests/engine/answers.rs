use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use adapters_store::memory::MemoryEventStore;
use chrono::{DateTime, TimeDelta, Utc};
use commands::{
    engine::{CommandError, Engine, EngineConfig, Envelope},
    ports::Clock,
};
use futures::future::join_all;
use uuid::Uuid;

use super::{
    Plant,
    tally::{Change, Stumble},
};

fn change(by: i64) -> Change {
    Change { id: "tally".to_owned(), by }
}

fn keyed(plant: &Plant, command_id: Uuid) -> Envelope {
    Envelope { command_id, key_given: true, ..plant.envelope() }
}

#[tokio::test]
async fn the_same_key_gets_the_first_answer_even_when_the_state_would_now_refuse() {
    let plant = Plant::new();
    plant.give(change(5)).await.unwrap();
    let key = Uuid::now_v7();
    let first = plant.engine.execute(keyed(&plant, key), change(-5)).await.unwrap();
    let second = plant.engine.execute(keyed(&plant, key), change(-5)).await.unwrap();
    assert!(second.repeated && !first.repeated);
    assert_eq!(
        (first.reply, first.position, &first.versions),
        (second.reply, second.position, &second.versions)
    );
    assert_eq!(plant.count("tally").await, 0);
    assert_eq!(plant.give(change(7)).await.unwrap().reply, 7, "the repetition left no trace in the cache");
}

#[tokio::test]
async fn the_same_key_after_a_restart_gets_the_first_answer() {
    let plant = Plant::new();
    let key = Uuid::now_v7();
    plant.engine.execute(keyed(&plant, key), change(5)).await.unwrap();
    let restarted =
        Plant { engine: Engine::start(plant.engine.ports().clone(), EngineConfig::default()), ..plant };
    let again = restarted.engine.execute(keyed(&restarted, key), change(5)).await.unwrap();
    assert!(again.repeated);
    assert_eq!((again.reply, restarted.count("tally").await), (5, 5));
}

#[tokio::test]
async fn the_same_key_with_other_content_is_refused_and_nothing_happens() {
    let plant = Plant::new();
    let key = Uuid::now_v7();
    plant.engine.execute(keyed(&plant, key), change(5)).await.unwrap();
    let other = plant.engine.execute(keyed(&plant, key), change(6)).await.unwrap_err();
    assert_eq!(other.code(), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(plant.count("tally").await, 5);
    assert_eq!(plant.give(change(1)).await.unwrap().reply, 6, "the cache forgot the refused change");
}

#[tokio::test]
async fn an_answer_without_events_is_remembered_for_its_key() {
    let plant = Plant::new();
    let key = Uuid::now_v7();
    assert_eq!(plant.engine.execute(keyed(&plant, key), change(0)).await.unwrap().reply, 0);
    plant.give(change(5)).await.unwrap();
    let again = plant.engine.execute(keyed(&plant, key), change(0)).await.unwrap();
    assert_eq!((again.reply, again.repeated), (0, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_key_given_many_times_at_once_happens_once() {
    let plant = Plant::new();
    let key = Uuid::now_v7();
    let answers = join_all((0..50).map(|_| plant.engine.execute(keyed(&plant, key), change(1)))).await;
    for answer in answers {
        match answer {
            Ok(done) => assert_eq!(done.reply, 1),
            Err(error) => assert_eq!(error.code(), "REQUEST_IN_FLIGHT"),
        }
    }
    assert_eq!(plant.count("tally").await, 1);
}

#[tokio::test]
async fn a_version_that_the_client_has_not_seen_is_a_clash() {
    let plant = Plant::new();
    plant.give(change(1)).await.unwrap();
    let expecting = |version| Envelope { expected_version: Some(version), ..plant.envelope() };
    let clash = plant.engine.execute(expecting(0), change(1)).await.unwrap_err();
    assert!(matches!(clash, CommandError::ConcurrentModification { expected: 0, current: 1, .. }));
    assert_eq!(plant.engine.execute(expecting(1), change(1)).await.unwrap().reply, 2);
    let repeated = Envelope { key_given: true, ..expecting(2) };
    plant.engine.execute(repeated.clone(), change(1)).await.unwrap();
    assert!(plant.engine.execute(repeated, change(1)).await.unwrap().repeated, "not a clash with itself");
}

#[tokio::test]
async fn a_caller_without_the_permission_is_refused_before_anything_is_read() {
    let mut plant = Plant::new();
    plant.caller.permissions = domain::identity::PermissionSet::default();
    assert_eq!(plant.give(change(1)).await.unwrap_err().code(), "FORBIDDEN");
}

#[tokio::test]
async fn a_command_that_panics_is_a_fault_and_leaves_nothing() {
    let plant = Plant::new();
    plant.give(change(1)).await.unwrap();
    let fault = plant.give(Stumble { id: "tally".to_owned() }).await.unwrap_err();
    assert!(matches!(fault, CommandError::Fault { .. }));
    assert_eq!(plant.give(change(1)).await.unwrap().reply, 2, "the stream is neither locked nor changed");
}

#[tokio::test]
async fn a_command_goes_on_when_its_caller_goes_away() {
    let plant = Plant::new();
    drop(tokio::time::timeout(std::time::Duration::ZERO, plant.give(change(3))).await);
    while plant.count("tally").await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(plant.count("tally").await, 3);
}

#[tokio::test]
async fn a_commit_larger_than_its_limits_is_refused_whole() {
    let plant = Plant::new();
    let wide = super::tally::Spread { ids: (0..513).map(|id| id.to_string()).collect() };
    assert_eq!(plant.give(wide).await.unwrap_err().code(), "COMMIT_TOO_LARGE");
    assert_eq!(plant.store.head().await.unwrap(), 0);
}

#[tokio::test]
async fn an_engine_asked_twice_to_end_ends_once_and_tells_both() {
    let plant = Plant::new();
    plant.give(change(5)).await.unwrap();
    let both = async {
        tokio::join!(plant.engine.shutdown(), plant.engine.shutdown());
        plant.engine.shutdown().await;
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), both).await.expect("nobody waits for ever");
    assert!(matches!(plant.give(change(5)).await, Err(CommandError::Overloaded)));
}

/// identity.md, case 21: the log's clock is turned, not the engine's.
#[tokio::test]
async fn a_key_is_free_after_its_time_and_a_derived_id_never_is() {
    let clock = Arc::new(TurnedClock::default());
    let store = Arc::new(MemoryEventStore::by_clock(Arc::clone(&clock) as _));
    let plant = Plant::over(Arc::clone(&store) as _, store, EngineConfig::default());
    let key = Envelope { expires: true, ..keyed(&plant, Uuid::now_v7()) };
    let derived = keyed(&plant, Uuid::now_v7());
    assert_eq!(plant.engine.execute(key.clone(), change(5)).await.unwrap().reply, 5);
    assert_eq!(plant.engine.execute(derived.clone(), change(5)).await.unwrap().reply, 10);
    clock.turn(TimeDelta::minutes(23 * 60 + 59));
    let again = plant.engine.execute(key.clone(), change(5)).await.unwrap();
    assert_eq!((again.reply, again.repeated), (5, true), "after 23 h 59 min");
    clock.turn(TimeDelta::minutes(2));
    let anew = plant.engine.execute(key, change(1)).await.unwrap();
    assert_eq!((anew.reply, anew.repeated), (11, false), "after 24 h 01 min");
    clock.turn(TimeDelta::days(365));
    assert!(plant.engine.execute(derived, change(5)).await.unwrap().repeated, "a year later");
    assert_eq!(plant.count("tally").await, 11);
}

#[derive(Default)]
struct TurnedClock(AtomicI64);

impl TurnedClock {
    fn turn(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_milliseconds(), Ordering::SeqCst);
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.0.load(Ordering::SeqCst))
    }
}
