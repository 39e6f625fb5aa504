use std::sync::Arc;

use uuid::Uuid;

use super::{
    CommandError, Engine,
    aggregate::{AnyState, Codec, FoldFault},
    slots::Entry,
};
use crate::ports::{Snapshot, StoreError, StreamKey, Version};

/// Why a stream could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Fold(#[from] FoldFault),
}

impl LoadError {
    pub(super) fn for_command(self, command: &'static str) -> CommandError {
        match self {
            Self::Store(error) => CommandError::Unavailable(error),
            Self::Fold(fault) => CommandError::Fault { command, reason: fault.to_string() },
        }
    }
}

/// A state out of a snapshot, and the event at its version.
struct Restored {
    state: AnyState,
    version: Version,
    last_event: Uuid,
}

impl Engine {
    /// Reads a stream's state from the log. Most streams are short, so a snapshot is looked for only once the first
    /// page proves to be full.
    pub(super) async fn load(&self, key: &StreamKey, codec: &'static dyn Codec) -> Result<Entry, LoadError> {
        let inner = &self.inner;
        let generation = inner.slots.next_generation();
        let page_size = usize::try_from(inner.config.snapshot_every).unwrap_or(usize::MAX).max(1);
        let first = inner.ports.store.read_past(key, 0, page_size).await?;
        let full = first.len() == page_size;
        let mut version = first.len() as Version;
        let mut last_event = first.last().map(|event| event.event_id);
        let mut state = codec.evolve(codec.initial(), key, &first)?;
        let mut snapshot_version = 0;
        if full {
            if let Some(found) = self.restore(key, codec).await?.filter(|found| found.version > version) {
                (state, version, last_event) = (found.state, found.version, Some(found.last_event));
                snapshot_version = version;
            }
            loop {
                let page = inner.ports.store.read_past(key, version, page_size).await?;
                version += page.len() as Version;
                last_event = page.last().map_or(last_event, |event| Some(event.event_id));
                state = codec.evolve(state, key, &page)?;
                if page.len() < page_size {
                    break;
                }
            }
            if version >= snapshot_version + 2 * inner.config.snapshot_every {
                self.keep_snapshot(key.clone(), codec, Arc::clone(&state), version);
            }
        }
        Ok(Entry { state, version, last_event, generation })
    }

    async fn restore(
        &self,
        key: &StreamKey,
        codec: &'static dyn Codec,
    ) -> Result<Option<Restored>, StoreError> {
        let ports = &self.inner.ports;
        let Some(snapshot) = ports.snapshots.load_snapshot(key, &codec.shape()).await? else {
            return Ok(None);
        };
        let version = snapshot.version;
        // The log says what stands at the snapshot's version; a snapshot beyond the log's end is worth nothing.
        let at = ports.store.read_past(key, version.saturating_sub(1), 1).await?;
        let found = at.first().filter(|event| event.version == version).map(|event| event.event_id);
        match codec.restore(&snapshot.state).zip(found) {
            Some((state, last_event)) => Ok(Some(Restored { state, version, last_event })),
            None => {
                tracing::warn!(stream = %key, version, "a snapshot cannot be used; the stream is folded from its start");
                Ok(None)
            }
        }
    }

    /// Writes a snapshot aside. Failing to costs time later, so it is only logged.
    pub(super) fn keep_snapshot(
        &self,
        key: StreamKey,
        codec: &'static dyn Codec,
        state: AnyState,
        version: Version,
    ) {
        let snapshots = Arc::clone(&self.inner.ports.snapshots);
        tokio::spawn(async move {
            let Some(text) = codec.save(&state) else {
                tracing::warn!(stream = %key, version, "a state cannot be written as a snapshot");
                return;
            };
            let snapshot = Snapshot { version, shape: codec.shape(), state: text };
            if let Err(error) = snapshots.save_snapshot(&key, &snapshot).await {
                tracing::warn!(stream = %key, version, %error, "a snapshot was not kept");
            }
        });
    }
}
