use std::time::Duration;

use projections::{
    Field, Value,
    ports::{Claim, Fence, ReadStoreError},
};
use uuid::Uuid;

use super::{INT, corrupt, millis, text};
use crate::read::{
    session::{Done, Job, Queue, Session},
    sql::Dialect,
};

pub(in crate::read) struct ClaimLease {
    pub(in crate::read) lease: String,
    pub(in crate::read) holder: Uuid,
    pub(in crate::read) hold_for: Duration,
    pub(in crate::read) claim: Claim,
}

impl Job for ClaimLease {
    type Answer = Option<Fence>;
    const DOING: &'static str = "taking a lease";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<Self::Answer>, ReadStoreError> {
        // An epoch that a crash of the database took back would be given twice.
        session.durable().await?;
        let now = S::DIALECT.now_millis();
        let by_force = Value::Int64(i64::from(self.claim == Claim::ByForce));
        let sql = format!(
            "insert into read_leases (name, holder, epoch, expires_at) values ($1, $2, 1, {now} + $3)
             on conflict (name) do update
             set holder = excluded.holder, epoch = read_leases.epoch + 1, expires_at = excluded.expires_at
             where $4 = 1 or read_leases.holder in ('', excluded.holder) or read_leases.expires_at <= {now}
             returning epoch"
        );
        let parameters = [text(&self.lease), text(self.holder.to_string()), millis(self.hold_for), by_force];
        let epoch = session.query(&sql, &parameters, &[INT]).await?.first().cloned();
        Ok(match epoch {
            Some(epoch) => {
                let epoch = i64::from_value(epoch).map_err(corrupt)?;
                Done::Commit(Some(Fence { lease: self.lease, epoch }))
            }
            None => Done::RollBack(None),
        })
    }
}

/// Whether a lease could be taken.
pub(in crate::read) struct LookAtLease {
    pub(in crate::read) lease: String,
    pub(in crate::read) holder: Uuid,
}

impl Job for LookAtLease {
    type Answer = bool;
    const DOING: &'static str = "looking at a lease";
    const WRITES: bool = false;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<bool>, ReadStoreError> {
        let now = S::DIALECT.now_millis();
        let sql = format!(
            "select count(*) from read_leases
             where name = $1 and holder not in ('', $2) and expires_at > {now}"
        );
        let parameters = [text(&self.lease), text(self.holder.to_string())];
        let held = session.query(&sql, &parameters, &[INT]).await?.first().cloned();
        let held = held.map_or(Ok(0), i64::from_value).map_err(corrupt)?;
        Ok(Done::Commit(held == 0))
    }
}

pub(super) async fn renew<S: Session>(
    session: &mut S,
    fence: &Fence,
    hold_for: Duration,
) -> Result<bool, ReadStoreError> {
    let sql = format!(
        "update read_leases set expires_at = {} + $1 where name = $2 and epoch = $3 and holder <> ''",
        S::DIALECT.now_millis()
    );
    let parameters = [millis(hold_for), text(&fence.lease), Value::Int64(fence.epoch)];
    Ok(session.execute(&sql, &parameters).await? == 1)
}

pub(in crate::read) struct RenewLease(pub(in crate::read) Fence, pub(in crate::read) Duration);

impl Job for RenewLease {
    type Answer = bool;
    const DOING: &'static str = "keeping a lease";
    const WRITES: bool = true;
    const ALONE: bool = true;
    const QUEUE: Queue = Queue::Keeping;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<bool>, ReadStoreError> {
        let Self(fence, hold_for) = self;
        match S::DIALECT {
            Dialect::Postgres => renew_what_is_free(session, &fence, hold_for).await,
            Dialect::Sqlite => renew(session, &fence, hold_for).await,
        }
        .map(Done::Commit)
    }
}

/// A lease whose row is locked is being renewed by a step of its own, or claimed: it is not waited for, since the other leases'
/// renewals would wait too, and run out. Whether it is held is then answered from before that step, and a holder who has
/// lost it hears so at the next renewal, or by its next step at the latest.
async fn renew_what_is_free<S: Session>(
    session: &mut S,
    fence: &Fence,
    hold_for: Duration,
) -> Result<bool, ReadStoreError> {
    let now = S::DIALECT.now_millis();
    let sql = format!(
        "with free as materialized (
             select name from read_leases where name = $2 and epoch = $3 and holder <> '' for update skip locked),
         kept as (
             update read_leases set expires_at = {now} + $1 from free where read_leases.name = free.name)
         select count(*) from read_leases where name = $2 and epoch = $3 and holder <> ''"
    );
    let parameters = [millis(hold_for), text(&fence.lease), Value::Int64(fence.epoch)];
    let held = session.query(&sql, &parameters, &[INT]).await?.first().cloned();
    Ok(held.map_or(Ok(0), i64::from_value).map_err(corrupt)? == 1)
}

pub(in crate::read) struct ReleaseLease(pub(in crate::read) Fence);

impl Job for ReleaseLease {
    type Answer = ();
    const DOING: &'static str = "giving a lease back";
    const WRITES: bool = true;

    async fn run<S: Session>(self, session: &mut S) -> Result<Done<()>, ReadStoreError> {
        let sql = "update read_leases set holder = '', expires_at = 0 where name = $1 and epoch = $2";
        session.execute(sql, &[text(self.0.lease), Value::Int64(self.0.epoch)]).await?;
        Ok(Done::Commit(()))
    }
}
