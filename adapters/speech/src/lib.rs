//! Speech to text: Whisper on ONNX Runtime, from a file to words.
//!
//! It knows the port in `commands` and nothing of the log, GraphQL or a rule of the domain.
//!
//! Modules stand in layers; each knows only those below it. A reading order from the top:
//!
//! 1. `engine`: one model for many callers. `job`: one recording, from its source to a transcript.
//! 2. `window_transcription`: one window, from samples to segments; what is decoded again, and why.
//! 3. What a job works with: `feeder` prepares windows ahead of the model, `checkpoint` keeps finished ones, `doubts` says
//!    what makes a text doubtful, `window` is what they hand to each other.
//! 4. `running_model`, what all jobs share, with the `scheduler`, whose one thread decodes the windows of all jobs together;
//!    `loading`: what an engine is started with, and why it is not.
//! 5. What the stages do: `audio` (files to samples), `voice` and [`windows`] (samples to windows), `mel` (to
//!    spectrograms), `graphs` (ONNX), `decode` (to tokens).
//! 6. What they stand on: [`model`] (a folder) and `runtime` (a library); `clockwork` and `tally` count, `wording` writes
//!    down.
//!
//! A circle among them fails a test of the house.
//!
//! [`Probe`] runs the stages one by one, for benchmarks.

pub mod audio;
mod checkpoint;
mod clockwork;
mod decode;
mod doubts;
mod engine;
mod feeder;
#[cfg(test)]
#[path = "../tests/support/speech.rs"]
#[expect(dead_code, unreachable_pub, reason = "the tests of transcripts use the rest")]
mod fixtures;
mod graphs;
mod job;
mod loading;
mod mel;
pub mod model;
mod probe;
mod running_model;
mod runtime;
mod scheduler;
mod tally;
pub mod voice;
mod window;
mod window_transcription;
pub mod windows;
mod wording;

pub use clockwork::Clockwork;
pub use engine::Engine;
pub use loading::{DeviceChoice, EngineError, EngineOptions, Loaded, run_once};
pub use probe::{Heard, Probe, Trial};
pub use runtime::{Device, LIBRARY_VARIABLE, PINNED_VERSION, Runtime, RuntimeError, cache_folder};
pub use tally::{Again, Cause, Tally};
pub use wording::{hexadecimal, in_full};
