//! Whether a model works, without anything to transcribe.

use std::path::Path;

use super::graphs::Graphs;
use super::loaded::all_cores;
use super::model::ModelFolder;
use super::{Device, EngineError, Runtime};

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
