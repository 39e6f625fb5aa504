use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use commands::{engine::Caller, ports::TenantId};

/// How long somebody counts as active after the last mutation (lots.md, section 6).
const ACTIVE: Duration = Duration::from_secs(15 * 60);
/// Those who have gone are forgotten at a scrape, or when so many are known.
const MANY: usize = 10_000;

/// Who has worked here lately: everybody who has sent a mutation.
#[derive(Debug, Default)]
pub(super) struct Operators {
    last_seen: Mutex<HashMap<(TenantId, Arc<str>), Instant>>,
}

impl Operators {
    /// The caller is at work.
    pub(super) fn seen(&self, caller: &Caller) {
        let mut last_seen = self.last_seen.lock().unwrap_or_else(PoisonError::into_inner);
        if last_seen.len() >= MANY {
            last_seen.retain(|_, seen| seen.elapsed() < ACTIVE);
        }
        last_seen.insert((caller.tenant, Arc::clone(&caller.actor)), Instant::now());
    }

    /// Tells the metrics how many are active.
    pub(super) fn report(&self) {
        let mut last_seen = self.last_seen.lock().unwrap_or_else(PoisonError::into_inner);
        last_seen.retain(|_, seen| seen.elapsed() < ACTIVE);
        metrics::gauge!("cairn_active_operators").set(last_seen.len() as f64);
    }
}
