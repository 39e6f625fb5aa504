use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{StreamKey, TenantId};

/// How long a process takes personal data from its memory without another look at whether it was erased. A state that was folded
/// with a key as old as this is kept as long again: together within the minute that identity.md, section 4, allows.
pub const PERSONAL_DATA_IN_MEMORY: Duration = Duration::from_secs(30);

/// The erasures that this process has heard of. Clones are one.
///
/// They are counted for the tenant whose subject was erased, so that nobody else's memory is emptied; and a write about somebody
/// who has been erased already for its stream alone. Tenants and streams share a fixed number of counts: whoever shares
/// one reads again what he need not have.
#[derive(Debug, Clone, Default)]
pub struct Erasures(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    all: AtomicU64,
    tenants: Vec<AtomicU64>,
    streams: Vec<AtomicU64>,
    hasher: RandomState,
}

/// Counts that tenants share, and as many for streams.
const SHARED: usize = 1_024;

impl Default for Counts {
    fn default() -> Self {
        let counts = || (0..SHARED).map(|_| AtomicU64::new(0)).collect();
        Self { all: AtomicU64::new(0), tenants: counts(), streams: counts(), hasher: RandomState::new() }
    }
}

impl Counts {
    fn place(&self, whose: impl Hash) -> usize {
        self.hasher.hash_one(whose) as usize % SHARED
    }
}

impl Erasures {
    /// A subject of this tenant was erased: no personal data of the tenant is taken from memory any more that was read before.
    pub fn note(&self, tenant: TenantId) {
        self.0.tenants[self.0.place(tenant)].fetch_add(1, Ordering::AcqRel);
        self.0.all.fetch_add(1, Ordering::AcqRel);
    }

    /// Something about an erased subject was written to a stream and not kept: what a process has in memory of the stream tells
    /// more than the log does.
    pub fn note_dropped(&self, stream: &StreamKey) {
        self.0.streams[self.0.place(stream)].fetch_add(1, Ordering::AcqRel);
    }

    /// How many of a tenant's there were, or more.
    pub fn count(&self, tenant: TenantId) -> u64 {
        self.0.tenants[self.0.place(tenant)].load(Ordering::Acquire)
    }

    /// For personal data of many tenants that is read from the log after this and kept in memory.
    pub fn from_now(&self) -> Freshness {
        self.fresh(Scope::All)
    }

    /// For what is read of one stream after this, or decided on it, and kept in memory.
    pub fn from_now_on(&self, stream: &StreamKey) -> Freshness {
        self.fresh(Scope::Stream { tenant: self.0.place(stream.tenant), stream: self.0.place(stream) })
    }

    fn fresh(&self, scope: Scope) -> Freshness {
        Freshness { erasures: self.clone(), scope, heard_of: self.heard(scope), since: Instant::now() }
    }

    fn heard(&self, scope: Scope) -> (u64, u64) {
        match scope {
            Scope::All => (self.0.all.load(Ordering::Acquire), 0),
            Scope::Stream { tenant, stream } => (
                self.0.tenants[tenant].load(Ordering::Acquire),
                self.0.streams[stream].load(Ordering::Acquire),
            ),
        }
    }
}

/// Which counts say whether something is fresh.
#[derive(Debug, Clone, Copy)]
enum Scope {
    All,
    Stream { tenant: usize, stream: usize },
}

/// Says how long personal data may be taken from memory.
#[derive(Debug, Clone)]
pub struct Freshness {
    erasures: Erasures,
    scope: Scope,
    heard_of: (u64, u64),
    since: Instant,
}

impl Freshness {
    /// For how long at most, from now.
    pub fn left(&self) -> Duration {
        PERSONAL_DATA_IN_MEMORY.saturating_sub(self.since.elapsed())
    }

    /// Whether nothing of it can have been erased: this process has heard of no erasure since, and another one's would have become
    /// known by now.
    pub fn lasts(&self) -> bool {
        self.erasures.heard(self.scope) == self.heard_of && self.since.elapsed() < PERSONAL_DATA_IN_MEMORY
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn personal_data_is_fresh_until_an_erasure_and_for_half_a_minute_at_most() {
        let erasures = Erasures::default();
        let (early, late) = (erasures.from_now(), PERSONAL_DATA_IN_MEMORY - Duration::from_millis(1));
        tokio::time::advance(late).await;
        assert!(early.lasts());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!early.lasts());
        let early = erasures.from_now();
        erasures.clone().note(Uuid::from_u128(1));
        assert!(!early.lasts() && erasures.from_now().lasts());
    }

    #[test]
    fn an_erasure_concerns_its_tenant_and_what_was_not_kept_its_stream() {
        let stream = |tenant, id: &str| StreamKey::new(Uuid::from_u128(tenant), "table", id);
        let erasures = Erasures::default();
        // One of many shares no count with the first, whatever the hasher.
        let apart = |place: &dyn Fn(u128) -> usize| (2..).find(|number| place(*number) != place(1)).unwrap();
        let other_tenant = apart(&|tenant| erasures.0.place(Uuid::from_u128(tenant)));
        let other_id = apart(&|id| erasures.0.place(stream(1, &id.to_string()))).to_string();
        let fresh = || {
            let streams = [stream(1, "1"), stream(1, &other_id), stream(other_tenant, "1")];
            (streams.map(|stream| erasures.from_now_on(&stream)), erasures.from_now())
        };
        let lasting =
            |(streams, all): ([Freshness; 3], Freshness)| (streams.map(|one| one.lasts()), all.lasts());
        let before = fresh();
        erasures.note_dropped(&stream(1, "1"));
        let (streams, all) = lasting(before);
        assert_eq!((&streams[..2], all), (&[false, true][..], true));
        let before = fresh();
        erasures.note(Uuid::from_u128(1));
        assert_eq!(lasting(before), ([false, false, true], false));
    }
}
