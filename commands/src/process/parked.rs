use chrono::{DateTime, Utc};
use domain::reactions::{ReactionEvent, ReactionParked};
use uuid::Uuid;

use super::ParkReaction;
use crate::{
    engine::{Caller, CommandError, Engine, Envelope, FoldFault, decode_event},
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

/// A reaction, or a deadline, that is parked by an event that this program cannot read: nothing is done with it before a
/// program can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what was parked at position {position} cannot be read")]
pub struct UnreadableReaction {
    /// Its own stream.
    pub stream: StreamKey,
    /// Where it was parked.
    pub position: Position,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What is wrong with the event.
    #[source]
    pub fault: FoldFault,
}

impl ParkedReaction {
    /// Everything that is parked, of every tenant and process manager and of the deadlines, the oldest first. What the log says now, not what a
    /// read model has come to. One that cannot be read hides none of the others.
    ///
    /// # Errors
    /// Of the store.
    pub async fn all(
        checkpoints: &dyn CheckpointStore,
    ) -> Result<Vec<Result<Self, UnreadableReaction>>, StoreError> {
        let events = checkpoints.parked_reactions().await?;
        Ok(events.into_iter().filter_map(Self::told).collect())
    }

    /// None: the event parks nothing.
    fn told(event: RecordedEvent) -> Option<Result<Self, UnreadableReaction>> {
        let told = decode_event(&event);
        let RecordedEvent { stream, position, recorded_at: since, .. } = event;
        match told {
            Ok(ReactionEvent::ReactionParked(parked)) => Some(Ok(Self { stream, position, since, parked })),
            Ok(
                ReactionEvent::ReactionRefused(_)
                | ReactionEvent::ReactionRetried(_)
                | ReactionEvent::ReactionSkipped(_),
            ) => None,
            Err(fault) => Some(Err(UnreadableReaction { stream, position, since, fault })),
        }
    }
}
