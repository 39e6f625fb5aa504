//! What a person sees while recordings are transcribed: a bar for each, and text as it comes.

use std::{
    collections::BTreeSet,
    io::IsTerminal,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::formats::{Format, clock, name_of};
use crate::{
    cli::{Failure, Outcome, Printer, note},
    compose::speech::{Flag, Progress, Samples, Transcript},
};

/// How often a bar is drawn while nothing moves, so that its clock runs.
const REDRAWN: Duration = Duration::from_millis(250);

/// The terminal.
pub struct Screen {
    bars: Option<MultiProgress>,
    quiet: bool,
    /// The format in which segments are printed as they come, where there is one recording.
    live: Option<Format>,
    /// Why what came could not be printed; nothing is printed any more.
    unprinted: Mutex<Option<Failure>>,
}

impl Screen {
    pub fn new(quiet: bool, live: Option<Format>) -> Self {
        let bars = (!quiet && std::io::stderr().is_terminal()).then(MultiProgress::new);
        Self { bars, quiet, live: live.filter(|format| *format != Format::Json), unprinted: Mutex::new(None) }
    }

    /// Whether segments were printed already.
    pub fn streams(&self) -> bool {
        self.live.is_some()
    }

    /// Follows one recording.
    pub fn follow(&self, file: &Path) -> Follower<'_> {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        Follower { screen: self, name, bar: None, reached: Samples(0), printed: 0 }
    }

    /// Ends what was printed as it came, and tells if it could not be.
    pub fn end(&self, transcript: &Transcript) -> Outcome {
        if let Some(failure) = self.unprinted.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(failure);
        }
        // A document of subtitles without any still is one.
        match self.live {
            Some(format) if transcript.segments.is_empty() => Printer.text(format.head()),
            _ => Ok(()),
        }
    }

    /// The bars go away.
    pub fn finish(&self) {
        if let Some(bars) = &self.bars {
            let _terminal_gone = bars.clear();
        }
    }

    /// What should be known of a transcript beside its text.
    pub fn remarks(&self, file: &Path, transcript: &Transcript) -> Vec<String> {
        let info = &transcript.info;
        let name = file.display();
        let mut remarks = Vec::new();
        if let Some(reason) = &info.empty_because {
            remarks.push(format!("{name}: no text, {reason}"));
        }
        if let Some(reason) = &info.word_timestamps {
            remarks.push(format!("{name}: word times are {reason}"));
        }
        for part in &info.lost {
            remarks.push(format!(
                "{name}: {}-{} is lost: {}",
                clock(part.start),
                clock(part.end),
                part.reason
            ));
        }
        let doubtful = transcript.segments.iter().filter(|segment| !segment.flags.is_empty()).count();
        if doubtful > 0 {
            let flags: BTreeSet<Flag> =
                transcript.segments.iter().flat_map(|segment| segment.flags.iter().copied()).collect();
            let names: Vec<String> = flags.iter().map(name_of).collect();
            remarks.push(format!(
                "{name}: {doubtful} of {} segments are doubtful ({})",
                transcript.segments.len(),
                names.join(", ")
            ));
        }
        remarks
    }

    fn bar(&self, name: &str, duration: Option<Samples>) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        let bar = match duration {
            Some(duration) => ProgressBar::new(duration.milliseconds()),
            None => ProgressBar::no_length(),
        };
        let template = match duration {
            Some(_) => "{prefix} [{bar:30}] {msg}, {eta} left",
            None => "{prefix} {spinner} {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(name.to_owned());
        let bar = bars.add(bar);
        bar.enable_steady_tick(REDRAWN);
        Some(bar)
    }

    /// Says something between the bars, to somebody who wants to hear it.
    pub fn remark(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| note(text)),
            None if self.quiet => {}
            None => note(text),
        }
    }

    /// Prints between the bars. What fails is told at the end: the recording is worth finishing without a reader.
    fn print(&self, text: &str) {
        let mut unprinted = self.unprinted.lock().unwrap_or_else(PoisonError::into_inner);
        if unprinted.is_some() {
            return;
        }
        let printed = match &self.bars {
            Some(bars) => bars.suspend(|| Printer.text(text)),
            None => Printer.text(text),
        };
        *unprinted = printed.err();
    }
}

/// One recording on the screen.
pub struct Follower<'s> {
    screen: &'s Screen,
    name: String,
    bar: Option<ProgressBar>,
    reached: Samples,
    printed: usize,
}

impl Follower<'_> {
    /// How far it came.
    pub fn reached(&self) -> String {
        clock(self.reached)
    }

    fn speed(&self) -> Option<String> {
        let bar = self.bar.as_ref()?;
        let elapsed = bar.elapsed().as_secs_f64();
        let speed = if elapsed > 0.5 {
            format!(", {:.0} × real time", self.reached.seconds() / elapsed)
        } else {
            String::new()
        };
        Some(format!("{}{speed}", clock(self.reached)))
    }
}

impl crate::compose::speech::Watcher for Follower<'_> {
    fn progress(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Opened { duration } => self.bar = self.screen.bar(&self.name, duration),
            Progress::Segment(segment) => {
                if let Some(format) = self.screen.live {
                    self.printed += 1;
                    let head = if self.printed == 1 { format.head() } else { "" };
                    self.screen.print(&format!("{head}{}", format.segment(self.printed, segment)));
                }
            }
            Progress::Done { until } => {
                self.reached = self.reached.max(until);
                if let (Some(speed), Some(bar)) = (self.speed(), &self.bar) {
                    bar.set_position(until.milliseconds());
                    bar.set_message(speed);
                }
            }
            Progress::Resumed { windows } => {
                let stretches = if windows == 1 { "stretch" } else { "stretches" };
                self.screen.remark(&format!("{}: going on after {windows} finished {stretches}", self.name));
            }
            Progress::Language(_) => {}
        }
    }
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
