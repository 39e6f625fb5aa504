use std::{ffi::OsString, time::Duration};

use clap::Args;

use super::{Context, Failure, Outcome, Printer};
use crate::compose::{StoreUrl, torture};

/// Try to make a log break its promises
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn torture --store sqlite:/tmp/torture.db --seconds 60
  cairn torture --store postgres://postgres@127.0.0.1/scratch --seconds 600

Several processes write commits of mixed sizes and are killed with SIGKILL, one transaction is held open, the \
database is restarted where that can be done; a naive reader (where position > $last order by position) is the \
judge: 0 events lost, 0 out of order, nothing acknowledged and gone. Give it a store of its own: it fills it.")]
pub struct Torture {
    /// The store to torture: sqlite:PATH or postgres://USER@HOST:PORT/DATABASE
    #[arg(long, value_name = "URL", required_unless_present = "as_writer")]
    store: Option<StoreUrl>,
    /// How long
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Writer processes at a time
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=64))]
    writers: u32,
    /// A shell command that restarts the database at once and answers when it is back; run at half time
    #[arg(long, value_name = "COMMAND")]
    restart: Option<String>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    /// Be one of the writers: the log's address comes through standard input
    #[arg(long, hide = true)]
    as_writer: bool,
}

impl Torture {
    pub async fn run(self) -> Outcome {
        let Some(store) = self.store else {
            return torture::write().await.or_fail(|| "this writer cannot go on");
        };
        let shown = store.to_string();
        let program = std::env::current_exe().or_fail(|| "this program cannot find its own file")?;
        let verdict = torture::run(&torture::Torture {
            url: store.address(),
            duration: Duration::from_secs(self.seconds),
            writers: self.writers,
            writer_command: vec![program.into(), OsString::from("torture"), OsString::from("--as-writer")],
            restart_command: self.restart,
        })
        .await
        .or_fail(|| format!("{shown} could not be tortured"))?;
        let printer = Printer;
        if self.json {
            printer.json(&verdict)?;
        } else {
            printer.line(&verdict)?;
        }
        if verdict.is_passed() {
            Ok(())
        } else {
            Err(Failure::new(format!("{shown} did not stand the torture")))
        }
    }
}
