//! One pass over the log for several builds: it is read once, each build folds it in a task of its own, and while one
//! page is folded the one before is written and the next is read.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use commands::{
    ports::{Clock, EventStore, LogFilter, Position},
    tail::{Page, cut_at},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::{JoinHandle, JoinSet},
};

use super::{
    LEASE_TTL, RunError,
    folding::{Folded, Folding},
    pages::page_after,
    ride::PAGES_AHEAD,
};
use crate::ports::{Change, Fence, ReadStore, ReadStoreError, Step, StepOutcome};

/// Rows held in memory for a build; rows that the latest pages did not touch are forgotten beyond this.
const ROWS_HELD: usize = 30_000;
/// Steps under way at once, however many builds there are: the projector finds a turn beside them.
const STEPS_AT_ONCE: usize = 2;
/// How long a build in which nothing changes keeps its checkpoint to itself.
const STEP_AT_LEAST: Duration = Duration::from_secs(2);

/// What a build is made with.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) events: Arc<dyn EventStore>,
    pub(super) store: Arc<dyn ReadStore>,
    pub(super) clock: Arc<dyn Clock>,
}

/// A build that is being made.
pub(super) struct Work {
    pub(super) folding: Folding,
    /// The leases that its steps stand under.
    pub(super) fences: Vec<Fence>,
    /// How far it goes.
    pub(super) target: Position,
    pub(super) counted: Counted,
}

#[derive(Default)]
pub(super) struct Counted {
    pub(super) events: u64,
    pub(super) rows: u64,
    pub(super) folding: Duration,
}

/// Somebody else who takes the pages, and what he wants.
pub(super) type Passenger = (LogFilter, mpsc::Sender<Arc<Page>>);

/// Brings every build to its target exactly. `progress` hears where the last of them stands. A build that fails ends alone;
/// the others come to their targets.
pub(super) async fn pass(
    context: &Context,
    works: Vec<Work>,
    page_events: usize,
    passengers: Vec<Passenger>,
    mut progress: impl FnMut(Position),
) -> Result<(Vec<Work>, Vec<RunError>), RunError> {
    let mut positions: Vec<_> = works.iter().map(|work| work.folding.position()).collect();
    let behind = works.iter().filter(|work| work.folding.position() < work.target);
    let Some(from) = behind.map(|work| work.folding.position()).min() else { return Ok((works, Vec::new())) };
    let until = works.iter().map(|work| work.target).max().unwrap_or(from);

    let filters = works.iter().map(|work| work.folding.model.filter());
    let filters = filters.chain(passengers.iter().map(|(filter, _)| filter.clone()));
    let filter = filters.reduce(|all, filter| all.or(&filter)).unwrap_or_default();
    let mut seats: Vec<_> = passengers.into_iter().map(|(_, pages)| pages).collect();
    let (told, mut reached) = mpsc::unbounded_channel();
    let turns = Arc::new(Semaphore::new(STEPS_AT_ONCE));
    let mut folding = JoinSet::new();
    for (index, work) in works.into_iter().enumerate() {
        let (seat, pages) = mpsc::channel(PAGES_AHEAD);
        seats.push(seat);
        let (told, turns) = (told.clone(), Arc::clone(&turns));
        let tell = move |position| {
            // Nobody listens any more: the pass was broken off.
            let _gone = told.send((index, position));
        };
        let work = work.fold_to_target(context.clone(), pages, turns, tell);
        folding.spawn(async move { (index, work.await) });
    }
    drop(told);
    let mut reading = JoinSet::new();
    reading.spawn(hand_out(Arc::clone(&context.events), filter, page_events, from..until, seats));

    let (mut done, mut failed) = (Vec::with_capacity(positions.len()), Vec::new());
    let mut hear = |(index, position): (usize, Position)| {
        positions[index] = position;
        progress(positions.iter().copied().min().unwrap_or(position));
    };
    loop {
        tokio::select! {
            biased;
            Some(told) = reached.recv() => hear(told),
            ended = folding.join_next() => match ended {
                Some(Ok((index, Ok(work)))) => done.push((index, work)),
                Some(Ok((_, Err(error)))) => failed.push(error),
                Some(Err(died)) => failed.push(RunError::BrokenOff(died.to_string())),
                None => break,
            },
        }
    }
    if let Some(read) = reading.join_next().await {
        read.map_err(|died| RunError::BrokenOff(died.to_string()))??;
    }
    done.sort_by_key(|(index, _)| *index);
    Ok((done.into_iter().map(|(_, work)| work).collect(), failed))
}

/// Reads the log once for all seats. The slowest sets the pace, so that few pages are held.
async fn hand_out(
    log: Arc<dyn EventStore>,
    filter: LogFilter,
    page_events: usize,
    stretch: std::ops::Range<Position>,
    seats: Vec<mpsc::Sender<Arc<Page>>>,
) -> Result<(), RunError> {
    let mut from = stretch.start;
    while from < stretch.end && !seats.iter().all(mpsc::Sender::is_closed) {
        let page = Arc::new(page_after(&*log, from, &filter, page_events, stretch.end).await?);
        from = page.end.position;
        for seat in &seats {
            // Whoever has come to his target, or failed, takes no more.
            let _left = seat.send(Arc::clone(&page)).await;
        }
    }
    Ok(())
}

impl Work {
    async fn fold_to_target(
        mut self,
        context: Context,
        mut pages: mpsc::Receiver<Arc<Page>>,
        turns: Arc<Semaphore>,
        tell: impl Fn(Position),
    ) -> Result<Self, RunError> {
        let (began, mut stepped_at) = (Instant::now(), Instant::now());
        let mut writing: Option<JoinHandle<Result<StepOutcome, ReadStoreError>>> = None;
        while self.folding.position() < self.target {
            let Some(page) = pages.recv().await else { break };
            if page.end.position <= self.folding.position() {
                continue;
            }
            let page = as_far_as(page, self.target, &*context.events).await?;
            self.counted.events += self.folding.concerned(&page).len() as u64;
            while self.folding.fold(&*context.store, &page, context.clock.now()).await? == Folded::Spoilt {
                written(writing.take()).await?;
                self.folding.forget();
            }
            tell(self.folding.position());
            let is_last = self.folding.position() >= self.target;
            if self.folding.is_unchanged() && !is_last && stepped_at.elapsed() < STEP_AT_LEAST {
                continue;
            }
            written(writing.take()).await?;
            // Everything that is unchanged is stored now, and only that may be forgotten.
            self.folding.rows.forget_beyond(ROWS_HELD);
            let mut step = Step { fences: self.fences.clone(), renew_for: LEASE_TTL, ..Step::default() };
            self.folding.take_step(&mut step);
            self.counted.rows += step.changes.iter().map(Change::written_rows).sum::<u64>();
            stepped_at = Instant::now();
            let (store, turns) = (Arc::clone(&context.store), Arc::clone(&turns));
            writing = Some(tokio::spawn(async move {
                // Never closed.
                let _turn = turns.acquire().await;
                store.store_step(step).await
            }));
        }
        written(writing.take()).await?;
        self.counted.folding += began.elapsed();
        Ok(self)
    }
}

/// A page that ends at the target, if it went beyond.
async fn as_far_as(page: Arc<Page>, target: Position, log: &dyn EventStore) -> Result<Arc<Page>, RunError> {
    if page.end.position <= target {
        return Ok(page);
    }
    let mut events = page.events.clone();
    let end = cut_at(log, &mut events, target).await?;
    Ok(Arc::new(Page { events, end }))
}

async fn written(writing: Option<JoinHandle<Result<StepOutcome, ReadStoreError>>>) -> Result<(), RunError> {
    let Some(writing) = writing else { return Ok(()) };
    match writing.await.map_err(|died| RunError::BrokenOff(died.to_string()))?? {
        StepOutcome::Stored => Ok(()),
        StepOutcome::Fenced | StepOutcome::Moved => Err(RunError::Fenced),
    }
}
