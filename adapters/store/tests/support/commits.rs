//! The plainest commit there is: one event at the end of one stream.

use chrono::Utc;
use commands::ports::{Commit, Metadata, NewEvent, StreamKey, StreamWrite, Version};
use uuid::Uuid;

/// Writes the event to a stream that is at this version.
pub fn commit(stream: StreamKey, expected_version: Version, event: NewEvent) -> Commit {
    let (tenant, command_id) = (stream.tenant, Uuid::now_v7());
    Commit {
        tenant,
        command_id,
        digest: [0; 32],
        metadata: Metadata {
            command_id,
            correlation_id: command_id,
            causation_id: None,
            actor: "maria".to_owned(),
            traceparent: None,
        },
        streams: vec![StreamWrite { stream, expected_version, expected_event: None, events: vec![event] }],
        reply: None,
        deadlines: Vec::new(),
        decided_at: Utc::now(),
        remember: false,
        keep_answer_for: None,
    }
}

pub fn event(event_type: &'static str, payload: &str) -> NewEvent {
    NewEvent { event_id: Uuid::now_v7(), event_type, schema_version: 1, payload: payload.into() }
}
