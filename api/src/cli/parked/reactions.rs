//! Reactions, and deadlines, that failed too long. Their truth is the log: the commands below are given by an engine of the command line's own,
//! and whoever runs the process manager, or fires the deadlines, reads what they leave.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use commands::{
    engine::{Caller, Command, EngineConfig, Envelope},
    ports::{StreamKey, UniformSettings},
    process::{DEADLINES, ParkedReaction, RetryReaction, SkipReaction, UnreadableReaction},
};
use domain::{
    Decider,
    reactions::{Reaction, ReactionCause},
};
use serde::Serialize;
use uuid::Uuid;

use super::Repair;
use crate::{
    cli::{Context as _, Failure, Outcome, Place, Printer},
    compose::Stores,
};

/// A reaction as it is listed.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Line {
    Readable(Readable),
    Unreadable(Unreadable),
}

impl From<Result<ParkedReaction, UnreadableReaction>> for Line {
    fn from(reaction: Result<ParkedReaction, UnreadableReaction>) -> Self {
        reaction.map_or_else(|one| Self::Unreadable(one.into()), |one| Self::Readable(one.into()))
    }
}

impl Line {
    pub(super) fn print(&self, printer: &Printer) -> Outcome {
        match self {
            Self::Readable(line) => line.print(printer),
            Self::Unreadable(line) => line.print(printer),
        }
    }
}

/// What parked it cannot be read, so that nobody knows whose it is.
#[derive(Serialize)]
pub(super) struct Unreadable {
    stream: String,
    position: u64,
    error: String,
    since: DateTime<Utc>,
}

impl From<UnreadableReaction> for Unreadable {
    fn from(reaction: UnreadableReaction) -> Self {
        let UnreadableReaction { stream, position, since, fault } = reaction;
        Self { stream: stream.to_string(), position, error: fault.reason, since }
    }
}

impl Unreadable {
    fn print(&self, printer: &Printer) -> Outcome {
        let since = moment(self.since);
        printer.line(format_args!("unreadable  {}", self.stream))?;
        printer.line(format_args!("  by the event at position {}, since {since}", self.position))?;
        printer.line(format_args!("  {}", self.error))
    }
}

#[derive(Serialize)]
pub(super) struct Readable {
    process_manager: String,
    stream: String,
    position: u64,
    step: String,
    command: String,
    /// The event that it answers, or on which its deadline was asked for: its stream, and its place there.
    cause: Option<String>,
    cause_version: Option<u64>,
    code: String,
    error: String,
    attempts: u32,
    since: DateTime<Utc>,
}

impl From<ParkedReaction> for Readable {
    fn from(reaction: ParkedReaction) -> Self {
        let ParkedReaction { stream, position, since, parked } = reaction;
        let cause_version = parked.cause.as_ref().map(|cause| cause.version);
        let named = |cause: ReactionCause| StreamKey::new(stream.tenant, cause.category, cause.stream_id);
        let cause = parked.cause.map(|cause| named(cause).to_string());
        Self {
            process_manager: parked.process,
            stream: stream.to_string(),
            position,
            step: parked.step,
            command: parked.command,
            cause,
            cause_version,
            code: parked.code,
            error: parked.message,
            attempts: parked.tries,
            since,
        }
    }
}

impl Readable {
    fn print(&self, printer: &Printer) -> Outcome {
        let Self { process_manager, stream, command, step, .. } = self;
        let cause = self.cause.as_ref().zip(self.cause_version);
        let cause =
            cause.map(|(stream, version)| format!(" for event {version} of {stream},")).unwrap_or_default();
        let since = moment(self.since);
        printer.line(format_args!("{process_manager}  {stream}"))?;
        printer.line(format_args!(
            "  {command}, step {step},{cause} since {since}, tried {} times",
            self.attempts
        ))?;
        printer.line(format_args!("  {}: {}", self.code, self.error))
    }
}

fn moment(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Everything that is parked.
pub(super) async fn lines(stores: &Stores) -> Outcome<Vec<Line>> {
    Ok(all(stores).await?.into_iter().map(Line::from).collect())
}

async fn all(stores: &Stores) -> Outcome<Vec<Result<ParkedReaction, UnreadableReaction>>> {
    let all = ParkedReaction::all(&*stores.checkpoints).await;
    all.or_fail(|| "what is parked of the process managers cannot be read")
}

/// Whether a stream is a reaction's.
pub(super) fn is_reaction(stream: &StreamKey) -> bool {
    stream.category == Reaction::CATEGORY
}

/// What was done.
#[derive(Serialize)]
struct Done<'a> {
    process_manager: &'a str,
    stream: String,
    done: &'static str,
}

/// Has a reaction tried again, or gives it up.
pub(super) async fn repair(
    place: &Place,
    process: &str,
    stream: &StreamKey,
    repair: Repair,
    reason: &str,
    json: bool,
) -> Outcome {
    let settled = place.settle()?;
    let stores = settled.open_existing().await?;
    let advise = || format!("cairn parked list{}   shows what is parked", settled.flags());
    let all = all(&stores).await?;
    let unreadable = all.iter().filter_map(|one| one.as_ref().err()).find(|one| one.stream == *stream);
    if let Some(unreadable) = unreadable {
        return Err(Failure::new(format!("{stream} stays as it is")).because(unreadable).advise(advise()));
    }
    if !all.iter().flatten().any(|one| one.stream == *stream && one.parked.process == process) {
        return Err(Failure::new(format!("{process} has nothing parked in {stream}")).advise(advise()));
    }
    let command_id = Uuid::try_parse(&stream.id)
        .map_err(|_no_id| Failure::usage(format!("{stream} names no reaction")).advise(advise()))?;
    let done = match repair {
        Repair::Retry => {
            give(&stores, stream, RetryReaction { command_id }).await?;
            match process {
                DEADLINES => "it is tried again within a minute by the server that fires deadlines",
                _process_manager => "it is tried again by the server that runs the process manager",
            }
        }
        Repair::Skip => {
            give(&stores, stream, SkipReaction { command_id, reason: reason.to_owned() }).await?;
            "it is given up"
        }
    };
    let printer = Printer;
    if json {
        return printer.json(&Done { process_manager: process, stream: stream.to_string(), done });
    }
    printer.line(format_args!("{process}  {stream}: {done}"))
}

async fn give<C: Command>(stores: &Stores, stream: &StreamKey, command: C) -> Outcome {
    let engine = stores.engine(Arc::new(UniformSettings::default()), EngineConfig::default());
    let actor = super::whoever_asks();
    let caller = Caller { actor: Arc::from(actor), ..Caller::system(stream.tenant) };
    let given = engine.execute(Envelope::new(caller, Uuid::now_v7()), command).await;
    engine.shutdown().await;
    given.map(drop).or_fail(|| format!("{stream} stays as it is"))
}
