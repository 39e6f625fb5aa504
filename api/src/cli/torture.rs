use clap::Args;

use super::{Failure, Outcome};
use crate::compose::StoreUrl;

/// Try to make a log break its promises
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn torture --store sqlite:/tmp/torture.db --seconds 60
  cairn torture --store postgres://postgres@127.0.0.1:5432/scratch --seconds 600 --json

Several processes write commits of mixed sizes and are killed with SIGKILL, one transaction is held open, the \
database is restarted where that can be done; a naive reader (where position > $last order by position) is the \
judge: 0 events lost, 0 out of order, nothing acknowledged and gone. Give it a store of its own: it fills it.")]
pub struct Torture {
    /// The store to torture: sqlite:PATH or postgres://USER@HOST:PORT/DATABASE
    #[arg(long, value_name = "URL")]
    store: StoreUrl,
    /// How long
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

impl Torture {
    pub async fn run(self) -> Outcome {
        let _wanted = (self.store, self.seconds, self.json);
        Err(Failure::new("torture is not built in yet"))
    }
}
