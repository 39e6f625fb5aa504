//! Whether graphs fit the configuration beside them. A graph that does not would answer with nonsense.

use ort::session::Session;
use ort::value::{TensorElementType, ValueType};

use super::decoder::DecoderGraphs;
use super::{Graphs, WINDOW_FRAMES};
use crate::speech::model::{Decoders, ModelError, ModelFolder};

/// Checks the encoder; gives the kind of its floats.
pub(super) fn encoder(session: &Session, model: &ModelFolder) -> Result<TensorElementType, ModelError> {
    let check = Check { model, path: &model.encoder };
    let (kind, shape) = check.tensor(session.inputs(), "input_features")?;
    check.dimension("input_features", &shape, 1, model.config.num_mel_bins)?;
    check.dimension("input_features", &shape, 2, WINDOW_FRAMES)?;
    let (_, shape) = check.tensor(session.outputs(), "last_hidden_state")?;
    check.dimension("last_hidden_state", &shape, 2, model.config.d_model)?;
    Ok(kind)
}

/// Checks the decoder's graphs; gives the kind of their caches' floats.
pub(super) fn decoder(graphs: &DecoderGraphs, model: &ModelFolder) -> Result<TensorElementType, ModelError> {
    let (first_path, next_path) = match &model.decoders {
        Decoders::Split { first, next } => (first, next),
        Decoders::Merged(path) => (path, path),
    };
    let config = &model.config;
    let first = Check { model, path: first_path };
    first.tensor(graphs.first().inputs(), "input_ids")?;
    let (_, shape) = first.tensor(graphs.first().inputs(), "encoder_hidden_states")?;
    first.dimension("encoder_hidden_states", &shape, 2, config.d_model)?;
    let (_, shape) = first.tensor(graphs.first().outputs(), "logits")?;
    first.dimension("logits", &shape, 2, config.vocab_size)?;
    let next = Check { model, path: next_path };
    next.tensor(graphs.next().inputs(), "input_ids")?;
    let mut kind = TensorElementType::Float32;
    for layer in 0..config.decoder_layers {
        for part in ["decoder.key", "decoder.value", "encoder.key", "encoder.value"] {
            let output = format!("present.{layer}.{part}");
            first.tensor(graphs.first().outputs(), &output)?;
            let input = format!("past_key_values.{layer}.{part}");
            let (found, shape) = next.tensor(graphs.next().inputs(), &input)?;
            next.dimension(&input, &shape, 1, config.decoder_attention_heads)?;
            next.dimension(&input, &shape, 3, config.head_width())?;
            kind = found;
        }
    }
    let beyond = format!("present.{}.decoder.key", config.decoder_layers);
    if graphs.first().outputs().iter().any(|output| output.name() == beyond) {
        return Err(first
            .wrong(format!("it has more than the {} layers of the configuration", config.decoder_layers)));
    }
    if matches!(graphs, DecoderGraphs::Merged(_)) {
        next.tensor(graphs.next().inputs(), "use_cache_branch")?;
    }
    Ok(kind)
}

/// Runs the model on silence, twice over: a prompt and one step.
pub(super) fn trial(graphs: &mut Graphs, model: &ModelFolder) -> Result<(), ModelError> {
    let failed = |error: ort::Error| ModelError::Trial(error.to_string());
    let silence = vec![0.0; graphs.bands * WINDOW_FRAMES];
    let encoded = graphs.encode(&[&silence]).map_err(failed)?;
    let window = encoded.first().ok_or_else(|| ModelError::Trial("the encoder gave nothing".to_owned()))?;
    let (mut logits, mut cache) = graphs.prefill(&[(window, &[model.tokens.start])]).map_err(failed)?;
    let vocabulary = logits.vocabulary();
    if vocabulary != model.config.vocab_size {
        return Err(ModelError::Trial(format!(
            "logits of {vocabulary} tokens, not {}",
            model.config.vocab_size
        )));
    }
    let finite = |logits: &[f32]| logits.iter().all(|logit| logit.is_finite());
    let mut sound = finite(logits.last(0).map_err(failed)?);
    sound &= finite(
        graphs
            .step(&mut cache, &[model.tokens.end])
            .and_then(|mut logits| Ok(logits.last(0)?.to_vec()))
            .map_err(failed)?
            .as_slice(),
    );
    if sound { Ok(()) } else { Err(ModelError::Trial("logits are not finite".to_owned())) }
}

struct Check<'a> {
    model: &'a ModelFolder,
    path: &'a std::path::Path,
}

impl Check<'_> {
    fn wrong(&self, reason: String) -> ModelError {
        ModelError::Graph {
            path: self.path.strip_prefix(&self.model.path).unwrap_or(self.path).to_owned(),
            reason,
        }
    }

    fn tensor(
        &self,
        outlets: &[ort::value::Outlet],
        name: &str,
    ) -> Result<(TensorElementType, Vec<i64>), ModelError> {
        let found = outlets.iter().find(|outlet| outlet.name() == name);
        match found.map(ort::value::Outlet::dtype) {
            Some(ValueType::Tensor { ty, shape, .. }) => Ok((*ty, shape.to_vec())),
            Some(other) => Err(self.wrong(format!("'{name}' is {other:?}, not a tensor"))),
            None => Err(self.wrong(format!("there is no '{name}'"))),
        }
    }

    /// Compares a dimension, if the graph fixes it.
    fn dimension(&self, name: &str, shape: &[i64], index: usize, wanted: usize) -> Result<(), ModelError> {
        match shape.get(index) {
            Some(found) if *found >= 0 && *found != wanted as i64 => {
                Err(self.wrong(format!("'{name}' is {found} wide where the configuration says {wanted}")))
            }
            Some(_) => Ok(()),
            None => Err(self.wrong(format!("'{name}' has {} dimensions", shape.len()))),
        }
    }
}
