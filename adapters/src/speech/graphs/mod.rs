//! A model's graphs as functions on batches: encode windows, prefill a prompt, take one step, look where the decoder
//! looked. The same code runs on the processor and on a card: what a step gives back for the next one stays where it is
//! (input and output binding), and only logits are read.

mod checks;
mod decoder;
mod floats;
mod gather;

use std::time::Instant;

use ndarray::{Array2, Array4, Axis, Slice};
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, Tensor, TensorElementType, TensorRef};

pub(super) use decoder::{Cache, Logits};
pub(super) use floats::Floats;
pub(super) use gather::Gather;

use super::clockwork::Stage;
use super::mel::WINDOW_FRAMES;
use super::model::{Decoders, ModelError, ModelFolder};
use super::{Device, Runtime};

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
    align: Option<Session>,
    gather: Gather,
    /// The floats that the graphs take and give.
    floats: TensorElementType,
    width: usize,
    bands: usize,
    positions: usize,
    /// Where the time goes.
    pub(super) clockwork: super::clockwork::Clockwork,
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
                .map_err(|error| ModelError::Load { path: path.to_owned(), reason: error.to_string() })
        };
        let failed = |error: ort::Error| ModelError::Trial(error.to_string());
        let encoder = open(&model.encoder)?;
        let floats = checks::encoder(&encoder, model)?;
        let decoder = match &model.decoders {
            Decoders::Split { first, next } => {
                decoder::DecoderGraphs::Split { first: open(first)?, next: open(next)? }
            }
            Decoders::Merged(path) => decoder::DecoderGraphs::Merged(open(path)?),
        };
        let cache_floats = checks::decoder(&decoder, model)?;
        let align = model.align.as_deref().map(open).transpose()?;
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
            clockwork: super::clockwork::Clockwork::default(),
        };
        graphs.trial(model)?;
        graphs.clockwork.reset();
        Ok(graphs)
    }

    /// Runs the model on silence; says whether it answers.
    pub(super) fn trial(&mut self, model: &ModelFolder) -> Result<(), ModelError> {
        checks::trial(self, model)
    }

    /// Tokens that the decoder can hold, prompt and text together.
    pub(super) fn positions(&self) -> usize {
        self.positions
    }

    /// Whether word times can be computed.
    pub(super) fn can_align(&self) -> bool {
        self.align.is_some()
    }

    /// Encodes windows, given as spectrograms. On a processor one at a time, since it gains nothing from a batch; on a
    /// card together.
    pub(super) fn encode(&mut self, spectrograms: &[&[f32]]) -> ort::Result<Vec<Encoded>> {
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
                [one] if self.floats == TensorElementType::Float32 => {
                    TensorRef::from_array_view((shape, *one))?.into()
                }
                _ => floats::tensor(shape, batch.concat(), self.floats)?.into(),
            };
            let running = Instant::now();
            let output = self.encoder.run(ort::inputs!["input_features" => input])?;
            let ran = running.elapsed();
            let states = Floats::read(&output["last_hidden_state"])?;
            drop(output);
            self.clockwork.add(Stage::Encoder, ran);
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

    /// Attention of a text to the frames of its window, for each row and each of `heads`: how much each of the tokens
    /// (prompt included) looked at each of the 1,500 frames.
    pub(super) fn attention(
        &mut self,
        rows: &[(&Encoded, &[u32])],
        heads: &[(usize, usize)],
        filler: u32,
    ) -> ort::Result<Vec<Vec<Array2<f32>>>> {
        let started = Instant::now();
        let longest = rows.iter().map(|(_, ids)| ids.len()).max().unwrap_or(0);
        let ids = decoder::token_tensor(rows.iter().map(|(_, ids)| *ids), longest, filler)?;
        let states = self.states(&rows.iter().map(|(encoded, _)| *encoded).collect::<Vec<_>>())?;
        let Some(align) = self.align.as_mut() else { return Ok(Vec::new()) };
        let wanted = align.outputs().iter().map(|output| output.name().to_owned());
        let wanted: Vec<(usize, String)> =
            wanted.filter_map(|name| Some((super::model::layer_of(&name)?, name))).collect();
        let mut selector = OutputSelector::no_default();
        for (_, name) in &wanted {
            selector = selector.with(name);
        }
        let options = RunOptions::new()?.with_outputs(selector);
        let output = align.run_with_options(
            ort::inputs!["input_ids" => ids, "encoder_hidden_states" => states],
            &options,
        )?;
        let mut found: Vec<Vec<Array2<f32>>> = rows.iter().map(|_| Vec::with_capacity(heads.len())).collect();
        for (layer, head) in heads {
            let Some((_, name)) = wanted.iter().find(|(known, _)| known == layer) else { continue };
            let attention = floats::array4(&output[name.as_str()])?;
            for (row, ((_, ids), found)) in rows.iter().zip(&mut found).enumerate() {
                let of_row = attention.index_axis(Axis(0), row);
                let of_head = of_row.index_axis(Axis(0), *head);
                found.push(of_head.slice_axis(Axis(0), Slice::from(..ids.len())).to_owned());
            }
        }
        drop(output);
        self.clockwork.add(Stage::Align, started.elapsed());
        Ok(found)
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

/// Widens an attention tensor of either kind of float.
type Attention = Array4<f32>;

/// An integer tensor.
fn integers(shape: [usize; 2], ids: Vec<i64>) -> ort::Result<DynValue> {
    Ok(Tensor::from_array((shape, ids))?.into_dyn())
}
