//! A log's past, made quickly: commits as the engine would leave them, many in one write.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use commands::ports::{AppendOutcome, Commit, EventStore, Metadata, NewEvent, StreamWrite, TenantId};
use domain::Event;
use tokio::sync::mpsc;
use uuid::Uuid;

/// Commits stored by one write.
const COMMITS_A_WRITE: usize = 200;
/// Writes that may be made ready while one is stored.
const WRITES_AHEAD: usize = 2;

/// A commit without a reply, decided now.
pub fn commit(tenant: TenantId, streams: Vec<StreamWrite>) -> Commit {
    commit_at(tenant, streams, Utc::now().trunc_subsecs(3))
}

/// A commit without a reply.
pub fn commit_at(tenant: TenantId, streams: Vec<StreamWrite>, decided_at: DateTime<Utc>) -> Commit {
    let command_id = Uuid::now_v7();
    let metadata = Metadata {
        command_id,
        correlation_id: command_id,
        causation_id: None,
        actor: "benchmark".to_owned(),
        traceparent: None,
    };
    Commit {
        tenant,
        command_id,
        digest: [0; 32],
        metadata,
        streams,
        reply: None,
        deadlines: Vec::new(),
        decided_at,
        remember: false,
        keep_answer_for: None,
    }
}

/// An event as it is stored.
///
/// # Errors
/// When its payload cannot be written as JSON.
pub fn stored(event: &impl Event) -> anyhow::Result<NewEvent> {
    let mut payload = Vec::with_capacity(256);
    event.serialize_payload(&mut serde_json::Serializer::new(&mut payload))?;
    Ok(NewEvent {
        event_id: Uuid::now_v7(),
        event_type: event.event_type(),
        schema_version: event.schema_version(),
        payload: Arc::from(String::from_utf8(payload)?),
    })
}

/// Stores the commits in order; the next ones are made while the last ones are stored.
///
/// # Errors
/// When one cannot be made or is not stored.
pub async fn fill(
    store: &dyn EventStore,
    commits: impl Iterator<Item = anyhow::Result<Commit>> + Send + 'static,
) -> anyhow::Result<()> {
    let (sender, mut writes) = mpsc::channel::<anyhow::Result<Vec<Commit>>>(WRITES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut commits = commits.peekable();
        while commits.peek().is_some() {
            let write = commits.by_ref().take(COMMITS_A_WRITE).collect();
            // Nobody takes it: storing has failed.
            if sender.blocking_send(write).is_err() {
                return;
            }
        }
    });
    while let Some(write) = writes.recv().await {
        for outcome in store.append(&write?).await? {
            anyhow::ensure!(matches!(outcome, AppendOutcome::Appended(_)), "not stored: {outcome:?}");
        }
    }
    Ok(())
}
