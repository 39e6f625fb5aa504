//! What lies beside the log: snapshots, deadlines and checkpoints.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::{
    CheckpointStore, Deadline, DeadlineStore, DueDeadline, Position, Snapshot, SnapshotStore, StoreError,
    StreamKey, TenantId,
};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{
    PostgresEventStore,
    events::{as_sql, from_sql},
    store::SIDE_TABLES,
};

pub(super) const SAVE_SNAPSHOT: &str =
    "insert into snapshots (tenant, category, stream_id, version, shape, state)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (tenant, category, stream_id)
    do update set version = excluded.version, shape = excluded.shape, state = excluded.state
    where snapshots.shape <> excluded.shape or snapshots.version <= excluded.version";
pub(super) const DUE_DEADLINES: &str =
    "select tenant, asked_at, deadline_id, due_at, command, payload from deadlines
    where due_at <= $1 order by due_at, tenant, deadline_id limit $2";
pub(super) const NEXT_DUE_AT: &str = "select min(due_at) from deadlines";
pub(super) const CLOSE_DEADLINE: &str = "delete from deadlines where tenant = $1 and deadline_id = $2";
pub(super) const POSTPONE_DEADLINE: &str =
    "update deadlines set due_at = $3 where tenant = $1 and deadline_id = $2";
pub(super) const LOAD_CHECKPOINT: &str = "select position from checkpoints where name = $1";
/// Whatever a writer is just replacing is left to it.
pub(super) const PRUNE_ANSWERS: &str = "with forgotten as (
        delete from commits where ctid = any (array(
            select ctid from commits where expires_at <= clock_timestamp() order by expires_at limit $1
            for update skip locked))
        returning 1)
    select count(*) from forgotten";
/// The database's clock, and the log's.
pub(super) const CLOCKS: &str =
    "select clock_timestamp(), (select recorded_at from events order by position desc limit 1)";
/// An absent row stands for position 0.
pub(super) const ADVANCE_CHECKPOINT: &str = "insert into checkpoints as stored (name, position)
    select $1, $3 where $2::bigint = 0 or exists (select from checkpoints where name = $1)
    on conflict (name) do update set position = excluded.position where stored.position = $2
    returning position";

#[async_trait]
impl SnapshotStore for PostgresEventStore {
    async fn save_snapshot(&self, stream: &StreamKey, snapshot: &Snapshot) -> Result<(), StoreError> {
        let (category, id, version) = (&*stream.category, &*stream.id, as_sql(snapshot.version));
        let row: [&(dyn ToSql + Sync); 6] =
            [&stream.tenant, &category, &id, &version, &snapshot.shape, &snapshot.state];
        self.read("saving a snapshot", SIDE_TABLES, &row).await.map(drop)
    }
}

#[async_trait]
impl DeadlineStore for PostgresEventStore {
    async fn due_deadlines(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueDeadline>, StoreError> {
        let limit = as_sql(limit as u64);
        let rows = self.read("reading the deadlines", SIDE_TABLES + 1, &[&now, &limit]).await?;
        let due = rows.iter().map(|row| DueDeadline {
            tenant: row.get(0),
            asked_at: from_sql(row.get(1)),
            deadline: Deadline {
                deadline_id: row.get(2),
                due_at: row.get(3),
                command: row.get(4),
                payload: row.get(5),
            },
        });
        Ok(due.collect())
    }

    async fn next_due_at(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let rows = self.read("reading the deadlines", SIDE_TABLES + 2, &[]).await?;
        Ok(rows.first().and_then(|row| row.get(0)))
    }

    async fn postpone_deadline(
        &self,
        tenant: TenantId,
        deadline_id: Uuid,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let row: [&(dyn ToSql + Sync); 3] = [&tenant, &deadline_id, &due_at];
        self.read("postponing a deadline", SIDE_TABLES + 6, &row).await.map(drop)
    }

    async fn close_deadline(&self, tenant: TenantId, deadline_id: Uuid) -> Result<(), StoreError> {
        self.read("closing a deadline", SIDE_TABLES + 3, &[&tenant, &deadline_id]).await.map(drop)
    }
}

#[async_trait]
impl CheckpointStore for PostgresEventStore {
    async fn load_checkpoint(&self, name: &str) -> Result<Position, StoreError> {
        let rows = self.read("reading a checkpoint", SIDE_TABLES + 4, &[&name]).await?;
        Ok(rows.first().map_or(0, |row| from_sql(row.get(0))))
    }

    async fn advance_checkpoint(&self, name: &str, from: Position, to: Position) -> Result<bool, StoreError> {
        let (from, to) = (as_sql(from), as_sql(to));
        let moved = self.read("advancing a checkpoint", SIDE_TABLES + 5, &[&name, &from, &to]).await?;
        Ok(!moved.is_empty())
    }
}
