//! Graphs of last resort: where a window fails by itself on the usual graphs (out of memory, an error of ONNX Runtime, an
//! answer that is not finite), it is tried once more on the processor, in the most exact precision that the folder holds.
//! They are loaded when they are needed first, and stay.

use std::sync::Arc;

use crate::graphs::{Brake, Graphs};
use crate::model::ModelFolder;
use crate::runtime::{Device, Runtime};
use crate::wording::in_full;

/// The graphs, or what there is to know about them.
pub(crate) struct LastResort {
    runtime: Runtime,
    model: Arc<ModelFolder>,
    device: Device,
    threads: usize,
    state: SpareGraphs,
}

enum SpareGraphs {
    /// Nothing has failed yet.
    Unasked,
    /// The usual graphs are the most exact ones already, on the processor.
    Usual,
    Loaded(Box<Graphs>),
    /// They cannot be loaded, for this reason.
    Unusable(String),
}

/// Where a window is tried again.
pub(super) enum SecondTry<'a> {
    /// On the usual graphs.
    Usual,
    /// On others.
    On(&'a mut Graphs),
    /// Nowhere, for this reason.
    Nowhere(&'a str),
}

impl LastResort {
    /// For a model that runs on `device`; loads nothing yet.
    pub(crate) fn new(runtime: &Runtime, model: &Arc<ModelFolder>, device: Device, threads: usize) -> Self {
        let (runtime, model) = (runtime.clone(), Arc::clone(model));
        Self { runtime, model, device, threads, state: SpareGraphs::Unasked }
    }

    /// Where to try again; the first time this may take as long as the engine's start.
    pub(super) fn ready(&mut self, brake: &Brake) -> SecondTry<'_> {
        if matches!(self.state, SpareGraphs::Unasked) {
            self.state = self.load(brake);
        }
        match &mut self.state {
            SpareGraphs::Unasked | SpareGraphs::Usual => SecondTry::Usual,
            SpareGraphs::Loaded(graphs) => SecondTry::On(graphs),
            SpareGraphs::Unusable(reason) => SecondTry::Nowhere(reason),
        }
    }

    fn load(&self, brake: &Brake) -> SpareGraphs {
        let exact = self.model.most_exact();
        if self.device == Device::Cpu && exact.precision == self.model.precision {
            return SpareGraphs::Usual;
        }
        tracing::warn!(precision = exact.precision, "a window failed; graphs for a second try are loaded");
        let graphs = || {
            exact.verify()?;
            Graphs::load(&self.runtime, &exact, Device::Cpu, self.threads)
        };
        match graphs() {
            Ok(mut graphs) => {
                graphs.obey(brake.clone());
                SpareGraphs::Loaded(Box::new(graphs))
            }
            Err(error) => {
                let error = in_full(&error);
                tracing::error!(error, "there are no graphs for a second try");
                SpareGraphs::Unusable(error)
            }
        }
    }
}
