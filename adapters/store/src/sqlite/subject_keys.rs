//! The keys of data subjects, beside the log.

use std::sync::Arc;

use async_trait::async_trait;
use commands::{
    ports::{StoreError, SubjectKey, SubjectKeys, TenantId},
    sealing::sealed_sign,
};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{SqliteEventStore, failure::store_error};

fn find(connection: &Connection, tenant: TenantId, subject: &str) -> rusqlite::Result<Option<SubjectKey>> {
    let mut select = connection
        .prepare_cached("select version, wrapped from subject_keys where tenant = ? and subject = ?")?;
    let key = |row: &rusqlite::Row<'_>| {
        Ok(SubjectKey { subject: Arc::from(subject), version: row.get(0)?, wrapped: row.get(1)? })
    };
    select.query_row(params![tenant, subject], key).optional()
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
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute(
                "insert into subject_keys (tenant, subject, version, wrapped) values (?, ?, 1, null)
                 on conflict do update set wrapped = null",
                params![tenant, subject],
            )?;
            transaction.execute(
                "delete from snapshots where tenant = ? and instr(state, ?) > 0",
                params![tenant, sealed_sign(&subject)],
            )?;
            transaction.commit()
        })
        .await
    }
}
