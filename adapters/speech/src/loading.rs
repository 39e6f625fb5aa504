//! What everything that runs a model begins with: what it is asked for, ONNX Runtime, the voice detector, the model on
//! its device, and why there may be none.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::graphs::{Graphs, find_card};
use super::model::{ModelError, ModelFolder, Precision, mixes_rows};
use super::runtime::{Device, Runtime, RuntimeError};
use super::voice::{VoiceError, VoiceModel};
use super::wording::in_full;

/// Which device to run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// A card if there is one, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// A card; without one the engine does not start.
    Cuda,
}

/// What an engine is started with.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// The model's folder.
    pub model: PathBuf,
    /// Which of its graphs.
    pub precision: Precision,
    /// Where to run.
    pub device: DeviceChoice,
    /// Threads of the processor; none means one for each core.
    pub threads: Option<usize>,
    /// Windows decoded together; none means 8 on a processor, 32 on a card. Of a model whose graphs quantise what they
    /// compute over the whole batch (operator `DynamicQuantizeLinear`: most int8 models) none means 1: there a text
    /// depends on what else is in the batch, and more is faster but gives up that equal input gives equal output.
    pub max_rows: Option<usize>,
    /// ONNX Runtime's library; none means the one that is found.
    pub library: Option<PathBuf>,
    /// The voice detector's model; none means the one that is found.
    pub voice_model: Option<PathBuf>,
}

/// Why an engine did not start. Each kind has a stable code.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// ONNX Runtime, or the card.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The voice detector.
    #[error(transparent)]
    Voice(#[from] VoiceError),
    /// The system gave no thread.
    #[error("the speech engine's thread cannot be started")]
    Thread(#[source] std::io::Error),
}

impl EngineError {
    /// The stable code of this kind of error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Runtime(RuntimeError::NoCard { .. }) => "SPEECH_DEVICE",
            Self::Runtime(_) => "SPEECH_RUNTIME",
            Self::Model(_) => "SPEECH_MODEL",
            Self::Voice(_) => "SPEECH_VOICE_MODEL",
            Self::Thread(_) => "SPEECH_THREAD",
        }
    }
}

/// A model that was loaded and run once.
pub struct Loaded {
    /// The model's folder.
    pub model: Arc<ModelFolder>,
    /// The voice detector.
    pub voice: VoiceModel,
    /// ONNX Runtime.
    pub runtime: Runtime,
    /// Where the model runs.
    pub device: Device,
    /// Why it runs there.
    pub device_reason: String,
    /// Threads of the processor.
    pub threads: usize,
    /// Whether the rows of a batch change each other.
    pub(super) mixes_rows: bool,
    /// Seconds that all of it took.
    pub load_s: f64,
}

impl Loaded {
    /// Loads what the options name, with the model's graphs.
    pub(super) fn load(options: &EngineOptions) -> Result<(Self, Graphs), EngineError> {
        let started = Instant::now();
        let runtime = Runtime::load(options.library.as_deref())?;
        let voice = VoiceModel::load(&runtime, options.voice_model.as_deref())?;
        let threads = options.threads.unwrap_or_else(all_cores);
        let Placed { model, graphs, device, reason } = place(&runtime, options, threads)?;
        let load_s = started.elapsed().as_secs_f64();
        let loaded = Self {
            mixes_rows: any_mixes_rows(&model)?,
            model: Arc::new(model),
            voice,
            runtime,
            device,
            device_reason: reason,
            threads,
            load_s,
        };
        Ok((loaded, graphs))
    }

    /// Windows that are decoded together unless somebody asks for another number: as many as suit the device, but one
    /// where a text would depend on what is decoded beside it.
    #[must_use]
    pub fn usual_rows(&self) -> usize {
        if self.mixes_rows { 1 } else { self.device.usual_rows() }
    }
}

/// Loads a model's graphs on the processor, checks them against its configuration, and runs them once. `library` is ONNX
/// Runtime's, or else the one that is found.
///
/// # Errors
/// Says what is missing or does not fit.
pub fn run_once(model: &ModelFolder, library: Option<&Path>) -> Result<(), EngineError> {
    let runtime = Runtime::load(library)?;
    Graphs::load(&runtime, model, Device::Cpu, all_cores())?;
    Ok(())
}

/// A thread for each core of this machine.
fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// A model, where it runs, and why there.
struct Placed {
    model: ModelFolder,
    graphs: Graphs,
    device: Device,
    reason: String,
}

/// Loads the model where it was asked for. On `auto` a card is tried first, and that it could not be used is said.
fn place(runtime: &Runtime, options: &EngineOptions, threads: usize) -> Result<Placed, EngineError> {
    let on = |device: Device, reason: String| -> Result<Placed, EngineError> {
        let model = ModelFolder::open(&options.model, &options.precision, device)?;
        model.verify()?;
        let graphs = Graphs::load(runtime, &model, device, threads)?;
        Ok(Placed { model, graphs, device, reason })
    };
    let asked_for = || "it was asked for".to_owned();
    match options.device {
        DeviceChoice::Cpu => on(Device::Cpu, asked_for()),
        DeviceChoice::Cuda => {
            find_card(runtime)?;
            on(Device::Cuda, asked_for())
        }
        DeviceChoice::Auto => match find_card(runtime) {
            Ok(()) => on(Device::Cuda, "there is a card".to_owned()).or_else(|error| {
                let error = in_full(&error);
                tracing::warn!(error, "the card cannot be used; speech runs on the processor");
                on(Device::Cpu, format!("the card cannot be used: {error}"))
            }),
            Err(error) => {
                tracing::info!(%error, "speech runs on the processor");
                on(Device::Cpu, error.to_string())
            }
        },
    }
}

/// Whether any of the model's graphs lets the rows of a batch change each other.
fn any_mixes_rows(model: &ModelFolder) -> Result<bool, ModelError> {
    for graph in model.graphs().chain(&model.align) {
        match mixes_rows(graph) {
            Ok(false) => {}
            Ok(true) => return Ok(true),
            Err(source) => return Err(ModelError::Unreadable { path: graph.clone(), source }),
        }
    }
    Ok(false)
}
