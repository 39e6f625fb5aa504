use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    ports::{DueDeadline, TenantId},
    process::ProcessOptions,
};

/// The longest pause between two tries of a deadline.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// What this process knows of the deadlines that fail. A restart begins anew.
#[derive(Default)]
pub(super) struct Failing(Mutex<HashMap<(TenantId, Uuid), Known>>);

struct Known {
    since: DateTime<Utc>,
    pause: TimeDelta,
    tries: u32,
    faults: u32,
}

/// How a deadline has failed up to now.
pub(super) struct Failure {
    /// Since its first try.
    pub(super) lasted: Duration,
    /// Before its next one.
    pub(super) pause: TimeDelta,
    pub(super) tries: u32,
    /// How many of them failed inside the program.
    pub(super) faults: u32,
}

impl Failing {
    /// Notes one more failure.
    pub(super) fn again(
        &self,
        due: &DueDeadline,
        is_fault: bool,
        now: DateTime<Utc>,
        options: &ProcessOptions,
    ) -> Failure {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = match all.entry((due.tenant, due.deadline.deadline_id)) {
            Entry::Occupied(known) => {
                let known = known.into_mut();
                known.pause = (known.pause * 2).min(LONGEST_PAUSE);
                known
            }
            Entry::Vacant(new) => {
                let pause = TimeDelta::from_std(options.first_pause).unwrap_or(LONGEST_PAUSE);
                new.insert(Known { since: now, pause, tries: 0, faults: 0 })
            }
        };
        known.tries += 1;
        known.faults += u32::from(is_fault);
        let lasted = (now - known.since).to_std().unwrap_or_default();
        Failure { lasted, pause: known.pause, tries: known.tries, faults: known.faults }
    }

    pub(super) fn forget(&self, due: &DueDeadline) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&(due.tenant, due.deadline.deadline_id));
    }

    pub(super) fn forget_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
