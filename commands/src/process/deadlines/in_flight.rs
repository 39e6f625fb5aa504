use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

use super::firing::Fired;
use crate::ports::{DueDeadline, TenantId};

/// Deadlines of one tenant that have begun: with a turn of their own, or waiting for one.
const OF_ONE_TENANT: usize = 1_024;
/// Deadlines of all tenants that have begun. Beyond it each tenant may have only [`OF_ONE_TENANT_AT_LEAST`]: however many are slow,
/// its own are begun.
const OF_ALL: usize = 16_384;
const OF_ONE_TENANT_AT_LEAST: usize = 64;
/// A deadline that is put aside while it runs is put aside again when so much is left.
const AGAIN_BEFORE: Duration = Duration::from_secs(10);

type Id = (TenantId, Uuid);

/// The deadlines that have begun, each as a task of its own. Dropping it ends them; they are found again.
#[derive(Default)]
pub(super) struct InFlight {
    tasks: JoinSet<(DueDeadline, Fired)>,
    /// What has ended and is not settled.
    ended: Vec<(DueDeadline, Fired)>,
    /// Those that the store counts among the due still.
    due: HashSet<Id>,
    /// Those that it does not, until then.
    aside: HashMap<Id, Instant>,
    begun_of: HashMap<TenantId, usize>,
    /// A task died, which none ever should: nobody knows which.
    has_died: bool,
}

impl InFlight {
    /// Begins with one, unless it has begun. `false`: the tenant has too many in flight.
    pub(super) fn begin(
        &mut self,
        due: &DueDeadline,
        fire: impl Future<Output = (DueDeadline, Fired)> + Send + 'static,
    ) -> bool {
        let id = id_of(due);
        if self.due.contains(&id) || self.aside.remove(&id).is_some() {
            self.due.insert(id);
            return true;
        }
        let begun = self.begun_of.get(&due.tenant).copied().unwrap_or_default();
        let most =
            if self.due.len() + self.aside.len() < OF_ALL { OF_ONE_TENANT } else { OF_ONE_TENANT_AT_LEAST };
        if begun >= most {
            return false;
        }
        self.begun_of.insert(due.tenant, begun + 1);
        self.due.insert(id);
        self.tasks.spawn(fire);
        true
    }

    /// Waits until what the store counts among the due has ended, or until then.
    pub(super) async fn those_due_ended(&mut self, until: Option<Instant>) {
        let ended = async {
            while !self.due.is_empty() && !self.has_died {
                let Some(ended) = self.tasks.join_next().await else { return };
                self.note(ended);
            }
        };
        match until {
            // What was noted stays noted.
            Some(until) => {
                let _in_time = tokio::time::timeout_at(until, ended).await;
            }
            None => ended.await,
        }
    }

    /// What has ended since it was asked last.
    pub(super) fn take_ended(&mut self) -> Vec<(DueDeadline, Fired)> {
        while let Some(ended) = self.tasks.try_join_next() {
            self.note(ended);
        }
        if std::mem::take(&mut self.has_died) {
            tracing::error!("a deadline's task died; those in flight begin again");
            let ended = std::mem::take(&mut self.ended);
            *self = Self::default();
            return ended;
        }
        std::mem::take(&mut self.ended)
    }

    /// Those that run still and are to be put aside for so long, lest they stand before others that are due.
    pub(super) fn put_aside(&mut self, for_so_long: Duration) -> Vec<Id> {
        let now = Instant::now();
        let aside: Vec<_> = self.aside.iter().filter(|(_, until)| **until < now + AGAIN_BEFORE).collect();
        let all: Vec<_> = aside.into_iter().map(|(id, _)| *id).chain(self.due.drain()).collect();
        self.aside.extend(all.iter().map(|id| (*id, now + for_so_long)));
        all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.ended.is_empty()
    }

    /// Those that have begun.
    pub(super) fn ids(&self) -> impl Iterator<Item = Id> {
        self.due.iter().chain(self.aside.keys()).copied()
    }

    fn note(&mut self, ended: Result<(DueDeadline, Fired), tokio::task::JoinError>) {
        let Ok((due, fired)) = ended else {
            self.has_died = true;
            return;
        };
        let id = id_of(&due);
        self.due.remove(&id);
        self.aside.remove(&id);
        if let Some(begun) = self.begun_of.get_mut(&due.tenant) {
            *begun -= 1;
            if *begun == 0 {
                self.begun_of.remove(&due.tenant);
            }
        }
        self.ended.push((due, fired));
    }
}

fn id_of(due: &DueDeadline) -> Id {
    (due.tenant, due.deadline.deadline_id)
}
