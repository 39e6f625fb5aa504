use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Position, StoreError, TenantId};

/// A command that is due at a time, stored by the commit that asks for it: late perhaps, never lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// Also the id of the command that it becomes, so that firing it twice does nothing more.
    pub deadline_id: Uuid,
    /// When it is due; later than the commit asked for after each failed try.
    pub due_at: DateTime<Utc>,
    /// The command's name, as registered with the engine: `ArchiveRun`.
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

/// Reads and closes the deadlines that commits have stored (see [`super::Commit::deadlines`]).
#[async_trait]
pub trait DeadlineStore: Send + Sync + 'static {
    /// Open deadlines due at or before `now`, earliest first.
    async fn due_deadlines(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueDeadline>, StoreError>;

    /// When the next open deadline is due, if there is one.
    async fn next_due_at(&self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Lets a deadline whose command failed wait until `due_at`, so that those behind it have their turn. A closed one
    /// stays closed.
    async fn postpone_deadline(
        &self,
        tenant: TenantId,
        deadline_id: Uuid,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Closes a deadline whose command was answered. Closing twice changes nothing.
    async fn close_deadline(&self, tenant: TenantId, deadline_id: Uuid) -> Result<(), StoreError>;
}
