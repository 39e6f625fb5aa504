//! `cairn bench`: figures that a reader can believe.
//!
//! Each benchmark makes a log of its own beside the given one and removes it at the end, warms up, measures, and prints the
//! figures together with the machine, the store's durability and the load that the machine had besides. `transcribe` needs
//! a model instead of a log.
//!
//! Reading order: `load.rs` (callers and percentiles), `scratch.rs` (the log of its own), then one file a benchmark.

mod append;
mod command;
mod families;
mod gauge;
mod hot;
mod lag;
mod load;
mod machine;
mod past;
mod plant;
mod reactions;
mod rebuild;
mod recall;
mod report;
mod scratch;
mod server;
mod start;
mod transcribe;

use clap::{Args, Subcommand};

use self::{load::LoadArgs, report::Report};

/// What `cairn bench` is asked to measure.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// Durable commits of one 250-byte event each, every caller on streams of its own
    Append(append::AppendArgs),
    /// The same command on one stream by everybody, and on a stream for each caller
    Hot(LoadArgs),
    /// Load, decide and append on 10,000 streams of 50 events
    Command(command::CommandArgs),
    /// What a process manager answers in a second: events over 64 streams, a command for each
    Reactions(reactions::ReactionsArgs),
    /// The lot board from its first event on: events a second, and memory
    Rebuild(rebuild::RebuildArgs),
    /// From a commit to its visible row, at half of the load that the store can take
    Lag(LoadArgs),
    /// A recall with 9,000 descendants in a plant of a million lots
    Recall(recall::RecallArgs),
    /// How soon a server is ready, and how much memory it takes when idle
    Start(start::StartArgs),
    /// Each stage of transcription, on a model of yours or one with random weights
    Transcribe(transcribe::TranscribeArgs),
}

/// Runs a benchmark and prints its report.
///
/// # Errors
/// When the log cannot be made, or fails underway. A figure is printed only for a run that came to its end.
pub async fn run(args: BenchArgs) -> anyhow::Result<()> {
    match args.benchmark {
        Benchmark::Append(args) => append::run(&args).await?.print(args.load.json),
        Benchmark::Hot(load) => hot::run(&load).await?.print(load.json),
        Benchmark::Command(args) => command::run(&args).await?.print(args.load.json),
        Benchmark::Reactions(args) => reactions::run(&args).await?.print(args.load.json),
        Benchmark::Rebuild(args) => rebuild::run(&args).await?.print(args.load.json),
        Benchmark::Lag(load) => lag::run(&load).await?.print(load.json),
        Benchmark::Recall(args) => recall::run(&args).await?.print(args.load.json),
        Benchmark::Start(args) => start::run(&args).await?.print(args.load.json),
        Benchmark::Transcribe(args) => {
            let json = args.json;
            transcribe::run(args).await?.print(json)
        }
    }
}
