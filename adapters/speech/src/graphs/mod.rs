//! A model's graphs as functions on batches: encode windows, prefill a prompt, take one step, look where the decoder
//! looked. The same code runs on the processor and on a card: what a step gives back for the next one stays where it is
//! (input and output binding), and only logits are read.

mod align;
mod brake;
mod card;
mod checks;
mod decoder;
mod floats;
mod gather;

use std::time::Instant;

use ndarray::Array4;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorRef};

pub(super) use brake::{Brake, RunError};
pub(super) use card::find_card;
pub(super) use decoder::{Cache, Logits};
pub(super) use floats::{FloatKind, Floats};
pub(super) use gather::Gather;

use super::clockwork::{Clockwork, Stage};
use super::mel::WINDOW_FRAMES;
use super::model::{DecoderFiles, ModelError, ModelFolder};
use super::runtime::{Device, Runtime};

/// What the encoder made of a window: 1,500 frames, each `d_model` wide. Kept in the processor's memory, so that windows
/// of different batches can be put together; a few megabytes.
#[derive(Debug, Clone)]
pub(super) struct Encoded(std::sync::Arc<Floats>);

/// The sessions of one model on one device.
pub(super) struct Graphs {
    device: Device,
    /// Where tensors stay between runs.
    memory: MemoryInfo<'static>,
    /// Where logits are read.
    host: MemoryInfo<'static>,
    encoder: Session,
    decoder: decoder::DecoderGraphs,
    align: Result<align::Align, String>,
    gather: Gather,
    /// The floats that the graphs take and give.
    floats: FloatKind,
    width: usize,
    bands: usize,
    positions: usize,
    heads: usize,
    /// What a merged decoder is given in the place of states that it does not read, for so many rows.
    unread: Option<(usize, DynValue)>,
    brake: Brake,
    /// Where the time goes.
    pub(super) clockwork: Clockwork,
}

impl Graphs {
    /// Loads and checks the graphs of a model, and runs them once.
    pub(super) fn load(
        runtime: &Runtime,
        model: &ModelFolder,
        device: Device,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let open = |path: &std::path::Path| {
            runtime
                .session(path, device, threads)
                .map_err(|source| ModelError::Load { path: path.to_owned(), source })
        };
        let failed = |error: ort::Error| ModelError::Trial(error.into());
        let encoder = open(&model.encoder)?;
        let floats = checks::encoder(&encoder, model)?;
        let decoder = match &model.decoders {
            DecoderFiles::Split { first, next } => {
                decoder::DecoderGraphs::Split { first: open(first)?, next: open(next)? }
            }
            DecoderFiles::Merged(path) => decoder::DecoderGraphs::Merged(open(path)?),
        };
        let cache_floats = checks::decoder(&decoder, model)?;
        let align = match &model.align {
            Some(path) => checks::align(open(path)?, path, model)?,
            None => Err(align::NO_GRAPH.to_owned()),
        };
        let host = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::Default)
            .map_err(failed)?;
        let memory = match device {
            Device::Cpu => host.clone(),
            Device::Cuda => {
                MemoryInfo::new(AllocationDevice::CUDA, 0, AllocatorType::Device, MemoryType::Default)
                    .map_err(failed)?
            }
        };
        let gather = Gather::new(runtime, device, cache_floats).map_err(failed)?;
        let mut graphs = Self {
            device,
            memory,
            host,
            encoder,
            decoder,
            align,
            gather,
            floats,
            width: model.config.d_model,
            bands: model.config.num_mel_bins,
            positions: model.config.max_target_positions,
            heads: model.config.decoder_attention_heads,
            unread: None,
            brake: Brake::try_new().map_err(failed)?,
            clockwork: Clockwork::default(),
        };
        graphs.trial(model)?;
        graphs.clockwork.reset();
        Ok(graphs)
    }

    /// Runs the model on silence; says whether it answers.
    pub(super) fn trial(&mut self, model: &ModelFolder) -> Result<(), ModelError> {
        checks::trial(self, model)
    }

    /// What ends a run of these graphs early.
    pub(super) fn brake(&self) -> Brake {
        self.brake.clone()
    }

    /// From now on their runs are ended by `brake`.
    pub(super) fn obey(&mut self, brake: Brake) {
        self.brake = brake;
    }

    /// Tokens that the decoder can hold, prompt and text together.
    pub(super) fn positions(&self) -> usize {
        self.positions
    }

    /// Why word times cannot be computed, if they cannot.
    pub(super) fn why_no_words(&self) -> Option<&str> {
        self.align.as_ref().err().map(String::as_str)
    }

    /// Encodes windows, given as spectrograms. On a processor one at a time, since it gains nothing from a batch; on a
    /// card together.
    pub(super) fn encode(&mut self, spectrograms: &[&[f32]]) -> Result<Vec<Encoded>, RunError> {
        let at_once = match self.device {
            Device::Cpu => 1,
            Device::Cuda => spectrograms.len().max(1),
        };
        let mut encoded = Vec::with_capacity(spectrograms.len());
        for batch in spectrograms.chunks(at_once) {
            let started = Instant::now();
            let shape = [batch.len(), self.bands, WINDOW_FRAMES];
            let input: SessionInputValue<'_> = match batch {
                // One window is read where it lies.
                [one] if self.floats == FloatKind::Single => {
                    TensorRef::from_array_view((shape, *one))?.into()
                }
                _ => floats::tensor(shape, batch.concat(), self.floats)?.into(),
            };
            let running = Instant::now();
            let encoder = &mut self.encoder;
            let inputs = ort::inputs!["input_features" => input];
            let output = self.brake.run(|options| encoder.run_with_options(inputs, options))?;
            let ran = running.elapsed();
            let states = Floats::read(&output["last_hidden_state"])?;
            drop(output);
            self.clockwork.add(Stage::Encoder, ran);
            self.clockwork.encoded += batch.len() as u64;
            if batch.len() == 1 {
                encoded.push(Encoded(states.into()));
            } else {
                let each = states.len() / batch.len();
                encoded.extend((0..batch.len()).map(|row| Encoded(states.part(row * each, each).into())));
            }
            self.clockwork.add_around(started.elapsed().saturating_sub(ran));
        }
        Ok(encoded)
    }

    /// The encoder's states of several windows in one tensor.
    fn states(&self, rows: &[&Encoded]) -> ort::Result<DynValue> {
        let frames = rows.first().map_or(0, |row| row.0.len() / self.width);
        Floats::joined(&rows.iter().map(|row| &*row.0).collect::<Vec<_>>())?.into_tensor([
            rows.len(),
            frames,
            self.width,
        ])
    }
}

/// How much each token looked at each frame, by row and head.
type Attention = Array4<f32>;

/// An integer tensor.
fn integers(shape: [usize; 2], ids: Vec<i64>) -> ort::Result<DynValue> {
    Ok(Tensor::from_array((shape, ids))?.into_dyn())
}
