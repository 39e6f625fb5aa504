//! One thread owns the sessions. Windows of all jobs wait in one place and are decoded together, fairly by job; what runs
//! beside a window changes when its text comes, never what it is.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ndarray::Array2;

use super::clockwork::Clockwork;
use super::decode::{self, DecodeError, Decoded, Row, Rules, Search};
use super::graphs::{Encoded, Graphs};
use super::model::ModelFolder;

/// How long a batch that is not full waits for more.
const GATHER: Duration = Duration::from_millis(20);

/// A window as far as it has come.
#[derive(Clone)]
pub(super) enum Features {
    /// Its spectrogram.
    Spectrogram(Arc<Vec<f32>>),
    /// The encoder's states.
    Encoded(Encoded),
}

/// Something to do with a window.
pub(super) enum Work {
    /// Which language is it?
    Languages,
    /// What is said?
    Decode { prompt: Vec<u32>, temperature: f32, seed: u64, search: Search },
    /// Where did the decoder look when it wrote this (prompt, text and end)?
    Attention { ids: Vec<u32> },
}

/// What came of it.
pub(super) enum Outcome {
    /// The probability of each language of the model.
    Languages(Vec<f32>),
    /// The text; none for a job that was stopped.
    Decoded(Option<Decoded>),
    /// For each alignment head, tokens by frames.
    Attention(Vec<Array2<f32>>),
    /// It could not be done.
    Failed(String),
}

/// An answer, with the window as far as it has come now.
pub(super) struct Answer {
    /// The ticket of the request.
    pub ticket: u64,
    /// What came of it.
    pub outcome: Outcome,
    /// The encoder's states, where they are known.
    pub encoded: Option<Encoded>,
}

/// A request by a job. One that is dropped unanswered, because the thread has ended, answers that it failed.
pub(super) struct Request {
    /// The job's number.
    pub job: u64,
    /// Goes before others: somebody waits for a few seconds of audio.
    pub urgent: bool,
    /// The window.
    pub features: Features,
    /// What to do with it.
    pub work: Work,
    /// Stops the job.
    pub cancel: commands::ports::transcription::Cancel,
    /// Takes the answer.
    pub reply: Reply,
}

type TakesAnswer = Box<dyn FnOnce(Outcome, Option<Encoded>) + Send>;

/// Takes one answer.
pub(super) struct Reply(Option<TakesAnswer>);

impl Reply {
    /// Calls `answer` once: with what came of the request, or with a failure.
    pub(super) fn new(answer: impl FnOnce(Outcome, Option<Encoded>) + Send + 'static) -> Self {
        Self(Some(Box::new(answer)))
    }

    fn send(mut self, outcome: Outcome, encoded: Option<Encoded>) {
        if let Some(answer) = self.0.take() {
            answer(outcome, encoded);
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(answer) = self.0.take() {
            answer(Outcome::Failed("the speech engine has stopped".to_owned()), None);
        }
    }
}

/// The thread, and the way to it.
pub(super) struct Scheduler {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    clockwork: Arc<Mutex<Clockwork>>,
}

impl Scheduler {
    /// Starts the thread. At most `max_rows` windows are decoded together.
    pub(super) fn start(graphs: Graphs, model: Arc<ModelFolder>, max_rows: usize) -> std::io::Result<Self> {
        let (requests, arriving) = channel();
        let clockwork = Arc::new(Mutex::new(Clockwork::default()));
        let shared = Arc::clone(&clockwork);
        let rules = Rules::new(&model.tokens, &model.generation);
        let mut desk = Desk { graphs, rules, model, max_rows: max_rows.max(1), clockwork: shared };
        let thread =
            std::thread::Builder::new().name("speech".to_owned()).spawn(move || desk.serve(&arriving))?;
        Ok(Self { requests: Some(requests), thread: Some(thread), clockwork })
    }

    /// Hands a request in.
    pub(super) fn submit(&self, request: Request) {
        // A request that cannot be sent is dropped, which answers it.
        if let Some(requests) = &self.requests {
            let _ = requests.send(request);
        }
    }

    /// Where the time has gone so far.
    pub(super) fn clockwork(&self) -> Clockwork {
        *self.clockwork.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What requests must have in common to run together.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Kind {
    Languages,
    Decode { prompt: usize, search: Search },
    Attention,
}

impl Request {
    fn kind(&self) -> Kind {
        match &self.work {
            Work::Languages => Kind::Languages,
            Work::Decode { prompt, search, .. } => Kind::Decode { prompt: prompt.len(), search: *search },
            Work::Attention { .. } => Kind::Attention,
        }
    }
}

struct Desk {
    graphs: Graphs,
    rules: Rules,
    model: Arc<ModelFolder>,
    max_rows: usize,
    clockwork: Arc<Mutex<Clockwork>>,
}

impl Desk {
    fn serve(&mut self, arriving: &Receiver<Request>) {
        let mut waiting: VecDeque<Request> = VecDeque::new();
        loop {
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
        let (batch, stopped): (Vec<Request>, Vec<Request>) =
            batch.into_iter().partition(|request| !request.cancel.is_cancelled());
        for request in stopped {
            request.reply.send(Outcome::Decoded(None), None);
        }
        if batch.is_empty() {
            return;
        }
        match self.outcomes(&batch) {
            Ok(outcomes) => {
                for (request, (outcome, encoded)) in batch.into_iter().zip(outcomes) {
                    request.reply.send(outcome, Some(encoded));
                }
            }
            // Too much for the memory, maybe: halves, down to single windows, tell which cannot be done.
            Err(error) if batch.len() > 1 => {
                tracing::warn!(rows = batch.len(), %error, "a batch of windows failed; its halves are tried");
                let mut first = batch;
                let second = first.split_off(first.len() / 2);
                self.run(first);
                self.run(second);
            }
            Err(error) => {
                for request in batch {
                    request.reply.send(Outcome::Failed(error.to_string()), None);
                }
            }
        }
    }

    fn outcomes(&mut self, batch: &[Request]) -> Result<Vec<(Outcome, Encoded)>, DecodeError> {
        let windows = self.encoded(batch)?;
        let outcomes: Vec<Outcome> = match batch[0].kind() {
            Kind::Languages => {
                let found = decode::languages(
                    &mut self.graphs,
                    &self.model.tokens,
                    &windows.iter().collect::<Vec<_>>(),
                )?;
                found.into_iter().map(Outcome::Languages).collect()
            }
            Kind::Decode { search, .. } => {
                let rows: Vec<Row> =
                    batch.iter().zip(&windows).filter_map(|(request, window)| row(request, window)).collect();
                let found = decode::decode(&mut self.graphs, &self.rules, &self.model.tokens, &rows, search)?;
                found.into_iter().map(Outcome::Decoded).collect()
            }
            Kind::Attention => {
                let mut heads = self.model.generation.alignment_heads.clone().unwrap_or_default();
                // Some published models still name the heads of the larger one that they were made from.
                heads.retain(|(_, head)| *head < self.model.config.decoder_attention_heads);
                let rows: Vec<(&Encoded, &[u32])> = batch
                    .iter()
                    .zip(&windows)
                    .filter_map(|(request, window)| match &request.work {
                        Work::Attention { ids } => Some((window, ids.as_slice())),
                        _ => None,
                    })
                    .collect();
                let found = self.graphs.attention(&rows, &heads, self.model.tokens.end)?;
                found.into_iter().map(Outcome::Attention).collect()
            }
        };
        Ok(outcomes.into_iter().zip(windows).collect())
    }

    /// The states of each window; those that are not known yet are computed.
    fn encoded(&mut self, batch: &[Request]) -> Result<Vec<Encoded>, DecodeError> {
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

fn row(request: &Request, window: &Encoded) -> Option<Row> {
    match &request.work {
        Work::Decode { prompt, temperature, seed, .. } => Some(Row {
            encoded: window.clone(),
            prompt: prompt.clone(),
            temperature: *temperature,
            seed: *seed,
            cancel: request.cancel.clone(),
        }),
        _ => None,
    }
}

/// The next batch: of the kind that has waited longest, urgent ones before others, and the jobs in turn.
fn take_batch(waiting: &mut VecDeque<Request>, max_rows: usize) -> Vec<Request> {
    let first = waiting.iter().position(|request| request.urgent).unwrap_or(0);
    let Some(kind) = waiting.get(first).map(Request::kind) else { return Vec::new() };
    let room = match kind {
        Kind::Decode { search: Search::Beam, .. } => (max_rows / decode::BEAM).max(1),
        _ => max_rows,
    };
    let mut taken: Vec<Request> = Vec::with_capacity(room);
    while taken.len() < room {
        let turns = |job: u64| taken.iter().filter(|request| request.job == job).count();
        let next = waiting
            .iter()
            .enumerate()
            .filter(|(_, request)| request.kind() == kind)
            .min_by_key(|(place, request)| (!request.urgent, turns(request.job), *place))
            .map(|(place, _)| place);
        match next.and_then(|place| waiting.remove(place)) {
            Some(request) => taken.push(request),
            None => break,
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(job: u64, prompt: usize, urgent: bool) -> Request {
        Request {
            job,
            urgent,
            features: Features::Spectrogram(Arc::default()),
            work: Work::Decode { prompt: vec![0; prompt], temperature: 0.0, seed: 0, search: Search::Sample },
            cancel: Default::default(),
            reply: Reply::new(|_, _| ()),
        }
    }

    fn jobs(batch: &[Request]) -> Vec<u64> {
        batch.iter().map(|request| request.job).collect()
    }

    #[test]
    fn jobs_take_turns_and_only_prompts_of_one_length_share_a_batch() {
        let mut waiting: VecDeque<Request> = [(1, 3), (1, 3), (1, 3), (2, 3), (3, 4), (2, 3)]
            .map(|(job, prompt)| request(job, prompt, false))
            .into();
        assert_eq!(jobs(&take_batch(&mut waiting, 4)), [1, 2, 1, 2]);
        assert_eq!(jobs(&take_batch(&mut waiting, 4)), [1]);
        assert_eq!(jobs(&take_batch(&mut waiting, 4)), [3]);
        assert!(take_batch(&mut waiting, 4).is_empty());
    }

    #[test]
    fn what_is_urgent_goes_first() {
        let mut waiting: VecDeque<Request> =
            [request(1, 3, false), request(2, 4, true), request(1, 3, false)].into();
        assert_eq!(jobs(&take_batch(&mut waiting, 4)), [2]);
    }

    #[test]
    fn a_request_that_nobody_takes_is_answered() {
        let (answers, answered) = channel();
        drop(Reply::new(move |outcome, _| {
            let _ = answers.send(matches!(outcome, Outcome::Failed(_)));
        }));
        assert_eq!(answered.recv(), Ok(true));
    }
}
