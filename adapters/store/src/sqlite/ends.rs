use std::num::NonZeroUsize;

use commands::ports::{Commit, Position, StreamKey, Version};
use lru::LruCache;
use uuid::Uuid;

use crate::judge::Stands;

/// Streams remembered at once, the last used: about 4 MB.
const STREAMS: usize = 16_384;

/// The last event of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tip {
    pub position: Position,
    pub event_id: Uuid,
    pub recorded_at: i64,
}

impl Tip {
    /// Before the first event.
    pub(super) const NOWHERE: Self = Self { position: 0, event_id: Uuid::nil(), recorded_at: i64::MIN };
}

/// Where the streams stand, remembered by the writer from one batch to the next: looking it up was an eighth of an
/// append. It is true of the log that ends at `tip`, and of no other: whoever else appends to the file moves the tip.
pub(super) struct Ends {
    tip: Tip,
    streams: LruCache<StreamKey, Stands>,
}

impl Default for Ends {
    fn default() -> Self {
        let most = NonZeroUsize::new(STREAMS).unwrap_or(NonZeroUsize::MIN);
        Self { tip: Tip::NOWHERE, streams: LruCache::new(most) }
    }
}

impl Ends {
    /// What is remembered of the log that ends at `tip`: nothing, where another one was remembered.
    pub(super) fn at(mut self, tip: Tip) -> Self {
        if self.tip != tip {
            self.streams.clear();
            self.tip = tip;
        }
        self
    }

    pub(super) fn find(&mut self, stream: &StreamKey) -> Option<Stands> {
        self.streams.get(stream).copied()
    }

    pub(super) fn remember(&mut self, stream: &StreamKey, stands: Stands) {
        match self.streams.get_mut(stream) {
            Some(known) => *known = stands,
            None => drop(self.streams.put(stream.clone(), stands)),
        }
    }

    /// Follows the commits that were stored after the tip, which lead to `tip`.
    pub(super) fn follow(mut self, stored: &[&Commit], tip: Tip) -> Self {
        for write in stored.iter().flat_map(|commit| &commit.streams) {
            if let Some(last) = write.events.last() {
                let version = write.expected_version + write.events.len() as Version;
                self.remember(&write.stream, Stands { version, event: Some(last.event_id) });
            }
        }
        self.tip = tip;
        self
    }
}
