use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use lru::LruCache;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::{aggregate::AnyState, stage::HeldState};
use crate::ports::{StreamKey, Version};

/// A stream's place in this process: the lock under which it is decided, and its cached state.
///
/// The state may run ahead of the log, by commits that are on their way. If one of them is refused, its whole
/// *generation* is: everything decided on a state that was loaded once and has grown since.
pub(super) struct Slot {
    entry: Arc<tokio::sync::Mutex<Option<Entry>>>,
    dead_generation: AtomicU64,
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) state: AnyState,
    pub(super) version: Version,
    pub(super) last_event: Option<Uuid>,
    pub(super) generation: u64,
}

impl Entry {
    pub(super) fn held(&self) -> HeldState {
        HeldState { state: Arc::clone(&self.state), version: self.version, last_event: self.last_event }
    }
}

/// A locked slot. Later commands on the stream wait until it is dropped.
pub(super) struct HeldSlot {
    slot: Arc<Slot>,
    guard: OwnedMutexGuard<Option<Entry>>,
}

impl HeldSlot {
    /// The cached state, unless a commit of its generation was refused.
    pub(super) fn entry(&mut self) -> Option<&Entry> {
        let dead = self.slot.dead_generation.load(Ordering::Acquire);
        if self.guard.as_ref().is_some_and(|entry| entry.generation <= dead) {
            *self.guard = None;
        }
        self.guard.as_ref()
    }

    pub(super) fn put(&mut self, entry: Entry) {
        *self.guard = Some(entry);
    }
}

/// The streams that this process has in memory, least recently used dropped first. Dropping one is always safe: the
/// store checks every version again.
pub(super) struct Slots {
    shards: Vec<Mutex<LruCache<StreamKey, Arc<Slot>>>>,
    hasher: RandomState,
    generations: AtomicU64,
}

const SHARDS: usize = 16;

impl Slots {
    pub(super) fn new(capacity: usize) -> Self {
        let each = NonZeroUsize::new(capacity / SHARDS).unwrap_or(NonZeroUsize::MIN);
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(LruCache::new(each))).collect(),
            hasher: RandomState::new(),
            generations: AtomicU64::new(0),
        }
    }

    /// Names a newly loaded state, and what will be decided on it.
    pub(super) fn next_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Locks the streams in name order, so that no two commands ever wait for each other.
    pub(super) async fn hold(&self, keys: impl Iterator<Item = &StreamKey>) -> BTreeMap<StreamKey, HeldSlot> {
        let mut held = BTreeMap::new();
        for key in keys {
            let slot = self.slot(key);
            let guard = Arc::clone(&slot.entry).lock_owned().await;
            held.insert(key.clone(), HeldSlot { slot, guard });
        }
        held
    }

    /// Puts a state where nobody has one, unless the stream is being decided on at this moment.
    /// Whether it was put.
    pub(super) fn offer(&self, key: &StreamKey, entry: Entry) -> bool {
        let slot = self.slot(key);
        let Ok(mut cached) = slot.entry.try_lock() else { return false };
        let is_free = cached.is_none();
        if is_free {
            *cached = Some(entry);
        }
        is_free
    }

    /// Everything decided on states of this generation, and older ones, is void.
    pub(super) fn condemn(&self, key: &StreamKey, generation: u64) {
        self.slot(key).dead_generation.fetch_max(generation, Ordering::AcqRel);
    }

    fn slot(&self, key: &StreamKey) -> Arc<Slot> {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        let mut shard = self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shard.get_or_insert_ref(key, || {
            Arc::new(Slot { entry: Arc::default(), dead_generation: AtomicU64::new(0) })
        }))
    }
}
