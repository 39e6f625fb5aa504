use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Fence, LeaseStore, Position, StoreError, TenantId};

/// A command that is due at a time, stored by the commit that asks for it: late perhaps, never lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// Also the id of the command that it becomes, so that firing it twice does nothing more.
    pub deadline_id: Uuid,
    /// When it is due; later than the commit asked for after each failed try, and while it runs for long.
    pub due_at: DateTime<Utc>,
    /// What is to run, and in which version: `ArchiveRun`, then `ArchiveRun.2` ([`RunLater`](crate::engine::RunLater)).
    pub command: String,
    /// The command, as JSON text.
    pub payload: String,
}

/// A stored deadline whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDeadline {
    /// The tenant whose commit asked for it.
    pub tenant: TenantId,
    /// The last position of that commit.
    pub asked_at: Position,
    /// What is due.
    pub deadline: Deadline,
}

/// What becomes of deadlines that were fired.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settlement {
    /// Their commands were answered: they are gone. One that is gone already changes nothing.
    pub closed: Vec<(TenantId, Uuid)>,
    /// Their commands failed, or run still: they wait until then, so that those behind them have their turn. A closed one stays
    /// closed.
    pub postponed: Vec<(TenantId, Uuid, DateTime<Utc>)>,
}

/// Reads and settles the deadlines that commits have stored (see [`super::Commit::deadlines`]).
#[async_trait]
pub trait DeadlineStore: LeaseStore {
    /// Refuses, with [`StoreError::ClockAhead`], whoever takes for the present what is more than [`CLOCK_AHEAD_AT_MOST`](super::CLOCK_AHEAD_AT_MOST) ahead of the
    /// store's own clock, if it has one: nothing would be due by right, and nothing that he does would be taken.
    async fn check_clock(&self, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Open deadlines due at or before `now`, earliest first.
    async fn due_deadlines(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueDeadline>, StoreError>;

    /// When the next open deadline is due, if there is one.
    async fn next_due_at(&self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Closes and postpones in one write. `false`: somebody else holds the lease, and nothing was written.
    async fn settle_deadlines(&self, fence: &Fence, settlement: &Settlement) -> Result<bool, StoreError>;
}
