//! The decoder: a prompt, then one token after another, for several rows at once.

use std::time::{Duration, Instant};

use half::f16;
use half::slice::HalfFloatSliceExt;
use ort::session::{IoBinding, Session, SessionOutputs};
use ort::value::{DynValue, Tensor};

use super::{Brake, Encoded, FloatKind, Graphs, RunError, Stage, integers};

/// The published forms of a decoder.
pub(super) enum DecoderGraphs {
    /// One graph for prompts, one for what follows.
    Split {
        /// Prompts.
        first: Session,
        /// What follows.
        next: Session,
    },
    /// One graph with a switch.
    Merged(Session),
}

/// What a decoder remembers of its rows between steps: keys and values of its own tokens, and those of the window.
pub(crate) struct Cache {
    /// By the name of the input that takes it.
    own: Vec<(String, DynValue)>,
    window: Vec<(String, DynValue)>,
    rows: usize,
    /// What stays bound from step to step; none when rows were put together anew.
    binding: Option<IoBinding>,
}

/// The logits of a run, `[rows, positions, vocabulary]`, where ONNX Runtime wrote them.
pub(crate) struct Logits {
    values: DynValue,
    /// A row of 16-bit logits, widened.
    widened: Option<Vec<f32>>,
    positions: usize,
    vocabulary: usize,
}

impl Logits {
    fn take(output: &mut SessionOutputs<'_>) -> ort::Result<Self> {
        let values = output.remove("logits").ok_or_else(|| ort::Error::new("the decoder gave no logits"))?;
        let (shape, widened) = match values.try_extract_tensor::<f32>() {
            Ok((shape, _)) => (shape, None),
            Err(_) => (values.try_extract_tensor::<f16>()?.0, Some(Vec::new())),
        };
        let [_, positions, vocabulary] = shape[..] else {
            return Err(ort::Error::new("logits have not three dimensions"));
        };
        Ok(Self { positions: positions as usize, vocabulary: vocabulary as usize, values, widened })
    }

    /// The logits of a row at a position of the input. They are read once: what the caller does to them may stay.
    pub(crate) fn at(&mut self, row: usize, position: usize) -> ort::Result<&mut [f32]> {
        let start = (row * self.positions + position) * self.vocabulary;
        let place = start..start + self.vocabulary;
        match &mut self.widened {
            None => Ok(&mut self.values.try_extract_tensor_mut::<f32>()?.1[place]),
            Some(widened) => {
                widened.resize(self.vocabulary, 0.0);
                self.values.try_extract_tensor::<f16>()?.1[place].convert_to_f32_slice(widened);
                Ok(widened)
            }
        }
    }

    /// The logits of what follows on a row.
    pub(crate) fn last(&mut self, row: usize) -> ort::Result<&mut [f32]> {
        self.at(row, self.positions - 1)
    }

    /// Tokens that there are.
    pub(crate) fn vocabulary(&self) -> usize {
        self.vocabulary
    }
}

/// Rows of tokens as a tensor; shorter ones are filled up.
pub(super) fn token_tensor<'a>(
    rows: impl Iterator<Item = &'a [u32]>,
    length: usize,
    filler: u32,
) -> ort::Result<DynValue> {
    let mut ids = Vec::new();
    let mut count = 0;
    for row in rows {
        ids.extend(row.iter().map(|id| i64::from(*id)));
        ids.extend(std::iter::repeat_n(i64::from(filler), length - row.len()));
        count += 1;
    }
    integers([count, length], ids)
}

impl DecoderGraphs {
    pub(super) fn first(&self) -> &Session {
        match self {
            Self::Split { first, .. } => first,
            Self::Merged(session) => session,
        }
    }

    pub(super) fn next(&self) -> &Session {
        match self {
            Self::Split { next, .. } => next,
            Self::Merged(session) => session,
        }
    }
}

/// `present.2.decoder.key` is taken as `past_key_values.2.decoder.key`.
fn as_input(output: &str) -> String {
    output.replacen("present", "past_key_values", 1)
}

fn as_output(input: &str) -> String {
    input.replacen("past_key_values", "present", 1)
}

fn present(session: &Session) -> impl Iterator<Item = &str> {
    session.outputs().iter().map(|output| output.name()).filter(|name| name.starts_with("present"))
}

/// Runs a session on what is bound: what it gave, and how long that took.
fn run_bound<'b, 's: 'b>(
    brake: &Brake,
    session: &'s mut Session,
    binding: &'b IoBinding,
) -> Result<(SessionOutputs<'b>, Duration), RunError> {
    let running = Instant::now();
    let output = brake.run(|options| {
        let output = session.run_binding_with_options(binding, options)?;
        binding.synchronize_outputs()?;
        Ok(output)
    })?;
    Ok((output, running.elapsed()))
}

impl Graphs {
    /// Runs prompts of one length, each on its window. Gives the logits of every position and what to remember.
    pub(crate) fn prefill(&mut self, rows: &[(&Encoded, &[u32])]) -> Result<(Logits, Cache), RunError> {
        let started = Instant::now();
        let length = rows.first().map_or(0, |(_, prompt)| prompt.len());
        let ids = token_tensor(rows.iter().map(|(_, prompt)| *prompt), length, 0)?;
        let states = self.states(&rows.iter().map(|(encoded, _)| *encoded).collect::<Vec<_>>())?;
        let empty = match &self.decoder {
            DecoderGraphs::Split { .. } => Vec::new(),
            DecoderGraphs::Merged(session) => self.empty_caches(session, rows.len())?,
        };
        let session = match &mut self.decoder {
            DecoderGraphs::Split { first, .. } => first,
            DecoderGraphs::Merged(session) => session,
        };
        let mut binding = session.create_binding()?;
        binding.bind_input("input_ids", &ids)?;
        binding.bind_input("encoder_hidden_states", &states)?;
        if !empty.is_empty() {
            binding.bind_input("use_cache_branch", &Tensor::from_array(([1], vec![false]))?)?;
        }
        for (name, value) in &empty {
            binding.bind_input(name.as_str(), value)?;
        }
        binding.bind_output_to_device("logits", &self.host)?;
        let outputs: Vec<String> = present(session).map(str::to_owned).collect();
        for name in &outputs {
            binding.bind_output_to_device(name, &self.memory)?;
        }
        let (mut output, ran) = run_bound(&self.brake, session, &binding)?;
        let logits = Logits::take(&mut output)?;
        let (mut own, mut window) = (Vec::new(), Vec::new());
        for name in outputs {
            let Some(value) = output.remove(&name) else { continue };
            let kept = if name.contains(".encoder.") { &mut window } else { &mut own };
            kept.push((as_input(&name), value));
        }
        drop(output);
        self.clockwork.add(Stage::Prefill, ran);
        self.clockwork.add_around(started.elapsed().saturating_sub(ran));
        Ok((logits, Cache { own, window, rows: rows.len(), binding: None }))
    }

    /// One more token for each row.
    pub(crate) fn step(&mut self, cache: &mut Cache, tokens: &[u32]) -> Result<Logits, RunError> {
        let started = Instant::now();
        let ids = token_tensor(tokens.chunks(1), 1, 0)?;
        let mut binding = match cache.binding.take() {
            Some(binding) => binding,
            None => self.bind_windows(cache)?,
        };
        let session = match &mut self.decoder {
            DecoderGraphs::Split { next, .. } => next,
            DecoderGraphs::Merged(session) => session,
        };
        binding.bind_input("input_ids", &ids)?;
        for (name, value) in &cache.own {
            binding.bind_input(name.as_str(), value)?;
        }
        // Bound anew each time: what was given last is in use.
        binding.bind_output_to_device("logits", &self.host)?;
        for name in present(session).filter(|name| !name.contains(".encoder.")) {
            binding.bind_output_to_device(name, &self.memory)?;
        }
        let (mut output, ran) = run_bound(&self.brake, session, &binding)?;
        let logits = Logits::take(&mut output)?;
        for (name, kept) in &mut cache.own {
            *kept = output
                .remove(as_output(name))
                .ok_or_else(|| ort::Error::new("the decoder lost a part of its cache"))?;
        }
        drop(output);
        cache.binding = Some(binding);
        self.clockwork.add(Stage::Step, ran);
        self.clockwork.step_rows += tokens.len() as u64;
        self.clockwork.add_around(started.elapsed().saturating_sub(ran));
        Ok(logits)
    }

    /// Binds what stays the same from step to step: what is remembered of the windows.
    fn bind_windows(&mut self, cache: &Cache) -> ort::Result<IoBinding> {
        let mut binding = self.decoder.next().create_binding()?;
        if let DecoderGraphs::Merged(_) = &self.decoder {
            // The merged graph wants the states although it does not read them in this branch.
            if self.unread.as_ref().is_none_or(|(rows, _)| *rows != cache.rows) {
                let shape = [cache.rows, super::WINDOW_FRAMES / 2, self.width];
                let zeros = vec![0.0; shape.iter().product()];
                self.unread = Some((cache.rows, super::floats::tensor(shape, zeros, self.floats)?));
            }
            if let Some((_, states)) = &self.unread {
                binding.bind_input("encoder_hidden_states", states)?;
            }
            binding.bind_input("use_cache_branch", &Tensor::from_array(([1], vec![true]))?)?;
        }
        for (name, value) in &cache.window {
            binding.bind_input(name.as_str(), value)?;
        }
        Ok(binding)
    }

    /// Keeps the rows with these numbers, in this order. `same_windows`: each row takes the place of one of the same
    /// window, so that what is remembered of the windows stays as it is.
    pub(crate) fn choose(
        &mut self,
        cache: &mut Cache,
        rows: &[usize],
        same_windows: bool,
    ) -> ort::Result<()> {
        let started = Instant::now();
        cache.binding = None;
        let numbers: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
        let window = if same_windows { [].iter_mut() } else { cache.window.iter_mut() };
        for (_, value) in cache.own.iter_mut().chain(window) {
            *value = self.gather.rows(value, &numbers, &self.memory)?;
        }
        cache.rows = rows.len();
        self.clockwork.add(Stage::Gather, started.elapsed());
        Ok(())
    }

    /// What a merged decoder takes before its first token: nothing, in the right shape.
    fn empty_caches(&self, session: &Session, rows: usize) -> ort::Result<Vec<(String, DynValue)>> {
        let mut empty = Vec::new();
        for input in session.inputs() {
            if !input.name().starts_with("past_key_values") {
                continue;
            }
            let ort::value::ValueType::Tensor { ty, .. } = input.dtype() else { continue };
            let shape = [rows, self.heads, 0, self.width / self.heads];
            let Some(kind) = FloatKind::of(*ty) else { continue };
            empty.push((input.name().to_owned(), super::floats::tensor(shape, Vec::new(), kind)?));
        }
        Ok(empty)
    }
}
