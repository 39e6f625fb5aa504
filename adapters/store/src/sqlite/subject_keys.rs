//! The keys of data subjects, beside the log.

use std::sync::Arc;

use async_trait::async_trait;
use commands::{
    ports::{StoreError, SubjectKey, SubjectKeys, TenantId},
    sealing::sealed_sign,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{SqliteEventStore, failure::store_error};

fn find(connection: &Connection, tenant: TenantId, subject: &str) -> rusqlite::Result<Option<SubjectKey>> {
    let mut select = connection
        .prepare_cached("select version, wrapped from subject_keys where tenant = ? and subject = ?")?;
    let key = |row: &rusqlite::Row<'_>| {
        Ok(SubjectKey { subject: Arc::from(subject), version: row.get(0)?, wrapped: row.get(1)? })
    };
    select.query_row(params![tenant, subject], key).optional()
}

/// A stream of a tenant, by its category and id.
type Name = (String, String);

/// Snapshots that are looked through at once.
const PAGE: usize = 128;

/// The streams whose snapshots follow a name, and whether the snapshot holds a sign.
fn snapshots(
    connection: &Connection,
    tenant: TenantId,
    (category, id): &Name,
    sign: &str,
) -> rusqlite::Result<Vec<(Name, bool)>> {
    let mut select = connection.prepare_cached(
        "select category, stream_id, instr(state, ?) > 0 from snapshots
         where tenant = ? and (category, stream_id) > (?, ?) order by category, stream_id limit ?",
    )?;
    let found = |row: &rusqlite::Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get(2)?));
    select.query_map(params![sign, tenant, category, id, PAGE as i64], found)?.collect()
}

#[async_trait]
impl SubjectKeys for SqliteEventStore {
    async fn subject_keys(
        &self,
        tenant: TenantId,
        subjects: &[Arc<str>],
    ) -> Result<Vec<SubjectKey>, StoreError> {
        let subjects = subjects.to_vec();
        self.read(move |connection| {
            let found = subjects.iter().filter_map(|subject| find(connection, tenant, subject).transpose());
            found.collect::<rusqlite::Result<_>>().map_err(store_error("reading the keys of data subjects"))
        })
        .await
    }

    async fn keep_subject_key(&self, tenant: TenantId, key: SubjectKey) -> Result<SubjectKey, StoreError> {
        self.write("keeping a data subject's key", move |connection| {
            let mut insert = connection.prepare_cached(
                "insert into subject_keys (tenant, subject, version, wrapped) values (?, ?, ?, ?)
                 on conflict do nothing",
            )?;
            insert.execute(params![tenant, &*key.subject, key.version, key.wrapped])?;
            Ok(find(connection, tenant, &key.subject)?.unwrap_or(key))
        })
        .await
    }

    async fn destroy_subject_key(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError> {
        let subject = subject.to_owned();
        self.write("destroying a data subject's key", move |connection| {
            let destroyed = connection.execute(
                "insert into subject_keys (tenant, subject, version, wrapped) values (?, ?, 1, null)
                 on conflict do update set wrapped = null",
                params![tenant, subject],
            );
            destroyed.map(drop)
        })
        .await
    }

    /// A reader looks through the snapshots, so that whoever appends waits for single rows alone.
    async fn drop_snapshots_about(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError> {
        let sign = sealed_sign(subject);
        let mut last = Some((String::new(), String::new()));
        while let Some(after) = last.take() {
            let looked_for = sign.clone();
            let page = self
                .read(move |connection| {
                    snapshots(connection, tenant, &after, &looked_for)
                        .map_err(store_error("looking for snapshots about somebody erased"))
                })
                .await?;
            last = page.last().map(|(name, _is_about)| name.clone());
            let about: Vec<_> =
                page.into_iter().filter_map(|(name, is_about)| is_about.then_some(name)).collect();
            if about.is_empty() {
                continue;
            }
            let sign = sign.clone();
            self.write("dropping snapshots about somebody erased", move |connection| {
                let mut delete = connection.prepare_cached(
                    "delete from snapshots where tenant = ? and category = ? and stream_id = ? and instr(state, ?) > 0",
                )?;
                about.iter().try_for_each(|(category, id)| {
                    delete.execute(params![tenant, category, id, sign]).map(drop)
                })
            })
            .await?;
        }
        Ok(())
    }
}
