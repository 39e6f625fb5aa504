//! What the thread of the sessions does: takes what waits, runs it, and answers. A window that fails takes no other
//! with it: a batch that fails as a whole is tried in halves, down to single windows.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::queue::take_batch;
use super::{Features, Kind, Outcome, Request, Work};
use crate::speech::clockwork::Clockwork;
use crate::speech::decode::{self, Found, Row, Rules};
use crate::speech::graphs::{Encoded, Graphs};
use crate::speech::model::ModelFolder;

/// How long a batch that is not full waits for more.
const GATHER: Duration = Duration::from_millis(20);

/// Why a batch, or a window by itself, gave nothing.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// ONNX Runtime failed.
    #[error(transparent)]
    Runtime(#[from] ort::Error),
    /// The window's logits were not numbers.
    #[error("the model's answer is not finite")]
    NotFinite,
    /// This program fell over.
    #[error("the decoder fell over: {0}")]
    Panic(String),
}

/// What a window of a batch came to, and how far it has come.
type Of = (Found<Outcome>, Encoded);

pub(super) struct Desk {
    graphs: Graphs,
    rules: Rules,
    model: Arc<ModelFolder>,
    max_rows: usize,
    clockwork: Arc<Mutex<Clockwork>>,
    /// Whether the sessions are of no use any more.
    broken: bool,
}

impl Desk {
    pub(super) fn new(
        graphs: Graphs,
        rules: Rules,
        model: Arc<ModelFolder>,
        max_rows: usize,
        clockwork: Arc<Mutex<Clockwork>>,
    ) -> Self {
        Self { graphs, rules, model, max_rows: max_rows.max(1), clockwork, broken: false }
    }

    /// Until nobody asks any more, or the sessions are broken; what waits then is dropped, which answers it.
    pub(super) fn serve(&mut self, arriving: &Receiver<Request>) {
        let mut waiting: VecDeque<Request> = VecDeque::new();
        while !self.broken {
            if waiting.is_empty() {
                match arriving.recv() {
                    Ok(request) => waiting.push_back(request),
                    Err(_) => return,
                }
            }
            self.gather(arriving, &mut waiting);
            let batch = take_batch(&mut waiting, self.max_rows);
            self.run(batch);
            *self.clockwork.lock().unwrap_or_else(PoisonError::into_inner) = self.graphs.clockwork;
        }
    }

    /// Waits a moment for as many requests as fit into a batch.
    fn gather(&self, arriving: &Receiver<Request>, waiting: &mut VecDeque<Request>) {
        let until = Instant::now() + GATHER;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let full = waiting.len() >= self.max_rows;
            match arriving.recv_timeout(if full { Duration::ZERO } else { left }) {
                Ok(request) => waiting.push_back(request),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn run(&mut self, batch: Vec<Request>) {
        let (mut batch, stopped): (Vec<Request>, Vec<Request>) =
            batch.into_iter().partition(|request| !request.cancel.is_cancelled());
        for request in stopped {
            request.reply.send(Outcome::Cancelled, None);
        }
        if batch.is_empty() || self.broken {
            return;
        }
        match self.attempt(&batch) {
            Ok(outcomes) => self.answer(batch, outcomes),
            // Too much for the memory, maybe: halves, down to single windows, tell which cannot be done.
            Err(trouble) if batch.len() > 1 => {
                tracing::warn!(rows = batch.len(), %trouble, "a batch of windows failed; its halves are tried");
                let second = batch.split_off(batch.len() / 2);
                self.run(batch);
                self.run(second);
            }
            Err(trouble) => batch.into_iter().for_each(|request| fail(request, &trouble)),
        }
    }

    /// Answers a batch. What is not finite may be so because of what stood beside it (where a graph takes one scale for
    /// all rows), so such a window is tried by itself before it counts as failed.
    fn answer(&mut self, batch: Vec<Request>, outcomes: Vec<Of>) {
        let alone = batch.len() == 1;
        let mut again = Vec::new();
        for (request, (found, encoded)) in batch.into_iter().zip(outcomes) {
            match found {
                Found::Answer(outcome) => request.reply.send(outcome, Some(Features::Encoded(encoded))),
                Found::Cancelled => request.reply.send(Outcome::Cancelled, None),
                Found::NotFinite if alone => fail(request, &Trouble::NotFinite),
                Found::NotFinite => again.push(request),
            }
        }
        for request in again {
            self.run(vec![request]);
        }
    }

    /// Runs a batch. Where this program falls over, the batch has failed, and the sessions go on if they still answer.
    fn attempt(&mut self, batch: &[Request]) -> Result<Vec<Of>, Trouble> {
        let ran = catch_unwind(AssertUnwindSafe(|| self.outcomes(batch)));
        ran.unwrap_or_else(|panic| {
            let trouble = Trouble::Panic(words_of(&*panic));
            let trial = catch_unwind(AssertUnwindSafe(|| self.graphs.trial(&self.model)));
            self.broken = !matches!(trial, Ok(Ok(())));
            tracing::error!(%trouble, broken = self.broken, "a batch of windows failed");
            Err(trouble)
        })
    }

    fn outcomes(&mut self, batch: &[Request]) -> Result<Vec<Of>, Trouble> {
        let windows = self.encoded(batch)?;
        let tokens = &self.model.tokens;
        let outcomes: Vec<Found<Outcome>> = match batch[0].kind() {
            Kind::Languages => {
                let windows: Vec<&Encoded> = windows.iter().collect();
                let found = decode::languages(&mut self.graphs, tokens, &windows)?;
                found.into_iter().map(|one| one.map(Outcome::Languages)).collect()
            }
            Kind::Decode { search, .. } => {
                let rows: Vec<Row> =
                    batch.iter().zip(&windows).filter_map(|(request, window)| row(request, window)).collect();
                let found = decode::decode(&mut self.graphs, &self.rules, tokens, &rows, search)?;
                found.into_iter().map(|one| one.map(Outcome::Decoded)).collect()
            }
            Kind::Attention => self.attention(batch, &windows)?,
        };
        Ok(outcomes.into_iter().zip(windows).collect())
    }

    fn attention(&mut self, batch: &[Request], windows: &[Encoded]) -> Result<Vec<Found<Outcome>>, Trouble> {
        let mut heads = self.model.generation.alignment_heads.clone().unwrap_or_default();
        // Some published models still name the heads of the larger one that they were made from.
        heads.retain(|(_, head)| *head < self.model.config.decoder_attention_heads);
        let rows: Vec<(&Encoded, &[u32])> = batch
            .iter()
            .zip(windows)
            .filter_map(|(request, window)| match &request.work {
                Work::Attention { ids } => Some((window, ids.as_slice())),
                Work::Languages | Work::Decode { .. } => None,
            })
            .collect();
        let found = self.graphs.attention(&rows, &heads, self.model.tokens.end)?;
        let finite = |heads: &Vec<ndarray::Array2<f32>>| heads.iter().flatten().all(|look| look.is_finite());
        Ok(found
            .into_iter()
            .map(
                |heads| {
                    if finite(&heads) { Found::Answer(Outcome::Attention(heads)) } else { Found::NotFinite }
                },
            )
            .collect())
    }

    /// The states of each window; those that are not known yet are computed.
    fn encoded(&mut self, batch: &[Request]) -> Result<Vec<Encoded>, Trouble> {
        let fresh: Vec<&[f32]> = batch
            .iter()
            .filter_map(|request| match &request.features {
                Features::Spectrogram(values) => Some(values.as_slice()),
                Features::Encoded(_) => None,
            })
            .collect();
        let mut computed = self.graphs.encode(&fresh)?.into_iter();
        let states = batch.iter().map(|request| match &request.features {
            Features::Encoded(encoded) => Some(encoded.clone()),
            Features::Spectrogram(_) => computed.next(),
        });
        states.collect::<Option<Vec<_>>>().ok_or_else(|| ort::Error::new("the encoder lost a window").into())
    }
}

fn fail(request: Request, trouble: &Trouble) {
    request.reply.send(Outcome::Failed(trouble.to_string()), None);
}

fn row(request: &Request, window: &Encoded) -> Option<Row> {
    match &request.work {
        Work::Decode { prompt, temperature, seed, .. } => Some(Row {
            encoded: window.clone(),
            prompt: prompt.clone(),
            temperature: *temperature,
            seed: *seed,
            cancel: request.cancel.clone(),
        }),
        Work::Languages | Work::Attention { .. } => None,
    }
}

/// What a panic said.
fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}
