//! Speech to text: Whisper on ONNX Runtime, from a file to words.
//!
//! It knows the port in `commands` and nothing of the log, GraphQL or a rule of the domain. Read `engine.rs` first.

pub mod audio;
mod causes;
mod checkpoint;
mod clockwork;
mod course;
mod decode;
mod doubts;
mod engine;
mod feeder;
mod figures;
#[cfg(test)]
#[path = "../tests/support/speech.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests of transcripts use the rest")]
mod fixtures;
mod graphs;
mod job;
mod loaded;
mod mel;
pub mod model;
mod probe;
mod runtime;
mod scheduler;
mod segments;
mod tally;
mod trial;
pub mod voice;
pub mod windows;
mod words;

pub use causes::in_full;
pub use clockwork::Clockwork;
pub use engine::{DeviceChoice, Engine, EngineError, EngineOptions};
pub use figures::hexadecimal;
pub use loaded::Loaded;
pub use probe::{Heard, Probe, Trial};
pub use runtime::{Device, LIBRARY_VARIABLE, PINNED_VERSION, Runtime, RuntimeError, cache_folder};
pub use tally::{Again, Cause, Tally};
pub use trial::run_once;
