//! The brake: ends a run of ONNX Runtime that nobody wants any more, or that does not come to an end. The thread that runs
//! cannot look at a clock meanwhile, so others do: every job looks while it waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use commands::ports::transcription::Cancel;
use ort::session::RunOptions;

/// The longest that one run of a graph may take. The longest that is sound is large-v3's encoder in f32 on two slow cores,
/// about two minutes for a window.
const LONGEST_RUN: Duration = Duration::from_secs(600);

/// Why a run gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// ONNX Runtime failed.
    #[error(transparent)]
    Runtime(#[from] ort::Error),
    /// Nobody wants it any more.
    #[error("it was stopped")]
    Stopped,
    /// It did not come to an end.
    #[error("a run of the model took longer than {} s and was ended", .0.as_secs())]
    Stuck(Duration),
}

/// One for all graphs of an engine, of which one runs at a time. Clones are the same.
#[derive(Clone)]
pub(crate) struct Brake(Arc<Inner>);

struct Inner {
    options: RunOptions,
    longest: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The jobs that want what runs; none outside of jobs.
    wanted_by: Vec<Cancel>,
    running_since: Option<Instant>,
    /// Whether the engine ends.
    closed: bool,
    pulled: Option<Pulled>,
}

#[derive(Clone, Copy)]
enum Pulled {
    Unwanted,
    Stuck,
}

impl State {
    /// Whether somebody still waits for what runs.
    fn is_wanted(&self) -> bool {
        !self.closed && (self.wanted_by.is_empty() || !self.wanted_by.iter().all(Cancel::is_cancelled))
    }
}

impl Brake {
    pub(crate) fn try_new() -> ort::Result<Self> {
        Self::after(LONGEST_RUN)
    }

    /// One that lets a run take so long.
    pub(crate) fn after(longest: Duration) -> ort::Result<Self> {
        Ok(Self(Arc::new(Inner { options: RunOptions::new()?, longest, state: Mutex::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What runs from now on is for these jobs; with none, it is always wanted.
    pub(crate) fn run_for(&self, jobs: Vec<Cancel>) {
        self.state().wanted_by = jobs;
    }

    /// Nothing is wanted any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.look();
    }

    /// Ends the run in progress if nobody wants it or if it takes too long. ONNX Runtime ends it before its next node.
    pub(crate) fn look(&self) {
        let mut state = self.state();
        let Some(since) = state.running_since else { return };
        let pulled = if !state.is_wanted() {
            Pulled::Unwanted
        } else if since.elapsed() >= self.0.longest {
            Pulled::Stuck
        } else {
            return;
        };
        if state.pulled.is_none() {
            state.pulled = Some(pulled);
            if let Err(error) = self.0.options.terminate() {
                tracing::warn!(%error, "a run of the model cannot be ended early");
            }
        }
    }

    /// Runs a graph with the options that it is given.
    pub(super) fn run<'b, T>(
        &'b self,
        run: impl FnOnce(&'b RunOptions) -> ort::Result<T>,
    ) -> Result<T, RunError> {
        {
            let mut state = self.state();
            if !state.is_wanted() {
                return Err(RunError::Stopped);
            }
            self.0.options.unterminate()?;
            state.pulled = None;
            state.running_since = Some(Instant::now());
        }
        let ran = run(&self.0.options);
        let mut state = self.state();
        state.running_since = None;
        match (ran, state.pulled) {
            (Err(_), Some(Pulled::Unwanted)) => Err(RunError::Stopped),
            (Err(_), Some(Pulled::Stuck)) => Err(RunError::Stuck(self.0.longest)),
            (ran, _) => Ok(ran?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::graphs::Graphs;
    use crate::mel::WINDOW_FRAMES;
    use crate::model::{ModelFolder, Precision};
    use crate::runtime::{Device, Runtime};

    fn graphs() -> Graphs {
        let model = ModelFolder::open(&fixtures::whisper_tiny(), &Precision::Auto, Device::Cpu)
            .unwrap_or_else(|error| panic!("{error}"));
        Graphs::load(&Runtime::load(None).unwrap(), &model, Device::Cpu, 2).unwrap()
    }

    /// Encodes silence; `meanwhile` happens when the run is due to begin.
    fn encode(graphs: &mut Graphs, brake: &Brake, meanwhile: impl FnOnce()) -> Result<(), RunError> {
        let silence = ndarray::Array3::<f32>::zeros((1, 80, WINDOW_FRAMES));
        let input = ort::value::TensorRef::from_array_view(&silence)?;
        let encoder = &mut graphs.encoder;
        brake.run(|options| {
            meanwhile();
            encoder.run_with_options(ort::inputs!["input_features" => input], options).map(drop)
        })
    }

    #[test]
    fn a_run_ends_when_the_last_of_its_jobs_is_cancelled_and_the_next_one_runs() {
        let mut graphs = graphs();
        let brake = Brake::try_new().unwrap();
        let (one, other) = (Cancel::default(), Cancel::default());
        brake.run_for(vec![one.clone(), other.clone()]);
        let stop = |job: &Cancel| {
            job.cancel();
            brake.look();
        };
        encode(&mut graphs, &brake, || stop(&one)).unwrap();
        assert!(matches!(encode(&mut graphs, &brake, || stop(&other)), Err(RunError::Stopped)));
        let mut began = false;
        assert!(matches!(encode(&mut graphs, &brake, || began = true), Err(RunError::Stopped)));
        assert!(!began, "between two runs it is looked at as well");
        brake.run_for(vec![Cancel::default()]);
        encode(&mut graphs, &brake, || ()).unwrap();
    }

    #[test]
    fn a_run_that_takes_too_long_is_ended_and_so_is_one_when_the_engine_ends() {
        let mut graphs = graphs();
        let impatient = Brake::after(Duration::ZERO).unwrap();
        let stuck = encode(&mut graphs, &impatient, || impatient.look()).unwrap_err();
        assert_eq!(stuck.to_string(), "a run of the model took longer than 0 s and was ended");
        let closing = Brake::try_new().unwrap();
        assert!(matches!(encode(&mut graphs, &closing, || closing.close()), Err(RunError::Stopped)));
        assert!(matches!(encode(&mut graphs, &closing, || ()), Err(RunError::Stopped)));
    }
}
