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

/// The same where the disk did not take all of the rest.
const TRY_MORE_AGAIN: &str = "a part of the rest is kept; the same command with --resume does these stretches and what is missing again";

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
    /// There is no transcript: it failed, or somebody wanted it to stop.
    Broken { failure: Failure, kept: Kept },
    /// Somebody wanted it to stop before it began.
    NotBegun,
}

/// What is kept of a recording for a later run.
enum Kept {
    /// Nothing, or nothing that a run goes on from.
    Nothing,
    /// All of it, which was delivered: of use only as long as another one has to be gone on with, since the same command
    /// would do this one anew.
    Whole(Released),
    /// All of it that the engine did not fail on, or as much as the disk took. Its own advice says so.
    Rest(Released),
    /// What was done before it was broken off.
    Part(Released),
}

/// What became of the recordings so far.
#[derive(Default)]
struct Sum {
    failures: Vec<Failure>,
    not_begun: usize,
    kept: Vec<Kept>,
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
        let goes_on = sum.goes_on();
        sum.forget_what_is_done();
        let Some(last) = sum.failures.pop() else { return Ok(()) };
        for failure in sum.failures {
            for line in failure.lines() {
                note(line);
            }
        }
        Err(last.advise_if(goes_on, GO_ON))
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
                Ok(()) => match holes(file, &transcript) {
                    Some(failure) => {
                        let work = checkpoint.and_then(Checkpoint::with_work);
                        let advice =
                            if transcript.info.not_resumable.is_none() { TRY_AGAIN } else { TRY_MORE_AGAIN };
                        sum.fail(failure.advise_if(work.is_some(), advice), Kept::of(work, Kept::Rest));
                    }
                    None => sum.kept.push(Kept::of(checkpoint.map(Checkpoint::release), Kept::Whole)),
                },
                Err(failure) if failure.is_of_the_reader() => {
                    checkpoint.into_iter().for_each(Checkpoint::forget);
                }
                // A text that could not be written would have to be made again.
                Err(failure) => sum.fail(failure, Kept::part(checkpoint)),
            },
            Ended::Broken { failure, kept } => sum.fail(failure, kept),
            Ended::NotBegun => sum.not_begun += 1,
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
    fn fail(&mut self, failure: Failure, kept: Kept) {
        self.failures.push(failure);
        self.kept.push(kept);
    }

    /// Whether the same command can go on where this one was broken off.
    fn goes_on(&self) -> bool {
        self.kept.iter().any(|kept| match kept {
            Kept::Part(_) => true,
            Kept::Whole(_) | Kept::Rest(_) => self.not_begun > 0,
            Kept::Nothing => false,
        })
    }

    /// Removes what was delivered as a whole, unless something else has to be gone on with.
    fn forget_what_is_done(&mut self) {
        let waits = |kept: &Kept| matches!(kept, Kept::Part(_) | Kept::Rest(_));
        if self.not_begun > 0 || self.kept.iter().any(waits) {
            return;
        }
        self.kept.drain(..).for_each(Kept::forget);
    }
}

impl Kept {
    fn of(released: Option<Released>, kept: impl FnOnce(Released) -> Self) -> Self {
        released.map_or(Self::Nothing, kept)
    }

    /// What a recording that was broken off leaves, if that is any work.
    fn part(checkpoint: Option<Checkpoint>) -> Self {
        Self::of(checkpoint.and_then(Checkpoint::with_work), Self::Part)
    }

    fn forget(self) {
        match self {
            Self::Whole(released) | Self::Rest(released) | Self::Part(released) => released.forget(),
            Self::Nothing => {}
        }
    }
}

impl Ended {
    fn fell_over(error: &tokio::task::JoinError) -> Self {
        let failure = Failure::new("the transcription fell over").because(error);
        Self::Broken { failure, kept: Kept::Nothing }
    }

    /// Nobody wants it any more.
    fn forget(self) {
        match self {
            Self::Done { checkpoint, .. } => checkpoint.into_iter().for_each(Checkpoint::forget),
            Self::Broken { kept, .. } => kept.forget(),
            Self::NotBegun => {}
        }
    }
}

/// Why a transcript is no success although it was delivered: the engine failed on parts of it, and may not when it is asked
/// again.
fn holes(file: &Path, transcript: &Transcript) -> Option<Failure> {
    let failed = transcript.info.lost.iter().filter(|part| part.to == LostTo::Engine);
    let spans: Vec<String> =
        failed.map(|part| format!("{}-{}", clock(part.start), clock(part.end))).collect();
    let what =
        format!("{}: no text for {}, the speech engine failed there", file.display(), spans.join(", "));
    (!spans.is_empty()).then(|| Failure::new(what))
}

/// What is true of a recording that was broken off.
fn stopped(path: &Path, reached: Option<String>, checkpoint: Option<Checkpoint>) -> Ended {
    let at =
        reached.map_or_else(|| "stopped before its first text".to_owned(), |at| format!("stopped at {at}"));
    let kept = Kept::part(checkpoint);
    let what = if path.as_os_str() == STANDARD_INPUT {
        format!("{at}; the rest of standard input was not read")
    } else if matches!(kept, Kept::Nothing) {
        format!("{}: {at}; nothing of it is kept", path.display())
    } else {
        format!("{}: {at}", path.display())
    };
    Ended::Broken { failure: Failure::new(what), kept }
}

/// What is told of a recording that gave no transcript.
fn failed(path: &Path, error: &TranscriptionError, checkpoint: Option<Checkpoint>) -> Ended {
    let what = format!("{} is not transcribed [{}]", path.display(), error.code());
    let mut failure = Failure::new(what).because(error);
    let kept = match error {
        TranscriptionError::NoAudio { .. }
        | TranscriptionError::Unreadable { .. }
        | TranscriptionError::Unsuitable(_) => {
            checkpoint.into_iter().for_each(Checkpoint::forget);
            Kept::Nothing
        }
        TranscriptionError::Checkpoint { .. } => {
            failure = failure.advise("without --resume it starts anew");
            // It stays, but what is in it cannot be gone on from.
            Kept::Nothing
        }
        TranscriptionError::Engine(_) | TranscriptionError::Cancelled => Kept::part(checkpoint),
    };
    Ended::Broken { failure, kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How the work ends when the engine fails and this is kept, what the command says, and whether it is kept still.
    fn engine_failed(kept: &str) -> (bool, bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept");
        std::fs::write(&path, kept).unwrap();
        let error = TranscriptionError::Engine("it has stopped".into());
        let Ended::Broken { failure, kept } =
            failed(Path::new("minutes.wav"), &error, Some(Checkpoint::at(&path)))
        else {
            panic!("it gave no transcript")
        };
        let mut sum = Sum::default();
        sum.fail(failure, kept);
        let goes_on = sum.goes_on();
        sum.forget_what_is_done();
        (goes_on, path.exists())
    }

    #[test]
    fn an_engine_that_fails_leaves_what_was_done_and_says_so() {
        assert_eq!(engine_failed("the options\na window\n"), (true, true));
    }

    #[test]
    fn where_nothing_was_done_nothing_is_kept_or_promised() {
        for kept in ["", "the options\n", "the options\na line that the full disk cut"] {
            assert_eq!(engine_failed(kept), (false, false), "{kept}");
        }
    }
}
