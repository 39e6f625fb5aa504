//! What a writer process does until it is killed. It speaks to the foreman in lines:
//! `ack COMMAND POSITION EVENTS`, `repeated`, `conflict`, `wrong WORDS…`.

use std::{io::Write, sync::Arc, time::Duration};

use chrono::Utc;
use commands::{
    engine::{CommitError, Committer, CommitterConfig},
    ports::{
        AppendOutcome, AppendRefusal, Commit, EventStore, Metadata, NewEvent, Receipt, StoreError, StreamKey,
        StreamWrite, Version,
    },
};
use uuid::Uuid;

use super::TortureError;
use crate::{postgres::PostgresEventStore, sqlite::SqliteEventStore};

/// All writers' tenant.
pub(super) const TENANT: Uuid = Uuid::from_u128(0x746f_7274_7572_6500_8000_0000_0000_0001);
/// Callers within one process.
const CALLERS: usize = 4;
/// Streams that all processes write to.
const SHARED_STREAMS: u64 = 4;
/// Streams of a caller's own, which come again and again.
const OWN_STREAMS: usize = 16;
/// How long a writer waits for a database that is being restarted.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes without end to the log whose address is the first line of standard input; returns when standard input ends,
/// which is when the foreman is gone. Meant to run in a process of its own.
///
/// # Errors
/// [`TortureError`] when the log cannot be opened.
pub async fn write() -> Result<(), TortureError> {
    let mut url = String::new();
    std::io::stdin().read_line(&mut url)?;
    let store = open(url.trim()).await?;
    let committer =
        Committer::start(store, CommitterConfig { retry_for: PATIENCE, ..CommitterConfig::default() });
    for _ in 0..CALLERS {
        tokio::spawn(Caller::new(committer.clone()).call());
    }
    let foreman_gone = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    tokio::task::spawn_blocking(foreman_gone).await.map_err(std::io::Error::other)??;
    Ok(())
}

/// Opens a log by its address; one that is not there yet, or just now, is waited for.
pub(super) async fn open(url: &str) -> Result<Arc<dyn EventStore>, TortureError> {
    let started = tokio::time::Instant::now();
    loop {
        let opened: Result<Arc<dyn EventStore>, StoreError> = if url.starts_with("sqlite:") {
            SqliteEventStore::connect(url).await.map(|store| Arc::new(store) as _)
        } else if url.starts_with("postgres") {
            PostgresEventStore::connect(url).await.map(|store| Arc::new(store) as _)
        } else {
            return Err(TortureError::Address(url.to_owned()));
        };
        match opened {
            Err(StoreError::Unavailable { .. }) if started.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            opened => return Ok(opened?),
        }
    }
}

struct Caller {
    committer: Committer,
    dice: Dice,
    own: Vec<(StreamKey, Version)>,
    /// The last commit that stands, for repetitions.
    last: Option<(Commit, Receipt)>,
}

impl Caller {
    fn new(committer: Committer) -> Self {
        let stream = || (StreamKey::new(TENANT, "torture", Uuid::now_v7().to_string()), 0);
        Self { committer, dice: Dice::new(), own: (0..OWN_STREAMS).map(|_| stream()).collect(), last: None }
    }

    async fn call(mut self) {
        loop {
            tokio::time::sleep(Duration::from_micros(self.dice.below(10_000))).await;
            match self.dice.below(100) {
                0..55 => self.write_own(1, 2).await,
                55..75 => self.write_own(5, 4).await,
                75..80 => self.write_own(OWN_STREAMS as u64, 25).await,
                80..93 => self.write_shared().await,
                _ => self.repeat().await,
            }
        }
    }

    /// A few events into some of the caller's own streams: nobody else writes to them, so it always stands.
    async fn write_own(&mut self, most_streams: u64, most_events: u64) {
        let first = self.dice.below(OWN_STREAMS as u64) as usize;
        let streams = 1 + self.dice.below(most_streams) as usize;
        let chosen: Vec<usize> = (first..first + streams).map(|number| number % OWN_STREAMS).collect();
        let counts: Vec<usize> = chosen.iter().map(|_| 1 + self.dice.below(most_events) as usize).collect();
        let of = counts.iter().sum();
        let mut number = 0;
        let mut writes = Vec::new();
        for (&index, &count) in chosen.iter().zip(&counts) {
            let (stream, version) = &self.own[index];
            writes.push(part(stream, *version, count, &mut number, of));
        }
        match self.submit(commit(writes)).await {
            Some(AppendOutcome::Appended(_) | AppendOutcome::Repeated(_)) => {
                for (&index, &count) in chosen.iter().zip(&counts) {
                    self.own[index].1 += count as Version;
                }
            }
            Some(AppendOutcome::Refused(refusal)) => {
                say(format_args!("wrong own streams were refused: {refusal}"));
            }
            // The store stayed away, or the committer died: whether it stands is open, and the streams' versions with it.
            None => *self = Self::new(self.committer.clone()),
        }
    }

    /// One event into a stream that every process wants, again and again until it stands.
    async fn write_shared(&mut self) {
        let id = format!("shared-{}", self.dice.below(SHARED_STREAMS));
        let stream = StreamKey::new(TENANT, "torture", id);
        let mut commit = commit(vec![part(&stream, 0, 1, &mut 0, 1)]);
        loop {
            match self.submit(commit.clone()).await {
                Some(AppendOutcome::Refused(AppendRefusal::VersionConflict { actual, .. })) => {
                    say(format_args!("conflict"));
                    commit.streams[0].expected_version = actual;
                }
                Some(AppendOutcome::Refused(refusal)) => {
                    return say(format_args!("wrong shared streams were refused: {refusal}"));
                }
                Some(AppendOutcome::Appended(_) | AppendOutcome::Repeated(_)) | None => return,
            }
        }
    }

    /// An earlier command again: it must get its first answer.
    async fn repeat(&mut self) {
        let Some((commit, receipt)) = self.last.clone() else { return };
        let Ok(ticket) = self.committer.submit(commit.clone()) else { return };
        match ticket.await {
            Ok(AppendOutcome::Repeated(again)) if again == receipt => say(format_args!("repeated")),
            Err(CommitError::Store(_) | CommitError::Stopped) => {}
            Ok(other) => {
                say(format_args!("wrong repetition of {}: {other:?}, not {receipt:?}", commit.command_id));
            }
        }
    }

    async fn submit(&mut self, commit: Commit) -> Option<AppendOutcome> {
        let ticket = self.committer.submit(commit.clone()).ok()?;
        let outcome = ticket.await.ok()?;
        // After a lost answer the committer comes again by itself, and the first answer arrives as a repetition.
        if let AppendOutcome::Appended(receipt) | AppendOutcome::Repeated(receipt) = &outcome {
            say(format_args!("ack {} {} {}", commit.command_id, receipt.position, receipt.event_count));
            self.last = Some((commit, receipt.clone()));
        }
        Some(outcome)
    }
}

/// A line to the foreman, whole and at once. When nobody reads it any more, this process is about to end.
fn say(line: std::fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    let _gone = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Events that say which of how many of their commit they are, so that half a commit is noticed.
fn part(stream: &StreamKey, version: Version, count: usize, number: &mut usize, of: usize) -> StreamWrite {
    let events = (0..count).map(|_| {
        *number += 1;
        let payload = format!(r#"{{"number":{number},"of":{of},"filling":"{version:0>60}"}}"#);
        let event_id = Uuid::now_v7();
        NewEvent { event_id, event_type: "TortureEndured", schema_version: 1, payload: payload.into() }
    });
    StreamWrite {
        stream: stream.clone(),
        expected_version: version,
        expected_event: None,
        events: events.collect(),
    }
}

fn commit(mut streams: Vec<StreamWrite>) -> Commit {
    streams.sort_by(|left, right| left.stream.cmp(&right.stream));
    let command_id = Uuid::now_v7();
    let metadata = Metadata {
        command_id,
        correlation_id: command_id,
        causation_id: None,
        actor: "torture".to_owned(),
        traceparent: None,
    };
    Commit {
        tenant: TENANT,
        command_id,
        digest: [1; 32],
        metadata,
        streams,
        reply: Some("true".into()),
        deadlines: Vec::new(),
        decided_at: Utc::now(),
        remember: false,
        keep_answer_for: None,
    }
}

/// Chance enough for a torture: xorshift, seeded by the random part of a fresh id.
pub(super) struct Dice {
    state: u64,
}

impl Dice {
    pub(super) fn new() -> Self {
        Self { state: Uuid::now_v7().as_u64_pair().1 | 1 }
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % bound.max(1)
    }
}
