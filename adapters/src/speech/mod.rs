//! Whisper on ONNX Runtime: from a file to words. Read `engine.rs` first.

pub mod audio;
pub mod model;
mod runtime;
pub mod voice;
pub mod windows;

pub use runtime::{Device, LIBRARY_VARIABLE, PINNED_VERSION, Runtime, RuntimeError, cache_folder};
