//! What everything that runs a model begins with: ONNX Runtime, the voice detector, the model on its device.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Instant;

use super::causes::in_full;
use super::engine::{DeviceChoice, EngineError, EngineOptions};
use super::graphs::Graphs;
use super::model::ModelFolder;
use super::voice::VoiceModel;
use super::{Device, Runtime};

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
        let loaded = Self {
            model: Arc::new(model),
            voice,
            runtime,
            device,
            device_reason: reason,
            threads,
            load_s: started.elapsed().as_secs_f64(),
        };
        Ok((loaded, graphs))
    }
}

/// A thread for each core of this machine.
pub(super) fn all_cores() -> usize {
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
            runtime.card()?;
            on(Device::Cuda, asked_for())
        }
        DeviceChoice::Auto => match runtime.card() {
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
