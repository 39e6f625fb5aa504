use chrono::{DateTime, Utc};
use domain::reactions::{ReactionEvent, ReactionParked};

use crate::{
    engine::decode_event,
    ports::{CheckpointStore, Position, StoreError, StreamKey},
};

/// A reaction that waits for somebody to decide.
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
    /// Everything that is parked, of every tenant and process manager, the oldest first. What the log says now, not what a
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
