mod reactions;

use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use commands::{engine::Caller, ports::StreamKey};
use projections::runner::Repair;
use serde::Serialize;
use uuid::Uuid;

use super::{Context, Failure, Outcome, Place, Printer, rebuild};

/// What somebody has to look at: streams that a read model could not fold, reactions and deadlines that failed too long
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn parked list
  cairn parked retry lot_board STREAM
  cairn parked skip lot_board STREAM --reason 'imported twice, ticket 4711'
  cairn parked retry lot_finisher STREAM
  cairn parked skip lot_finisher STREAM --reason 'refunded by hand, ticket 4712'
  cairn parked retry deadlines STREAM

STREAM is a stream's name as the list writes it: TENANT/CATEGORY-ID.

An event that cannot be folded parks its stream: its later events wait behind it, the rest of the log goes on.
After the program was mended, `retry` folds what waits. `skip` passes over the one event that failed.

A reaction of a process manager that has failed for processes.retry_seconds, or by a defect of the program, is parked; its
stream is TENANT/reaction-ID. `retry` has it tried again by the server that runs the process manager, `skip` gives it up
for good. Both are kept in the log, with who did it and why. A command that is due at a time, a deadline, likewise: its
process manager is called `deadlines`, and `retry` has it tried again within a minute.")]
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
        /// The read model or process manager, or `deadlines`
        owner: String,
        /// The stream, as `cairn parked list` writes it
        stream: String,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Pass over the event that failed and fold what waits behind it
    Skip {
        /// The read model or process manager, or `deadlines`
        owner: String,
        /// The stream, as `cairn parked list` writes it
        stream: String,
        /// Why it may be passed over; kept with it
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Serialize)]
struct Line {
    read_model: String,
    stream: String,
    position: u64,
    event_type: String,
    error: String,
    attempts: u32,
    since: DateTime<Utc>,
    /// Later events of the stream that wait behind it.
    waiting: usize,
}

/// What is listed.
#[derive(Serialize)]
#[serde(untagged)]
enum AnyLine {
    ReadModel(Line),
    Reaction(reactions::Line),
}

impl Parked {
    pub async fn run(self) -> Outcome {
        match self.action {
            Action::List { json, place } => list(&place, json).await,
            Action::Retry { owner, stream, json, place } => {
                decide(&place, owner, stream, Repair::Retry, "retried from the command line", json).await
            }
            Action::Skip { owner, stream, reason, json, place } => {
                decide(&place, owner, stream, Repair::Skip, &reason, json).await
            }
        }
    }
}

async fn list(place: &Place, json: bool) -> Outcome {
    let settled = place.settle()?;
    let stores = settled.open_existing().await?;
    let side = rebuild::stand_by(&stores, &settled).await?;
    let parked = side.parked().await.or_fail(|| "what is parked cannot be read")?;
    let lines: Vec<Line> = parked.into_iter().map(line).collect();
    let reactions = reactions::lines(&stores).await?;
    let printer = Printer;
    if json {
        let lines = lines.into_iter().map(AnyLine::ReadModel);
        return printer.json(&lines.chain(reactions.into_iter().map(AnyLine::Reaction)).collect::<Vec<_>>());
    }
    if lines.is_empty() && reactions.is_empty() {
        return printer.line(
            "Nothing is parked: every event was folded into every read model, and no reaction waits for anybody.",
        );
    }
    for reaction in &reactions {
        reaction.print(&printer)?;
    }
    for line in &lines {
        printer.line(format_args!("{}  {}", line.read_model, line.stream))?;
        printer.line(format_args!(
            "  {} at position {}, {} behind it, since {}, tried {} times",
            line.event_type,
            line.position,
            line.waiting,
            line.since.to_rfc3339_opts(SecondsFormat::Secs, true),
            line.attempts
        ))?;
        printer.line(format_args!("  {}", line.error))?;
    }
    Ok(())
}

fn line(parked: projections::runner::Parked) -> Line {
    let event = parked.event;
    Line {
        read_model: event.build.model,
        stream: event.stream.to_string(),
        position: event.position,
        event_type: event.event_type,
        error: event.error.unwrap_or_default(),
        attempts: event.attempts,
        since: event.parked_at,
        waiting: parked.waiting,
    }
}

/// What a repair did.
#[derive(Serialize)]
struct Done {
    read_model: String,
    stream: String,
    /// Events that were folded now.
    folded: usize,
    /// Events of the stream that are parked still, behind another one that cannot be folded.
    still_parked: usize,
}

/// Who gives a command here.
fn whoever_asks() -> String {
    actor_of(std::env::var("USER").ok())
}

/// Not a name that only Cairn gives, whatever the environment says: what is kept tells who decided.
fn actor_of(user: Option<String>) -> String {
    let user = user.map(|user| user.trim().to_owned()).filter(|user| !user.is_empty());
    user.filter(|user| !Caller::is_reserved(user)).unwrap_or_else(|| "command line".to_owned())
}

async fn decide(
    place: &Place,
    owner: String,
    stream: String,
    repair: Repair,
    reason: &str,
    json: bool,
) -> Outcome {
    let key = stream_key(&stream)?;
    if reactions::is_reaction(&key) && !crate::contexts::models().iter().any(|model| model.name == owner) {
        return reactions::repair(place, &owner, &key, repair, reason, json).await;
    }
    print(&repair_rows(place, owner, stream, key, repair, reason).await?, json)
}

async fn repair_rows(
    place: &Place,
    read_model: String,
    stream: String,
    key: StreamKey,
    repair: Repair,
    reason: &str,
) -> Outcome<Done> {
    let settled = place.settle()?;
    let stores = settled.open_existing().await?;
    let side = rebuild::stand_by(&stores, &settled).await?;
    rebuild::known_model(&side, &read_model)?;
    let actor = whoever_asks();
    let repaired = side.repair(&read_model, &key, repair, &actor, reason).await.map_err(|error| {
        Failure::new(format!("{stream} stays as it is in {read_model}"))
            .because(&error)
            .advise(format!("cairn parked list{}   shows what is parked", settled.flags()))
    })?;
    Ok(Done { read_model, stream, folded: repaired.folded, still_parked: repaired.still_parked })
}

fn print(done: &Done, json: bool) -> Outcome {
    if json {
        return Printer.json(done);
    }
    let still = match done.still_parked {
        0 => "nothing of it is parked any more".to_owned(),
        parked => format!("{parked} are parked still, behind another event that cannot be folded"),
    };
    let Done { read_model, stream, folded, .. } = done;
    Printer.line(format_args!("{read_model}  {stream}: {folded} events folded, {still}"))
}

/// Reads a stream's name as [`StreamKey`] writes it: `TENANT/CATEGORY-ID`.
fn stream_key(given: &str) -> Outcome<StreamKey> {
    let parts = given.split_once('/').and_then(|(tenant, rest)| Some((tenant, rest.split_once('-')?)));
    let key = parts.and_then(|(tenant, (category, id))| {
        Some(StreamKey::new(Uuid::try_parse(tenant).ok()?, category.to_owned(), id))
    });
    key.ok_or_else(|| {
        Failure::usage(format!("{given} names no stream"))
            .advise("TENANT/CATEGORY-ID, as `cairn parked list` writes it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_as_it_is_written() {
        let key = StreamKey::new(Uuid::from_u128(7), "temperature_log", "lot:0190-1:2026-03-02");
        assert_eq!(stream_key(&key.to_string()).unwrap(), key);
        assert!(
            ["", "lot-1", "x/lot-1", "00000000-0000-0000-0000-000000000007/lot"]
                .into_iter()
                .all(|bad| stream_key(bad).is_err())
        );
    }

    #[test]
    fn nobody_decides_in_the_name_of_cairn_itself() {
        let actor = |user: &str| actor_of(Some(user.to_owned()));
        assert_eq!(actor("ann"), "ann");
        for nobody in ["system", "System", " system ", "anonymous", ""] {
            assert_eq!(actor(nobody), "command line", "{nobody:?}");
        }
        assert_eq!(actor_of(None), "command line");
    }
}
