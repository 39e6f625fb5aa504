//! What the thread of the sessions does: takes what waits, runs it, and answers. A window that fails takes no other
//! with it: a batch that fails as a whole is tried in halves where memory lacks, else window by window, and a window that
//! fails by itself is tried once more on the graphs of last resort.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndarray::Array2;

use super::last_resort::{LastResort, SecondTry};
use super::queue::Turns;
use super::request::{Answer, Features, Kind, Outcome, Request, Work};
use crate::clockwork::Clockwork;
use crate::decode::{self, Found, Row, Rules};
use crate::graphs::{Encoded, Graphs, RunError};
use crate::model::ModelFolder;

/// How long a batch that is not full waits for more.
const GATHER: Duration = Duration::from_millis(20);

/// How often a batch is halved for want of memory before its windows are run one by one.
const HALVINGS: u32 = 2;

/// Why a batch, or a window by itself, gave nothing.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// A run of the model failed or was ended.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The window's logits were not numbers.
    #[error("the model's answer is not finite")]
    NotFinite,
    /// This program fell over.
    #[error("the decoder fell over: {0}")]
    Panic(String),
    /// There are no other graphs.
    #[error("no other graphs can be loaded: {0}")]
    NoOther(String),
}

impl Trouble {
    /// Whether there was too little memory, so that fewer rows may do. ONNX Runtime says so in words alone.
    fn is_of_memory(&self) -> bool {
        const WORDS: [&str; 5] =
            ["allocate memory", "out of memory", "bad_alloc", "bad allocation", "alloc_failed"];
        let said = self.to_string().to_lowercase();
        matches!(self, Self::Run(_)) && WORDS.iter().any(|words| said.contains(words))
    }
}

/// What a window of a batch came to, and how far it has come.
type RowOutcome = (Found<Outcome>, Encoded);

pub(super) struct Worker {
    graphs: Graphs,
    last_resort: LastResort,
    rules: Rules,
    model: Arc<ModelFolder>,
    max_rows: usize,
    clockwork: Arc<Mutex<Clockwork>>,
    /// Whether the sessions are of no use any more.
    broken: bool,
}

impl Worker {
    pub(super) fn new(
        graphs: Graphs,
        last_resort: LastResort,
        rules: Rules,
        model: Arc<ModelFolder>,
        max_rows: usize,
        clockwork: Arc<Mutex<Clockwork>>,
    ) -> Self {
        Self { graphs, last_resort, rules, model, max_rows: max_rows.max(1), clockwork, broken: false }
    }

    /// Until nobody asks any more, or the sessions are broken; what waits then is dropped, which answers it.
    pub(super) fn serve(&mut self, arriving: &Receiver<Request>) {
        let mut waiting: VecDeque<Request> = VecDeque::new();
        let mut turns = Turns::default();
        while !self.broken {
            if waiting.is_empty() {
                match arriving.recv() {
                    Ok(request) => waiting.push_back(request),
                    Err(_) => return,
                }
            }
            self.gather(arriving, &mut waiting);
            let batch = turns.take(&mut waiting, self.max_rows);
            let waited: Duration = batch.iter().map(|request| request.since.elapsed()).sum();
            self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).waited_s += waited.as_secs_f64();
            self.run(batch, 0);
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

    /// Runs a batch. `halvings`: how often it was halved on the way here.
    fn run(&mut self, batch: Vec<Request>, halvings: u32) {
        let (mut batch, stopped): (Vec<Request>, Vec<Request>) =
            batch.into_iter().partition(|request| !request.cancel.is_cancelled());
        for request in stopped {
            request.reply.send(Outcome::Cancelled);
        }
        if batch.is_empty() || self.broken {
            return;
        }
        self.graphs.brake().run_for(batch.iter().map(|request| request.cancel.clone()).collect());
        match self.attempt(&batch, WhichGraphs::Usual) {
            Ok(outcomes) => self.answer(batch, outcomes),
            Err(Trouble::Run(RunError::Stopped)) => stop(batch),
            Err(trouble) if batch.len() > 1 => {
                tracing::warn!(rows = batch.len(), %trouble, "a batch of windows failed; smaller ones are tried");
                if trouble.is_of_memory() && halvings < HALVINGS {
                    let second = batch.split_off(batch.len() / 2);
                    self.run(batch, halvings + 1);
                    self.run(second, halvings + 1);
                } else {
                    // One of them may be at fault: by itself each tells.
                    batch.into_iter().for_each(|request| self.run(vec![request], HALVINGS));
                }
            }
            Err(trouble) => batch.into_iter().for_each(|request| self.try_again(request, &trouble)),
        }
    }

    /// Answers a batch. What is not finite may be so because of what stood beside it (where a graph takes one scale for
    /// all rows), so such a window is tried by itself before it counts as failed.
    fn answer(&mut self, batch: Vec<Request>, outcomes: Vec<RowOutcome>) {
        let alone = batch.len() == 1;
        let mut again = Vec::new();
        for (request, (found, states)) in batch.into_iter().zip(outcomes) {
            match found {
                Found::Answer(outcome) => {
                    let spectrogram = Arc::clone(request.features.spectrogram());
                    let features = Some(Features::Encoded { states, spectrogram });
                    request.reply.send(Answer { outcome, features, second_try: false });
                }
                Found::Cancelled => request.reply.send(Outcome::Cancelled),
                Found::NotFinite => again.push(request),
            }
        }
        for request in again {
            if alone {
                self.try_again(request, &Trouble::NotFinite);
            } else {
                self.run(vec![request], HALVINGS);
            }
        }
    }

    /// Tries a window that failed by itself on the graphs of last resort, from its spectrogram on.
    fn try_again(&mut self, mut request: Request, trouble: &Trouble) {
        if self.broken {
            return;
        }
        tracing::warn!(%trouble, "a window failed and is tried again");
        self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).second_tries += 1;
        request.features = Features::Spectrogram(Arc::clone(request.features.spectrogram()));
        let again = self.attempt(std::slice::from_ref(&request), WhichGraphs::LastResort);
        let failed = |also: &Trouble| {
            let (first, second) = (trouble.to_string(), also.to_string());
            Outcome::Failed(if first == second {
                first
            } else {
                format!("{first}; on the second try: {second}")
            })
        };
        let found =
            again.map(|outcomes| outcomes.into_iter().next().map_or(Found::NotFinite, |(found, _)| found));
        let answer = match found {
            Ok(Found::Answer(outcome)) => Answer { outcome, features: None, second_try: true },
            Ok(Found::Cancelled) => Outcome::Cancelled.into(),
            Ok(Found::NotFinite) => failed(&Trouble::NotFinite).into(),
            Err(Trouble::Run(RunError::Stopped)) => return stop(vec![request]),
            Err(also) => failed(&also).into(),
        };
        if matches!(answer.outcome, Outcome::Failed(_)) {
            self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).failed += 1;
        }
        request.reply.send(answer);
    }

    /// Runs a batch. Where this program falls over, the batch has failed, and the sessions go on if they still answer.
    fn attempt(&mut self, batch: &[Request], which: WhichGraphs) -> Result<Vec<RowOutcome>, Trouble> {
        let brake = self.graphs.brake();
        let graphs = match which {
            WhichGraphs::Usual => &mut self.graphs,
            WhichGraphs::LastResort => match self.last_resort.ready(&brake) {
                SecondTry::Usual => &mut self.graphs,
                SecondTry::On(graphs) => graphs,
                SecondTry::Nowhere(reason) => return Err(Trouble::NoOther(reason.to_owned())),
            },
        };
        let (rules, model) = (&self.rules, &self.model);
        let ran = catch_unwind(AssertUnwindSafe(|| outcomes(graphs, rules, model, batch)));
        let mut time = std::mem::take(&mut graphs.clockwork);
        time.batches += 1;
        time.batch_rows += batch.len() as u64;
        // Before anybody is answered: who asks then finds his own window counted.
        self.clockwork.lock().unwrap_or_else(PoisonError::into_inner).absorb(&time);
        match ran {
            Ok(ran) => ran,
            Err(panic) => {
                let trouble = Trouble::Panic(words_of(&*panic));
                brake.run_for(Vec::new());
                let trial = catch_unwind(AssertUnwindSafe(|| graphs.trial(model)));
                self.broken = !matches!(trial, Ok(Ok(())));
                tracing::error!(%trouble, broken = self.broken, "a batch of windows failed");
                Err(trouble)
            }
        }
    }
}

/// The graphs that a batch runs on.
#[derive(Clone, Copy)]
enum WhichGraphs {
    Usual,
    LastResort,
}

/// What each window of a batch comes to.
fn outcomes(
    graphs: &mut Graphs,
    rules: &Rules,
    model: &ModelFolder,
    batch: &[Request],
) -> Result<Vec<RowOutcome>, Trouble> {
    let windows = encoded(graphs, batch)?;
    let tokens = &model.tokens;
    let outcomes: Vec<Found<Outcome>> = match batch[0].kind() {
        Kind::Languages => {
            let windows: Vec<&Encoded> = windows.iter().collect();
            let found = decode::languages(graphs, tokens, &windows)?;
            found.into_iter().map(|one| one.map(Outcome::Languages)).collect()
        }
        Kind::Decode { search, .. } => {
            let rows: Vec<Row> =
                batch.iter().zip(&windows).filter_map(|(request, window)| row(request, window)).collect();
            let found = decode::decode(graphs, rules, tokens, &rows, search)?;
            found.into_iter().map(|one| one.map(Outcome::Decoded)).collect()
        }
        Kind::Attention => {
            let ids = batch.iter().filter_map(|request| match &request.work {
                Work::Attention { ids } => Some(ids.as_slice()),
                Work::Languages | Work::Decode { .. } => None,
            });
            let rows: Vec<(&Encoded, &[u32])> = windows.iter().zip(ids).collect();
            let found = graphs.attention(&rows, tokens.end)?;
            found.into_iter().map(attention).collect()
        }
    };
    Ok(outcomes.into_iter().zip(windows).collect())
}

fn attention(heads: Vec<Array2<f32>>) -> Found<Outcome> {
    if heads.iter().flatten().all(|look| look.is_finite()) {
        Found::Answer(Outcome::Attention(heads))
    } else {
        Found::NotFinite
    }
}

/// The states of each window; those that are not known yet are computed.
fn encoded(graphs: &mut Graphs, batch: &[Request]) -> Result<Vec<Encoded>, Trouble> {
    let fresh: Vec<&[f32]> = batch
        .iter()
        .filter_map(|request| match &request.features {
            Features::Spectrogram(values) => Some(values.as_slice()),
            Features::Encoded { .. } => None,
        })
        .collect();
    let mut computed = graphs.encode(&fresh)?.into_iter();
    let states = batch.iter().map(|request| match &request.features {
        Features::Encoded { states, .. } => Some(states.clone()),
        Features::Spectrogram(_) => computed.next(),
    });
    let lost = || RunError::from(ort::Error::new("the encoder lost a window"));
    Ok(states.collect::<Option<Vec<_>>>().ok_or_else(lost)?)
}

/// What was ended for nobody's sake. Where only the engine ends, a request is dropped, which answers it.
fn stop(batch: Vec<Request>) {
    for request in batch.into_iter().filter(|request| request.cancel.is_cancelled()) {
        request.reply.send(Outcome::Cancelled);
    }
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
