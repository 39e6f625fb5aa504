use std::sync::Arc;

use async_trait::async_trait;

use super::{StoreError, TenantId};

/// A data subject's key as it is stored: wrapped by the key-encryption key, or destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectKey {
    /// Whose data it seals: a user's or customer's id.
    pub subject: Arc<str>,
    /// Part of what is authenticated with every value, from 1.
    pub version: u32,
    /// The key, sealed by the key-encryption key. None: it was destroyed, and stays so.
    pub wrapped: Option<Vec<u8>>,
}

/// Keeps the keys of data subjects beside the log, never in it: destroying one erases whatever it sealed.
#[async_trait]
pub trait SubjectKeys: Send + Sync + 'static {
    /// The keys of these subjects, also destroyed ones. Who has none is left out.
    async fn subject_keys(
        &self,
        tenant: TenantId,
        subjects: &[Arc<str>],
    ) -> Result<Vec<SubjectKey>, StoreError>;

    /// Keeps a subject's first key, and answers the one that stands: an earlier one stays, also when it was destroyed.
    async fn keep_subject_key(&self, tenant: TenantId, key: SubjectKey) -> Result<SubjectKey, StoreError>;

    /// Destroys a subject's key for ever. A subject without a key never gets one.
    async fn destroy_subject_key(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError>;

    /// Drops the snapshots that hold something that the subject's key has sealed, a few at a time: it looks through all of the tenant's.
    /// Nothing depends on it once the key is destroyed, since what the key has sealed opens nowhere.
    async fn drop_snapshots_about(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError>;
}
