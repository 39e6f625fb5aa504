use std::{sync::Arc, time::Duration, time::Instant};

use commands::ports::{Clock, EventStore, LogFilter, Position};
use tokio::{sync::mpsc, task::JoinHandle};
use uuid::Uuid;

use super::{
    LEASE_TTL, RunError,
    borrowed_lease::BorrowedLease,
    folding::{Folded, Folding},
    foreign::discard_foreign,
    rebuilt::{Phase, Progress, Rebuilt, TableComparison},
};
use crate::{
    Model,
    anchor::Stretch,
    ports::{
        AuditEntry, Build, BuildId, BuildState, Change, Claim, Fence, ParkedEvent, ReadStore, ReadStoreError,
        Step, StepOutcome,
    },
};

/// Events read at once.
const PAGE: usize = 8_192;
/// Pages read ahead of the fold.
const PAGES_AHEAD: usize = 2;
/// Rows held in memory; rows that the latest pages did not touch are forgotten beyond this.
const ROWS_HELD: usize = 60_000;

/// Builds a read model anew beside the live one, which goes on, and takes over in one transaction at one position.
///
/// Broken off at any point, it leaves the live build untouched, and the next run resumes where it stood. The
/// rows follow from the log, so the new build takes over even when the comparison finds differences; they are
/// reported, for they mean that the live rows were wrong.
pub struct Rebuild {
    events: Arc<dyn EventStore>,
    store: Arc<dyn ReadStore>,
    clock: Arc<dyn Clock>,
    model: Model,
    page: usize,
    counted: Counted,
    projector: BorrowedLease,
}

#[derive(Default)]
struct Counted {
    events: u64,
    rows: u64,
    folding: Duration,
}

impl Rebuild {
    pub(super) fn new(
        events: Arc<dyn EventStore>,
        store: Arc<dyn ReadStore>,
        clock: Arc<dyn Clock>,
        model: Model,
    ) -> Self {
        Self {
            events,
            store,
            clock,
            model,
            page: PAGE,
            counted: Counted::default(),
            projector: BorrowedLease::default(),
        }
    }

    /// Reads so many events at once instead of 8,192.
    #[must_use]
    pub fn page(mut self, events: usize) -> Self {
        self.page = events.max(1);
        self
    }

    /// Runs it to its end.
    pub async fn run(self, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Rebuilt, RunError> {
        self.run_until(std::future::pending(), progress).await
    }

    /// Runs it to its end or until `stop` resolves: then it gives its leases back, so that nobody waits for them, and
    /// answers [`RunError::Interrupted`].
    pub async fn run_until(
        mut self,
        stop: impl Future<Output = ()>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Rebuilt, RunError> {
        let (lease, holder) = (format!("rebuild:{}", self.model.name), Uuid::now_v7());
        let own = self.store.claim(&lease, holder, LEASE_TTL, Claim::WhenFree).await?;
        let own = own.ok_or(RunError::RebuildRunning { model: self.model.name })?;
        let store = Arc::clone(&self.store);
        let rebuilt = tokio::select! {
            biased;
            rebuilt = self.run_leased(&own, progress) => rebuilt,
            () = stop => Err(RunError::Interrupted),
        };
        let released = self.projector.give_back(&*store).await.and(store.release(&own).await);
        let rebuilt = rebuilt?;
        released?;
        Ok(rebuilt)
    }

    async fn run_leased(
        &mut self,
        own: &Fence,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Rebuilt, RunError> {
        // Neither resumed nor met half-way: a build of another log.
        discard_foreign(&*self.events, &*self.store, &*self.clock, &[self.model]).await?;
        self.check_version(self.live(&self.store.builds().await?).as_ref())?;
        let (build, live) = self.open_build().await?;
        let (parked, skips) = (self.store.parked().await?, self.store.skips().await?);
        let mut folding = Folding::new(self.model, &build, &parked, &skips);
        let target = match live {
            Some(live) => live.position,
            None => self.events.head().await?,
        };
        let fences = [own.clone()];
        self.catch_up(&mut folding, target, &fences, Phase::Folding, progress).await?;
        progress(Progress { phase: Phase::Indexing, position: folding.position, target });
        let tables = (self.model.tables)();
        let indexing = self.store.index_build(&build.id, &tables);
        keep_leases(&*self.store, &fences, indexing).await??;
        // What came meanwhile is folded while the live build still moves, so that little is left for the last step.
        let target = self.target().await?;
        self.catch_up(&mut folding, target, &fences, Phase::Folding, progress).await?;

        let projector = self.projector.claim(&self.store).await?;
        self.take_over(folding, &[own.clone(), projector], progress).await
    }

    /// Resumes the build that was broken off, or begins one.
    async fn open_build(&self) -> Result<(Build, Option<Build>), RunError> {
        let builds = self.store.builds().await?;
        let live = self.live(&builds);
        let own =
            |build: &&Build| build.id.model == self.model.name && build.id.version == self.model.version;
        if let Some(begun) = builds.iter().filter(own).find(|build| build.state == BuildState::Building) {
            if !self.has_parked_what_is_skipped(&begun.id).await? {
                return Ok((begun.clone(), live));
            }
            // What waits behind a skipped event is due in it, and its rows have gone on without.
            self.store.drop_build(&begun.id).await?;
        }
        let revision = builds.iter().filter(own).map(|build| build.id.revision).max().unwrap_or(0) + 1;
        let id = BuildId { model: self.model.name.to_owned(), version: self.model.version, revision };
        let tables = (self.model.tables)();
        self.store.create_build(&id, BuildState::Building, &tables).await?;
        let build = Build {
            id,
            state: BuildState::Building,
            position: 0,
            anchor: None,
            tables: tables.iter().map(|table| table.name.to_owned()).collect(),
            since: self.clock.now(),
        };
        Ok((build, live))
    }

    async fn has_parked_what_is_skipped(&self, build: &BuildId) -> Result<bool, RunError> {
        let skips = self.store.skips().await?;
        let is_skipped = |event: &ParkedEvent| {
            skips.iter().any(|skip| skip.model == build.model && skip.event_id == event.event_id)
        };
        let parked = self.store.parked().await?;
        Ok(parked.iter().filter(|event| event.build == *build).any(is_skipped))
    }

    /// A newer program's rows are never replaced by an older one's.
    fn check_version(&self, live: Option<&Build>) -> Result<(), RunError> {
        match live.filter(|live| live.id.version > self.model.version) {
            Some(live) => Err(RunError::NewerIsLive { model: self.model.name, version: live.id.version }),
            None => Ok(()),
        }
    }

    fn live(&self, builds: &[Build]) -> Option<Build> {
        let is_live = |build: &&Build| build.id.model == self.model.name && build.state == BuildState::Live;
        builds.iter().find(is_live).cloned()
    }

    /// How far the new build may go: as far as the live one, so that they can meet at one position.
    async fn target(&self) -> Result<Position, RunError> {
        match self.live(&self.store.builds().await?) {
            Some(live) => Ok(live.position),
            None => Ok(self.events.head().await?),
        }
    }

    /// With the projector's lease held, nobody moves the live build: the new one comes to its position, is compared,
    /// and takes its place.
    async fn take_over(
        &mut self,
        mut folding: Folding,
        fences: &[Fence],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Rebuilt, RunError> {
        let target = self.target().await?;
        self.catch_up(&mut folding, target, fences, Phase::TakingOver, progress).await?;
        if self.has_parked_what_is_skipped(&folding.build).await? {
            return Err(RunError::SkippedMeanwhile { model: self.model.name });
        }
        let replaced = self.live(&self.store.builds().await?);
        self.check_version(replaced.as_ref())?;
        let mut comparisons = Vec::new();
        if let Some(live) = replaced.as_ref().filter(|live| live.position == folding.position) {
            let comparing = self.compare(&live.id, &folding.build);
            comparisons = keep_leases(&*self.store, fences, comparing).await??;
        }
        let audit = AuditEntry {
            at: self.clock.now(),
            actor: "system".to_owned(),
            action: "take_over".to_owned(),
            build: folding.build.clone(),
            position: folding.position,
            reason: replaced
                .as_ref()
                .map_or("first build".to_owned(), |live| format!("replaces {}", live.id)),
        };
        match self.store.take_over(fences, &folding.build, folding.position, &audit).await? {
            StepOutcome::Stored => {}
            StepOutcome::Fenced | StepOutcome::Moved => return Err(RunError::Fenced),
        }
        let (replaced, position) = (replaced.map(|live| live.id), folding.position);
        let parked_events = folding.parked_events();
        if parked_events > 0 {
            tracing::warn!(build = %folding.build, parked_events, "events are missing from it, see `cairn parked`");
        }
        tracing::info!(build = %folding.build, position, "a read model took over");
        Ok(Rebuilt {
            build: folding.build,
            replaced,
            position,
            events: self.counted.events,
            rows_written: self.counted.rows,
            folding: self.counted.folding,
            parked_events,
            comparisons,
        })
    }

    async fn compare(&self, live: &BuildId, new: &BuildId) -> Result<Vec<TableComparison>, ReadStoreError> {
        let mut comparisons = Vec::new();
        for table in (self.model.tables)() {
            if let Some(differences) = self.store.compare(live, new, table).await? {
                if !differences.is_empty() {
                    tracing::warn!(
                        live = %live, new = %new, table = table.name, live_only = differences.left_only,
                        new_only = differences.right_only, "the live rows differ from those that follow from the log"
                    );
                }
                comparisons.push(TableComparison { table: table.name, differences });
            }
        }
        Ok(comparisons)
    }

    /// Folds the log up to `target` exactly. The next pages are read and the last one is written while one is folded.
    async fn catch_up(
        &mut self,
        folding: &mut Folding,
        target: Position,
        fences: &[Fence],
        phase: Phase,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), RunError> {
        let began = Instant::now();
        let mut pages = self.read_ahead(folding.position, target);
        let mut writing: Option<JoinHandle<Result<StepOutcome, ReadStoreError>>> = None;
        while folding.position < target {
            let stretch =
                pages.recv().await.ok_or_else(|| RunError::BrokenOff("reading the log".to_owned()))??;
            while folding.fold(&*self.store, &stretch, self.clock.now()).await? == Folded::Spoilt {
                written(writing.take()).await?;
                folding.forget();
            }
            written(writing.take()).await?;
            // Everything that is unchanged is stored now, and only that may be forgotten.
            folding.rows.forget_beyond(ROWS_HELD);
            let mut step = Step { fences: fences.to_vec(), renew_for: LEASE_TTL, ..Step::default() };
            folding.take_step(&mut step);
            self.counted.events += stretch.events.len() as u64;
            self.counted.rows += step.changes.iter().map(Change::written_rows).sum::<u64>();
            let store = Arc::clone(&self.store);
            writing = Some(tokio::spawn(async move { store.store_step(step).await }));
            progress(Progress { phase, position: folding.position, target });
        }
        written(writing.take()).await?;
        self.counted.folding += began.elapsed();
        Ok(())
    }

    fn read_ahead(&self, mut from: Position, target: Position) -> mpsc::Receiver<Result<Stretch, RunError>> {
        let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
        let (events, filter, limit) = (Arc::clone(&self.events), self.model.filter(), self.page);
        tokio::spawn(async move {
            while from < target {
                let stretch = next_stretch(&*events, from, target, &filter, limit).await;
                from = stretch.as_ref().map_or(target, |stretch| stretch.through);
                if sender.send(stretch).await.is_err() {
                    return;
                }
            }
        });
        receiver
    }
}

async fn next_stretch(
    events: &dyn EventStore,
    from: Position,
    target: Position,
    filter: &LogFilter,
    limit: usize,
) -> Result<Stretch, RunError> {
    let page = events.read_log(from, filter, limit).await?;
    if page.read_through == from {
        return Err(RunError::LogCut { end: events.head().await?, wanted: target });
    }
    Ok(Stretch::of(events, page, target).await?)
}

async fn written(writing: Option<JoinHandle<Result<StepOutcome, ReadStoreError>>>) -> Result<(), RunError> {
    let Some(writing) = writing else { return Ok(()) };
    match writing.await.map_err(|error| RunError::BrokenOff(error.to_string()))?? {
        StepOutcome::Stored => Ok(()),
        StepOutcome::Fenced | StepOutcome::Moved => Err(RunError::Fenced),
    }
}

/// Waits for something long and keeps leases meanwhile. An error: one of them was lost.
async fn keep_leases<T>(
    store: &dyn ReadStore,
    fences: &[Fence],
    long: impl Future<Output = T>,
) -> Result<T, RunError> {
    tokio::pin!(long);
    loop {
        tokio::select! {
            outcome = &mut long => return Ok(outcome),
            () = tokio::time::sleep(LEASE_TTL / 4) => {
                for fence in fences {
                    if !store.renew(fence, LEASE_TTL).await? {
                        return Err(RunError::Fenced);
                    }
                }
            }
        }
    }
}
