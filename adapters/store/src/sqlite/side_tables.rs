//! What lies beside the log: snapshots, deadlines, leases and checkpoints.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::{
    Advance, CheckpointStore, Deadline, DeadlineStore, DueDeadline, Fence, LeaseStore, Position,
    RecordedEvent, Settlement, Snapshot, SnapshotStore, StoreError, StreamKey,
};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::{
    SqliteEventStore,
    events::{as_sql, from_sql, instant},
    failure::store_error,
    reads,
};

#[async_trait]
impl SnapshotStore for SqliteEventStore {
    async fn save_snapshots(&self, snapshots: &[(StreamKey, Snapshot)]) -> Result<(), StoreError> {
        let snapshots = snapshots.to_vec();
        self.write("saving snapshots", move |connection| {
            let mut upsert = connection.prepare_cached(
                "insert into snapshots (tenant, category, stream_id, version, shape, state) values (?, ?, ?, ?, ?, ?)
                 on conflict do update set version = excluded.version, shape = excluded.shape, state = excluded.state
                 where snapshots.shape <> excluded.shape or snapshots.version <= excluded.version",
            )?;
            for (stream, snapshot) in &snapshots {
                let (category, id, version) = (&*stream.category, &*stream.id, as_sql(snapshot.version));
                let row = params![stream.tenant, category, id, version, snapshot.shape, snapshot.state];
                upsert.execute(row)?;
            }
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl DeadlineStore for SqliteEventStore {
    /// Its clock is the machine's.
    async fn check_clock(&self, _now: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }

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

    async fn settle_deadlines(&self, fence: &Fence, settlement: &Settlement) -> Result<bool, StoreError> {
        let (fence, settlement) = (fence.clone(), settlement.clone());
        self.write("settling deadlines", move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let is_held = is_held(&transaction, &fence)?;
            if is_held {
                settle(&transaction, &settlement)?;
            }
            transaction.commit().map(|()| is_held)
        })
        .await
    }
}

fn settle(transaction: &Transaction<'_>, settlement: &Settlement) -> rusqlite::Result<()> {
    let mut delete =
        transaction.prepare_cached("delete from deadlines where tenant = ? and deadline_id = ?")?;
    for (tenant, deadline_id) in &settlement.closed {
        delete.execute(params![tenant, deadline_id])?;
    }
    let mut update =
        transaction.prepare_cached("update deadlines set due_at = ? where tenant = ? and deadline_id = ?")?;
    for (tenant, deadline_id, due_at) in &settlement.postponed {
        update.execute(params![due_at.timestamp_millis(), tenant, deadline_id])?;
    }
    Ok(())
}

/// The present instant by SQLite, in milliseconds since 1970.
const NOW: &str = "cast(unixepoch('subsec') * 1000 as integer)";

fn is_held(connection: &Connection, fence: &Fence) -> rusqlite::Result<bool> {
    let sql = "select 1 from process_leases where name = ? and epoch = ? and holder is not null";
    connection.prepare_cached(sql)?.exists(params![fence.lease, fence.epoch])
}

#[async_trait]
impl LeaseStore for SqliteEventStore {
    async fn claim_lease(
        &self,
        lease: &str,
        holder: Uuid,
        hold_for: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        // Looked at first, on a reader's connection: what is in others' hands is not written to.
        let name = lease.to_owned();
        let is_taken = self.read(move |connection| {
            let sql = format!(
                "select 1 from process_leases where name = ? and holder is not null and holder <> ? and expires_at > {NOW}"
            );
            let taken = connection.prepare_cached(&sql).and_then(|mut taken| taken.exists(params![name, holder]));
            taken.map_err(store_error("looking for a lease"))
        });
        if is_taken.await? {
            return Ok(None);
        }
        let lease = lease.to_owned();
        self.write("taking a lease", move |connection| {
            let sql = format!(
                "insert into process_leases (name, holder, epoch, expires_at) values (?1, ?2, 1, {NOW} + ?3)
                 on conflict do update
                 set holder = excluded.holder, epoch = process_leases.epoch + 1, expires_at = excluded.expires_at
                 where process_leases.holder is null or process_leases.holder = excluded.holder
                    or process_leases.expires_at <= {NOW}
                 returning epoch"
            );
            let parameters = params![lease, holder, milliseconds(hold_for)];
            let epoch = connection.query_row(&sql, parameters, |row| row.get(0)).optional()?;
            Ok(epoch.map(|epoch| Fence { lease, epoch }))
        })
        .await
    }

    async fn renew_lease(&self, fence: &Fence, hold_for: Duration) -> Result<bool, StoreError> {
        let fence = fence.clone();
        self.write("keeping a lease", move |connection| {
            let sql = format!(
                "update process_leases set expires_at = {NOW} + ? where name = ? and epoch = ? and holder is not null"
            );
            let kept =
                connection.execute(&sql, params![milliseconds(hold_for), fence.lease, fence.epoch])?;
            Ok(kept == 1)
        })
        .await
    }

    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        let fence = fence.clone();
        self.write("giving a lease back", move |connection| {
            let sql = "update process_leases set holder = null where name = ? and epoch = ?";
            connection.execute(sql, params![fence.lease, fence.epoch]).map(drop)
        })
        .await
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
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

    async fn advance_checkpoint(
        &self,
        fence: &Fence,
        name: &str,
        from: Position,
        to: Position,
    ) -> Result<Advance, StoreError> {
        let (fence, name) = (fence.clone(), name.to_owned());
        self.write("advancing a checkpoint", move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if !is_held(&transaction, &fence)? {
                return Ok(Advance::Fenced);
            }
            // An absent row stands for position 0.
            transaction.execute("insert into checkpoints values (?, 0) on conflict do nothing", [&name])?;
            let moved = transaction.execute(
                "update checkpoints set position = ? where name = ? and position = ?",
                params![as_sql(to), name, as_sql(from)],
            )?;
            transaction.commit()?;
            Ok(if moved == 1 { Advance::Moved } else { Advance::Elsewhere })
        })
        .await
    }

    async fn parked_reactions(&self) -> Result<Vec<RecordedEvent>, StoreError> {
        self.read(|connection| reads::parked_reactions(connection)).await
    }
}
