//! What lies beside the log: snapshots, deadlines, leases and checkpoints.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use commands::ports::{
    Advance, CheckpointStore, Deadline, DeadlineStore, DueDeadline, Fence, LeaseStore, Position,
    RecordedEvent, Settlement, Snapshot, SnapshotStore, StoreError, StreamKey,
};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{
    PostgresEventStore,
    events::{as_sql, columns, from_sql, recorded_events},
    store::SIDE_TABLES,
};
use crate::clocks::check_clock;

pub(super) const SAVE_SNAPSHOTS: &str =
    "insert into snapshots (tenant, category, stream_id, version, shape, state)
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
    on conflict (tenant, category, stream_id)
    do update set version = excluded.version, shape = excluded.shape, state = excluded.state
    where snapshots.shape <> excluded.shape or snapshots.version <= excluded.version";
pub(super) const DUE_DEADLINES: &str =
    "select tenant, asked_at, deadline_id, due_at, command, payload from deadlines
    where due_at <= $1 order by due_at, tenant, deadline_id limit $2";
pub(super) const NEXT_DUE_AT: &str = "select min(due_at) from deadlines";
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
/// The lease is locked while it is looked at: whoever claims it meanwhile waits, and finds the checkpoint moved. An absent row of
/// checkpoints stands for position 0.
pub(super) const ADVANCE_CHECKPOINT: &str = "with held as materialized (
        select from process_leases where name = $4 and epoch = $5 and holder is not null for share),
    moved as (
        insert into checkpoints as stored (name, position)
        select $1, $3 from held where $2::bigint = 0 or exists (select from checkpoints where name = $1)
        on conflict (name) do update set position = excluded.position where stored.position = $2
        returning position)
    select exists (select from held), exists (select from moved)";
pub(super) const SETTLE_DEADLINES: &str = "with held as materialized (
        select from process_leases where name = $1 and epoch = $2 and holder is not null for share),
    closed as (
        delete from deadlines using unnest($3::uuid[], $4::uuid[]) as done (tenant, deadline_id)
        where exists (select from held)
          and deadlines.tenant = done.tenant and deadlines.deadline_id = done.deadline_id),
    postponed as (
        update deadlines set due_at = later.due_at
        from unnest($5::uuid[], $6::uuid[], $7::timestamptz[]) as later (tenant, deadline_id, due_at)
        where exists (select from held)
          and deadlines.tenant = later.tenant and deadlines.deadline_id = later.deadline_id)
    select exists (select from held)";
/// Looked at before it is claimed: what is in others' hands is not written to, not even locked.
pub(super) const LEASE_IS_TAKEN: &str = "select from process_leases
    where name = $1 and holder is not null and holder <> $2 and expires_at > now()";
pub(super) const CLAIM_LEASE: &str = "insert into process_leases as stored (name, holder, epoch, expires_at)
    values ($1, $2, 1, now() + $3::bigint * interval '1 millisecond')
    on conflict (name) do update
    set holder = excluded.holder, epoch = stored.epoch + 1, expires_at = excluded.expires_at
    where stored.holder is null or stored.holder = excluded.holder or stored.expires_at <= now()
    returning epoch";
pub(super) const RENEW_LEASE: &str = "update process_leases
    set expires_at = now() + $3::bigint * interval '1 millisecond'
    where name = $1 and epoch = $2 and holder is not null returning epoch";
pub(super) const RELEASE_LEASE: &str =
    "update process_leases set holder = null where name = $1 and epoch = $2 and holder is not null";
/// By the partial index `reactions_parked`, which holds nothing else.
pub(super) const PARKED_REACTIONS: &str = concat!(
    "select ",
    columns!(),
    " from events as parked
    where category = 'reaction' and event_type = 'ReactionParked' and not exists (
        select from events as later
        where later.tenant = parked.tenant and later.category = 'reaction'
          and later.stream_id = parked.stream_id and later.version > parked.version)
    order by position"
);

#[async_trait]
impl SnapshotStore for PostgresEventStore {
    async fn save_snapshots(&self, snapshots: &[(StreamKey, Snapshot)]) -> Result<(), StoreError> {
        let streams = || snapshots.iter().map(|(stream, _)| stream);
        let kept = || snapshots.iter().map(|(_, snapshot)| snapshot);
        let tenants: Vec<Uuid> = streams().map(|stream| stream.tenant).collect();
        let categories: Vec<&str> = streams().map(|stream| &*stream.category).collect();
        let ids: Vec<&str> = streams().map(|stream| &*stream.id).collect();
        let versions: Vec<i64> = kept().map(|snapshot| as_sql(snapshot.version)).collect();
        let shapes: Vec<&str> = kept().map(|snapshot| &*snapshot.shape).collect();
        let states: Vec<&str> = kept().map(|snapshot| &*snapshot.state).collect();
        let columns: [&(dyn ToSql + Sync); 6] = [&tenants, &categories, &ids, &versions, &shapes, &states];
        self.read("saving snapshots", SIDE_TABLES, &columns).await.map(drop)
    }
}

#[async_trait]
impl DeadlineStore for PostgresEventStore {
    async fn check_clock(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let rows = self.read("comparing the clocks", SIDE_TABLES + 8, &[]).await?;
        rows.first().map_or(Ok(()), |row| check_clock(now, row.get(0), None))
    }

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

    async fn settle_deadlines(&self, fence: &Fence, settlement: &Settlement) -> Result<bool, StoreError> {
        let (tenants, ids): (Vec<Uuid>, Vec<Uuid>) = settlement.closed.iter().copied().unzip();
        let later = || settlement.postponed.iter();
        let later_tenants: Vec<Uuid> = later().map(|(tenant, ..)| *tenant).collect();
        let later_ids: Vec<Uuid> = later().map(|(_, deadline_id, _)| *deadline_id).collect();
        let later_dues: Vec<DateTime<Utc>> = later().map(|(.., due_at)| *due_at).collect();
        let parameters: [&(dyn ToSql + Sync); 7] =
            [&fence.lease, &fence.epoch, &tenants, &ids, &later_tenants, &later_ids, &later_dues];
        let rows = self.read("settling deadlines", SIDE_TABLES + 3, &parameters).await?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }
}

#[async_trait]
impl LeaseStore for PostgresEventStore {
    async fn claim_lease(
        &self,
        lease: &str,
        holder: Uuid,
        hold_for: Duration,
    ) -> Result<Option<Fence>, StoreError> {
        let taken = self.leases.query("looking for a lease", SIDE_TABLES + 6, &[&lease, &holder]).await?;
        if !taken.is_empty() {
            return Ok(None);
        }
        let hold_for = milliseconds(hold_for);
        let rows =
            self.leases.query("taking a lease", SIDE_TABLES + 9, &[&lease, &holder, &hold_for]).await?;
        Ok(rows.first().map(|row| Fence { lease: lease.to_owned(), epoch: row.get(0) }))
    }

    async fn renew_lease(&self, fence: &Fence, hold_for: Duration) -> Result<bool, StoreError> {
        let hold_for = milliseconds(hold_for);
        let parameters: [&(dyn ToSql + Sync); 3] = [&fence.lease, &fence.epoch, &hold_for];
        Ok(!self.leases.query("keeping a lease", SIDE_TABLES + 10, &parameters).await?.is_empty())
    }

    async fn release_lease(&self, fence: &Fence) -> Result<(), StoreError> {
        let parameters: [&(dyn ToSql + Sync); 2] = [&fence.lease, &fence.epoch];
        self.leases.query("giving a lease back", SIDE_TABLES + 11, &parameters).await.map(drop)
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl CheckpointStore for PostgresEventStore {
    async fn load_checkpoint(&self, name: &str) -> Result<Position, StoreError> {
        let rows = self.read("reading a checkpoint", SIDE_TABLES + 4, &[&name]).await?;
        Ok(rows.first().map_or(0, |row| from_sql(row.get(0))))
    }

    async fn advance_checkpoint(
        &self,
        fence: &Fence,
        name: &str,
        from: Position,
        to: Position,
    ) -> Result<Advance, StoreError> {
        let (from, to) = (as_sql(from), as_sql(to));
        let parameters: [&(dyn ToSql + Sync); 5] = [&name, &from, &to, &fence.lease, &fence.epoch];
        let rows = self.read("advancing a checkpoint", SIDE_TABLES + 5, &parameters).await?;
        Ok(match rows.first().map(|row| (row.get(0), row.get(1))) {
            Some((true, true)) => Advance::Moved,
            Some((true, false)) => Advance::Elsewhere,
            Some((false, _)) | None => Advance::Fenced,
        })
    }

    async fn parked_reactions(&self) -> Result<Vec<RecordedEvent>, StoreError> {
        recorded_events(&self.read("looking for parked reactions", SIDE_TABLES + 12, &[]).await?)
    }
}
