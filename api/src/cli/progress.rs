//! Long work shows a bar on a terminal, and lines of progress elsewhere. Both go to standard error.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{grouped, printer::note};

/// Where there is no terminal, a line comes at most this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The progress of one piece of long work.
#[derive(Debug)]
pub struct Progress {
    what: String,
    total: u64,
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    Lines { last: Instant },
    Nothing,
}

impl Progress {
    /// Begins. `what` is what is being done: `rebuilding lot_board`. `unit` is what is counted: `events`.
    pub fn start(what: impl Into<String>, unit: &'static str, total: u64, quiet: bool) -> Self {
        let what = what.into();
        let shown = if quiet {
            Shown::Nothing
        } else if std::io::stderr().is_terminal() {
            Shown::Bar(bar(&what, unit, total))
        } else {
            note(format_args!("{what}: {} {unit}", grouped(total.cast_signed())));
            Shown::Lines { last: Instant::now() }
        };
        Self { what, total, shown }
    }

    /// So much is done, of `total`, which may have grown.
    pub fn reached(&mut self, done: u64, total: u64) {
        self.total = total;
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_length(total);
                bar.set_position(done);
            }
            Shown::Lines { last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                let share = done.saturating_mul(100).checked_div(total).unwrap_or(100);
                note(format_args!(
                    "{}: {} of {} ({share} %)",
                    self.what,
                    grouped(done.cast_signed()),
                    grouped(total.cast_signed())
                ));
            }
            Shown::Lines { .. } | Shown::Nothing => {}
        }
    }

    /// What is being worked on now changes, such as the day of a plant.
    pub fn phase(&mut self, what: impl Into<String>) {
        self.what = what.into();
        match &self.shown {
            Shown::Bar(bar) => bar.set_message(self.what.clone()),
            // The next line of progress will tell.
            Shown::Lines { .. } | Shown::Nothing => {}
        }
    }

    /// Ends; the bar goes away, so that what follows stands alone.
    pub fn finish(self) {
        if let Shown::Bar(bar) = self.shown {
            bar.finish_and_clear();
        }
    }
}

fn bar(what: &str, unit: &str, total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total).with_message(what.to_owned());
    let template = format!("{{msg}} [{{bar:30}}] {{human_pos}}/{{human_len}} {unit}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
