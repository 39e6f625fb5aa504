use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use commands::{
    ports::{Clock, LogFilter},
    tail::{Page, Place, Read, Tail},
};
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use super::{
    LEASE_TTL, PROJECTOR_LEASE, RunError,
    folding::{Folded, Folding, SHORT},
    foreign::discard_foreign,
    standing::Standing,
};
use crate::{
    Model,
    ports::{Build, BuildState, Claim, Fence, ReadStore, Step, StepOutcome},
};

/// Events read at once. Bounds the time of a step, and with it how long a rebuild waits for its turn.
const PAGE: usize = 2_000;
/// Rows held in memory for each read model between steps.
const ROWS_HELD: usize = 20_000;
/// How often a process that stands by looks whether the lease is free, and how far the others have come.
const STAND_BY: Duration = Duration::from_secs(1);
/// The same while somebody here waits for a position, or the lease was only lent.
const STAND_BY_EAGERLY: Duration = Duration::from_millis(50);
/// How often the holder of the lease renews it, and looks whether it must make way for a newer program.
const LOOK_ROUND: Duration = Duration::from_millis(2_500);
/// How much longer a process waits whose read models are of an older version: newer programs are there first.
const STAND_BACK: Duration = Duration::from_millis(500);
const AFTER_AN_ERROR: Duration = Duration::from_secs(1);
const SWEEP: Duration = Duration::from_secs(60);
/// No query lasts so long: after this nobody reads a retired build.
const RETIRED_FOR: TimeDelta = TimeDelta::seconds(60);
const SCRATCH_FOR: TimeDelta = TimeDelta::hours(1);

/// Keeps the live builds current for as long as it holds the lease.
#[derive(Clone)]
pub(super) struct Projector {
    pub(super) tail: Tail,
    pub(super) store: Arc<dyn ReadStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) models: Vec<Model>,
    pub(super) holder: Uuid,
    pub(super) standing: Arc<Standing>,
    pub(super) stop: watch::Receiver<bool>,
    /// Whether the builds were compared with the log since this process began.
    pub(super) has_compared: bool,
    /// When the lease was last taken from it.
    pub(super) fenced_at: Option<Instant>,
}

enum Ended {
    Stopped,
    /// Somebody took the lease by force, who will give it back soon.
    Fenced,
    /// Another build is live now, or the log is another one: what is folded begins anew from what is stored.
    Anew,
    /// Somebody else holds the lease.
    StoodBy,
    /// A newer version of one of this program's read models is live. Another process may know it.
    GivenBack,
}

impl Projector {
    pub(super) async fn run(mut self) {
        while !*self.stop.borrow_and_update() {
            let pause = match self.turn().await {
                Ok(Ended::Stopped) => return,
                Ok(Ended::Anew) => STAND_BY_EAGERLY,
                Ok(Ended::Fenced) => {
                    self.fenced_at = Some(Instant::now());
                    STAND_BY_EAGERLY
                }
                Ok(Ended::StoodBy) if self.is_eager() => STAND_BY_EAGERLY,
                Ok(Ended::StoodBy) => STAND_BY,
                Ok(Ended::GivenBack) => STAND_BACK,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "read models stand still");
                    self.standing.failed(&error);
                    AFTER_AN_ERROR
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.standing.waited_for(), if pause == STAND_BY => {}
                () = self.standing.hands_changed(), if pause == STAND_BY => {}
                _ = self.stop.changed() => {}
            }
        }
    }

    fn is_eager(&self) -> bool {
        self.standing.is_waited_for() || self.fenced_at.is_some_and(|at| at.elapsed() < LEASE_TTL)
    }

    /// Takes the lease if it is free and projects until it is lost; else learns how far the others have come.
    async fn turn(&mut self) -> Result<Ended, RunError> {
        // Looked at first: a claim writes, and whoever appends beside it would feel it.
        let claimed = match self.store.is_free(PROJECTOR_LEASE, self.holder).await? {
            true => self.store.claim(PROJECTOR_LEASE, self.holder, LEASE_TTL, Claim::WhenFree).await?,
            false => None,
        };
        let Some(fence) = claimed else {
            self.standing.projecting(false);
            if !self.has_compared {
                self.discard_foreign().await?;
            }
            let builds = self.store.builds().await?;
            self.standing.found(&builds);
            return Ok(if knows_all(&self.models, &builds) { Ended::StoodBy } else { Ended::GivenBack });
        };
        self.standing.projecting(true);
        let ended = self.project(&fence).await;
        self.standing.projecting(false);
        if !matches!(ended, Ok(Ended::Fenced)) {
            self.store.release(&fence).await?;
        }
        ended
    }

    /// Answers whether there were any.
    async fn discard_foreign(&mut self) -> Result<bool, RunError> {
        let discarded = discard_foreign(&**self.tail.log(), &*self.store, &*self.clock, &self.models).await?;
        self.has_compared = true;
        Ok(discarded > 0)
    }

    async fn load_foldings(&self) -> Result<Vec<Folding>, RunError> {
        let (builds, parked) = (self.store.builds().await?, self.store.parked().await?);
        let skips = self.store.skips().await?;
        let live = |model: &Model| builds.iter().find(|build| build.is_live(model));
        let foldings: Vec<_> = self
            .models
            .iter()
            .filter_map(|model| live(model).map(|build| Folding::new(*model, build, &parked, &skips)))
            .collect();
        for folding in &foldings {
            self.standing.parked(folding.model.name, folding.parked_events());
        }
        self.standing.found(&builds);
        Ok(foldings)
    }

    async fn project(&mut self, fence: &Fence) -> Result<Ended, RunError> {
        self.discard_foreign().await?;
        let mut foldings = self.load_foldings().await?;
        // Everything is looked at, which is one statement and lets no hole pass; each model takes its categories.
        let mut reader = self.tail.reader(LogFilter::default());
        let is_complete = foldings.len() == self.models.len();
        let (mut looked, mut swept) = (Instant::now(), Instant::now());
        while !*self.stop.borrow_and_update() {
            if looked.elapsed() > LOOK_ROUND {
                if !knows_all(&self.models, &self.store.builds().await?) {
                    return Ok(Ended::GivenBack);
                }
                if !self.store.renew(fence, LEASE_TTL).await? {
                    return Ok(Ended::Fenced);
                }
                looked = Instant::now();
            }
            // No model has a live build yet: one that is being built will take the lease to come in.
            let from = foldings.iter().map(Folding::place).min_by_key(|place: &Place| place.position);
            let read = match from {
                Some(from) => reader.read(from, PAGE).await?,
                None => Read::AtEnd,
            };
            match read {
                Read::Page(page) => {
                    if !self.step(&mut foldings, Arc::new(page), fence).await? {
                        return Ok(Ended::Fenced);
                    }
                    self.report(&foldings);
                    continue;
                }
                Read::Replaced => {
                    self.discard_foreign().await?;
                    return Ok(Ended::Anew);
                }
                Read::AtEnd => self.standing.recovered(),
            }
            if swept.elapsed() > SWEEP {
                self.drop_old_builds().await?;
                swept = Instant::now();
            }
            tokio::select! {
                () = reader.woken() => {}
                () = self.standing.hands_changed() => return Ok(Ended::Anew),
                // Another process builds what is missing.
                () = tokio::time::sleep(STAND_BY_EAGERLY), if !is_complete => {
                    if !self.store.renew(fence, LEASE_TTL).await? {
                        return Ok(Ended::Fenced);
                    }
                }
                _ = self.stop.changed() => {}
            }
        }
        Ok(Ended::Stopped)
    }

    /// Folds a page into every build, side by side, and stores the outcome in one transaction. False: the lease is lost.
    async fn step(
        &self,
        foldings: &mut Vec<Folding>,
        page: Arc<Page>,
        fence: &Fence,
    ) -> Result<bool, RunError> {
        let now = self.clock.now();
        let mut step = Step { fences: vec![fence.clone()], renew_for: LEASE_TTL, ..Step::default() };
        match page.events.len() <= SHORT {
            true => {
                for folding in foldings.iter_mut() {
                    fold_whole(folding, &*self.store, &page, now).await?;
                }
            }
            false => *foldings = self.fold_side_by_side(std::mem::take(foldings), &page, now).await?,
        }
        for folding in foldings.iter_mut() {
            folding.take_step(&mut step);
        }
        if self.store.store_step(step).await? != StepOutcome::Stored {
            return Ok(false);
        }
        for folding in foldings.iter_mut() {
            folding.rows.forget_beyond(ROWS_HELD);
        }
        Ok(true)
    }

    async fn fold_side_by_side(
        &self,
        foldings: Vec<Folding>,
        page: &Arc<Page>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Folding>, RunError> {
        let mut tasks = JoinSet::new();
        for (index, mut folding) in foldings.into_iter().enumerate() {
            let (store, page) = (Arc::clone(&self.store), Arc::clone(page));
            tasks.spawn(async move {
                fold_whole(&mut folding, &*store, &page, now).await.map(|()| (index, folding))
            });
        }
        let mut folded = Vec::with_capacity(tasks.len());
        while let Some(done) = tasks.join_next().await {
            folded.push(done.map_err(|died| RunError::BrokenOff(died.to_string()))??);
        }
        folded.sort_by_key(|(index, _)| *index);
        Ok(folded.into_iter().map(|(_, folding)| folding).collect())
    }

    fn report(&self, foldings: &[Folding]) {
        for folding in foldings {
            self.standing.parked(folding.model.name, folding.parked_events());
            // Last: whoever waited for this position is told now, and may ask for the rest.
            self.standing.reached(&folding.build, folding.position());
        }
    }

    async fn drop_old_builds(&self) -> Result<(), RunError> {
        let now = self.clock.now();
        for build in self.store.builds().await? {
            let kept_for = match build.state {
                BuildState::Retired => RETIRED_FOR,
                BuildState::Scratch => SCRATCH_FOR,
                BuildState::Live | BuildState::Building => continue,
            };
            if now - build.since > kept_for {
                self.store.drop_build(&build.id).await?;
                tracing::info!(build = %build.id, "an old build was dropped");
            }
        }
        Ok(())
    }
}

/// Folds a page; every step taken before must be stored.
async fn fold_whole(
    folding: &mut Folding,
    store: &dyn ReadStore,
    page: &Arc<Page>,
    now: DateTime<Utc>,
) -> Result<(), RunError> {
    while folding.fold(store, page, now).await? == Folded::Spoilt {
        folding.forget();
    }
    Ok(())
}

/// Whether this program can keep its read models current in the version that is live. The older of two programs cannot: it
/// takes the lease only when nobody else does, and for moments, for the newer builds would stand still. A read model
/// that it has never heard of may be one that a release took away, so it is no reason to make way.
fn knows_all(models: &[Model], builds: &[Build]) -> bool {
    let is_newer = |build: &Build| {
        let known = models.iter().find(|model| model.name == build.id.model);
        known.is_some_and(|model| build.state == BuildState::Live && build.id.version > model.version)
    };
    !builds.iter().any(is_newer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        lots::{LotBoard, Partners},
        ports::BuildId,
    };

    fn live(model: &str, version: u32) -> Build {
        Build {
            id: BuildId { model: model.to_owned(), version, revision: 1 },
            state: BuildState::Live,
            position: 0,
            anchor: None,
            tables: Vec::new(),
            since: chrono::DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_a_newer_version_of_its_own_read_models_makes_a_program_give_way() {
        let models = [Model::of::<LotBoard>(), Model::of::<Partners>()];
        let (name, version) = (models[0].name, models[0].version);
        assert!(knows_all(&models, &[live(name, version)]));
        assert!(!knows_all(&models, &[live(name, version + 1)]));
        let retired = Build { state: BuildState::Retired, ..live(name, version + 1) };
        assert!(knows_all(&models, &[live(name, version), retired]));
        assert!(knows_all(&models, &[live("a_read_model_of_old", 7), live(name, version)]));
    }
}
