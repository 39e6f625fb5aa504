use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use lru::LruCache;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::{aggregate::AnyState, stage::HeldState, weight::Weight};
use crate::ports::{Freshness, StreamKey, Version};

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
    pub(super) weight: Weight,
    /// How long it may be taken from memory, when it holds personal data.
    pub(super) freshness: Option<Freshness>,
}

impl Entry {
    fn is_fresh(&self) -> bool {
        self.freshness.as_ref().is_none_or(Freshness::lasts)
    }

    pub(super) fn held(&self) -> HeldState {
        HeldState { state: Arc::clone(&self.state), version: self.version, last_event: self.last_event }
    }
}

/// A locked slot. Later commands on the stream wait until it is dropped.
pub(super) struct HeldSlot {
    slot: Arc<Slot>,
    guard: OwnedMutexGuard<Option<Entry>>,
    /// What was put under this lock is decided on once, whoever is erased meanwhile: while many are, nothing loaded would ever
    /// be fresh.
    is_new: bool,
}

impl HeldSlot {
    /// The cached state, unless a commit of its generation was refused, or somebody whom it tells about may have been erased.
    pub(super) fn entry(&mut self) -> Option<&Entry> {
        let dead = self.slot.dead_generation.load(Ordering::Acquire);
        let may_be_used = |entry: &Entry| entry.generation > dead && (self.is_new || entry.is_fresh());
        if !self.guard.as_ref().is_some_and(may_be_used) {
            *self.guard = None;
        }
        self.guard.as_ref()
    }
}

/// The streams that this process has in memory, least recently used dropped first, by number and by weight. Dropping one is
/// always safe: the store checks every version again.
pub(super) struct Slots {
    shards: Vec<Mutex<Shard>>,
    bytes_each: usize,
    hasher: RandomState,
    generations: AtomicU64,
    states: AtomicUsize,
    bytes: AtomicUsize,
}

struct Shard {
    slots: LruCache<StreamKey, Place>,
    bytes: usize,
}

/// A slot, and what it was found to weigh last; nothing while it holds no state.
struct Place {
    slot: Arc<Slot>,
    bytes: usize,
}

const SHARDS: usize = 16;

impl Slots {
    /// For so many states at most, of so many bytes together.
    pub(super) fn new(states: usize, bytes: usize) -> Self {
        let each = NonZeroUsize::new(states / SHARDS).unwrap_or(NonZeroUsize::MIN);
        let shard = || Mutex::new(Shard { slots: LruCache::new(each), bytes: 0 });
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            bytes_each: bytes / SHARDS,
            hasher: RandomState::new(),
            generations: AtomicU64::new(0),
            states: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
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
            held.insert(key.clone(), HeldSlot { slot, guard, is_new: false });
        }
        held
    }

    /// Puts a state into its held slot.
    pub(super) fn put(&self, key: &StreamKey, held: &mut HeldSlot, entry: Entry) {
        self.weigh(key, &held.slot, entry.weight.bytes());
        *held.guard = Some(entry);
        held.is_new = true;
    }

    /// Puts a state where nobody has one, unless the stream is being decided on at this moment.
    /// Whether it was put.
    pub(super) fn offer(&self, key: &StreamKey, entry: Entry) -> bool {
        let slot = self.slot(key);
        let Ok(mut cached) = slot.entry.try_lock() else { return false };
        let is_free = cached.is_none();
        if is_free {
            self.weigh(key, &slot, entry.weight.bytes());
            *cached = Some(entry);
        }
        is_free
    }

    /// Everything decided on states of this generation, and older ones, is void.
    pub(super) fn condemn(&self, key: &StreamKey, generation: u64) {
        self.slot(key).dead_generation.fetch_max(generation, Ordering::AcqRel);
    }

    /// What lies here: states, and bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.states.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    fn shard(&self, key: &StreamKey) -> MutexGuard<'_, Shard> {
        let shard = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, key: &StreamKey) -> Arc<Slot> {
        let mut shard = self.shard(key);
        if let Some(place) = shard.slots.get(key) {
            return Arc::clone(&place.slot);
        }
        let slot = Arc::new(Slot { entry: Arc::default(), dead_generation: AtomicU64::new(0) });
        let pushed_out = shard.slots.push(key.clone(), Place { slot: Arc::clone(&slot), bytes: 0 });
        if let Some((_, place)) = pushed_out {
            self.left(&mut shard, &place);
        }
        slot
    }

    /// Notes what a slot holds now, and drops others, or in the end itself, until the shard is within its bytes.
    fn weigh(&self, key: &StreamKey, slot: &Arc<Slot>, bytes: usize) {
        let mut shard = self.shard(key);
        // One that was dropped meanwhile is gone with its last holder.
        let Some(place) = shard.slots.peek_mut(key).filter(|place| Arc::ptr_eq(&place.slot, slot)) else {
            return;
        };
        let before = std::mem::replace(&mut place.bytes, bytes);
        shard.bytes = shard.bytes + bytes - before;
        self.states.fetch_add(usize::from(before == 0), Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes.fetch_sub(before, Ordering::Relaxed);
        while shard.bytes > self.bytes_each
            && let Some((_, place)) = shard.slots.pop_lru()
        {
            self.left(&mut shard, &place);
        }
    }

    fn left(&self, shard: &mut Shard, place: &Place) {
        shard.bytes -= place.bytes;
        self.states.fetch_sub(usize::from(place.bytes > 0), Ordering::Relaxed);
        self.bytes.fetch_sub(place.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: usize) -> StreamKey {
        StreamKey::new(Uuid::nil(), "lot", id.to_string())
    }

    fn entry(bytes: usize) -> Entry {
        let weight = Weight::known(bytes);
        Entry { state: Arc::new(()), version: 1, last_event: None, generation: 1, weight, freshness: None }
    }

    async fn put(slots: &Slots, id: usize, bytes: usize) {
        let key = key(id);
        let mut held = slots.hold(std::iter::once(&key)).await;
        slots.put(&key, held.get_mut(&key).unwrap(), entry(bytes));
    }

    async fn has(slots: &Slots, id: usize) -> bool {
        let key = key(id);
        slots.hold(std::iter::once(&key)).await.get_mut(&key).unwrap().entry().is_some()
    }

    #[tokio::test]
    async fn large_states_leave_before_there_are_too_many() {
        let slots = Slots::new(1_000_000, 16 * 100_000);
        for id in 0..10_000 {
            put(&slots, id, 20_000).await;
        }
        let (states, bytes) = slots.size();
        assert!(bytes <= 16 * 100_000, "{bytes} bytes");
        assert!((16..=80).contains(&states), "{states} states");
        assert!(has(&slots, 9_999).await, "the youngest is there");
        assert!(!has(&slots, 0).await, "the oldest is not");
    }

    #[tokio::test]
    async fn a_state_larger_than_its_share_is_not_kept_and_harms_nobody_later() {
        let slots = Slots::new(1_000, 16_000);
        put(&slots, 1, 1_000_000).await;
        assert!(!has(&slots, 1).await);
        assert_eq!(slots.size(), (0, 0));
    }

    #[tokio::test]
    async fn what_grows_and_what_leaves_by_number_is_counted() {
        let slots = Slots::new(16, usize::MAX);
        for id in 0..1_000 {
            put(&slots, id, 1_000).await;
            put(&slots, id, 2_000).await;
        }
        let (states, bytes) = slots.size();
        assert!(states <= 16 && bytes == states * 2_000, "{states} states of {bytes} bytes");
    }
}
