//! Whether there is a card to run on.

use std::error::Error;

use ort::ep;

use super::{FloatKind, Gather};
use crate::runtime::{Device, Runtime, RuntimeError};

/// Finds out whether CUDA can be used: the provider's libraries load, and there is a card.
///
/// # Errors
/// What ONNX Runtime said.
pub(crate) fn find_card(runtime: &Runtime) -> Result<(), RuntimeError> {
    let no_card = |reason: String| RuntimeError::NoCard { reason };
    // The driver's own library comes with the driver alone: without it nothing else is worth loading.
    ort::util::preload_dylib("libcuda.so.1")
        .map_err(|error| no_card(format!("no NVIDIA driver is installed ({})", loader_said(&error))))?;
    // What the set-up put beside ONNX Runtime's library is taken before what the system has.
    for name in ep::cuda::CUDA_DYLIBS.iter().chain(ep::cuda::CUDNN_DYLIBS) {
        let path = runtime.library().with_file_name(name);
        if path.is_file() {
            ort::util::preload_dylib(&path)
                .map_err(|error| no_card(format!("{name} cannot be loaded ({})", loader_said(&error))))?;
        }
    }
    // The provider asks the card for the first time when a session is made; this one is the smallest.
    Gather::new(runtime, Device::Cuda, FloatKind::Single).map(|_| ()).map_err(|error| {
        let text = error.to_string();
        let said = cuda_said(&text);
        no_card(format!(
            "{said}; `ops/run --cuda` fetches ONNX Runtime for cards, with CUDA 13 and cuDNN 9, which want a driver of 580 or newer"
        ))
    })
}

/// What the system's loader said; the library around it keeps that behind a "dlopen failed".
fn loader_said(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// What failed, without the names of ONNX Runtime's source files and functions around it.
fn cuda_said(text: &str) -> &str {
    let said =
        text.find("CUDA failure").map_or(text, |at| text[at..].split(" ; ").next().unwrap_or_default());
    said.lines().next().unwrap_or_default().trim_matches([' ', '.', ';'])
}
