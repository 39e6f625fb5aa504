//! Measures stock event stores and plain SQL on the same PostgreSQL as Cairn, so that a ratio can be printed.
//!
//! Each run makes a database of its own on the server that `--store` names, and drops it at the end.

mod aggregate;
mod append;
mod command;
mod database;
mod recall;
mod report;

use std::error::Error;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// What every measurement is told.
#[derive(Parser)]
#[command(
    name = "peer",
    about = "Measures cqrs-es + postgres-es 0.5, and a recursive query, on one PostgreSQL"
)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// The PostgreSQL server: a URL with the right to create databases.
    #[arg(long, global = true, default_value = "postgres://postgres@127.0.0.1:5432/postgres")]
    store: String,
    /// How many callers ask at the same time.
    #[arg(long, global = true, default_value_t = 64)]
    callers: usize,
    /// How long the measurement lasts, after preparation.
    #[arg(long, global = true, default_value_t = 10)]
    seconds: u64,
    /// Connections in the pool; the stock pool of postgres-es has 10.
    #[arg(long, global = true, default_value_t = 10)]
    connections: u32,
    /// Print one line of JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// One event of 250 bytes a commit, each caller on an aggregate of its own.
    Append,
    /// Load, decide, append, on existing streams of 50 events.
    Command {
        /// How many streams exist before the measurement.
        #[arg(long, default_value_t = 10_000)]
        streams: u32,
        /// Read state from the newest snapshot (one every 10 events) and the events after it, not from all events.
        #[arg(long)]
        snapshots: bool,
    },
    /// Every descendant of one lot by a recursive query, over 1,000,000 lots and 2,700,000 links.
    Recall {
        /// How many blocks of 10,000 lots and 27,000 links; 100 make the million.
        #[arg(long, default_value_t = 100)]
        blocks: u32,
    },
}

/// How hard and how long to measure.
#[derive(Clone, Copy)]
struct Load {
    callers: usize,
    lasting: Duration,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let load = Load { callers: arguments.callers, lasting: Duration::from_secs(arguments.seconds) };
    let database = database::Database::create(&arguments.store, arguments.connections).await?;
    let measured = match arguments.what {
        What::Append => append::measure(&database.pool, load).await,
        What::Command { streams, snapshots } => {
            command::measure(&database.pool, load, streams, snapshots).await
        }
        What::Recall { blocks } => recall::measure(&database.pool, load, blocks).await,
    };
    database.remove().await?;
    let report = measured?.with_connections(arguments.connections);
    println!("{}", if arguments.json { report.json() } else { report.table() });
    Ok(())
}
