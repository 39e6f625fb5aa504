use clap::{Args, Subcommand};

use super::{Failure, Outcome, Place};

/// Streams that a read model could not fold: list them, try again, or pass over
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn parked list
  cairn parked retry lot_board lot-0190c6e2-7f3a-7c1e-9d52-0f4a3b1c2d3e
  cairn parked skip lot_board lot-0190c6e2-7f3a-7c1e-9d52-0f4a3b1c2d3e --reason 'imported twice, see ticket 4711'

An event that cannot be folded parks its stream: its later events wait behind it, the rest of the log goes on.
After the program was mended, `retry` folds what waits. `skip` passes over the one event that failed.")]
pub struct Parked {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// What is parked, since when, and why
    List {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Fold what waits
    Retry {
        /// The read model
        read_model: String,
        /// The stream, as `cairn parked list` writes it
        stream: String,
        #[command(flatten)]
        place: Place,
    },
    /// Pass over the event that failed and fold what waits behind it
    Skip {
        /// The read model
        read_model: String,
        /// The stream, as `cairn parked list` writes it
        stream: String,
        /// Why it may be passed over; kept with it
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        place: Place,
    },
}

impl Parked {
    pub async fn run(self) -> Outcome {
        let _wanted = self.action;
        Err(Failure::new("parked is not built in yet"))
    }
}
