//! The command line of the binary `cairn`: one file a subcommand.
//!
//! Answers go to standard output, by way of [`Printer`] alone; everything else (progress, warnings, errors) goes to
//! standard error. Exit codes: 0 done, 1 refused or failed, 2 the command line is wrong.

mod as_of;
mod config;
mod demo;
mod failure;
mod interrupt;
mod kek;
mod migrate;
mod model;
mod parked;
mod place;
mod printer;
mod progress;
mod rebuild;
mod serve;
mod speech;
mod token;
mod torture;
mod trace;
mod transcribe;
mod whose;

use std::process::ExitCode;

use clap::{
    Parser, Subcommand,
    builder::styling::{AnsiColor, Styles},
};

use crate::bench::{self, BenchArgs};
pub use drawing::numbers::{grouped, kilograms};

pub use self::{
    failure::{Context, Failure, Outcome},
    interrupt::Interrupt,
    place::{Place, Settled},
    printer::{Printer, Table, WIDTH, note},
    progress::Progress,
    transcribe::{SpeechEngineSettings, SpeechMachineSettings},
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default())
    .error(AnsiColor::Red.on_default().bold());

const ABOUT: &str = "\
Cairn keeps what happens in a plant as events in one append-only log, and answers from it: \
where a lot came from, where it went, and what was known at any moment.";

const AFTER_HELP: &str = "\
First steps:
  cairn demo                        a demo plant in ./data, with lots to try
  cairn trace LOT --forward         everything that was made of a lot
  cairn trace LOT --format svg --out recall.svg
  cairn serve                       GraphQL on http://127.0.0.1:8080/graphql
  cairn token --tenant demo --role ADMIN

Where the log lies:
  --data DIR                        embedded: a SQLite file, DIR/cairn.db
  --store postgres://USER@HOST:PORT/DATABASE
                                    server: a PostgreSQL database

Exit codes: 0 done, 1 refused or failed, 2 the command line is wrong.
`cairn help COMMAND` explains a command, with examples.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "cairn", version, about = ABOUT, after_help = AFTER_HELP, styles = STYLES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = false)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Migrate(migrate::Migrate),
    Demo(demo::Demo),
    Trace(trace::Trace),
    AsOf(as_of::AsOf),
    Rebuild(rebuild::Rebuild),
    Parked(parked::Parked),
    Token(token::Token),
    Config(config::Config),
    Transcribe(transcribe::Transcribe),
    Model(model::Model),
    Torture(torture::Torture),
    /// Measure a log: appends, a hot stream, commands, rebuilds, recalls, lag
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(BenchArgs),
}

const BENCH_EXAMPLES: &str = "\
Examples:
  cairn bench append --store sqlite:/tmp/bench.db --callers 256 --seconds 20
  cairn bench hot --store postgres://cairn@db/cairn --callers 64 --json";

/// Reads the command line, does what it asks, and says how the process ends.
pub fn main() -> ExitCode {
    let CommandLine { command } = CommandLine::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => return end(Err(Failure::new("the program cannot start its threads").because(&fault))),
    };
    end(runtime.block_on(run(command)))
}

async fn run(command: Command) -> Outcome {
    match command {
        Command::Serve(serve) => serve.run().await,
        Command::Migrate(migrate) => migrate.run().await,
        Command::Demo(demo) => demo.run().await,
        Command::Trace(trace) => trace.run().await,
        Command::AsOf(as_of) => as_of.run().await,
        Command::Rebuild(rebuild) => rebuild.run().await,
        Command::Parked(parked) => parked.run().await,
        Command::Token(token) => token.run().await,
        Command::Config(config) => config.run().await,
        Command::Transcribe(transcribe) => transcribe.run().await,
        Command::Model(model) => model.run().await,
        Command::Torture(torture) => torture.run().await,
        Command::Bench(args) => Ok(bench::run(args).await?),
    }
}

fn end(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in failure.lines() {
                note(line);
            }
            failure.exit_code()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn every_subcommand_teaches_with_examples() {
        for command in CommandLine::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(command.get_about().is_some(), "{} says nothing of itself", command.get_name());
            assert!(
                help.contains("Examples:") && help.contains(&format!("cairn {}", command.get_name())),
                "{} shows no example:\n{help}",
                command.get_name()
            );
        }
    }

    #[test]
    fn examples_fit_a_narrow_terminal() {
        let root = CommandLine::command();
        for command in root.get_subcommands().chain([&root]) {
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for example in after.lines().filter(|line| line.starts_with("  ")) {
                assert!(example.chars().count() <= 80, "{}: {example}", command.get_name());
            }
        }
    }

    #[test]
    fn every_option_says_what_it_is_for() {
        let root = CommandLine::command();
        let nested = root.get_subcommands().flat_map(clap::Command::get_subcommands);
        for command in root.get_subcommands().chain(nested) {
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} of {}", argument.get_id(), command.get_name());
            }
        }
    }
}
