use clap::Args;

use super::{Outcome, Place, Printer, Table};
use crate::config::Config as Configuration;

/// Print the settings in force and where each comes from, secrets masked
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn config
  CAIRN_LISTEN=0.0.0.0:8080 cairn config --json
  cairn config --example > data/cairn.toml    every key, what it is for

A setting comes from, in this order: a flag, a CAIRN_* variable, the configuration file, the default.
limits.body_bytes, for one, is CAIRN_LIMITS_BODY_BYTES, or body_bytes under [limits] in the file.")]
pub struct Config {
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    /// Print a file to start from instead
    #[arg(long, conflicts_with = "json")]
    example: bool,
    #[command(flatten)]
    place: Place,
}

impl Config {
    pub async fn run(self) -> Outcome {
        let printer = Printer;
        if self.example {
            return printer.text(Configuration::example().trim_start());
        }
        let in_force = self.place.settle()?.config.in_force;
        if self.json {
            return printer.json(&in_force);
        }
        let mut table = Table::default().column("key").column("value").column("from");
        for value in in_force.values() {
            let shown = value.value.clone().unwrap_or_else(|| "(not set)".to_owned());
            table.row([value.key.clone(), shown, value.origin.clone()]);
        }
        printer.table(&table)
    }
}
