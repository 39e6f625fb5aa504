use clap::Args;

use super::{Failure, Outcome, Place};

/// Print the settings in force and where each comes from, secrets masked
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn config
  CAIRN_LISTEN=0.0.0.0:8080 cairn config --json

A setting comes from, in this order: a flag, a CAIRN_* variable, the configuration file, the default.")]
pub struct Config {
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Config {
    pub async fn run(self) -> Outcome {
        let _wanted = (self.json, self.place);
        Err(Failure::new("config is not built in yet"))
    }
}
