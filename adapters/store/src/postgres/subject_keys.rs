//! The keys of data subjects, beside the log.

use std::sync::Arc;

use async_trait::async_trait;
use commands::{
    ports::{StoreError, SubjectKey, SubjectKeys, TenantId},
    sealing::sealed_sign,
};
use tokio_postgres::types::ToSql;

use super::{PostgresEventStore, store::SUBJECT_KEYS};

pub(super) const FIND: &str =
    "select subject, version, wrapped from subject_keys where tenant = $1 and subject = any ($2)";
pub(super) const KEEP: &str = "insert into subject_keys (tenant, subject, version, wrapped)
    values ($1, $2, $3, $4) on conflict do nothing";
pub(super) const DESTROY: &str = "insert into subject_keys (tenant, subject, version, wrapped)
    values ($1, $2, 1, null) on conflict (tenant, subject) do update set wrapped = null";
/// Looks through the snapshots that follow a name, and answers the name of the last. One that somebody is replacing is left to him:
/// what he writes is sealed without the key, or with it and opens no more.
pub(super) const DROP_SNAPSHOTS: &str = "with page as materialized (
        select category, stream_id, strpos(state, $4) > 0 as is_about from snapshots
        where tenant = $1 and (category, stream_id) > ($2, $3) order by category, stream_id limit $5),
    dropped as (
        delete from snapshots where ctid = any (array(
            select snapshots.ctid from page join snapshots using (category, stream_id)
            where is_about and snapshots.tenant = $1 for update of snapshots skip locked)))
    select category, stream_id from page order by category desc, stream_id desc limit 1";
/// Snapshots that one statement looks through: each may hold a few MiB, and its time is bounded.
const PAGE: i64 = 128;

#[async_trait]
impl SubjectKeys for PostgresEventStore {
    async fn subject_keys(
        &self,
        tenant: TenantId,
        subjects: &[Arc<str>],
    ) -> Result<Vec<SubjectKey>, StoreError> {
        let subjects: Vec<&str> = subjects.iter().map(|subject| &**subject).collect();
        let rows =
            self.read("reading the keys of data subjects", SUBJECT_KEYS, &[&tenant, &subjects]).await?;
        let keys = rows.iter().map(|row| SubjectKey {
            subject: Arc::from(row.get::<_, &str>(0)),
            version: row.get::<_, i32>(1).unsigned_abs(),
            wrapped: row.get(2),
        });
        Ok(keys.collect())
    }

    async fn keep_subject_key(&self, tenant: TenantId, key: SubjectKey) -> Result<SubjectKey, StoreError> {
        let (subject, version) = (&*key.subject, i32::try_from(key.version).unwrap_or(i32::MAX));
        let row: [&(dyn ToSql + Sync); 4] = [&tenant, &subject, &version, &key.wrapped];
        self.read("keeping a data subject's key", SUBJECT_KEYS + 1, &row).await?;
        // A statement of its own: it sees what another process has kept in the meantime.
        let stands = self.subject_keys(tenant, std::slice::from_ref(&key.subject)).await?.pop();
        Ok(stands.unwrap_or(key))
    }

    async fn destroy_subject_key(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError> {
        let row: [&(dyn ToSql + Sync); 2] = [&tenant, &subject];
        self.read("destroying a data subject's key", SUBJECT_KEYS + 2, &row).await.map(drop)
    }

    async fn drop_snapshots_about(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError> {
        let sign = sealed_sign(subject);
        let (mut category, mut id) = (String::new(), String::new());
        loop {
            let page: [&(dyn ToSql + Sync); 5] = [&tenant, &category, &id, &sign, &PAGE];
            let last = self.read("dropping snapshots about somebody erased", SUBJECT_KEYS + 3, &page).await?;
            let Some(last) = last.first() else { return Ok(()) };
            (category, id) = (last.get(0), last.get(1));
        }
    }
}
