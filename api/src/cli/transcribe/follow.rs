//! What a person sees while recordings are transcribed: a bar for each, and text as it comes.

use std::{
    collections::BTreeSet,
    io::IsTerminal,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{
    formats::{Format, clock},
    pace::Pace,
};
use crate::{
    cli::{Failure, Outcome, Printer, note},
    compose::speech::{Cancel, Flag, Progress, Samples, Span, Transcript, Watcher},
};

/// How often a bar is drawn while nothing moves, so that its clock runs.
const REDRAWN: Duration = Duration::from_millis(250);

/// Where there is no terminal, a line of progress comes at most this often for each recording.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// The terminal.
pub struct Screen {
    bars: Option<MultiProgress>,
    quiet: bool,
    /// The format in which segments are printed as they come, where there is one recording.
    live: Option<Format>,
    /// Why what came could not be printed; nothing is printed any more.
    unprinted: Mutex<Option<Failure>>,
    /// Stops the work that nobody reads.
    cancel: Cancel,
}

impl Screen {
    pub fn new(quiet: bool, live: Option<Format>, cancel: Cancel) -> Self {
        let bars = (!quiet && std::io::stderr().is_terminal()).then(MultiProgress::new);
        let live = live.filter(|format| *format != Format::Json);
        Self { bars, quiet, live, unprinted: Mutex::new(None), cancel }
    }

    /// Whether segments were printed already.
    pub fn streams(&self) -> bool {
        self.live.is_some()
    }

    /// Follows one recording, of which these stretches were asked for. `nothing` is why nothing of it is kept, for somebody
    /// who wants to go on.
    pub fn follow(&self, file: &Path, ranges: &[Span], nothing: Option<&'static str>) -> Follower<'_> {
        Follower {
            screen: self,
            name: file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned(),
            bar: None,
            pace: Pace::new(ranges.to_vec()),
            started: Instant::now(),
            line: Duration::ZERO,
            nothing,
            printed: 0,
        }
    }

    /// Whether nobody reads standard output any more.
    pub fn is_unread(&self) -> bool {
        let unprinted = self.unprinted.lock().unwrap_or_else(PoisonError::into_inner);
        unprinted.as_ref().is_some_and(Failure::is_of_the_reader)
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
            let names: Vec<&str> = flags.into_iter().map(Flag::name).collect();
            remarks.push(format!(
                "{name}: {doubtful} of {} segments are doubtful ({})",
                transcript.segments.len(),
                names.join(", ")
            ));
        }
        remarks
    }

    fn bar(&self, name: &str, length: Option<Samples>) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        let mut bar =
            length.map_or_else(ProgressBar::no_length, |length| ProgressBar::new(length.milliseconds()));
        let template =
            if length.is_some() { "{prefix} [{bar:30}] {msg}" } else { "{prefix} {spinner} {msg}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar = bar.with_style(style.progress_chars("=> "));
        }
        // All of it before it is shown for the first time.
        let bar = bars.add(bar.with_prefix(name.to_owned()).with_message("listening"));
        bar.enable_steady_tick(REDRAWN);
        Some(bar)
    }

    /// Says something between the bars.
    pub fn say(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| note(text)),
            None => note(text),
        }
    }

    /// The same to somebody who wants to hear it.
    pub fn remark(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Prints between the bars. When nobody reads any more, the work ends; nothing more is printed.
    pub fn print(&self, print: impl FnOnce(Printer) -> Outcome) -> Outcome {
        let printed = match &self.bars {
            Some(bars) => bars.suspend(|| print(Printer)),
            None => print(Printer),
        };
        if let Err(failure) = &printed
            && failure.is_of_the_reader()
        {
            let mut unprinted = self.unprinted.lock().unwrap_or_else(PoisonError::into_inner);
            unprinted.get_or_insert_with(Failure::reader_gone);
            self.cancel.cancel();
        }
        printed
    }

    /// Prints what comes while the work goes on. A fault is told at the end: the recording is worth finishing without it.
    fn print_live(&self, text: &str) {
        let is_over = self.unprinted.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if is_over {
            return;
        }
        if let Err(failure) = self.print(|printer| printer.text(text)) {
            *self.unprinted.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        }
    }
}

/// One recording on the screen.
pub struct Follower<'s> {
    screen: &'s Screen,
    name: String,
    bar: Option<ProgressBar>,
    pace: Pace,
    started: Instant,
    /// When the last line of progress was written.
    line: Duration,
    nothing: Option<&'static str>,
    printed: usize,
}

impl Follower<'_> {
    /// How far it came; none before the first stretch is done.
    pub fn reached(&self) -> Option<String> {
        (self.pace.reached() > Samples(0)).then(|| clock(self.pace.reached()))
    }

    fn opened(&mut self, duration: Option<Samples>) {
        self.pace.opened(duration, self.started.elapsed());
        self.bar = self.screen.bar(&self.name, self.pace.length());
        if let Some(reason) = self.nothing.take() {
            self.screen.remark(&format!("{}: nothing to go on from: {reason}", self.name));
        }
    }

    fn done(&mut self, until: Samples) {
        let now = self.started.elapsed();
        self.pace.done(until, now);
        if let Some(bar) = &self.bar {
            bar.set_position(self.pace.position().milliseconds());
            bar.set_message(self.pace.told(now));
        } else if now.saturating_sub(self.line) >= LINE_EVERY {
            self.line = now;
            self.screen.remark(&format!("{}: {}", self.name, self.pace.told(now)));
        }
    }
}

impl Watcher for Follower<'_> {
    fn progress(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Opened { duration } => self.opened(duration),
            Progress::Segment(segment) => {
                if let Some(format) = self.screen.live {
                    self.printed += 1;
                    let head = if self.printed == 1 { format.head() } else { "" };
                    self.screen.print_live(&format!("{head}{}", format.segment(self.printed, segment)));
                }
            }
            Progress::Done { until } => self.done(until),
            Progress::Resumed { windows } => {
                self.nothing = None;
                self.pace.resumed(windows);
                let stretches = if windows == 1 { "stretch" } else { "stretches" };
                self.screen.remark(&format!("{}: going on after {windows} finished {stretches}", self.name));
            }
            Progress::NotKept(reason) => {
                self.screen.remark(&format!("{}: cannot be resumed any more: {reason}", self.name));
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
