use chrono::{DateTime, Utc};
use domain::reactions::{ReactionEvent, ReactionParked};
use uuid::Uuid;

use super::ParkReaction;
use crate::{
    engine::{Caller, CommandError, Engine, Envelope, decode_event},
    ports::{CheckpointStore, Position, RecordedEvent, StoreError, StreamKey, TenantId},
};

/// Puts aside what has failed too long, as what follows from its cause, if it is known. Where that fails too, so does as a rule
/// what it failed of: the store is away, and there is time.
///
/// What only seemed to fail, because the answer was lost, is left as it is: done.
pub(super) async fn park(
    engine: &Engine,
    tenant: TenantId,
    cause: Option<&RecordedEvent>,
    command_id: Uuid,
    parked: ReactionParked,
) -> Result<(), CommandError> {
    let ReactionParked { process, command, code, tries, .. } = parked.clone();
    let ports = engine.ports();
    if ports.store.find_answer(tenant, command_id).await.map_err(CommandError::Unavailable)?.is_some() {
        tracing::info!(process, command, reaction = %command_id, "what failed was done: only its answer was lost");
        return Ok(());
    }
    let envelope = Envelope::new(Caller::system(tenant), ports.ids.next());
    let envelope = cause.map_or_else(|| envelope.clone(), |event| envelope.clone().following(event));
    engine.execute(envelope, ParkReaction { command_id, parked }).await?;
    tracing::error!(process, command, reaction = %command_id, code, tries, "a reaction is parked: see `cairn parked list`");
    metrics::counter!("cairn_reactions_parked_total", "process" => process).increment(1);
    Ok(())
}

/// A reaction, or a deadline, that waits for somebody to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedReaction {
    /// Its own stream, whose id is that of the command that failed.
    pub stream: StreamKey,
    /// Where it was parked.
    pub position: Position,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What failed, and how.
    pub parked: ReactionParked,
}

impl ParkedReaction {
    /// Everything that is parked, of every tenant and process manager and of the deadlines, the oldest first. What the log says now, not what a
    /// read model has come to.
    ///
    /// # Errors
    /// Of the store.
    pub async fn all(checkpoints: &dyn CheckpointStore) -> Result<Vec<Self>, StoreError> {
        let events = checkpoints.parked_reactions().await?;
        let parked = events.into_iter().map(|event| match decode_event(&event) {
            Ok(ReactionEvent::ReactionParked(parked)) => Ok(Some(Self {
                stream: event.stream,
                position: event.position,
                since: event.recorded_at,
                parked,
            })),
            Ok(
                ReactionEvent::ReactionRefused(_)
                | ReactionEvent::ReactionRetried(_)
                | ReactionEvent::ReactionSkipped(_),
            ) => Ok(None),
            Err(fault) => Err(StoreError::Corrupt { reason: fault.to_string() }),
        });
        parked.filter_map(Result::transpose).collect()
    }
}
