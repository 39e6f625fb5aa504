//! Writes snapshots aside, those of many streams in one question to the store: a stream that is read from its first event costs each
//! of them, and a write for each stream would cost the store more than it saves.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::mpsc;

use super::aggregate::{AnyState, Codec};
use crate::ports::{Snapshot, SnapshotStore, StreamKey, Version};

/// States that wait to be written. What comes beyond is left out: a snapshot that is missing costs time, and the stream leaves
/// its next one soon.
const WAITING: usize = 256;
/// Streams written in one question.
const MOST_STREAMS: usize = 64;

/// A state that is to be a snapshot.
struct Leaving {
    stream: StreamKey,
    codec: &'static dyn Codec,
    state: AnyState,
    version: Version,
}

/// Leaves snapshots behind. Ends with its engine.
pub(super) struct Snapshots {
    queue: mpsc::Sender<Leaving>,
}

impl Snapshots {
    pub(super) fn start(store: Arc<dyn SnapshotStore>) -> Self {
        let (queue, leaving) = mpsc::channel(WAITING);
        tokio::spawn(write(store, leaving));
        Self { queue }
    }

    /// Has a state written, soon.
    pub(super) fn leave(
        &self,
        stream: StreamKey,
        codec: &'static dyn Codec,
        state: AnyState,
        version: Version,
    ) {
        if self.queue.try_send(Leaving { stream, codec, state, version }).is_err() {
            metrics::counter!("cairn_snapshots_left_out_total").increment(1);
        }
    }
}

async fn write(store: Arc<dyn SnapshotStore>, mut queue: mpsc::Receiver<Leaving>) {
    let mut gathered = Vec::with_capacity(MOST_STREAMS);
    while queue.recv_many(&mut gathered, MOST_STREAMS).await > 0 {
        // The latest of each stream, and all in one order, so that two processes do not wait for each other.
        let mut latest = BTreeMap::new();
        for Leaving { stream, codec, state, version } in gathered.drain(..) {
            match codec.save(&state) {
                Some(state) => drop(latest.insert(stream, Snapshot { version, shape: codec.shape(), state })),
                None => tracing::warn!(%stream, version, "a state cannot be written as a snapshot"),
            }
        }
        let snapshots: Vec<_> = latest.into_iter().collect();
        // Failing to costs time later, so it is only told.
        if let Err(error) = store.save_snapshots(&snapshots).await {
            tracing::warn!(%error, streams = snapshots.len(), "snapshots were not kept");
        }
    }
}
