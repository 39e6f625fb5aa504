use std::sync::Arc;

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

impl Engine {
    /// Reads a stream's state from the log. Most streams are short, so a snapshot is looked for only once the first
    /// page proves to be full.
    pub(super) async fn load(&self, key: &StreamKey, codec: &'static dyn Codec) -> Result<Entry, LoadError> {
        let inner = &self.inner;
        let generation = inner.slots.next_generation();
        let page_size = usize::try_from(inner.config.snapshot_every).unwrap_or(usize::MAX).max(1);
        let first = inner.ports.store.read_stream(key, 0, page_size).await?;
        let full = first.len() == page_size;
        let mut version = first.len() as Version;
        let mut state = codec.evolve(codec.initial(), &first)?;
        let mut snapshot_version = 0;
        if full {
            if let Some((restored, at)) = self.restore(key, codec).await?.filter(|(_, at)| *at > version) {
                (state, version, snapshot_version) = (restored, at, at);
            }
            loop {
                let page = inner.ports.store.read_stream(key, version, page_size).await?;
                version += page.len() as Version;
                state = codec.evolve(state, &page)?;
                if page.len() < page_size {
                    break;
                }
            }
            if version >= snapshot_version + 2 * inner.config.snapshot_every {
                self.keep_snapshot(key.clone(), codec, Arc::clone(&state), version);
            }
        }
        Ok(Entry { state, version, generation })
    }

    async fn restore(
        &self,
        key: &StreamKey,
        codec: &'static dyn Codec,
    ) -> Result<Option<(AnyState, Version)>, StoreError> {
        let snapshot = self.inner.ports.snapshots.load_snapshot(key, &codec.shape()).await?;
        Ok(snapshot.and_then(|snapshot| {
            let restored = codec.restore(&snapshot.state);
            if restored.is_none() {
                tracing::warn!(stream = %key, version = snapshot.version, "a snapshot cannot be read; the stream is folded from its start");
            }
            Some((restored?, snapshot.version))
        }))
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
