//! Small commits, said in one line.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use commands::ports::{
    AppendOutcome, AppendRefusal, Commit, EventStore, LogFilter, Metadata, NewEvent, Position, Receipt,
    RecordedEvent, StreamKey, StreamWrite, TenantId, Version,
};
use uuid::Uuid;

/// A tenant that nobody else has.
pub fn tenant() -> TenantId {
    Uuid::now_v7()
}

pub fn lot(tenant: TenantId, id: &str) -> StreamKey {
    StreamKey::new(tenant, "lot", id)
}

/// A fixed instant and some milliseconds more.
pub fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_790_000_000_000 + milliseconds).unwrap()
}

pub fn event(event_type: &'static str, payload: &str) -> NewEvent {
    NewEvent { event_id: Uuid::now_v7(), event_type, schema_version: 1, payload: payload.into() }
}

/// So many events for a stream that must be at `expected_version`.
pub fn write(stream: &StreamKey, expected_version: Version, count: usize) -> StreamWrite {
    let events =
        (0..count).map(|ordinal| event("LotWeighed", &format!(r#"{{"ordinal":{ordinal}}}"#))).collect();
    StreamWrite { stream: stream.clone(), expected_version, expected_event: None, events }
}

/// The stream must be at the version; nothing is written to it.
pub fn condition(stream: &StreamKey, expected_version: Version) -> StreamWrite {
    write(stream, expected_version, 0)
}

pub fn commit(tenant: TenantId, mut streams: Vec<StreamWrite>) -> Commit {
    streams.sort_by(|left, right| left.stream.cmp(&right.stream));
    let command_id = Uuid::now_v7();
    Commit {
        tenant,
        command_id,
        digest: [7; 32],
        metadata: Metadata {
            command_id,
            correlation_id: Uuid::now_v7(),
            causation_id: None,
            actor: "operator \"Ö\"".to_owned(),
            traceparent: None,
        },
        streams,
        reply: Some(r#"{"reply":"första"}"#.into()),
        deadlines: Vec::new(),
        decided_at: at(0),
        remember: false,
        keep_answer_for: None,
    }
}

pub async fn append_one(store: &Arc<impl EventStore>, commit: &Commit) -> AppendOutcome {
    let outcomes = store.append(std::slice::from_ref(commit)).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes.into_iter().next().unwrap()
}

#[track_caller]
pub fn appended(outcome: &AppendOutcome) -> Receipt {
    match outcome {
        AppendOutcome::Appended(receipt) => receipt.clone(),
        other => panic!("not appended: {other:?}"),
    }
}

#[track_caller]
pub fn repeated(outcome: &AppendOutcome) -> Receipt {
    match outcome {
        AppendOutcome::Repeated(receipt) => receipt.clone(),
        other => panic!("not repeated: {other:?}"),
    }
}

#[track_caller]
pub fn refused(outcome: &AppendOutcome) -> AppendRefusal {
    match outcome {
        AppendOutcome::Refused(refusal) => refusal.clone(),
        other => panic!("not refused: {other:?}"),
    }
}

/// The refusal of a commit that saw another version.
pub fn conflict(stream: &StreamKey, expected: Version, actual: Version) -> AppendRefusal {
    AppendRefusal::VersionConflict { stream: stream.clone(), expected, actual }
}

pub async fn whole_log(store: &Arc<impl EventStore>) -> Vec<RecordedEvent> {
    store.read_log(0, &LogFilter::default(), 100_000).await.unwrap().events
}

pub async fn whole_stream(store: &Arc<impl EventStore>, stream: &StreamKey) -> Vec<RecordedEvent> {
    store.read_stream(stream, 0, 100_000).await.unwrap()
}

pub fn positions(events: &[RecordedEvent]) -> Vec<Position> {
    events.iter().map(|event| event.position).collect()
}

pub fn after_minutes(instant: DateTime<Utc>, minutes: i64) -> DateTime<Utc> {
    instant + TimeDelta::minutes(minutes)
}
