//! How long after its commit an event's row is visible, while half of what the store can take keeps coming.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use commands::{
    engine::{CommitError, Committer, CommitterConfig},
    ports::{AppendOutcome, Position, TenantId},
};
use projections::{
    ReadModel,
    lots::{LotBoard, LotBoardRow},
    ports::ReadStoreError,
    runner::{ReadSide, ReadSideOptions, WaitError},
};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use uuid::Uuid;

use super::{
    Report,
    load::{LoadArgs, Measured, drive},
    plant::Plant,
    scratch::{self, Scratch},
};
use crate::compose;

/// Commits a second whose rows are watched for, at most: watching all would be a load of its own.
const WATCHED_A_SECOND: f64 = 1_000.0;

/// Why a commit's row was not seen.
#[derive(Debug, thiserror::Error)]
enum NotSeen {
    #[error("the queue is full")]
    Overloaded,
    #[error("the commit has no outcome")]
    Failed(#[from] CommitError),
    #[error("the commit was not appended: {0}")]
    NotAppended(String),
    #[error("the event cannot be made: {0}")]
    NotMade(String),
    #[error("the read model did not come")]
    Lagging(#[from] WaitError),
    #[error("the rows cannot be read")]
    Unreadable(#[from] ReadStoreError),
    #[error("the read model has passed {0}, its row is not there")]
    Missing(Position),
}

/// Measures it on the lot board, while every read model of lots is kept current.
pub async fn run(load: &LoadArgs) -> anyhow::Result<Report> {
    let mut report = Report::begin("lag");
    scratch::within(load, &mut report, async |scratch, report| measure(load, scratch, report).await).await?;
    Ok(report)
}

async fn measure(load: &LoadArgs, scratch: &Scratch, report: &mut Report) -> anyhow::Result<()> {
    let rows = compose::open_read_store(&scratch.url).await?;
    let models = crate::contexts::models();
    report.fact("read_models", models.len());
    let events = Arc::clone(&scratch.stores.events);
    let read_side = ReadSide::start(Arc::clone(&events), rows, models, ReadSideOptions::default());
    catch_up(&read_side).await?;
    let committer = Committer::start(events, CommitterConfig::default());
    let tenant = Uuid::now_v7();
    let plant = Plant::try_new(tenant)?;
    let lots = Lots { committer: committer.clone(), plant, tenant, next: Arc::default() };

    let most = {
        let lots = lots.clone();
        drive(load, move |_, _| {
            let lots = lots.clone();
            async move { lots.create().await.map(drop) }
        })
        .await?
    };
    let behind = Instant::now();
    catch_up(&read_side).await?;
    let caught_up = behind.elapsed();
    let half = Half { load, per_second: most.per_second() / 2.0 };
    let (seen, given) = half.run(&lots, &read_side).await?;

    report.figure("p50_ms", seen.percentile_ms(500));
    report.figure("p99_ms", seen.percentile_ms(990));
    report.figure("max_ms", seen.percentile_ms(1_000));
    report.figure("failures", seen.failures as f64);
    report.figure("rows_watched", seen.micros.len() as f64);
    report.figure("commits_per_s", given);
    report.figure("most_commits_per_s", most.per_second());
    report.figure("caught_up_after_most_s", caught_up.as_secs_f64());
    if let Some(failure) = seen.first_failure {
        report.fact("first_failure", failure);
    }
    committer.shutdown().await;
    read_side.stop().await;
    Ok(())
}

/// Waits for the read models, but not for ever: one that stands still says why.
async fn catch_up(read_side: &ReadSide) -> anyhow::Result<()> {
    let caught_up = tokio::time::timeout(Duration::from_secs(60), read_side.caught_up()).await;
    let why = || read_side.last_error().unwrap_or_else(|| "they are too slow".to_owned());
    caught_up.map_err(|_late| anyhow::anyhow!("the read models do not catch up: {}", why()))??;
    Ok(())
}

/// Makes lots, one a commit.
#[derive(Clone)]
struct Lots {
    committer: Committer,
    plant: Plant,
    tenant: TenantId,
    next: Arc<AtomicU64>,
}

impl Lots {
    /// Answers the lot and its position once it is durable.
    async fn create(&self) -> Result<(Uuid, Position), NotSeen> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let commit = self.plant.creation(number).map_err(|error| NotSeen::NotMade(error.to_string()))?;
        match self.committer.submit(commit).map_err(|_full| NotSeen::Overloaded)?.await? {
            AppendOutcome::Appended(receipt) => Ok((Plant::lot_id(number), receipt.position)),
            other => Err(NotSeen::NotAppended(format!("{other:?}"))),
        }
    }

    /// Waits until the lot's row can be read. Answers how long after `committed` that was.
    async fn watch(
        &self,
        read_side: &ReadSide,
        (lot_id, position): (Uuid, Position),
        committed: Instant,
    ) -> Result<Duration, NotSeen> {
        read_side.wait_for(LotBoard::NAME, position).await?;
        let visible = committed.elapsed();
        let row = read_side.find::<LotBoard, LotBoardRow>(self.tenant, &(self.tenant, lot_id)).await?;
        row.map(|_| visible).ok_or(NotSeen::Missing(position))
    }
}

/// Callers that come at fixed times, whether or not they were answered.
struct Half<'a> {
    load: &'a LoadArgs,
    per_second: f64,
}

impl Half<'_> {
    /// Answers what was seen of the rows, and how many commits a second were given.
    async fn run(&self, lots: &Lots, read_side: &Arc<ReadSide>) -> anyhow::Result<(Measured, f64)> {
        let start = Instant::now() + Duration::from_secs(self.load.warm_up);
        let lasted = Duration::from_secs(self.load.seconds);
        let period = Duration::from_secs_f64(f64::from(self.load.callers) / self.per_second);
        let every = (self.per_second / WATCHED_A_SECOND).ceil().max(1.0) as u64;
        let (sender, mut outcomes) = mpsc::unbounded_channel();
        let given = Arc::new(AtomicU64::new(0));
        for caller in 0..self.load.callers {
            let (lots, read_side) = (lots.clone(), Arc::clone(read_side));
            let (sender, given) = (sender.clone(), Arc::clone(&given));
            let offset = period.mul_f64(f64::from(caller) / f64::from(self.load.callers));
            tokio::spawn(async move {
                let mut times = tokio::time::interval_at(tokio::time::Instant::now() + offset, period);
                times.set_missed_tick_behavior(MissedTickBehavior::Burst);
                let mut turn = u64::from(caller);
                while Instant::now() < start + lasted {
                    times.tick().await;
                    turn += 1;
                    let (lots, read_side) = (lots.clone(), Arc::clone(&read_side));
                    let (sender, given) = (sender.clone(), Arc::clone(&given));
                    tokio::spawn(async move {
                        let created = lots.create().await;
                        let committed = Instant::now();
                        let counts = (start..start + lasted).contains(&committed);
                        given.fetch_add(u64::from(counts), Ordering::Relaxed);
                        let outcome = match created {
                            Ok(created) if counts && turn.is_multiple_of(every) => {
                                lots.watch(&read_side, created, committed).await
                            }
                            Ok(_) => return,
                            Err(error) => Err(error),
                        };
                        let _gone = sender.send(outcome);
                    });
                }
            });
        }
        drop(sender);
        let mut seen = Measured { lasted, micros: Vec::new(), failures: 0, first_failure: None };
        while let Some(outcome) = outcomes.recv().await {
            match outcome {
                Ok(visible) => seen.micros.push(u32::try_from(visible.as_micros()).unwrap_or(u32::MAX)),
                Err(error) => {
                    seen.failures += 1;
                    seen.first_failure.get_or_insert_with(|| error.to_string());
                }
            }
        }
        seen.micros.sort_unstable();
        let given = given.load(Ordering::Relaxed) as f64 / lasted.as_secs_f64();
        Ok((seen, given))
    }
}
