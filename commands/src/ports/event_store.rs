use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Decider, reactions::Reaction};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Deadline, Erasures, Past, PastQuery, StoreError};

/// A tenant's id. Every stream, row and key carries it.
pub type TenantId = Uuid;
/// A place in the log: 1 for the first event, no gaps. 0 stands before the first.
pub type Position = u64;
/// The count of a stream's events: 1 after the first. 0 for a stream that does not exist.
pub type Version = u64;

/// Names one stream.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamKey {
    /// Whose stream it is.
    pub tenant: TenantId,
    /// The aggregate's category, in lower snake case.
    pub category: Cow<'static, str>,
    /// A UUIDv7, or a text for counters and key claims.
    pub id: Arc<str>,
}

impl StreamKey {
    /// Names a stream.
    pub fn new(tenant: TenantId, category: impl Into<Cow<'static, str>>, id: impl Into<Arc<str>>) -> Self {
        Self { tenant, category: category.into(), id: id.into() }
    }

    /// Whether the command with this id is noted here as a reaction.
    pub fn is_reaction(&self, command_id: Uuid) -> bool {
        self.category == Reaction::CATEGORY && *self.id == *command_id.to_string()
    }
}

impl fmt::Display for StreamKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}-{}", self.tenant, self.category, self.id)
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Who did it, and what it followed from. Stored beside every event of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The command that the commit is the answer to.
    pub command_id: Uuid,
    /// Ties together everything that one request set off.
    pub correlation_id: Uuid,
    /// The event or command that this command followed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// A user's or machine client's id, or `system`.
    pub actor: String,
    /// W3C trace context, when the request carried one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// An event that has not been stored yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// UUIDv7, made by the engine.
    pub event_id: Uuid,
    /// Noun and past participle.
    pub event_type: &'static str,
    /// The version of the payload's schema.
    pub schema_version: u16,
    /// The payload, as JSON text.
    pub payload: Arc<str>,
}

/// A commit's part in one stream: the version that it was decided on, and what it adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamWrite {
    /// Which stream. A commit names each stream once.
    pub stream: StreamKey,
    /// The version that the stream must have. Exact: there is no "any".
    pub expected_version: Version,
    /// The id of the event that must stand at that version. A number alone would also fit when another process has
    /// stored an event in place of one that this commit was decided on and that was refused. None: only the version is
    /// checked, for a caller that has no more.
    pub expected_event: Option<Uuid>,
    /// What is added, in order. Empty: *condition only*, the version is checked and nothing written.
    pub events: Vec<NewEvent>,
}

/// What one command leaves behind. All of it is stored, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Whose command it was.
    pub tenant: TenantId,
    /// The command's id: a repetition is answered with the first answer.
    pub command_id: Uuid,
    /// SHA-256 of the command's content: the same id with another digest is refused.
    pub digest: [u8; 32],
    /// Stored beside every event.
    pub metadata: Metadata,
    /// The streams, sorted by key, each once. May be all condition-only.
    pub streams: Vec<StreamWrite>,
    /// The command's answer as JSON text, given again to a repetition.
    pub reply: Option<Arc<str>>,
    /// Commands that become due, stored with the events.
    pub deadlines: Vec<Deadline>,
    /// The instant that the command was decided on. The log's own clock never runs backwards: the stored
    /// `recorded_at` is this or, if that is later, the one of the event before.
    pub decided_at: DateTime<Utc>,
    /// Whether the answer of a commit without events is kept for repetitions too (the client gave a key).
    pub remember: bool,
    /// How long the answer is kept, by the store's own clock; after that the command id is free again. None: for ever, as an id
    /// needs that is derived from an event or a deadline, which may be delivered again at any time.
    pub keep_answer_for: Option<Duration>,
}

/// The bounds of one commit (identity.md, section 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitLimits {
    /// Streams written or conditioned on, without the note of the reaction that the command is ([`Commit::stream_count`]).
    pub streams: usize,
    /// Events over all streams.
    pub events: usize,
    /// Payloads over all events, in bytes.
    pub payload_bytes: usize,
}

impl CommitLimits {
    /// 512 streams, 2,048 events, 4 MiB.
    pub const STANDARD: Self = Self { streams: 512, events: 2_048, payload_bytes: 4 * 1024 * 1024 };
}

impl Commit {
    /// How many events it adds.
    pub fn event_count(&self) -> usize {
        self.streams.iter().map(|write| write.events.len()).sum()
    }

    /// How many streams the command takes part in. What was noted of it as a reaction is not its own: whoever gives it, a client, a
    /// process manager or a deadline, it may do as much.
    pub fn stream_count(&self) -> usize {
        self.streams.iter().filter(|write| !write.stream.is_reaction(self.command_id)).count()
    }

    /// Checks what every store demands before it looks at versions: the limits, streams sorted and named once.
    pub fn check(&self, limits: CommitLimits) -> Result<(), AppendRefusal> {
        let payload_bytes: usize =
            self.streams.iter().flat_map(|write| &write.events).map(|event| event.payload.len()).sum();
        let measured = [
            ("streams", self.stream_count(), limits.streams),
            ("events", self.event_count(), limits.events),
            ("payload bytes", payload_bytes, limits.payload_bytes),
        ];
        if let Some((what, count, limit)) = measured.into_iter().find(|(_, count, limit)| count > limit) {
            return Err(AppendRefusal::TooLarge { what, count, limit });
        }
        if !self.streams.is_sorted_by(|left, right| left.stream < right.stream) {
            return Err(AppendRefusal::StreamsNotSorted);
        }
        Ok(())
    }
}

/// A stream and the version that it has after a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamVersion {
    /// Which stream.
    pub stream: StreamKey,
    /// Its version after the commit.
    pub version: Version,
}

/// What the store answers for a commit that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The position of the commit's last event; the head at that moment when it had none.
    pub position: Position,
    /// How many events it added. They lie at `position - event_count + 1 ..= position`.
    pub event_count: u64,
    /// The versions of the streams that it wrote to, in the commit's order.
    pub versions: Vec<StreamVersion>,
    /// The command's answer, as JSON text.
    pub reply: Option<Arc<str>>,
}

/// Why a commit was not stored. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendRefusal {
    /// Somebody was faster, or the caller saw an older state.
    #[error("{stream} is at version {actual}; the commit was decided on another version {expected}")]
    VersionConflict {
        /// Which stream.
        stream: StreamKey,
        /// What the commit was decided on.
        expected: Version,
        /// What the store holds; the same number when another event stands there.
        actual: Version,
    },
    /// The command id was used before, with other content.
    #[error("command {command_id} was already given with other content")]
    CommandReused {
        /// The id.
        command_id: Uuid,
    },
    /// The commit exceeds [`CommitLimits`].
    #[error("the commit has {count} {what}; at most {limit} are allowed")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        count: usize,
        /// How much there may be.
        limit: usize,
    },
    /// It holds personal data in the open: the store was given a commit past the one that seals.
    #[error("an event of {stream} holds personal data that is not sealed")]
    Unsealed {
        /// Which stream.
        stream: StreamKey,
    },
    /// A stream is named twice, or out of order.
    #[error("a commit names each stream once, sorted by key")]
    StreamsNotSorted,
}

/// The store's answer to one commit of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendOutcome {
    /// Stored now.
    Appended(Receipt),
    /// The command id was answered before: the first answer again, nothing stored now.
    Repeated(Receipt),
    /// Not stored.
    Refused(AppendRefusal),
}

/// A stored event, as every reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: StreamKey,
    /// Its place in the stream, from 1.
    pub version: Version,
    /// UUIDv7.
    pub event_id: Uuid,
    /// Noun and past participle.
    pub event_type: Arc<str>,
    /// The version of the payload's schema.
    pub schema_version: u16,
    /// The payload, as JSON text.
    pub payload: Arc<str>,
    /// Who, and from what.
    pub metadata: Metadata,
    /// When it was stored; never earlier than the event before it. Millisecond precision.
    pub recorded_at: DateTime<Utc>,
}

/// Which events a reader of the log wants. Empty lists mean all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// Categories to keep.
    pub categories: Vec<Cow<'static, str>>,
    /// Event types to keep.
    pub event_types: Vec<Cow<'static, str>>,
}

impl LogFilter {
    /// Whether every event passes, so that positions must follow each other without a gap.
    pub fn is_everything(&self) -> bool {
        self.categories.is_empty() && self.event_types.is_empty()
    }

    /// Whether an event passes.
    pub fn passes(&self, event: &RecordedEvent) -> bool {
        let has = |names: &[Cow<'static, str>], name: &str| {
            names.is_empty() || names.iter().any(|wanted| wanted == name)
        };
        has(&self.categories, &event.stream.category) && has(&self.event_types, &event.event_type)
    }

    /// A filter for whatever passes this one or another; perhaps a little more.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let either = |left: &[Cow<'static, str>], right: &[Cow<'static, str>]| match left.is_empty()
            || right.is_empty()
        {
            true => Vec::new(),
            false => left.iter().chain(right.iter().filter(|name| !left.contains(name))).cloned().collect(),
        };
        Self {
            categories: either(&self.categories, &other.categories),
            event_types: either(&self.event_types, &other.event_types),
        }
    }

    /// Whether whatever passes this one surely passes another.
    pub fn is_within(&self, other: &Self) -> bool {
        let within = |left: &[Cow<'static, str>], right: &[Cow<'static, str>]| {
            right.is_empty() || (!left.is_empty() && left.iter().all(|name| right.contains(name)))
        };
        within(&self.categories, &other.categories) && within(&self.event_types, &other.event_types)
    }
}

/// A stretch of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// What passed the filter, by position.
    pub events: Vec<RecordedEvent>,
    /// Everything up to here was looked at: the next page starts after it. At least the position asked from.
    pub read_through: Position,
}

impl LogPage {
    /// A page ends with the event that brings its payloads to 16 MiB: thousands of large ones would not fit into memory.
    pub const BYTES: usize = 16 * 1024 * 1024;
}

/// The append-only log. Its promises (design.md, section 3) are one suite, run against every adapter:
/// commits are atomic, also within a batch; positions start at 1, have no gaps and become visible in order; a
/// repeated command id gets the first answer for as long as it is kept; what was acknowledged survives any `kill -9`.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Stores a batch in order, in one durable write. Each commit is judged as if it came alone after the ones before
    /// it: a refused commit harms no other, and a later commit may build on an earlier one. The outcomes come in the batch's order.
    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError>;

    /// A stream's events after `after_version`, at most `limit`.
    async fn read_stream(
        &self,
        stream: &StreamKey,
        after_version: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError>;

    /// What states are folded from, for several streams in one round trip: of each stream its snapshot, where one of the
    /// wanted shape is newer than `after_version`, and at most `limit` events after that version or, beside a snapshot, from
    /// the snapshot's own version on. The answers come in the order of the questions.
    ///
    /// A store that does not say otherwise answers without snapshots, one stream after the other.
    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        let mut pasts = Vec::with_capacity(asked.len());
        for query in asked {
            let mut past = query.begin(None);
            for event in self.read_stream(&query.stream, query.after_version, limit).await? {
                past.push(&event.event_type, event.schema_version, &event.payload, event.event_id);
            }
            pasts.push(past);
        }
        Ok(pasts)
    }

    /// The log after a position, at most `limit` events. Without a filter, a hole answers [`StoreError::Gap`]. A page may end early,
    /// for its bytes ([`LogPage::BYTES`]) or its filter: what comes next is asked for after [`LogPage::read_through`].
    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError>;

    /// The position of the last visible event, 0 in an empty log.
    async fn head(&self) -> Result<Position, StoreError>;

    /// The position of the last event recorded at or before an instant.
    async fn position_at(&self, instant: DateTime<Utc>) -> Result<Position, StoreError>;

    /// The first answer to a command, with its digest, if it was given and is still kept.
    async fn find_answer(
        &self,
        tenant: TenantId,
        command_id: Uuid,
    ) -> Result<Option<([u8; 32], Receipt)>, StoreError>;

    /// Forgets answers whose time is over, at most so many, and tells how many. It only frees their space: whether an answer
    /// still counts, a look-up judges by its age.
    async fn prune_answers(&self, _most: usize) -> Result<usize, StoreError> {
        Ok(0)
    }

    /// Wakes when the head may have moved, by this process or another. A hint: readers ask the log itself, and poll as
    /// the safety net.
    fn wake_up(&self) -> watch::Receiver<Position>;

    /// What this process has heard of erasures, for whoever keeps what this log opened. One that opens nothing hears of none.
    fn erasures(&self) -> Erasures {
        Erasures::default()
    }
}
