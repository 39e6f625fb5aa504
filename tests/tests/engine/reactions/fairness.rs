//! However slow a tenant's commands are and however many wait, the others are served; and whatever bell is silent.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use adapters_store::memory::MemoryEventStore;
use async_trait::async_trait;
use commands::{
    engine::{EngineConfig, FoldFault},
    ports::{EventStore, LogFilter, LogLayer, LogPage, Past, PastQuery, Position, RecordedEvent, StoreError},
    process::{ProcessManager, ProcessOptions, ProcessRunner, Reaction},
    tail::Tail,
};
use tokio::sync::watch;

use super::{Taker, change};
use crate::engine::{Plant, tally::Spread};

/// The stream that this log answers only when it is told to, of the first tenant alone.
const HOT: &str = "hot";

struct Slow {
    log: MemoryEventStore,
    answers: watch::Sender<bool>,
}

#[async_trait]
impl LogLayer for Slow {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::new(self.log.clone())
    }

    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        if asked.iter().any(|query| query.stream.tenant.as_u128() == 1 && &*query.stream.id == HOT) {
            let mut answers = self.answers.subscribe();
            let _told = answers.wait_for(|answers| *answers).await;
        }
        self.log.load_pasts(asked, limit).await
    }
}

/// Raises one tally for all sources of a tenant.
struct Gatherer;

impl ProcessManager for Gatherer {
    const NAME: &'static str = "gatherer";
    const CATEGORIES: &'static [&'static str] = &["tally"];

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        let is_source = event.stream.id.starts_with("source");
        Ok(is_source.then(|| Reaction::new("gather", change(HOT, 1))).into_iter().collect())
    }
}

fn running(
    plant: &Plant,
    log: MemoryEventStore,
    process: impl ProcessManager,
) -> tokio::task::JoinHandle<()> {
    let options = ProcessOptions { first_pause: Duration::from_secs(600), ..ProcessOptions::default() };
    let tail = Tail::of(Arc::clone(&plant.store));
    let runner = ProcessRunner::following(tail, plant.engine.clone(), Arc::new(log), process, options);
    tokio::spawn(Arc::new(runner).run())
}

async fn comes_to(plant: &Plant, id: &str, count: i64) {
    let comes = async {
        while plant.count(id).await < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), comes).await.unwrap();
}

/// More wait than the engine takes commands, and more than are held of one tenant. A turn that the slow ones left to nobody would
/// cost the other one its first try, and ten minutes.
#[tokio::test]
async fn a_tenant_whose_commands_are_slow_holds_up_nobody_else() {
    let log = MemoryEventStore::new();
    let slow = Arc::new(Slow { log: log.clone(), answers: watch::Sender::new(false) });
    let config = EngineConfig { commands_in_flight: 100, ..EngineConfig::default() };
    let plant = Plant::over(Arc::clone(&slow) as _, Arc::new(log.clone()), config);
    let other = plant.as_tenant(2);
    for commit in 0..9 {
        let ids = (0..500).map(|number| format!("source-{commit}-{number}")).collect();
        plant.give(Spread { ids }).await.unwrap();
    }
    other.give(change("source", 1)).await.unwrap();
    let running = running(&plant, log, Gatherer);
    comes_to(&other, HOT, 1).await;
    assert_eq!(plant.count(HOT).await, 0);
    slow.answers.send_replace(true);
    comes_to(&plant, HOT, 4_500).await;
    running.abort();
}

/// While it is asked for the place before the first that was passed over, another tenant's event comes.
struct Meanwhile {
    slow: Arc<Slow>,
    other: Mutex<Option<Plant>>,
}

#[async_trait]
impl LogLayer for Meanwhile {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::clone(&self.slow) as _
    }

    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        let page = EventStore::read_log(&*self.slow, after, filter, limit).await;
        let other = self.other.lock().unwrap().take_if(|_| (after, limit) == (4_095, 1));
        if let Some(other) = other {
            other.give(change("source", 1)).await.unwrap();
        }
        page
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_something_passed_over_is_read_again_has_its_turn_at_once() {
    let log = MemoryEventStore::new();
    let slow = Arc::new(Slow { log: log.clone(), answers: watch::Sender::new(false) });
    let direct = Plant::over(Arc::new(log.clone()), Arc::new(log.clone()), EngineConfig::default());
    let meanwhile = Meanwhile { slow: Arc::clone(&slow), other: Mutex::new(Some(direct.as_tenant(2))) };
    let plant = Plant::over(Arc::new(meanwhile), Arc::new(log.clone()), EngineConfig::default());
    for commit in 0..9 {
        let ids = (0..500).map(|number| format!("source-{commit}-{number}")).collect();
        plant.give(Spread { ids }).await.unwrap();
    }
    let running = running(&plant, log, Gatherer);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let other = direct.as_tenant(2);
    slow.answers.send_replace(true);
    while other.count("source").await == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(other.count(HOT).await, 1);
    running.abort();
}

/// Nothing rings when it grows.
struct Silent {
    log: MemoryEventStore,
    bell: watch::Sender<Position>,
}

#[async_trait]
impl LogLayer for Silent {
    fn below(&self) -> Arc<dyn EventStore> {
        Arc::new(self.log.clone())
    }

    fn wake_up(&self) -> watch::Receiver<Position> {
        self.bell.subscribe()
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_whose_bell_is_silent_is_looked_at_each_second() {
    let log = MemoryEventStore::new();
    let silent = Arc::new(Silent { log: log.clone(), bell: watch::Sender::new(0) });
    let plant = Plant::over(silent, Arc::new(log.clone()), EngineConfig::default());
    let running = running(&plant, log, Taker(5));
    for round in 1..=30_i64 {
        tokio::time::sleep(Duration::from_millis(round.unsigned_abs() * 37)).await;
        plant.give(change("source", 1)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert_eq!(plant.count("target").await, round * 5, "in round {round}");
    }
    running.abort();
}
