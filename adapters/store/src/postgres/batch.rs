//! A judged batch as the parameters of `append_batch`: one array a column.

use std::collections::HashSet;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use commands::ports::{Commit, StreamKey, StreamWrite};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::events::as_sql;
use crate::judge::is_remembered;

/// The statement that takes the parameters in the order of [`Arrays::parameters`].
pub(super) const APPEND_BATCH: &str = "select append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
     $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)";

/// Metadata as text, once a commit.
pub(super) fn metadata_of(accepted: &[&Commit]) -> Result<Vec<String>, serde_json::Error> {
    accepted.iter().map(|commit| serde_json::to_string(&commit.metadata)).collect()
}

#[derive(Default)]
pub(super) struct Arrays<'batch> {
    streams: Streams<'batch>,
    commits: Commits<'batch>,
    events: Events<'batch>,
    deadlines: Deadlines<'batch>,
}

/// Each stream that the batch touches, at the version and event from which the batch goes on.
#[derive(Default)]
struct Streams<'batch> {
    tenants: Vec<Uuid>,
    categories: Vec<&'batch str>,
    ids: Vec<&'batch str>,
    versions: Vec<i64>,
    last_events: Vec<Option<Uuid>>,
}

#[derive(Default)]
struct Commits<'batch> {
    tenants: Vec<Uuid>,
    ids: Vec<Uuid>,
    digests: Vec<&'batch [u8]>,
    offsets: Vec<i32>,
    counts: Vec<i32>,
    replies: Vec<Option<&'batch str>>,
    remembered: Vec<bool>,
    /// In milliseconds.
    kept_for: Vec<Option<i64>>,
}

#[derive(Default)]
struct Events<'batch> {
    tenants: Vec<Uuid>,
    categories: Vec<&'batch str>,
    streams: Vec<&'batch str>,
    versions: Vec<i64>,
    ids: Vec<Uuid>,
    types: Vec<&'batch str>,
    schemas: Vec<i32>,
    payloads: Vec<&'batch str>,
    metadata: Vec<&'batch str>,
    instants: Vec<DateTime<Utc>>,
}

#[derive(Default)]
struct Deadlines<'batch> {
    tenants: Vec<Uuid>,
    ids: Vec<Uuid>,
    dues: Vec<DateTime<Utc>>,
    commands: Vec<&'batch str>,
    payloads: Vec<&'batch str>,
    offsets: Vec<i32>,
}

impl<'batch> Arrays<'batch> {
    /// Of the accepted commits and their metadata, in order.
    pub(super) fn of(accepted: &[&'batch Commit], metadata: &'batch [String]) -> Self {
        let mut arrays = Self::default();
        let mut touched: HashSet<&StreamKey> = HashSet::with_capacity(accepted.len());
        // Within the batch the instants rise here; over the batches, the function sees to it.
        let mut instant = DateTime::<Utc>::MIN_UTC;
        for (commit, metadata) in accepted.iter().zip(metadata) {
            if commit.event_count() > 0 {
                instant = instant.max(to_the_millisecond(commit.decided_at));
            }
            for write in &commit.streams {
                if touched.insert(&write.stream) {
                    arrays.streams.push(write);
                }
                for (event, version) in write.events.iter().zip(write.expected_version + 1..) {
                    arrays.events.push(&write.stream, event, version);
                    arrays.events.metadata.push(metadata);
                    arrays.events.instants.push(instant);
                }
            }
            let offset = i32::try_from(arrays.events.ids.len()).unwrap_or(i32::MAX);
            arrays.commits.push(commit, offset);
            arrays.deadlines.push(commit, offset);
        }
        arrays
    }

    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 29] {
        let Self { streams, commits, events, deadlines } = self;
        [
            &streams.tenants,
            &streams.categories,
            &streams.ids,
            &streams.versions,
            &streams.last_events,
            &commits.tenants,
            &commits.ids,
            &commits.digests,
            &commits.offsets,
            &commits.counts,
            &commits.replies,
            &commits.remembered,
            &events.tenants,
            &events.categories,
            &events.streams,
            &events.versions,
            &events.ids,
            &events.types,
            &events.schemas,
            &events.payloads,
            &events.metadata,
            &events.instants,
            &deadlines.tenants,
            &deadlines.ids,
            &deadlines.dues,
            &deadlines.commands,
            &deadlines.payloads,
            &deadlines.offsets,
            &commits.kept_for,
        ]
    }
}

impl<'batch> Streams<'batch> {
    fn push(&mut self, write: &'batch StreamWrite) {
        self.tenants.push(write.stream.tenant);
        self.categories.push(&write.stream.category);
        self.ids.push(&write.stream.id);
        self.versions.push(as_sql(write.expected_version));
        self.last_events.push(write.expected_event);
    }
}

impl<'batch> Commits<'batch> {
    fn push(&mut self, commit: &'batch Commit, offset: i32) {
        self.tenants.push(commit.tenant);
        self.ids.push(commit.command_id);
        self.digests.push(&commit.digest);
        self.offsets.push(offset);
        self.counts.push(i32::try_from(commit.event_count()).unwrap_or(i32::MAX));
        self.replies.push(commit.reply.as_deref());
        self.remembered.push(is_remembered(commit));
        let kept_for = commit.keep_answer_for.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        self.kept_for.push(kept_for);
    }
}

impl<'batch> Events<'batch> {
    fn push(&mut self, stream: &'batch StreamKey, event: &'batch commands::ports::NewEvent, version: u64) {
        self.tenants.push(stream.tenant);
        self.categories.push(&stream.category);
        self.streams.push(&stream.id);
        self.versions.push(as_sql(version));
        self.ids.push(event.event_id);
        self.types.push(event.event_type);
        self.schemas.push(i32::from(event.schema_version));
        self.payloads.push(&event.payload);
    }
}

impl<'batch> Deadlines<'batch> {
    fn push(&mut self, commit: &'batch Commit, offset: i32) {
        for deadline in &commit.deadlines {
            self.tenants.push(commit.tenant);
            self.ids.push(deadline.deadline_id);
            self.dues.push(deadline.due_at);
            self.commands.push(&deadline.command);
            self.payloads.push(&deadline.payload);
            self.offsets.push(offset);
        }
    }
}

fn to_the_millisecond(instant: DateTime<Utc>) -> DateTime<Utc> {
    instant.duration_trunc(TimeDelta::milliseconds(1)).unwrap_or(instant)
}
