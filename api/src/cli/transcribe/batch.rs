//! The recordings of one command: several are listened to at once, each is delivered in its turn, and what was broken off
//! is told in the end.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::{
    STANDARD_INPUT,
    checkpoints::{Checkpoint, Released},
    follow::Screen,
    formats::{Format, clock},
    targets::target,
};
use crate::{
    cli::{Failure, Outcome, note},
    compose::speech::{
        Cancel, Engine, Job, LostTo, Options, Source, Transcriber, Transcript, TranscriptionError,
    },
};

/// Recordings that are listened to at the same time; their windows share the batches.
const FILES_AT_ONCE: usize = 4;

/// What can be done about work that was broken off.
const GO_ON: &str = "what is done is kept; the same command with --resume goes on from there";

/// What can be done about stretches that the engine failed on.
const TRY_AGAIN: &str = "the rest is kept; the same command with --resume tries these stretches again";

/// What all recordings of a command share.
pub struct Batch {
    pub engine: Engine,
    pub options: Options,
    pub format: Format,
    pub out: Option<PathBuf>,
    pub resume: bool,
    pub screen: Screen,
    pub cancel: Cancel,
}

/// How the work on a recording ended.
enum Ended {
    /// There is a transcript, to be delivered.
    Done { transcript: Box<Transcript>, checkpoint: Option<Checkpoint> },
    /// Somebody wanted it to stop. What is done is kept, if there is a checkpoint.
    Stopped { failure: Failure, checkpoint: Option<Checkpoint> },
    /// Somebody wanted it to stop before it began.
    NotBegun,
    /// There is no transcript. A checkpoint may hold stretches that a later run need not do again.
    Failed { failure: Failure, checkpoint: Option<Checkpoint> },
}

/// What became of the recordings so far.
#[derive(Default)]
struct Sum {
    failures: Vec<Failure>,
    not_begun: usize,
    /// The same command can go on.
    can_go_on: bool,
    /// Work of recordings that need not be done again while others have to be gone on with.
    kept: Vec<Released>,
    /// Work that a later run goes on from.
    is_kept: bool,
}

impl Batch {
    /// Transcribes all files, several at once, and delivers them in the order in which they were named. One that fails does
    /// not stop the others.
    pub async fn all(self: Arc<Self>, files: &[PathBuf]) -> Outcome {
        let mut ended = self.begin(files);
        let mut early: BTreeMap<usize, Ended> = BTreeMap::new();
        let mut sum = Sum::default();
        for (at, file) in files.iter().enumerate() {
            while !early.contains_key(&at)
                && let Some((at, ended)) = ended.recv().await
            {
                early.insert(at, ended);
            }
            let ended = early.remove(&at).unwrap_or(Ended::NotBegun);
            self.count(file, ended, files.len(), &mut sum);
        }
        self.screen.finish();
        if sum.not_begun > 0 {
            let count = sum.not_begun;
            let were = if count == 1 { "was" } else { "were" };
            sum.failures
                .push(Failure::new(format!("{count} of {} recordings {were} not begun", files.len())));
        }
        // As long as something has to be gone on with, the same command would do the others anew.
        if !sum.is_kept {
            sum.kept.into_iter().for_each(Released::forget);
        }
        let Some(last) = sum.failures.pop() else { return Ok(()) };
        for failure in sum.failures {
            for line in failure.lines() {
                note(line);
            }
        }
        Err(last.advise_if(sum.can_go_on, GO_ON))
    }

    /// Begins the files in their order, several at once; tells how each ended, by its number.
    fn begin(self: &Arc<Self>, files: &[PathBuf]) -> UnboundedReceiver<(usize, Ended)> {
        let (tell, hear) = unbounded_channel();
        let queue: VecDeque<(usize, PathBuf)> = files.iter().cloned().enumerate().collect();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..FILES_AT_ONCE.min(files.len()) {
            let (batch, queue, tell) = (Arc::clone(self), Arc::clone(&queue), tell.clone());
            tokio::spawn(async move {
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                while let Some((at, file)) = next() {
                    let batch = Arc::clone(&batch);
                    let work = tokio::task::spawn_blocking(move || batch.one(&file)).await;
                    if tell.send((at, work.unwrap_or_else(|error| Ended::fell_over(&error)))).is_err() {
                        return;
                    }
                }
            });
        }
        hear
    }

    /// Delivers what ended, and counts it.
    fn count(&self, file: &Path, ended: Ended, files: usize, sum: &mut Sum) {
        match ended {
            _ if self.screen.is_unread() => ended.forget(),
            Ended::Done { transcript, checkpoint } => match self.deliver(file, &transcript, files) {
                Ok(()) => match holes(file, &transcript, checkpoint.is_some()) {
                    Some(failure) => sum.fail(failure, checkpoint),
                    None => sum.kept.extend(checkpoint.map(Checkpoint::release)),
                },
                Err(failure) if failure.is_of_the_reader() => {
                    checkpoint.into_iter().for_each(Checkpoint::forget);
                }
                // A text that could not be written would have to be made again.
                Err(failure) => {
                    sum.can_go_on |= checkpoint.is_some();
                    sum.fail(failure, checkpoint);
                }
            },
            Ended::Stopped { failure, checkpoint } => {
                sum.can_go_on |= checkpoint.is_some();
                sum.fail(failure, checkpoint);
            }
            Ended::NotBegun => {
                sum.not_begun += 1;
                sum.can_go_on |= !sum.kept.is_empty();
                sum.is_kept = true;
            }
            Ended::Failed { failure, checkpoint } => sum.fail(failure, checkpoint),
        }
    }

    /// Transcribes one file.
    fn one(&self, path: &Path) -> Ended {
        if self.cancel.is_cancelled() {
            return Ended::NotBegun;
        }
        let is_input = path.as_os_str() == STANDARD_INPUT;
        let checkpoint = if is_input { None } else { self.checkpoint(path) };
        let source = if is_input {
            Source::Stream { name: "standard input".to_owned(), bytes: Box::new(std::io::stdin()) }
        } else {
            Source::File(path.to_owned())
        };
        let kept_at = checkpoint.as_ref().map(|checkpoint| checkpoint.path().to_owned());
        let job = Job { source, options: self.options.clone(), checkpoint: kept_at };
        let nothing = checkpoint.as_ref().filter(|_| self.resume).map(Checkpoint::nothing);
        let mut watcher = self.screen.follow(path, &self.options.ranges, nothing);
        let result = self.engine.transcribe(job, &mut watcher, &self.cancel);
        let reached = watcher.reached();
        drop(watcher);
        match result {
            Ok(transcript) => Ended::Done { transcript: Box::new(transcript), checkpoint },
            Err(TranscriptionError::Cancelled) => stopped(path, reached, checkpoint),
            Err(error) => failed(path, &error, checkpoint),
        }
    }

    /// Where the finished windows of a file are kept, if they can be.
    fn checkpoint(&self, path: &Path) -> Option<Checkpoint> {
        match Checkpoint::open(path, &self.options, &self.engine.loaded().model, self.resume) {
            Ok(checkpoint) => Some(checkpoint),
            Err(error) => {
                let name = path.display();
                if self.resume {
                    self.screen.remark(&format!("{name}: nothing to go on from: {error}"));
                }
                self.screen.remark(&format!("{name}: cannot be resumed if it is broken off: {error}"));
                None
            }
        }
    }

    /// Writes a transcript where it was asked for.
    fn deliver(&self, file: &Path, transcript: &Transcript, files: usize) -> Outcome {
        for line in self.screen.remarks(file, transcript) {
            self.screen.say(&line);
        }
        if let Some(folder) = &self.out {
            let target = target(folder, file, self.format);
            let text = self.format.whole(file, transcript, true)?;
            return std::fs::write(&target, text).map_err(|error| {
                Failure::new(format!("{} cannot be written", target.display())).because(&error)
            });
        }
        if self.screen.streams() {
            return self.screen.end(transcript);
        }
        // Of several, a document a line, so that a program can tell where one ends.
        let text = self.format.whole(file, transcript, files == 1)?;
        self.screen.print(|printer| {
            if files > 1 && self.format == Format::Text {
                printer.line(format_args!("── {}", file.display()))?;
            }
            printer.text(&text)
        })
    }
}

impl Sum {
    fn fail(&mut self, failure: Failure, checkpoint: Option<Checkpoint>) {
        self.failures.push(failure);
        self.is_kept |= checkpoint.is_some();
    }
}

impl Ended {
    fn fell_over(error: &tokio::task::JoinError) -> Self {
        let failure = Failure::new("the transcription fell over").because(error);
        Self::Failed { failure, checkpoint: None }
    }

    /// Nobody wants it any more.
    fn forget(self) {
        match self {
            Self::Done { checkpoint, .. }
            | Self::Stopped { checkpoint, .. }
            | Self::Failed { checkpoint, .. } => checkpoint.into_iter().for_each(Checkpoint::forget),
            Self::NotBegun => {}
        }
    }
}

/// Why a transcript is no success although it was delivered: the engine failed on parts of it, and may not when it is asked
/// again.
fn holes(file: &Path, transcript: &Transcript, is_kept: bool) -> Option<Failure> {
    let failed = transcript.info.lost.iter().filter(|part| part.to == LostTo::Engine);
    let spans: Vec<String> =
        failed.map(|part| format!("{}-{}", clock(part.start), clock(part.end))).collect();
    let what =
        format!("{}: no text for {}, the speech engine failed there", file.display(), spans.join(", "));
    (!spans.is_empty()).then(|| Failure::new(what).advise_if(is_kept, TRY_AGAIN))
}

/// What is true of a recording that was broken off.
fn stopped(path: &Path, reached: Option<String>, checkpoint: Option<Checkpoint>) -> Ended {
    let at =
        reached.map_or_else(|| "stopped before its first text".to_owned(), |at| format!("stopped at {at}"));
    let checkpoint = match checkpoint {
        Some(checkpoint) if !checkpoint.holds_work() => {
            checkpoint.forget();
            None
        }
        checkpoint => checkpoint,
    };
    let what = if path.as_os_str() == STANDARD_INPUT {
        format!("{at}; the rest of standard input was not read")
    } else if checkpoint.is_some() {
        format!("{}: {at}", path.display())
    } else {
        format!("{}: {at}; nothing of it is kept", path.display())
    };
    Ended::Stopped { failure: Failure::new(what), checkpoint }
}

/// What is told of a recording that gave no transcript.
fn failed(path: &Path, error: &TranscriptionError, checkpoint: Option<Checkpoint>) -> Ended {
    let what = format!("{} is not transcribed [{}]", path.display(), error.code());
    let mut failure = Failure::new(what).because(error);
    let checkpoint = match error {
        TranscriptionError::NoAudio { .. }
        | TranscriptionError::Unreadable { .. }
        | TranscriptionError::Unsuitable(_) => {
            checkpoint.into_iter().for_each(Checkpoint::forget);
            None
        }
        TranscriptionError::Checkpoint { .. } => {
            failure = failure.advise("without --resume it starts anew");
            checkpoint
        }
        _ => checkpoint,
    };
    Ended::Failed { failure, checkpoint }
}
