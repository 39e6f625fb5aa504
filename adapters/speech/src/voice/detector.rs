//! Silero's voice detector in its form for sequences: many frames in one call, equal to the last bit to one call a frame
//! and more than twice as fast.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::session::Session;
use ort::value::TensorRef;

use crate::runtime::{Device, Runtime, cache_folder};

/// Samples of a frame, for each of which there is one probability.
pub const FRAME: usize = 512;
/// Samples before a frame that the model sees with it.
const CONTEXT: usize = 64;
/// Numbers in each half of the model's memory.
const MEMORY: usize = 128;
/// Frames in one call, 16 s: more are no faster, and other recordings get their turn.
const CALL: usize = 512;

/// Names the model's file, before the place where the set-up puts it.
pub const MODEL_VARIABLE: &str = "CAIRN_VAD_MODEL";

/// Why there is no voice detector.
#[derive(Debug, thiserror::Error)]
pub enum VoiceError {
    /// No file was found.
    #[error(
        "the voice detector's model was not found (looked at: {}); `ops/run` fetches it, or name it with {MODEL_VARIABLE}",
        looked_at.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    Missing {
        /// Where it was looked for.
        looked_at: Vec<PathBuf>,
    },
    /// The file is no such model.
    #[error("{path} is not Silero's model for sequences")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A call failed.
    #[error("the voice detector failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// The model, loaded. Clones share it and take turns.
#[derive(Clone)]
pub struct VoiceModel(Arc<Mutex<Session>>);

impl VoiceModel {
    /// Loads `given`, or else the first that exists of the environment's word and the set-up's place.
    ///
    /// # Errors
    /// Says where it was looked for, or what is wrong with what was found.
    pub fn load(runtime: &Runtime, given: Option<&Path>) -> Result<Self, VoiceError> {
        let candidates = given.map_or_else(candidates, |path| vec![path.to_owned()]);
        let Some(path) = candidates.iter().find(|path| path.is_file()).cloned() else {
            return Err(VoiceError::Missing { looked_at: candidates });
        };
        // Always on the processor: the model is smaller than a call to a card is long.
        let session = runtime
            .session(&path, Device::Cpu, 1)
            .map_err(|error| VoiceError::Unusable { path: path.clone(), source: error.into() })?;
        let inputs: Vec<&str> = session.inputs().iter().map(|input| input.name()).collect();
        let outputs: Vec<&str> = session.outputs().iter().map(|output| output.name()).collect();
        let missing: Vec<&str> =
            ["input", "h", "c"].into_iter().filter(|name| !inputs.contains(name)).collect();
        let lacking: Vec<&str> =
            ["speech_probs", "hn", "cn"].into_iter().filter(|name| !outputs.contains(name)).collect();
        if !missing.is_empty() || !lacking.is_empty() {
            let reason = format!("it has no {}", [missing, lacking].concat().join(", "));
            return Err(VoiceError::Unusable { path, source: reason.into() });
        }
        Ok(Self(Arc::new(Mutex::new(session))))
    }

    /// A detector for one recording.
    #[must_use]
    pub fn detector(&self) -> Detector {
        Detector {
            model: self.clone(),
            hidden: vec![0.0; MEMORY],
            cell: vec![0.0; MEMORY],
            input: vec![0.0; CONTEXT],
        }
    }
}

fn candidates() -> Vec<PathBuf> {
    let named = std::env::var_os(MODEL_VARIABLE).map(PathBuf::from);
    let fetched = cache_folder().map(|cache| cache.join("speech/silero-vad/silero_vad_16k_sequence.onnx"));
    named.into_iter().chain(fetched).collect()
}

/// Listens to one recording from its beginning. What it says does not depend on the portions in which it gets it.
pub struct Detector {
    model: VoiceModel,
    hidden: Vec<f32>,
    cell: Vec<f32>,
    /// The context of the next frame, and what came after it.
    input: Vec<f32>,
}

impl Detector {
    /// Takes samples and appends the probabilities of speech of the frames that a full call could be made for.
    ///
    /// # Errors
    /// When the model fails.
    pub fn push(&mut self, samples: &[f32], probabilities: &mut Vec<f32>) -> Result<(), VoiceError> {
        self.input.extend_from_slice(samples);
        while self.input.len() >= CONTEXT + CALL * FRAME {
            self.call(CALL, probabilities)?;
        }
        Ok(())
    }

    /// Appends the probabilities of the last frames; the last of all is filled up with silence.
    ///
    /// # Errors
    /// When the model fails.
    pub fn finish(mut self, probabilities: &mut Vec<f32>) -> Result<(), VoiceError> {
        let frames = (self.input.len() - CONTEXT).div_ceil(FRAME);
        self.input.resize(CONTEXT + frames * FRAME, 0.0);
        if frames > 0 { self.call(frames, probabilities) } else { Ok(()) }
    }

    fn call(&mut self, frames: usize, probabilities: &mut Vec<f32>) -> Result<(), VoiceError> {
        let failed = |error: ort::Error| VoiceError::Failed(error.into());
        let width = CONTEXT + FRAME;
        let mut rows = Vec::with_capacity(frames * width);
        for frame in 0..frames {
            rows.extend_from_slice(&self.input[frame * FRAME..frame * FRAME + width]);
        }
        let mut session = self.model.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = session
            .run(ort::inputs! {
                "input" => TensorRef::from_array_view(([frames, width], &rows[..])).map_err(failed)?,
                "h" => TensorRef::from_array_view(([1, 1, MEMORY], &self.hidden[..])).map_err(failed)?,
                "c" => TensorRef::from_array_view(([1, 1, MEMORY], &self.cell[..])).map_err(failed)?,
            })
            .map_err(failed)?;
        let (_, told) = answer["speech_probs"].try_extract_tensor::<f32>().map_err(failed)?;
        if told.len() != frames {
            return Err(VoiceError::Failed(format!("{} answers to {frames} frames", told.len()).into()));
        }
        let (_, hidden) = answer["hn"].try_extract_tensor::<f32>().map_err(failed)?;
        let (_, cell) = answer["cn"].try_extract_tensor::<f32>().map_err(failed)?;
        if hidden.len() != MEMORY || cell.len() != MEMORY {
            return Err(VoiceError::Failed("its memory changed its size".into()));
        }
        probabilities.extend_from_slice(told);
        self.hidden.copy_from_slice(hidden);
        self.cell.copy_from_slice(cell);
        self.input.drain(..frames * FRAME);
        Ok(())
    }
}
