use std::sync::Arc;

use commands::ports::Position;
use tokio::{sync::Semaphore, task::JoinSet};
use uuid::Uuid;

use super::{
    LEASE_TTL, RunError,
    borrowed_lease::BorrowedLease,
    folding::Folding,
    foreign::discard_foreign,
    pass::{Context, Counted, Work, pass},
    rebuilt::{Phase, Progress, Rebuilt, TableComparison},
    ride::Seat,
    standing::Standing,
};
use crate::{
    Model,
    ports::{
        AuditEntry, Build, BuildId, BuildState, Claim, Fence, ParkedEvent, ReadStore, ReadStoreError,
        StepOutcome,
    },
};

/// Events read at once.
const PAGE: usize = 8_192;
/// Builds that make their indexes at once; the projector finds a turn beside them.
const INDEXING_AT_ONCE: usize = 2;

/// Builds read models anew beside the live ones, which go on, and lets each take over in one transaction at one position.
/// Several are built in one pass over the log.
///
/// Broken off at any point, it leaves the live builds untouched, and the next run resumes where it stood. The
/// rows follow from the log, so a new build takes over even when the comparison finds differences; they are
/// reported, for they mean that the live rows were wrong.
pub struct Rebuild {
    with: Context,
    standing: Arc<Standing>,
    models: Vec<Model>,
    page: usize,
    seats: Vec<Seat>,
    projector: BorrowedLease,
    /// What went wrong with one build and concerned no other.
    failed: Vec<RunError>,
}

impl Rebuild {
    pub(super) fn new(with: Context, standing: Arc<Standing>, models: Vec<Model>) -> Self {
        Self {
            with,
            standing,
            models,
            page: PAGE,
            seats: Vec::new(),
            projector: BorrowedLease::default(),
            failed: Vec::new(),
        }
    }

    /// Reads so many events at once instead of 8,192.
    #[must_use]
    pub fn page(mut self, events: usize) -> Self {
        self.page = events.max(1);
        self
    }

    /// Takes others along who want the whole log too.
    pub(super) fn with_seats(mut self, seats: Vec<Seat>) -> Self {
        self.seats = seats;
        self
    }

    /// Runs it to its end.
    pub async fn run(self, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Rebuilt, RunError> {
        self.run_until(std::future::pending(), progress).await
    }

    /// Runs it to its end or until `stop` resolves: then it gives its leases back, so that nobody waits for them, and
    /// answers [`RunError::Interrupted`].
    pub async fn run_until(
        self,
        stop: impl Future<Output = ()>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Rebuilt, RunError> {
        let mut rebuilt = self.run_all_until(stop, progress).await?;
        rebuilt.pop().ok_or_else(|| RunError::BrokenOff("nothing was built".to_owned()))
    }

    /// [`Self::run_until`] for all its read models. When one of them fails the others take over all the same, and its error
    /// is answered.
    pub(super) async fn run_all_until(
        mut self,
        stop: impl Future<Output = ()>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Vec<Rebuilt>, RunError> {
        let mut own = Vec::with_capacity(self.models.len());
        let claimed = self.claim_own(&mut own).await;
        let rebuilt = match claimed {
            Ok(()) => tokio::select! {
                biased;
                rebuilt = self.run_leased(&own, progress) => rebuilt,
                () = stop => Err(RunError::Interrupted),
            },
            Err(error) => Err(error),
        };
        let store = Arc::clone(&self.with.store);
        let mut released = self.projector.give_back(&*store).await;
        for (_, fence) in &own {
            released = released.and(store.release(fence).await);
        }
        self.standing.change_hands();
        let rebuilt = rebuilt?;
        released?;
        match self.failed.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(rebuilt),
        }
    }

    /// Takes the lease of each read model. One that another process is building is left to it.
    async fn claim_own(&mut self, own: &mut Vec<(Model, Fence)>) -> Result<(), RunError> {
        let holder = Uuid::now_v7();
        for model in &self.models {
            let lease = format!("rebuild:{}", model.name);
            match self.with.store.claim(&lease, holder, LEASE_TTL, Claim::WhenFree).await? {
                Some(fence) => own.push((*model, fence)),
                None => self.failed.push(RunError::RebuildRunning { model: model.name }),
            }
        }
        Ok(())
    }

    async fn run_leased(
        &mut self,
        own: &[(Model, Fence)],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Vec<Rebuilt>, RunError> {
        let Context { events, store, clock } = self.with.clone();
        let models: Vec<_> = own.iter().map(|(model, _)| *model).collect();
        // Neither resumed nor met half-way: a build of another log.
        discard_foreign(&*events, &*store, &*clock, &models).await?;
        let builds = store.builds().await?;
        let mut works = Vec::with_capacity(own.len());
        for (model, fence) in own {
            let target = self.target(model, &builds).await?;
            let build = self.open_build(model).await?;
            let (parked, skips) = (store.parked().await?, store.skips().await?);
            let folding = Folding::new(*model, &build, &parked, &skips);
            let (fences, counted) = (vec![fence.clone()], Counted::default());
            works.push(Work { folding, fences, target, counted });
        }
        let works = self.catch_up(works, Phase::Folding, progress).await?;
        self.index(&works, progress).await?;
        // What came meanwhile is folded while the live builds still move, so that little is left for the last step.
        let works = self.aim(works).await?;
        let mut works = self.catch_up(works, Phase::Folding, progress).await?;
        if works.is_empty() {
            return Ok(Vec::new());
        }
        // With the projector's lease held, nobody moves a live build: the new ones come to their positions, are
        // compared, and take their places.
        let projector = self.projector.claim(&store).await?;
        works.iter_mut().for_each(|work| work.fences.push(projector.clone()));
        let works = self.aim(works).await?;
        let works = self.catch_up(works, Phase::TakingOver, progress).await?;
        let mut rebuilt = Vec::with_capacity(works.len());
        let fences = fences_of(&works);
        for work in works {
            match self.take_over(work, &fences).await {
                Ok(one) => rebuilt.push(one),
                Err(error) => self.failed.push(error),
            }
        }
        Ok(rebuilt)
    }

    /// Sets the targets anew.
    async fn aim(&self, mut works: Vec<Work>) -> Result<Vec<Work>, RunError> {
        let builds = self.with.store.builds().await?;
        for work in &mut works {
            work.target = self.target(&work.folding.model, &builds).await?;
        }
        Ok(works)
    }

    /// Folds the log up to the targets exactly, and keeps the leases meanwhile: who waits for a slower one takes no step.
    async fn catch_up(
        &mut self,
        works: Vec<Work>,
        phase: Phase,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Vec<Work>, RunError> {
        let mut passengers = Vec::new();
        // Who rides wants the whole log.
        let is_whole = works.iter().any(|work| work.folding.position() == 0);
        for seat in std::mem::take(&mut self.seats).into_iter().filter(|_| is_whole) {
            passengers.extend(seat.taken().await);
        }
        let fences = fences_of(&works);
        let target = works.iter().map(|work| work.target).max().unwrap_or(0);
        let tell = |position| progress(Progress { phase, position, target });
        let passing = pass(&self.with, works, self.page, passengers, tell);
        let (works, failed) = keep_leases(&*self.with.store, &fences, passing).await??;
        self.failed.extend(failed);
        Ok(works)
    }

    async fn index(
        &self,
        works: &[Work],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), RunError> {
        let turns = Arc::new(Semaphore::new(INDEXING_AT_ONCE));
        let mut indexing = JoinSet::new();
        for work in works {
            let position = work.folding.position();
            progress(Progress { phase: Phase::Indexing, position, target: work.target });
            let (store, turns) = (Arc::clone(&self.with.store), Arc::clone(&turns));
            let (build, tables) = (work.folding.build.clone(), (work.folding.model.tables)());
            indexing.spawn(async move {
                // Never closed.
                let _turn = turns.acquire().await;
                store.index_build(&build, &tables).await
            });
        }
        let all = async {
            while let Some(indexed) = indexing.join_next().await {
                indexed.map_err(|died| RunError::BrokenOff(died.to_string()))??;
            }
            Ok(())
        };
        keep_leases(&*self.with.store, &fences_of(works), all).await?
    }

    /// Resumes the build that was broken off, or begins one.
    async fn open_build(&self, model: &Model) -> Result<Build, RunError> {
        let builds = self.with.store.builds().await?;
        let own = |build: &&Build| build.id.model == model.name && build.id.version == model.version;
        if let Some(begun) = builds.iter().filter(own).find(|build| build.state == BuildState::Building) {
            if !self.has_parked_what_is_skipped(&begun.id).await? {
                return Ok(begun.clone());
            }
            // What waits behind a skipped event is due in it, and its rows have gone on without.
            self.with.store.drop_build(&begun.id).await?;
        }
        let revision = builds.iter().filter(own).map(|build| build.id.revision).max().unwrap_or(0) + 1;
        let id = BuildId { model: model.name.to_owned(), version: model.version, revision };
        let tables = (model.tables)();
        self.with.store.create_build(&id, BuildState::Building, &tables).await?;
        let build = Build {
            id,
            state: BuildState::Building,
            position: 0,
            anchor: None,
            tables: tables.iter().map(|table| table.name.to_owned()).collect(),
            since: self.with.clock.now(),
        };
        Ok(build)
    }

    async fn has_parked_what_is_skipped(&self, build: &BuildId) -> Result<bool, RunError> {
        let skips = self.with.store.skips().await?;
        let is_skipped = |event: &ParkedEvent| {
            skips.iter().any(|skip| skip.model == build.model && skip.event_id == event.event_id)
        };
        let parked = self.with.store.parked().await?;
        Ok(parked.iter().filter(|event| event.build == *build).any(is_skipped))
    }

    /// How far a new build may go: as far as the live one, so that they can meet at one position. A newer program's rows are
    /// never replaced by an older one's.
    async fn target(&self, model: &Model, builds: &[Build]) -> Result<Position, RunError> {
        match live(model, builds) {
            Some(live) if live.id.version > model.version => {
                Err(RunError::NewerIsLive { model: model.name, version: live.id.version })
            }
            Some(live) => Ok(live.position),
            None => Ok(self.with.events.head().await?),
        }
    }

    /// The new build stands where the live one does, is compared, and takes its place. `fences` are kept meanwhile.
    async fn take_over(&self, work: Work, fences: &[Fence]) -> Result<Rebuilt, RunError> {
        let Work { folding, fences: own, counted, .. } = work;
        let (model, store) = (folding.model, &self.with.store);
        if self.has_parked_what_is_skipped(&folding.build).await? {
            return Err(RunError::SkippedMeanwhile { model: model.name });
        }
        let builds = store.builds().await?;
        self.target(&model, &builds).await?;
        let replaced = live(&model, &builds);
        let mut comparisons = Vec::new();
        if let Some(live) = replaced.as_ref().filter(|live| live.position == folding.position()) {
            let comparing = self.compare(&model, &live.id, &folding.build);
            comparisons = keep_leases(&**store, fences, comparing).await??;
        }
        let audit = AuditEntry {
            at: self.with.clock.now(),
            actor: "system".to_owned(),
            action: "take_over".to_owned(),
            build: folding.build.clone(),
            position: folding.position(),
            reason: replaced
                .as_ref()
                .map_or("first build".to_owned(), |live| format!("replaces {}", live.id)),
        };
        match store.take_over(&own, &folding.build, folding.position(), &audit).await? {
            StepOutcome::Stored => {}
            StepOutcome::Fenced | StepOutcome::Moved => return Err(RunError::Fenced),
        }
        let (replaced, position) = (replaced.map(|live| live.id), folding.position());
        let parked_events = folding.parked_events();
        if parked_events > 0 {
            tracing::warn!(build = %folding.build, parked_events, "events are missing from it, see `cairn parked`");
        }
        tracing::info!(build = %folding.build, position, "a read model took over");
        Ok(Rebuilt {
            build: folding.build,
            replaced,
            position,
            events: counted.events,
            rows_written: counted.rows,
            folding: counted.folding,
            parked_events,
            comparisons,
        })
    }

    async fn compare(
        &self,
        model: &Model,
        live: &BuildId,
        new: &BuildId,
    ) -> Result<Vec<TableComparison>, ReadStoreError> {
        let mut comparisons = Vec::new();
        for table in (model.tables)() {
            if let Some(differences) = self.with.store.compare(live, new, table).await? {
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
}

/// Every lease, each once.
fn fences_of(works: &[Work]) -> Vec<Fence> {
    let mut fences: Vec<_> = works.iter().flat_map(|work| work.fences.clone()).collect();
    fences.sort_by(|left, right| left.lease.cmp(&right.lease));
    fences.dedup();
    fences
}

fn live(model: &Model, builds: &[Build]) -> Option<Build> {
    let is_live = |build: &&Build| build.id.model == model.name && build.state == BuildState::Live;
    builds.iter().find(is_live).cloned()
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
