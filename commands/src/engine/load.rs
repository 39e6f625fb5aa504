use std::sync::Arc;

use super::{
    CommandError, Engine,
    aggregate::{Codec, FoldFault},
    slots::Entry,
    weight::Weight,
};
use crate::ports::{PastQuery, StoreError, StreamKey};

/// Events of one stream that are read at once.
pub(super) const PAGE: usize = 500;

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
            Self::Fold(fault) if fault.is_newer => {
                CommandError::Outdated { command, reason: fault.to_string() }
            }
            Self::Fold(fault) => CommandError::Fault { command, reason: fault.to_string() },
        }
    }
}

impl Engine {
    /// Reads a stream's state from its snapshot and the log: in one round trip, unless more events came after the snapshot than
    /// one page holds.
    pub(super) async fn load(&self, key: &StreamKey, codec: &'static dyn Codec) -> Result<Entry, LoadError> {
        let inner = &self.inner;
        let generation = inner.slots.next_generation();
        let freshness = inner.erasures.from_now_on(key);
        let ask =
            |after_version, shape| inner.loader.load(PastQuery { stream: key.clone(), after_version, shape });
        let mut past = ask(0, Some(codec.shape())).await?;
        let mut is_personal = past.holds_personal_data();
        let (mut state, mut snapshot_version, mut folded) = (codec.initial(), 0, 0);
        if let Some(snapshot) = past.snapshot.take() {
            let version = snapshot.version;
            // The log says what stands at the snapshot's version; a snapshot beyond the log's end is worth nothing.
            match codec.restore(&snapshot.state).filter(|_| !past.is_empty()) {
                Some(restored) => (state, snapshot_version, folded) = (restored, version, 1),
                None => {
                    tracing::warn!(stream = %key, version, "a snapshot cannot be used; the stream is folded from its start");
                    past = ask(0, None).await?;
                    is_personal |= past.holds_personal_data();
                }
            }
        }
        let mut last_event = None;
        let version = loop {
            state = codec.evolve(state, key, &mut past.events().skip(folded))?;
            last_event = past.last_event().or(last_event);
            if !past.may_go_on(PAGE) {
                break past.version();
            }
            past = ask(past.version(), None).await?;
            is_personal |= past.holds_personal_data();
            folded = 0;
        };
        if version >= snapshot_version + inner.config.snapshot_every {
            inner.snapshots.leave(key.clone(), codec, Arc::clone(&state), version);
        }
        let weight = Weight::of(codec, &state);
        let freshness = is_personal.then_some(freshness);
        Ok(Entry { state, version, last_event, generation, weight, freshness })
    }
}
