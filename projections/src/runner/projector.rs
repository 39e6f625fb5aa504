use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use commands::ports::{Clock, EventStore, LogFilter};
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    LEASE_TTL, PROJECTOR_LEASE, RunError,
    folding::{Folded, Folding},
    foreign::discard_foreign,
    standing::Standing,
};
use crate::{
    Model,
    anchor::Stretch,
    ports::{Build, BuildState, Claim, Fence, ReadStore, Step, StepOutcome},
};

/// Events read at once. Bounds the time of a step, and with it how long a rebuild waits for its turn.
const PAGE: usize = 2_000;
/// Rows held in memory for each read model between steps.
const ROWS_HELD: usize = 20_000;
/// The safety net under the store's wake-up.
const POLL: Duration = Duration::from_millis(500);
/// How often a process that stands by looks whether the lease is free.
const STAND_BY: Duration = Duration::from_millis(50);
/// How often the holder of the lease looks whether the log is still the one that it folds.
const LOOK_AT_LOG: Duration = Duration::from_millis(2_500);
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
    pub(super) events: Arc<dyn EventStore>,
    pub(super) store: Arc<dyn ReadStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) models: Vec<Model>,
    pub(super) holder: Uuid,
    pub(super) standing: Arc<Standing>,
    pub(super) stop: watch::Receiver<bool>,
    /// Whether the builds were compared with the log since this process began.
    pub(super) has_compared: bool,
}

enum Ended {
    Stopped,
    Fenced,
    /// A newer version of one of this program's read models is live. Another process may know it.
    GivenBack,
}

impl Projector {
    pub(super) async fn run(mut self) {
        while !*self.stop.borrow_and_update() {
            let pause = match self.turn().await {
                Ok(Ended::Stopped) => return,
                Ok(Ended::Fenced) => STAND_BY,
                Ok(Ended::GivenBack) => STAND_BACK,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "read models stand still");
                    self.standing.failed(&error);
                    AFTER_AN_ERROR
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.stop.changed() => {}
            }
        }
    }

    /// Takes the lease if it is free and projects until it is lost; else learns how far the others have come.
    async fn turn(&mut self) -> Result<Ended, RunError> {
        let Some(fence) = self.store.claim(PROJECTOR_LEASE, self.holder, LEASE_TTL, Claim::WhenFree).await?
        else {
            self.standing.projecting(false);
            if !self.has_compared {
                self.discard_foreign().await?;
            }
            let builds = self.store.builds().await?;
            self.standing.found(&builds);
            return Ok(if knows_all(&self.models, &builds) { Ended::Fenced } else { Ended::GivenBack });
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
        let discarded = discard_foreign(&*self.events, &*self.store, &*self.clock, &self.models).await?;
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
        let categories: BTreeSet<_> = foldings.iter().flat_map(|folding| folding.model.categories).collect();
        let filter = LogFilter {
            categories: categories.into_iter().map(|&category| category.into()).collect(),
            ..LogFilter::default()
        };
        let mut wake_up = self.events.wake_up();
        let (mut renewed, mut swept, mut looked) = (Instant::now(), Instant::now(), Instant::now());
        loop {
            if *self.stop.borrow_and_update() {
                return Ok(Ended::Stopped);
            }
            if looked.elapsed() > LOOK_AT_LOG {
                if self.discard_foreign().await? {
                    return Ok(Ended::Fenced);
                }
                if !knows_all(&self.models, &self.store.builds().await?) {
                    return Ok(Ended::GivenBack);
                }
                looked = Instant::now();
            }
            wake_up.borrow_and_update();
            let from = foldings.iter().map(|folding| folding.position).min();
            let page = match from {
                Some(from) => Some(self.events.read_log(from, &filter, PAGE).await?),
                None => None, // No model has a live build yet: a rebuild will take the lease when one has.
            };
            if let Some(page) = page.filter(|page| Some(page.read_through) != from) {
                let through = page.read_through;
                let stretch = Stretch::of(&*self.events, page, through).await?;
                if !self.step(&mut foldings, &stretch, fence).await? {
                    return Ok(Ended::Fenced);
                }
                self.report(&foldings);
                renewed = Instant::now();
                continue;
            }
            self.standing.recovered();
            // While read models are being built, their builds will soon take the lease to come in.
            let is_complete = foldings.len() == self.models.len();
            if !is_complete || renewed.elapsed() > LEASE_TTL / 4 {
                if !self.store.renew(fence, LEASE_TTL).await? {
                    return Ok(Ended::Fenced);
                }
                renewed = Instant::now();
            }
            if swept.elapsed() > SWEEP {
                self.drop_old_builds().await?;
                swept = Instant::now();
            }
            let pause = if is_complete { POLL } else { STAND_BY / 2 };
            let _ = tokio::time::timeout(pause, async {
                tokio::select! {
                    changed = wake_up.changed() => if changed.is_err() { std::future::pending::<()>().await },
                    _ = self.stop.changed() => {}
                }
            })
            .await;
        }
    }

    /// Folds a stretch into every build and stores the outcome in one transaction. False: the lease is lost.
    async fn step(
        &self,
        foldings: &mut [Folding],
        stretch: &Stretch,
        fence: &Fence,
    ) -> Result<bool, RunError> {
        let now = self.clock.now();
        let mut step = Step { fences: vec![fence.clone()], renew_for: LEASE_TTL, ..Step::default() };
        for folding in foldings.iter_mut() {
            while folding.fold(&*self.store, stretch, now).await? == Folded::Spoilt {
                folding.forget();
            }
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

    fn report(&self, foldings: &[Folding]) {
        for folding in foldings {
            self.standing.parked(folding.model.name, folding.parked_events());
            // Last: whoever waited for this position is told now, and may ask for the rest.
            self.standing.reached(&folding.build, folding.position);
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
    use crate::ports::BuildId;

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
        let models = crate::lots::models();
        let (name, version) = (models[0].name, models[0].version);
        assert!(knows_all(&models, &[live(name, version)]));
        assert!(!knows_all(&models, &[live(name, version + 1)]));
        let retired = Build { state: BuildState::Retired, ..live(name, version + 1) };
        assert!(knows_all(&models, &[live(name, version), retired]));
        assert!(knows_all(&models, &[live("a_read_model_of_old", 7), live(name, version)]));
    }
}
