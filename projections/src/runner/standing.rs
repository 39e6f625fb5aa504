use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use commands::ports::Position;
use tokio::sync::{Notify, watch};

use super::RunError;
use crate::{
    Model,
    ports::{Build, BuildId, BuildState},
};

/// How far one read model lies behind the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lag {
    /// Which.
    pub model: &'static str,
    /// Where it stands. None: it is still being built.
    pub position: Option<Position>,
    /// How many events are parked in it.
    pub parked_events: usize,
}

/// What this process knows of the read models, by whoever they are kept current.
pub(super) struct Standing {
    models: BTreeMap<&'static str, ModelStanding>,
    /// Rings when a read model was found without a live build of any version.
    missing: Notify,
    /// Rings when a build of this process has taken over, and the projector's lease is free again.
    hands_changed: Notify,
    /// How many wait here for a position.
    waiting: watch::Sender<usize>,
    projecting: AtomicBool,
    error: Mutex<Option<String>>,
}

struct ModelStanding {
    model: Model,
    /// None: no build of this version is live.
    position: watch::Sender<Option<Position>>,
    parked: watch::Sender<usize>,
}

impl ModelStanding {
    fn stands_at(&self, position: Option<Position>) {
        self.position.send_if_modified(|known| std::mem::replace(known, position) != position);
    }
}

impl Standing {
    pub(super) fn new(models: &[Model]) -> Self {
        let standing = |model: &Model| ModelStanding {
            model: *model,
            position: watch::Sender::new(None),
            parked: watch::Sender::new(0),
        };
        Self {
            models: models.iter().map(|model| (model.name, standing(model))).collect(),
            missing: Notify::new(),
            hands_changed: Notify::new(),
            waiting: watch::Sender::new(0),
            projecting: AtomicBool::new(false),
            error: Mutex::default(),
        }
    }

    pub(super) fn projecting(&self, is: bool) {
        self.projecting.store(is, Ordering::Relaxed);
    }

    /// These are all the builds that there are.
    pub(super) fn found(&self, builds: &[Build]) {
        for standing in self.models.values() {
            let live = builds.iter().find(|build| build.is_live(&standing.model));
            standing.stands_at(live.map(|build| build.position));
            if is_missing(&standing.model, builds) {
                self.missing.notify_one();
            }
        }
    }

    pub(super) fn reached(&self, build: &BuildId, position: Position) {
        let standing = self.models.get(build.model.as_str());
        if let Some(standing) = standing.filter(|standing| standing.model.version == build.version) {
            standing.stands_at(Some(position));
        }
    }

    pub(super) fn parked(&self, model: &'static str, events: usize) {
        if let Some(standing) = self.models.get(model) {
            standing.parked.send_replace(events);
        }
        metrics::gauge!("cairn_projection_parked_events", "model" => model).set(events as f64);
    }

    pub(super) fn recovered(&self) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Waits until a read model was found without a live build of any version.
    pub(super) async fn found_missing(&self) {
        self.missing.notified().await;
    }

    /// A build has taken over, and the lease is free.
    pub(super) fn change_hands(&self) {
        self.hands_changed.notify_one();
    }

    /// Waits until a build of this process has taken over.
    pub(super) async fn hands_changed(&self) {
        self.hands_changed.notified().await;
    }

    /// Somebody waits for a position until the answer is dropped.
    pub(super) fn wait_here(&self) -> Waiting<'_> {
        self.waiting.send_modify(|waiting| *waiting += 1);
        Waiting(self)
    }

    pub(super) fn is_waited_for(&self) -> bool {
        *self.waiting.borrow() > 0
    }

    /// Waits until somebody waits for a position.
    pub(super) async fn waited_for(&self) {
        // The sender lives as long as this.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting > 0).await;
    }

    /// Where a read model stands, now and later. None: it is not registered.
    pub(super) fn position_of(&self, model: &str) -> Option<watch::Receiver<Option<Position>>> {
        self.models.get(model).map(|standing| standing.position.subscribe())
    }

    pub(super) fn lags(&self) -> Vec<Lag> {
        let lag = |(name, standing): (&&'static str, &ModelStanding)| Lag {
            model: name,
            position: *standing.position.borrow(),
            parked_events: *standing.parked.borrow(),
        };
        self.models.iter().map(lag).collect()
    }

    pub(super) fn is_projecting(&self) -> bool {
        self.projecting.load(Ordering::Relaxed)
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn failed(&self, error: &RunError) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }
}

/// Somebody who waits for a position.
pub(super) struct Waiting<'a>(&'a Standing);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}

/// Whether nobody can read this read model, in whatever version.
pub(super) fn is_missing(model: &Model, builds: &[Build]) -> bool {
    !builds.iter().any(|build| build.id.model == model.name && build.state == BuildState::Live)
}
