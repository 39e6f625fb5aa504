use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use commands::ports::{
    AppendOutcome, AppendRefusal, Clock, Commit, CommitLimits, DueDeadline, EventStore, LogFilter, LogPage,
    Past, PastQuery, Position, Receipt, RecordedEvent, Snapshot, StoreError, StreamKey, StreamVersion,
    SubjectKey, SystemClock, TenantId, Version,
};
use commands::sealing::check_sealed;
use tokio::sync::watch;
use uuid::Uuid;

use super::side_tables::Lease;
use crate::{judge::Stands, wake::raise};

/// An event log that lives as long as its last clone. Clones are handles on the same log.
#[derive(Clone)]
pub struct MemoryEventStore {
    state: Arc<Mutex<State>>,
    head: Arc<watch::Sender<Position>>,
    clock: Arc<dyn Clock>,
}

/// Everything that the log knows.
#[derive(Default)]
pub(super) struct State {
    /// In order: the event at index `i` has position `i + 1`.
    log: Vec<RecordedEvent>,
    /// Where a stream's events lie in `log`.
    streams: HashMap<StreamKey, Vec<usize>>,
    answers: HashMap<(TenantId, Uuid), Answer>,
    pub(super) snapshots: HashMap<StreamKey, Snapshot>,
    pub(super) deadlines: BTreeMap<(TenantId, Uuid), DueDeadline>,
    pub(super) checkpoints: HashMap<String, Position>,
    pub(super) leases: HashMap<String, Lease>,
    pub(super) subject_keys: HashMap<(TenantId, Arc<str>), SubjectKey>,
}

/// A first answer, and when it is to be forgotten.
struct Answer {
    digest: [u8; 32],
    receipt: Receipt,
    expires_at: Option<DateTime<Utc>>,
}

impl Answer {
    fn is_kept(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > now)
    }
}

impl Default for MemoryEventStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryEventStore {
    /// An empty log.
    pub fn new() -> Self {
        Self::by_clock(Arc::new(SystemClock))
    }

    /// An empty log that judges the age of its answers by this clock.
    pub fn by_clock(clock: Arc<dyn Clock>) -> Self {
        Self { state: Arc::default(), head: Arc::new(watch::Sender::new(0)), clock }
    }

    /// The lock is held for plain memory work only; a panic elsewhere in the program leaves the state whole, because
    /// a commit is judged before the first change is made.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The last event of each stream of a category.
    pub(super) fn last_events(&self, category: &str) -> impl Iterator<Item = &RecordedEvent> {
        let streams = self.streams.iter().filter(move |(stream, _)| stream.category == category);
        streams.filter_map(|(_, places)| Some(&self.log[*places.last()?]))
    }

    fn stands(&self, stream: &StreamKey) -> Stands {
        self.streams.get(stream).map_or(Stands::NOWHERE, |places| Stands {
            version: places.len() as Version,
            event: places.last().map(|place| self.log[*place].event_id),
        })
    }

    fn past(&self, query: &PastQuery, limit: usize) -> Past {
        let snapshot = self.snapshots.get(&query.stream).filter(|snapshot| {
            query.shape.as_ref() == Some(&snapshot.shape) && snapshot.version > query.after_version
        });
        let mut past = query.begin(snapshot.cloned());
        let places = self.streams.get(&query.stream).map(Vec::as_slice).unwrap_or_default();
        let skipped = usize::try_from(past.version()).unwrap_or(usize::MAX);
        for event in places.iter().skip(skipped).take(limit).map(|&place| &self.log[place]) {
            past.push(&event.event_type, event.schema_version, &event.payload, event.event_id);
            if past.bytes() >= Past::BYTES {
                past.end_early();
                break;
            }
        }
        past
    }

    fn append(&mut self, commit: &Commit, now: DateTime<Utc>) -> AppendOutcome {
        if let Err(refusal) = commit.check(CommitLimits::STANDARD).and_then(|()| check_sealed(commit)) {
            return AppendOutcome::Refused(refusal);
        }
        let command_id = commit.command_id;
        match self.answers.get(&(commit.tenant, command_id)).filter(|answer| answer.is_kept(now)) {
            Some(first) if first.digest == commit.digest => {
                return AppendOutcome::Repeated(first.receipt.clone());
            }
            Some(_) => return AppendOutcome::Refused(AppendRefusal::CommandReused { command_id }),
            None => {}
        }
        for write in &commit.streams {
            let stands = self.stands(&write.stream);
            if !stands.fits(write) {
                return AppendOutcome::Refused(AppendRefusal::VersionConflict {
                    stream: write.stream.clone(),
                    expected: write.expected_version,
                    actual: stands.version,
                });
            }
        }
        AppendOutcome::Appended(self.store(commit, now))
    }

    fn store(&mut self, commit: &Commit, now: DateTime<Utc>) -> Receipt {
        let decided_at = commit.decided_at.duration_trunc(TimeDelta::milliseconds(1));
        let decided_at = decided_at.unwrap_or(commit.decided_at);
        let recorded_at = self.log.last().map_or(decided_at, |last| last.recorded_at.max(decided_at));
        let mut versions = Vec::new();
        for write in commit.streams.iter().filter(|write| !write.events.is_empty()) {
            let places = self.streams.entry(write.stream.clone()).or_default();
            for event in &write.events {
                places.push(self.log.len());
                self.log.push(RecordedEvent {
                    position: self.log.len() as Position + 1,
                    stream: write.stream.clone(),
                    version: places.len() as Version,
                    event_id: event.event_id,
                    event_type: event.event_type.into(),
                    schema_version: event.schema_version,
                    payload: event.payload.clone(),
                    metadata: commit.metadata.clone(),
                    recorded_at,
                });
            }
            let version = places.len() as Version;
            versions.push(StreamVersion { stream: write.stream.clone(), version });
        }
        let receipt = Receipt {
            position: self.log.len() as Position,
            event_count: commit.event_count() as u64,
            versions,
            reply: commit.reply.clone(),
        };
        if receipt.event_count > 0 || commit.remember {
            let expires_at = commit.keep_answer_for.map(|time| now + time);
            let answer = Answer { digest: commit.digest, receipt: receipt.clone(), expires_at };
            self.answers.insert((commit.tenant, commit.command_id), answer);
        }
        for deadline in &commit.deadlines {
            self.deadlines.entry((commit.tenant, deadline.deadline_id)).or_insert_with(|| DueDeadline {
                tenant: commit.tenant,
                asked_at: receipt.position,
                deadline: deadline.clone(),
            });
        }
        receipt
    }
}

#[async_trait]
impl EventStore for MemoryEventStore {
    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        let (outcomes, head) = {
            let mut state = self.state();
            let now = self.clock.now();
            let outcomes = batch.iter().map(|commit| state.append(commit, now)).collect();
            (outcomes, state.log.len() as Position)
        };
        raise(&self.head, head);
        Ok(outcomes)
    }

    async fn read_stream(
        &self,
        stream: &StreamKey,
        after_version: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let state = self.state();
        let places = state.streams.get(stream).map(Vec::as_slice).unwrap_or_default();
        let skipped = usize::try_from(after_version).unwrap_or(usize::MAX);
        Ok(places.iter().skip(skipped).take(limit).map(|&place| state.log[place].clone()).collect())
    }

    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        let state = self.state();
        Ok(asked.iter().map(|query| state.past(query, limit)).collect())
    }

    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        let state = self.state();
        let head = state.log.len() as Position;
        let skipped = usize::try_from(after).unwrap_or(usize::MAX);
        let (mut events, mut bytes) = (Vec::new(), 0);
        for event in state.log.iter().skip(skipped).filter(|event| filter.passes(event)) {
            if events.len() == limit || bytes >= LogPage::BYTES {
                break;
            }
            bytes += event.payload.len();
            events.push(event.clone());
        }
        let full = events.len() == limit || bytes >= LogPage::BYTES;
        let read_through =
            if full { events.last().map_or(after, |last| last.position) } else { head.max(after) };
        Ok(LogPage { events, read_through })
    }

    async fn head(&self) -> Result<Position, StoreError> {
        Ok(self.state().log.len() as Position)
    }

    async fn position_at(&self, instant: DateTime<Utc>) -> Result<Position, StoreError> {
        Ok(self.state().log.partition_point(|event| event.recorded_at <= instant) as Position)
    }

    async fn find_answer(
        &self,
        tenant: TenantId,
        command_id: Uuid,
    ) -> Result<Option<([u8; 32], Receipt)>, StoreError> {
        let (state, now) = (self.state(), self.clock.now());
        let first = state.answers.get(&(tenant, command_id)).filter(|answer| answer.is_kept(now));
        Ok(first.map(|first| (first.digest, first.receipt.clone())))
    }

    async fn prune_answers(&self, most: usize) -> Result<usize, StoreError> {
        let (mut state, now) = (self.state(), self.clock.now());
        let over = state.answers.extract_if(|_, answer| !answer.is_kept(now)).take(most);
        Ok(over.count())
    }

    fn wake_up(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }
}
