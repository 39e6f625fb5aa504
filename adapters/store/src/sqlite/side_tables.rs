//! What lies beside the log: snapshots, deadlines and checkpoints.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::{
    CheckpointStore, Deadline, DeadlineStore, DueDeadline, Position, Snapshot, SnapshotStore, StoreError,
    StreamKey, TenantId,
};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use super::{
    SqliteEventStore,
    events::{as_sql, from_sql, instant},
    failure::store_error,
};

#[async_trait]
impl SnapshotStore for SqliteEventStore {
    async fn save_snapshot(&self, stream: &StreamKey, snapshot: &Snapshot) -> Result<(), StoreError> {
        let (stream, snapshot) = (stream.clone(), snapshot.clone());
        self.write("saving a snapshot", move |connection| {
            let mut upsert = connection.prepare_cached(
                "insert into snapshots (tenant, category, stream_id, version, shape, state) values (?, ?, ?, ?, ?, ?)
                 on conflict do update set version = excluded.version, shape = excluded.shape, state = excluded.state
                 where snapshots.shape <> excluded.shape or snapshots.version <= excluded.version",
            )?;
            let key = (stream.tenant, &*stream.category, &*stream.id);
            let version = as_sql(snapshot.version);
            upsert.execute(params![key.0, key.1, key.2, version, snapshot.shape, snapshot.state]).map(drop)
        })
        .await
    }
}

#[async_trait]
impl DeadlineStore for SqliteEventStore {
    async fn due_deadlines(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueDeadline>, StoreError> {
        self.read(move |connection| {
            let failed = store_error("reading the deadlines");
            let mut select = connection
                .prepare_cached(
                    "select tenant, asked_at, deadline_id, due_at, command, payload from deadlines where due_at <= ?
                     order by due_at, tenant, deadline_id limit ?",
                )
                .map_err(&failed)?;
            let parameters = params![now.timestamp_millis(), as_sql(limit as u64)];
            let due = select.query_map(parameters, |row| {
                Ok(DueDeadline {
                    tenant: row.get(0)?,
                    asked_at: from_sql(row.get(1)?),
                    deadline: Deadline {
                        deadline_id: row.get(2)?,
                        due_at: instant(row.get(3)?),
                        command: row.get(4)?,
                        payload: row.get(5)?,
                    },
                })
            });
            due.and_then(Iterator::collect).map_err(failed)
        })
        .await
    }

    async fn next_due_at(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(|connection| {
            let next = connection.query_row("select min(due_at) from deadlines", [], |row| row.get(0));
            next.map(|due_at: Option<i64>| due_at.map(instant)).map_err(store_error("reading the deadlines"))
        })
        .await
    }

    async fn postpone_deadline(
        &self,
        tenant: TenantId,
        deadline_id: Uuid,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.write("postponing a deadline", move |connection| {
            let mut update = connection
                .prepare_cached("update deadlines set due_at = ? where tenant = ? and deadline_id = ?")?;
            update.execute(params![due_at.timestamp_millis(), tenant, deadline_id]).map(drop)
        })
        .await
    }

    async fn close_deadline(&self, tenant: TenantId, deadline_id: Uuid) -> Result<(), StoreError> {
        self.write("closing a deadline", move |connection| {
            let mut delete =
                connection.prepare_cached("delete from deadlines where tenant = ? and deadline_id = ?")?;
            delete.execute(params![tenant, deadline_id]).map(drop)
        })
        .await
    }
}

#[async_trait]
impl CheckpointStore for SqliteEventStore {
    async fn load_checkpoint(&self, name: &str) -> Result<Position, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| {
            let found = connection
                .query_row("select position from checkpoints where name = ?", [name], |row| row.get(0))
                .optional();
            found.map(|position| position.map_or(0, from_sql)).map_err(store_error("reading a checkpoint"))
        })
        .await
    }

    async fn advance_checkpoint(&self, name: &str, from: Position, to: Position) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.write("advancing a checkpoint", move |connection| {
            // An absent row stands for position 0.
            connection.execute("insert into checkpoints values (?, 0) on conflict do nothing", [&name])?;
            let moved = connection.execute(
                "update checkpoints set position = ? where name = ? and position = ?",
                params![as_sql(to), name, as_sql(from)],
            );
            moved.map(|rows| rows == 1)
        })
        .await
    }
}
