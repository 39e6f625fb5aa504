//! The keys of data subjects, beside the log.

use std::sync::Arc;

use async_trait::async_trait;
use commands::{
    ports::{StoreError, SubjectKey, SubjectKeys, TenantId},
    sealing::sealed_sign,
};

use super::MemoryEventStore;

#[async_trait]
impl SubjectKeys for MemoryEventStore {
    async fn subject_keys(
        &self,
        tenant: TenantId,
        subjects: &[Arc<str>],
    ) -> Result<Vec<SubjectKey>, StoreError> {
        let keys = &self.state().subject_keys;
        Ok(subjects.iter().filter_map(|subject| keys.get(&(tenant, Arc::clone(subject))).cloned()).collect())
    }

    async fn keep_subject_key(&self, tenant: TenantId, key: SubjectKey) -> Result<SubjectKey, StoreError> {
        let place = (tenant, Arc::clone(&key.subject));
        Ok(self.state().subject_keys.entry(place).or_insert(key).clone())
    }

    async fn destroy_subject_key(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError> {
        let subject: Arc<str> = Arc::from(subject);
        let destroyed = SubjectKey { subject: Arc::clone(&subject), version: 1, wrapped: None };
        self.state().subject_keys.entry((tenant, subject)).or_insert(destroyed).wrapped = None;
        Ok(())
    }

    async fn drop_snapshots_about(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError> {
        let sign = sealed_sign(subject);
        let mut state = self.state();
        state.snapshots.retain(|stream, snapshot| stream.tenant != tenant || !snapshot.state.contains(&sign));
        Ok(())
    }
}
