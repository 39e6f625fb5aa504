//! Whether graphs fit the configuration beside them. A graph that does not would answer with nonsense.

use std::path::Path;

use ort::session::Session;
use ort::value::{TensorElementType, ValueType};

use super::align::Align;
use super::decoder::DecoderGraphs;
use super::{FloatKind, Graphs, RunError, WINDOW_FRAMES};
use crate::model::{DecoderFiles, ModelError, ModelFolder, layer_of};

/// Checks the encoder; gives the kind of its floats.
pub(super) fn encoder(session: &Session, model: &ModelFolder) -> Result<FloatKind, ModelError> {
    let check = Check { model, path: &model.encoder };
    let (elements, shape) = check.tensor(session.inputs(), "input_features")?;
    check.only(session, &["input_features"])?;
    let kind = check.floats("input_features", elements)?;
    check.dimension("input_features", &shape, 1, model.config.num_mel_bins)?;
    check.dimension("input_features", &shape, 2, WINDOW_FRAMES)?;
    let (_, shape) = check.tensor(session.outputs(), "last_hidden_state")?;
    check.dimension("last_hidden_state", &shape, 2, model.config.d_model)?;
    Ok(kind)
}

/// Checks the decoder's graphs; gives the kind of their caches' floats.
pub(super) fn decoder(graphs: &DecoderGraphs, model: &ModelFolder) -> Result<FloatKind, ModelError> {
    let (first_path, next_path) = match &model.decoders {
        DecoderFiles::Split { first, next } => (first, next),
        DecoderFiles::Merged(path) => (path, path),
    };
    let config = &model.config;
    let first = Check { model, path: first_path };
    first.tensor(graphs.first().inputs(), "input_ids")?;
    let (_, shape) = first.tensor(graphs.first().inputs(), "encoder_hidden_states")?;
    first.dimension("encoder_hidden_states", &shape, 2, config.d_model)?;
    let (_, shape) = first.tensor(graphs.first().outputs(), "logits")?;
    first.dimension("logits", &shape, 2, config.vocab_size)?;
    let next = Check { model, path: next_path };
    for (check, session) in [(&first, graphs.first()), (&next, graphs.next())] {
        check
            .only(session, &["input_ids", "encoder_hidden_states", "use_cache_branch", "past_key_values."])?;
    }
    next.tensor(graphs.next().inputs(), "input_ids")?;
    let mut kind = FloatKind::Single;
    for layer in 0..config.decoder_layers {
        for part in ["decoder.key", "decoder.value", "encoder.key", "encoder.value"] {
            let output = format!("present.{layer}.{part}");
            first.tensor(graphs.first().outputs(), &output)?;
            let input = format!("past_key_values.{layer}.{part}");
            let (elements, shape) = next.tensor(graphs.next().inputs(), &input)?;
            next.dimension(&input, &shape, 1, config.decoder_attention_heads)?;
            next.dimension(&input, &shape, 3, config.head_width())?;
            kind = next.floats(&input, elements)?;
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

/// Checks the graph for word times and looks which of the heads that follow the words it shows; or says why none.
pub(super) fn align(
    session: Session,
    path: &Path,
    model: &ModelFolder,
) -> Result<Result<Align, String>, ModelError> {
    let check = Check { model, path };
    check.only(&session, &["input_ids", "encoder_hidden_states"])?;
    check.tensor(session.inputs(), "input_ids")?;
    let (_, shape) = check.tensor(session.inputs(), "encoder_hidden_states")?;
    check.dimension("encoder_hidden_states", &shape, 2, model.config.d_model)?;
    let shown: Vec<(usize, &str)> = session
        .outputs()
        .iter()
        .filter_map(|output| Some((layer_of(output.name())?, output.name())))
        .collect();
    if shown.is_empty() {
        return Err(check.wrong(
            "it does not show where the decoder looked; remove it, `cairn model add-align` makes another"
                .to_owned(),
        ));
    }
    let named = model.generation.alignment_heads.as_deref().unwrap_or_default();
    if named.is_empty() {
        return Ok(Err("generation_config.json names no alignment_heads".to_owned()));
    }
    let mut heads = Vec::new();
    for (layer, head) in named {
        let Some((_, output)) = shown.iter().find(|(known, _)| known == layer) else { continue };
        let (_, shape) = check.tensor(session.outputs(), output)?;
        // What add-align wrote states no shape; there the configuration knows.
        let known = shape.get(1).copied().and_then(|heads| usize::try_from(heads).ok());
        // Some published models still name the heads of the larger one that they were made from.
        if *head < known.unwrap_or(model.config.decoder_attention_heads) {
            heads.push(((*output).to_owned(), *head));
        }
    }
    heads.sort();
    if heads.is_empty() {
        return Ok(Err(format!(
            "{} shows none of the alignment_heads that generation_config.json names",
            check.name().display()
        )));
    }
    Ok(Ok(Align { session, heads }))
}

/// Runs the model on silence, twice over: a prompt and one step.
pub(super) fn trial(graphs: &mut Graphs, model: &ModelFolder) -> Result<(), ModelError> {
    let failed = |error: RunError| ModelError::Trial(error.into());
    let silence = vec![0.0; graphs.bands * WINDOW_FRAMES];
    let encoded = graphs.encode(&[&silence]).map_err(failed)?;
    let window = encoded.first().ok_or_else(|| ModelError::Trial("the encoder gave nothing".into()))?;
    let (mut logits, mut cache) = graphs.prefill(&[(window, &[model.tokens.start])]).map_err(failed)?;
    let vocabulary = logits.vocabulary();
    if vocabulary != model.config.vocab_size {
        return Err(ModelError::Trial(
            format!("logits of {vocabulary} tokens, not {}", model.config.vocab_size).into(),
        ));
    }
    let finite = |logits: &[f32]| logits.iter().all(|logit| logit.is_finite());
    let mut sound = finite(logits.last(0).map_err(|error| failed(error.into()))?);
    sound &= finite(
        graphs
            .step(&mut cache, &[model.tokens.end])
            .and_then(|mut logits| Ok(logits.last(0)?.to_vec()))
            .map_err(failed)?
            .as_slice(),
    );
    if sound { Ok(()) } else { Err(ModelError::Trial("logits are not finite".into())) }
}

struct Check<'a> {
    model: &'a ModelFolder,
    path: &'a Path,
}

impl Check<'_> {
    fn name(&self) -> &Path {
        self.path.strip_prefix(&self.model.path).unwrap_or(self.path)
    }

    fn wrong(&self, reason: String) -> ModelError {
        ModelError::Graph { path: self.name().to_owned(), reason }
    }

    /// Refuses inputs that nobody would fill; a name that ends in a dot stands for all that begin so.
    fn only(&self, session: &Session, known: &[&str]) -> Result<(), ModelError> {
        let is_known = |name: &str| {
            known.iter().any(|known| *known == name || known.ends_with('.') && name.starts_with(known))
        };
        match session.inputs().iter().find(|input| !is_known(input.name())) {
            None => Ok(()),
            Some(input) => Err(self.wrong(format!(
                "it wants an input '{}', which this program does not know; export the model anew, with another version of the exporter",
                input.name()
            ))),
        }
    }

    /// Refuses floats that this program cannot fill.
    fn floats(&self, name: &str, elements: TensorElementType) -> Result<FloatKind, ModelError> {
        FloatKind::of(elements)
            .ok_or_else(|| self.wrong(format!("'{name}' takes {elements}, not floats of 32 or 16 bits")))
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
