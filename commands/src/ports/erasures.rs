use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How long a process takes personal data from its memory without another look at whether it was erased. A state that was folded
/// with a key as old as this is kept as long again: together within the minute that identity.md, section 4, allows.
pub const PERSONAL_DATA_IN_MEMORY: Duration = Duration::from_secs(30);

/// The erasures that this process has heard of. Clones are one count.
#[derive(Debug, Clone, Default)]
pub struct Erasures(Arc<AtomicU64>);

impl Erasures {
    /// From now on no personal data is taken from memory that was read before.
    pub fn note(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// For personal data that is read after this and kept in memory.
    pub fn from_now(&self) -> Freshness {
        Freshness { erasures: self.clone(), heard_of: self.count(), since: Instant::now() }
    }
}

/// Says how long personal data may be taken from memory.
#[derive(Debug, Clone)]
pub struct Freshness {
    erasures: Erasures,
    heard_of: u64,
    since: Instant,
}

impl Freshness {
    /// Whether nothing of it can have been erased: this process has heard of no erasure since, and another one's would have become
    /// known by now.
    pub fn lasts(&self) -> bool {
        self.erasures.count() == self.heard_of && self.since.elapsed() < PERSONAL_DATA_IN_MEMORY
    }
}

#[cfg(test)]
mod tests {
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
        erasures.clone().note();
        assert!(!early.lasts() && erasures.from_now().lasts());
    }
}
