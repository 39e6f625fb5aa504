//! Whisper on ONNX Runtime: from a file to words. Read `engine.rs` first.

pub mod audio;
mod runtime;

pub use runtime::{Device, LIBRARY_VARIABLE, PINNED_VERSION, Runtime, RuntimeError, cache_folder};
