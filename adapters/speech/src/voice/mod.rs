//! Where there is speech: Silero's detector says it for each 32 ms, and [`Regions`] makes stretches of it.

mod detector;
mod regions;

pub use detector::{Detector, FRAME, MODEL_VARIABLE, VoiceError, VoiceModel};
pub use regions::{Frame, Region, Regions};
