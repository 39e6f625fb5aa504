//! `cairn transcribe`: from recordings to text, at a terminal.

mod batch;
mod checkpoints;
mod document;
mod follow;
mod formats;
mod pace;
mod settings;
mod stats;
mod targets;

use std::{path::PathBuf, sync::Arc, time::Instant};

use clap::Args;

use self::{
    batch::Batch,
    follow::Screen,
    formats::Format,
    settings::{EngineSettings, SpeechSettings},
};
use super::{
    Failure, Interrupt, Outcome, note,
    speech::{speech_failure, word_times_step},
};
use crate::compose::speech::{Cancel, Engine, Loaded};

pub use self::settings::{EngineSettings as SpeechEngineSettings, MachineSettings as SpeechMachineSettings};

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

What is done of a recording is kept in the cache folder (speech/unfinished, for
you alone to read) until its command is done, and at most 30 days.

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
    /// Tell in the end where the time went, what was decoded again and why
    #[arg(long)]
    stats: bool,
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
            let Loaded { model, device, device_reason, .. } = engine.loaded();
            note(format_args!(
                "{} ({}) on {}: {device_reason}",
                model.name(),
                model.precision,
                device.name()
            ));
            // Known before hours of work, not after.
            if let Some(step) = word_times_step(&engine).filter(|_| options.words) {
                note(format_args!("there will be no word times: {step}"));
            }
        }
        let cancel = Cancel::default();
        let mut interrupt = Interrupt::listen();
        let stop = cancel.clone();
        tokio::spawn(async move {
            interrupt.asked().await;
            stop.cancel();
        });
        checkpoints::sweep();
        let streams = self.files.len() == 1 && self.out.is_none();
        let batch = Batch {
            engine,
            options,
            format: self.format,
            out: self.out,
            resume: self.resume,
            screen: Screen::new(self.quiet, streams.then_some(self.format), cancel.clone()),
            cancel,
        };
        let (batch, started) = (Arc::new(batch), Instant::now());
        let outcome = Arc::clone(&batch).all(&self.files).await;
        if self.stats {
            for line in stats::lines(&batch.engine.tally(), started.elapsed(), batch.engine.loaded().load_s) {
                note(line);
            }
        }
        outcome
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
        targets::check(&self.files, self.out.as_deref(), self.format)
    }
}
