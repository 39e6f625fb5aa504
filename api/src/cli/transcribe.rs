//! `cairn transcribe`: from recordings to text, at a terminal.

mod checkpoints;
mod document;
mod follow;
mod formats;
mod settings;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use tokio::sync::Semaphore;

use self::{
    follow::Screen,
    formats::{Format, clock},
    settings::{EngineSettings, SpeechSettings},
};
use super::{Failure, Interrupt, Outcome, Printer, note, speech::speech_failure};
use crate::compose::speech::{
    Cancel, Engine, Job, LostTo, Options, Source, Transcriber, Transcript, TranscriptionError,
};

pub use self::settings::{EngineSettings as SpeechEngineSettings, MachineSettings as SpeechMachineSettings};

/// Files that are listened to at the same time; their windows share the batches.
const FILES_AT_ONCE: usize = 4;

/// What can be done about work that was broken off.
const GO_ON: &str = "what is done is kept; the same command with --resume goes on from there";

/// What can be done about stretches that the engine failed on.
const TRY_AGAIN: &str = "the rest is kept; the same command with --resume tries these stretches again";

/// Standard input, among the files.
const STANDARD_INPUT: &str = "-";

/// Turn recordings into text on this machine
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn transcribe meeting.m4a --model models/whisper-base
  cairn transcribe call.wav --model base --format srt > call.srt
  cairn transcribe *.mp3 --model base --format vtt --out subtitles
  ffmpeg -i talk.mkv -f wav - | cairn transcribe - --model base
  cairn transcribe long.wav --model base --resume     after Ctrl-C or a crash
  cairn transcribe long.wav --model base --range 12:30-13:10

Text that may be wrong is marked, never left out: [low_confidence], [repetition],
[no_speech_overlap], [rate], [prompt_echo], [uncovered_speech],
[uncertain_language], [second_try].")]
pub struct Transcribe {
    /// Recordings, in any usual format; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    engine: EngineSettings,
    #[command(flatten)]
    speech: SpeechSettings,
    /// How the text is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write a file for each recording into this folder, instead of standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on where an earlier run of the same command stopped
    #[arg(long)]
    resume: bool,
    /// No progress bar
    #[arg(long)]
    quiet: bool,
}

/// What all files of a run share.
struct Run {
    engine: Engine,
    options: Options,
    format: Format,
    out: Option<PathBuf>,
    resume: bool,
    cancel: Cancel,
    screen: Screen,
}

impl Transcribe {
    pub async fn run(self) -> Outcome {
        self.check()?;
        let options = self.speech.options()?;
        let engine_options = self.engine.options();
        let engine = tokio::task::spawn_blocking(move || Engine::start(&engine_options))
            .await
            .map_err(|error| Failure::new("the speech engine fell over").because(&error))?
            .map_err(|error| speech_failure("the speech engine does not start", &error))?;
        if let Some(folder) = &self.out {
            std::fs::create_dir_all(folder).map_err(|error| {
                Failure::new(format!("{} cannot be made", folder.display())).because(&error)
            })?;
        }
        if !self.quiet {
            note(format_args!(
                "{} ({}) on {}: {}",
                engine.model().name(),
                engine.model().precision,
                engine.device().name(),
                engine.device_reason()
            ));
        }
        let cancel = Cancel::default();
        let mut interrupt = Interrupt::listen();
        let stop = cancel.clone();
        tokio::spawn(async move {
            interrupt.asked().await;
            stop.cancel();
        });
        let streams = self.files.len() == 1 && self.out.is_none();
        let run = Arc::new(Run {
            engine,
            options,
            format: self.format,
            out: self.out,
            resume: self.resume,
            cancel,
            screen: Screen::new(self.quiet, streams.then_some(self.format)),
        });
        all(&run, &self.files).await
    }

    fn check(&self) -> Outcome {
        let inputs = self.files.iter().filter(|file| file.as_os_str() == STANDARD_INPUT).count();
        if inputs > 1 {
            return Err(Failure::usage("standard input can be read once only"));
        }
        if inputs > 0 && self.resume {
            return Err(Failure::usage("standard input cannot be resumed: what was read of it is gone")
                .advise("write it to a file first"));
        }
        if self.files.len() > 1 && self.out.is_none() && matches!(self.format, Format::Srt | Format::Vtt) {
            return Err(
                Failure::usage("subtitles of several recordings need a folder").advise("add --out DIR")
            );
        }
        let mut targets: HashMap<PathBuf, &Path> = HashMap::new();
        for file in &self.files {
            let Some(target) = self.out.as_ref().map(|folder| target(folder, file, self.format)) else {
                break;
            };
            if let Some(other) = targets.insert(target.clone(), file) {
                return Err(Failure::usage(format!(
                    "{} and {} would both be written to {}",
                    other.display(),
                    file.display(),
                    target.display()
                ))
                .advise("transcribe them one after another, each with an --out of its own"));
            }
        }
        Ok(())
    }
}

/// Transcribes all files, several at once, and prints them in the order in which they were named. One that fails does not
/// stop the others.
async fn all(run: &Arc<Run>, files: &[PathBuf]) -> Outcome {
    let places = Arc::new(Semaphore::new(FILES_AT_ONCE));
    let mut waiting = Vec::with_capacity(files.len());
    for file in files {
        let (run, places, path) = (Arc::clone(run), Arc::clone(&places), file.clone());
        waiting.push(tokio::spawn(async move {
            let _place = places.acquire_owned().await;
            tokio::task::spawn_blocking(move || one(&run, &path)).await
        }));
    }
    let mut failed = Vec::new();
    for (file, task) in files.iter().zip(waiting) {
        let outcome = match task.await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) | Err(error) => Err(Failure::new("the transcription fell over").because(&error)),
        };
        let outcome = outcome.and_then(|done| {
            deliver(run, file, &done.transcript, files.len())
                .map_err(|failure| failure.advise_if(done.checkpoint.is_some(), GO_ON))?;
            whole(file, &done)?;
            // Only now: a text that could not be written would have to be made again.
            done.checkpoint.iter().for_each(|checkpoint| checkpoints::forget(checkpoint));
            Ok(())
        });
        if let Err(failure) = outcome {
            failed.push(failure);
        }
    }
    run.screen.finish();
    let last = failed.pop();
    for failure in failed {
        for line in failure.lines() {
            note(line);
        }
    }
    last.map_or(Ok(()), Err)
}

/// Where the finished windows of a file are kept, if they can be. Without `--resume` earlier ones are forgotten.
fn place(run: &Run, path: &Path) -> Option<PathBuf> {
    let checkpoint = checkpoints::place(path, &run.options, run.engine.model())?;
    if run.resume {
        return Some(checkpoint);
    }
    checkpoints::forget(&checkpoint);
    match checkpoints::is_usable(&checkpoint) {
        Ok(()) => Some(checkpoint),
        Err(error) => {
            run.screen.remark(&format!(
                "{}: cannot be resumed if it is broken off: {} cannot be written: {error}",
                path.display(),
                checkpoint.display()
            ));
            None
        }
    }
}

/// A transcript, and where its windows are kept until it is delivered.
struct Done {
    transcript: Transcript,
    checkpoint: Option<PathBuf>,
}

/// Refuses a transcript with holes where the engine failed: it was delivered, but asking again may give the rest.
fn whole(file: &Path, done: &Done) -> Outcome {
    let failed = done.transcript.info.lost.iter().filter(|part| part.to == LostTo::Engine);
    let spans: Vec<String> =
        failed.map(|part| format!("{}-{}", clock(part.start), clock(part.end))).collect();
    if spans.is_empty() {
        return Ok(());
    }
    let what =
        format!("{}: no text for {}, the speech engine failed there", file.display(), spans.join(", "));
    Err(Failure::new(what).advise_if(done.checkpoint.is_some(), TRY_AGAIN))
}

/// Transcribes one file.
fn one(run: &Run, path: &Path) -> Outcome<Done> {
    let input = path.as_os_str() == STANDARD_INPUT;
    let checkpoint = if input { None } else { place(run, path) };
    let source = if input {
        Source::Stream { name: "standard input".to_owned(), bytes: Box::new(std::io::stdin()) }
    } else {
        Source::File(path.to_owned())
    };
    let job = Job { source, options: run.options.clone(), checkpoint: checkpoint.clone() };
    let mut watcher = run.screen.follow(path);
    let result = run.engine.transcribe(job, &mut watcher, &run.cancel);
    let reached = watcher.reached();
    drop(watcher);
    match result {
        Ok(transcript) => Ok(Done { transcript, checkpoint }),
        Err(TranscriptionError::Cancelled) if input => {
            Err(Failure::new(format!("stopped at {reached}; the rest of standard input was not read")))
        }
        Err(TranscriptionError::Cancelled) if checkpoint.is_none() => {
            Err(Failure::new(format!("{}: stopped at {reached}; nothing of it is kept", path.display())))
        }
        Err(TranscriptionError::Cancelled) => {
            Err(Failure::new(format!("{}: stopped at {reached}", path.display())).advise(GO_ON))
        }
        Err(error) => {
            let code = error.code();
            let no_audio =
                matches!(error, TranscriptionError::NoAudio { .. } | TranscriptionError::Unreadable { .. });
            if let Some(checkpoint) = checkpoint.filter(|_| no_audio) {
                checkpoints::forget(&checkpoint);
            }
            Err(Failure::new(format!("{} is not transcribed [{code}]", path.display())).because(&error))
        }
    }
}

/// The file of a recording's text: its name with the format's ending instead of its own.
fn target(folder: &Path, file: &Path, format: Format) -> PathBuf {
    let name = if file.as_os_str() == STANDARD_INPUT { Path::new("standard-input") } else { file };
    folder.join(name.file_name().unwrap_or_default()).with_extension(format.extension())
}

/// Writes a transcript where it was asked for.
fn deliver(run: &Run, file: &Path, transcript: &Transcript, files: usize) -> Outcome {
    for line in run.screen.remarks(file, transcript) {
        note(line);
    }
    if let Some(folder) = &run.out {
        let target = target(folder, file, run.format);
        let text = run.format.whole(file, transcript, true)?;
        return std::fs::write(&target, text).map_err(|error| {
            Failure::new(format!("{} cannot be written", target.display())).because(&error)
        });
    }
    if run.screen.streams() {
        return run.screen.end(transcript);
    }
    let printer = Printer;
    if files > 1 && run.format == Format::Text {
        printer.line(format_args!("── {}", file.display()))?;
    }
    // Of several, a document a line, so that a program can tell where one ends.
    let text = run.format.whole(file, transcript, files == 1)?;
    printer.text(&text)
}
