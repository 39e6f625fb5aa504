use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use commands::{
    engine::{Engine, EngineConfig},
    ports::{CheckpointStore, EventStore, LogFilter, Position, StoreError, TenantDirectory},
    process::ProcessOptions,
};
use projections::{
    lots::genealogy::{Genealogy, GenealogyOptions},
    ports::ReadStoreError,
    runner::{ReadSide, ReadSideOptions},
};

use super::{
    StoreUrl, Stores,
    by_itself::{ByItself, measure_parked},
    open_read_store,
};
use crate::{
    contexts,
    http::{Readiness, ReadinessCheck},
};

/// Why a process cannot begin to serve.
#[derive(Debug, thiserror::Error)]
pub enum CannotServe {
    /// The log does not answer.
    #[error("the log cannot be read")]
    Events(#[from] StoreError),
    /// The read models cannot be opened.
    #[error("the read models cannot be opened")]
    Rows(#[from] ReadStoreError),
}

/// Everything that runs in a serving process behind its edge: the engine, the read models, process managers, deadlines.
pub struct Serving {
    /// Runs commands.
    pub engine: Engine,
    /// Answers queries.
    pub read_side: Arc<ReadSide>,
    /// Traces lots.
    pub genealogy: Arc<Genealogy>,
    head_at_start: Position,
    checkpoints: Arc<dyn CheckpointStore>,
    by_itself: Arc<ByItself>,
}

impl Serving {
    /// Starts it all over a log. Read models that are not there yet are built in the background.
    ///
    /// # Errors
    /// When the log or the read models cannot be opened.
    pub async fn start(
        stores: &Stores,
        url: &StoreUrl,
        tenants: Arc<dyn TenantDirectory>,
    ) -> Result<Self, CannotServe> {
        Self::start_with(stores, url, tenants, EngineConfig::default(), ProcessOptions::default()).await
    }

    /// [`Self::start`], with other bounds of the engine than its own, and process managers that treat failures in their own
    /// way.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(
        stores: &Stores,
        url: &StoreUrl,
        tenants: Arc<dyn TenantDirectory>,
        bounds: EngineConfig,
        options: ProcessOptions,
    ) -> Result<Self, CannotServe> {
        let rows = open_read_store(url).await?;
        let head_at_start = stores.events.head().await?;
        let engine = stores.engine(tenants, bounds);
        let events = Arc::clone(&stores.events);
        let indexed = GenealogyOptions { head_at_start, ..GenealogyOptions::default() };
        let images = Some(Arc::clone(&rows));
        let models = contexts::models();
        let read_side = ReadSide::stand_by(events, rows, models, ReadSideOptions::default());
        let (tail, ride) = (read_side.tail().clone(), Some(read_side.ride()));
        let by_itself = Arc::new(ByItself::start(stores, &engine, &tail, options));
        let genealogy = Genealogy::start_riding(tail, images, indexed, ride);
        read_side.keep_current();
        let checkpoints = Arc::clone(&stores.checkpoints);
        Ok(Self { engine, read_side, genealogy, head_at_start, checkpoints, by_itself })
    }

    /// Says whether it is ready: the log answers and every read model has caught up.
    pub fn readiness(&self) -> Arc<dyn Readiness> {
        Arc::new(self.caught_up())
    }

    fn caught_up(&self) -> CaughtUp {
        CaughtUp {
            events: Arc::clone(self.read_side.events()),
            read_side: Arc::clone(&self.read_side),
            genealogy: Arc::clone(&self.genealogy),
            head_at_start: self.head_at_start,
            checkpoints: Arc::clone(&self.checkpoints),
            by_itself: Arc::clone(&self.by_itself),
        }
    }

    /// Lets the commands that were accepted end, and leaves the read models to others at once.
    pub async fn stop(self) {
        self.by_itself.stop().await;
        self.engine.shutdown().await;
        self.read_side.stop().await;
        self.genealogy.stop().await;
    }
}

struct CaughtUp {
    events: Arc<dyn EventStore>,
    read_side: Arc<ReadSide>,
    genealogy: Arc<Genealogy>,
    head_at_start: Position,
    checkpoints: Arc<dyn CheckpointStore>,
    by_itself: Arc<ByItself>,
}

/// A read model that has caught up once counts as ready while what it does not show yet is younger than this. Not a number
/// of events: at full load a thousand come within moments.
const CLOSE_BEHIND: TimeDelta = TimeDelta::seconds(10);

/// How far something that follows the log is behind it.
struct Behind {
    name: &'static str,
    position: Option<Position>,
    /// Events that it does not show yet. None: it is ahead of the log.
    events: Option<u64>,
    /// The age of the oldest of them.
    age: TimeDelta,
}

impl CaughtUp {
    /// The log's head, and how far everything is behind it.
    async fn behind(&self) -> (Result<Position, StoreError>, Vec<Behind>) {
        // The positions first: the head that is read after them lies behind none of them, if they are of this log.
        let rows = self.read_side.lags().into_iter().map(|lag| (lag.model, lag.position));
        let positions: Vec<_> = rows.chain([("genealogy", Some(self.genealogy.position()))]).collect();
        let head = self.events.head().await;
        let end = *head.as_ref().unwrap_or(&self.head_at_start);
        // They mostly stand at one position.
        let mut ages = HashMap::new();
        let mut behind = Vec::with_capacity(positions.len());
        for (name, position) in positions {
            let events = end.checked_sub(position.unwrap_or(0));
            // Of another log, all of this one is missing from it.
            let after = if events.is_some() { position.unwrap_or(0) } else { 0 };
            let age = match ages.get(&after) {
                Some(age) => *age,
                None => *ages.entry(after).or_insert(self.age_after(after, end).await),
            };
            behind.push(Behind { name, position, events, age });
        }
        (head, behind)
    }

    /// The age of the first event after a position.
    async fn age_after(&self, position: Position, head: Position) -> TimeDelta {
        if position >= head {
            return TimeDelta::zero();
        }
        let first = self.events.read_log(position, &LogFilter::default(), 1).await.ok();
        let first = first.and_then(|page| page.events.into_iter().next());
        first.map_or(TimeDelta::zero(), |event| (Utc::now() - event.recorded_at).max(TimeDelta::zero()))
    }
}

#[async_trait]
impl Readiness for CaughtUp {
    async fn check(&self) -> Vec<ReadinessCheck> {
        let (head, behind) = self.behind().await;
        let mut checks = vec![ReadinessCheck {
            name: "event_store".into(),
            ready: head.is_ok(),
            detail: head.as_ref().map_or_else(|_lost| "does not answer".to_owned(), |_| "answers".to_owned()),
        }];
        let (head, due) = (head.ok(), self.head_at_start);
        checks.extend(behind.iter().map(|behind| standing(behind, head, due)));
        checks.extend(self.by_itself.standing());
        checks
    }

    async fn measure(&self) {
        measure_parked(&*self.checkpoints, &self.by_itself.standing()).await;
        let (Ok(head), behind) = self.behind().await else { return };
        for Behind { name, events, age, .. } in behind {
            let seconds = age.num_milliseconds() as f64 / 1_000.0;
            metrics::gauge!("cairn_projection_lag_events", "model" => name)
                .set(events.unwrap_or(head) as f64);
            metrics::gauge!("cairn_projection_lag_seconds", "model" => name).set(seconds);
        }
    }
}

/// What a read model's position says. It must have reached `due` once, or the head of a log that ends before it. None for
/// a head: the log does not answer, so that nothing can be said of it.
fn standing(behind: &Behind, head: Option<Position>, due: Position) -> ReadinessCheck {
    let (ready, detail) = match (behind.position, head, behind.events) {
        (None, _, _) => (false, "is being built".to_owned()),
        (Some(_), None, _) => (false, "the log does not answer".to_owned()),
        (Some(position), Some(head), Some(events)) => {
            let near = behind.age <= CLOSE_BEHIND;
            (position >= due.min(head) && near, format!("{events} events behind"))
        }
        (Some(_), Some(_), None) => (false, "is ahead of the log, which was replaced".to_owned()),
    };
    ReadinessCheck { name: behind.name.into(), ready, detail }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use commands::ports::UniformSettings;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn read_models_that_stand_still_fall_behind_the_log_that_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::Sqlite(folder.path().join("cairn.db"));
        let stores = Stores::open(&url).await.unwrap();
        let serving = Serving::start(&stores, &url, Arc::new(UniformSettings::default())).await.unwrap();
        serving.read_side.caught_up().await.unwrap();
        serving.read_side.stop().await;
        crate::demo::load(&stores, Utc::now(), &|_, _| {}).await.unwrap();
        let head = stores.events.head().await.unwrap();
        serving.genealogy.wait_for(head, Duration::from_secs(60)).await.unwrap();
        let (found, behind) = serving.caught_up().behind().await;
        assert!(head > 0 && found.unwrap() == head);
        for behind in behind {
            let expected = if behind.name == "genealogy" { 0 } else { head };
            assert_eq!(behind.events, Some(expected), "{}", behind.name);
            assert_eq!(behind.age > CLOSE_BEHIND, expected > 0, "the plant's past days are older");
            assert_eq!(standing(&behind, Some(head), 0).ready, expected == 0);
        }
        serving.stop().await;
    }

    #[test]
    fn a_thousand_events_of_a_moment_do_not_make_a_process_unready() {
        let behind = |events, seconds| Behind {
            name: "lot_board",
            position: Some(10),
            events: Some(events),
            age: TimeDelta::seconds(seconds),
        };
        assert!(standing(&behind(20_000, 1), Some(20_010), 10).ready);
        assert!(!standing(&behind(5, 60), Some(15), 10).ready);
    }

    #[test]
    fn a_log_that_does_not_answer_is_not_said_to_be_replaced() {
        let said = |position: Option<Position>, head: Option<Position>| {
            let events = head.unwrap_or(200).checked_sub(position.unwrap_or(0));
            let behind = Behind { name: "lots", position, events, age: TimeDelta::zero() };
            let check = standing(&behind, head, 100);
            (check.ready, check.detail)
        };
        assert_eq!(said(Some(300), None), (false, "the log does not answer".to_owned()));
        assert_eq!(said(Some(300), Some(300)), (true, "0 events behind".to_owned()));
        assert_eq!(said(Some(300), Some(200)).1, "is ahead of the log, which was replaced");
        assert_eq!(said(Some(50), Some(50)), (true, "0 events behind".to_owned()), "a shorter log");
        assert_eq!(said(None, None).1, "is being built");
    }
}
