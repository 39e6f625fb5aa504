use std::sync::{Mutex, PoisonError};

use chrono::Utc;
use clap::Args;

use super::{Context, Failure, Interrupt, Outcome, Place, Printer, Progress, Settled, Table, grouped};
use crate::{
    compose::Stores,
    demo::{self, DemoPlant},
};

/// Load a demo plant: three days of a frozen-food plant, through the real commands
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn demo --data ./data
  cairn demo --store postgres://cairn@db/cairn --json

The plant receives chicken, debones, mixes, skewers, freezes, packs and ships it: some 550 lots with readings, \
inspections, holds and their resolution, a return to a supplier, and shipments to five customers. It prints the \
codes worth trying. Running it again changes nothing; a run that was interrupted goes on where it stopped.")]
pub struct Demo {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub async fn run(self) -> Outcome {
        let settled = self.place.settle()?;
        let stores = settled.open().await?;
        let plant = load(&stores, &settled).await?;
        let printer = Printer;
        if self.json {
            return printer.json(&plant);
        }
        print(&printer, &plant, &settled)?;
        printer.line(format_args!("cairn serve{}", settled.flags()))
    }
}

/// Says what there is, and what to try.
pub fn print(printer: &Printer, plant: &DemoPlant, settled: &Settled) -> Outcome {
    let url = &settled.url;
    let what = if plant.commands_known == plant.commands { "was already in" } else { "is in" };
    printer.line(format_args!(
        "The demo plant {what} {url}: {} lots, {} commands, from {} on.",
        grouped(plant.lots.cast_signed()),
        grouped(plant.commands.cast_signed()),
        plant.first_day
    ))?;
    printer.line(format_args!("Its tenant is {} (`--tenant demo` will do).", plant.tenant))?;
    printer.line("")?;
    let mut table = Table::default().column("worth trying").column("what there is to see");
    for lot in &plant.worth_trying {
        table.row([lot.code.to_string(), lot.what.to_owned()]);
    }
    printer.table(&table)?;
    let Some(first) = plant.worth_trying.first() else { return Ok(()) };
    printer.line("")?;
    printer.line(format_args!("cairn trace {} --forward{}", first.code, settled.flags()))
}

/// Loads the demo plant and shows how far it is.
pub async fn load(stores: &Stores, settled: &Settled) -> Outcome<DemoPlant> {
    let mut interrupt = Interrupt::listen();
    let progress = Progress::start("loading the demo plant", "commands", demo::COMMANDS, false);
    let progress = Mutex::new(progress);
    let watcher = |phase: Option<&str>, answered: u64| {
        let mut progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(phase) = phase {
            progress.phase(phase);
        }
        progress.reached(answered, demo::COMMANDS.max(answered));
    };
    let loaded = tokio::select! {
        loaded = demo::load(stores, Utc::now(), &watcher) => Some(loaded),
        () = interrupt.asked() => None,
    };
    progress.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
    match loaded {
        Some(loaded) => loaded.or_fail(|| format!("the demo plant could not be loaded into {}", settled.url)),
        None => Err(Failure::new("the demo plant is not loaded to its end: interrupted")
            .advise(format!("cairn demo{}   goes on where it stopped", settled.flags()))),
    }
}
