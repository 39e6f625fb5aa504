use std::sync::Arc;

use clap::Args;
use commands::ports::Position;
use projections::runner::{Phase, ReadSide, Rebuilt, RunError};
use serde::Serialize;

use super::{Context, Failure, Interrupt, Outcome, Place, Printer, Progress, Settled, Table, grouped};
use crate::compose::{self, Stores};

/// Build read models anew from the log, while commands and queries go on
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn rebuild lot_board              one read model
  cairn rebuild                        all of them
  cairn rebuild lot_board --store postgres://cairn@db/cairn --json

The new version fills tables of its own, catches up, and takes over in one transaction; until then, and when it is \
interrupted by Ctrl-C, readers keep the old one.")]
pub struct Rebuild {
    /// The read models [default: all]
    #[arg(value_name = "READ_MODEL")]
    read_models: Vec<String>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Line {
    read_model: String,
    version: u32,
    position: u64,
    events: u64,
    rows_written: u64,
    seconds: f64,
    /// Whether the new rows equal the old ones; none where there were none of the same shape.
    equal: Option<bool>,
    /// Events that could not be folded, and those behind them: see `cairn parked`.
    parked: usize,
}

impl Rebuild {
    pub async fn run(self) -> Outcome {
        let settled = self.place.settle()?;
        let stores = settled.open_existing().await?;
        let side = stand_by(&stores, &settled).await?;
        let wanted = wanted(&side, &self.read_models)?;
        let head =
            stores.events.head().await.or_fail(|| format!("the log {} does not answer", settled.url))?;
        let mut interrupt = Interrupt::listen();
        let mut lines = Vec::new();
        let mut outcome = Ok(());
        for (at, model) in wanted.iter().enumerate() {
            match rebuild(&side, model, head, &mut interrupt).await {
                Ok(rebuilt) => lines.push(line(&rebuilt)),
                Err(failure) => {
                    let again = format!("cairn rebuild {}{}", wanted[at..].join(" "), settled.flags());
                    outcome = Err(failure.advised(&again));
                    break;
                }
            }
        }
        // What was rebuilt has taken over, whatever became of the rest.
        let printer = Printer;
        if self.json {
            printer.json(&lines)?;
        } else if !lines.is_empty() {
            printer.table(&table(&lines))?;
        }
        outcome
    }
}

/// The read models of a place, not kept current by this process.
pub async fn stand_by(stores: &Stores, settled: &Settled) -> Outcome<Arc<ReadSide>> {
    let opened = compose::stand_by(stores, &settled.url).await;
    opened.map_err(|error| settled.no_read_models(&error))
}

/// The known names among the given ones: all when none is given.
fn wanted(side: &ReadSide, given: &[String]) -> Outcome<Vec<&'static str>> {
    if given.is_empty() {
        return Ok(side.models().iter().map(|model| model.name).collect());
    }
    given.iter().map(|name| known_model(side, name)).collect()
}

/// A read model of that name; another name is a mistake of the command line.
pub fn known_model(side: &ReadSide, name: &str) -> Outcome<&'static str> {
    let known: Vec<&'static str> = side.models().iter().map(|model| model.name).collect();
    known.iter().find(|known| **known == name).copied().ok_or_else(|| {
        Failure::usage(format!("there is no read model {name}"))
            .advise(format!("one or several of: {}", known.join(", ")))
    })
}

async fn rebuild(
    side: &ReadSide,
    model: &'static str,
    head: Position,
    interrupt: &mut Interrupt,
) -> Result<Rebuilt, Broken> {
    let failed = || format!("{model} could not be rebuilt; its readers keep the rows that they have");
    let broken = |error: RunError| Broken { failure: Failure::new(failed()).because(&error), error };
    let rebuild = side.rebuild(model).map_err(broken)?;
    let mut progress = Progress::start(format!("rebuilding {model}"), "events", head, false);
    let rebuilt = rebuild
        .run_until(interrupt.asked(), &mut |now| {
            if now.phase != Phase::Folding {
                progress.phase(format!("{} {model}", phase(now.phase)));
            }
            progress.reached(now.position, now.target);
        })
        .await;
    progress.finish();
    rebuilt.map_err(broken)
}

/// A rebuild that came to no end.
struct Broken {
    failure: Failure,
    error: RunError,
}

impl Broken {
    /// What to do, where `again` rebuilds what is left: not every rebuild goes on where this one stopped.
    fn advised(self, again: &str) -> Failure {
        match self.error {
            RunError::RebuildRunning { .. } => self
                .failure
                .advise("wait for it; the claim of one that was interrupted ends after 10 seconds")
                .advise(format!("{again}   goes on where it stopped")),
            RunError::SkippedMeanwhile { .. } => self.failure.advise(format!("{again}   begins anew")),
            // The error names the program that can.
            RunError::NewerIsLive { .. } => self.failure,
            _ => self.failure.advise(format!("{again}   goes on where it stopped")),
        }
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Folding => "rebuilding",
        Phase::Indexing => "indexing",
        Phase::TakingOver => "comparing",
    }
}

fn line(rebuilt: &Rebuilt) -> Line {
    Line {
        read_model: rebuilt.build.model.clone(),
        version: rebuilt.build.version,
        position: rebuilt.position,
        events: rebuilt.events,
        rows_written: rebuilt.rows_written,
        seconds: rebuilt.folding.as_secs_f64(),
        equal: (!rebuilt.comparisons.is_empty()).then(|| rebuilt.is_equal()),
        parked: rebuilt.parked_events,
    }
}

fn table(lines: &[Line]) -> Table {
    let columns = Table::default().column("read model").numbers("events").numbers("rows written");
    let mut table = columns
        .numbers("seconds")
        .numbers("position")
        .numbers("parked")
        .column("compared with the rows before");
    for line in lines {
        table.row([
            line.read_model.clone(),
            grouped(line.events.cast_signed()),
            grouped(line.rows_written.cast_signed()),
            format!("{:.2}", line.seconds),
            line.position.to_string(),
            line.parked.to_string(),
            match line.equal {
                Some(true) => "equal".to_owned(),
                Some(false) => "DIFFERENT: the rows before were wrong".to_owned(),
                None => "there were none".to_owned(),
            },
        ]);
    }
    table
}
