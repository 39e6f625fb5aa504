use clap::Args;
use serde::Serialize;

use super::{Outcome, Place, Printer};
use crate::cli::Context;

/// Bring a log's schema up to date, making the log when it is missing
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn migrate --data ./data
  cairn migrate --store postgres://cairn@db/cairn --json

`serve` does this by itself at its start; a separate run is for deployments whose servers may not alter tables.
Migrations only go forward. A log that a newer program has written is refused and left as it is.")]
pub struct Migrate {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Migrated {
    store: String,
    head: u64,
}

impl Migrate {
    pub async fn run(self) -> Outcome {
        let settled = self.place.settle()?;
        let store = settled.url.to_string();
        let stores = settled.open().await?;
        let head = stores.events.head().await.or_fail(|| format!("the log {store} does not answer"))?;
        let printer = Printer;
        if self.json {
            printer.json(&Migrated { store, head })
        } else {
            printer.line(format_args!("{store} is up to date; its last event is at position {head}"))
        }
    }
}
