use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use lru::LruCache;

use super::cipher::{Cipher, CipherFailure, KeyEncryptionKey, random};
use crate::ports::{StoreError, SubjectKey, SubjectKeys, TenantId};

/// How long a key is taken from memory without a look at whether it was destroyed (identity.md, section 4).
const FRESH: Duration = Duration::from_secs(60);
/// Keys that are kept in memory.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);

/// A subject's key, unwrapped.
#[derive(Debug, Clone)]
pub(super) struct OpenKey {
    pub(super) version: u32,
    /// None: destroyed.
    pub(super) cipher: Option<Arc<Cipher>>,
}

/// Whose key it is: the subject of a tenant.
type Subject = (TenantId, Arc<str>);

/// The subjects' keys, unwrapped for as long as they are used.
pub(super) struct Vault {
    keys: Arc<dyn SubjectKeys>,
    kek: KeyEncryptionKey,
    known: Mutex<LruCache<Subject, (OpenKey, Instant)>>,
}

/// The keys of a text's subjects. One that cannot be unwrapped fails for whoever needs it, and for nobody else.
pub(super) type KeyRing = HashMap<Arc<str>, Result<OpenKey, CipherFailure>>;

impl Vault {
    pub(super) fn new(keys: Arc<dyn SubjectKeys>, kek: KeyEncryptionKey) -> Self {
        Self { keys, kek, known: Mutex::new(LruCache::new(KEPT)) }
    }

    /// The keys of these subjects, as far as they have any.
    pub(super) async fn keys_of(
        &self,
        tenant: TenantId,
        subjects: &[Arc<str>],
    ) -> Result<KeyRing, StoreError> {
        let mut ring = KeyRing::new();
        let mut absent = Vec::new();
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            for subject in subjects {
                let fresh =
                    known.get(&(tenant, Arc::clone(subject))).filter(|(_, since)| since.elapsed() < FRESH);
                match fresh {
                    Some((key, _since)) => drop(ring.insert(Arc::clone(subject), Ok(key.clone()))),
                    None if !absent.contains(subject) => absent.push(Arc::clone(subject)),
                    None => {}
                }
            }
        }
        if !absent.is_empty() {
            for stored in self.keys.subject_keys(tenant, &absent).await? {
                let key = self.remember(tenant, &stored);
                ring.insert(stored.subject, key);
            }
        }
        Ok(ring)
    }

    /// As [`Self::keys_of`]; who has no key yet gets one.
    pub(super) async fn keys_for(
        &self,
        tenant: TenantId,
        subjects: &[Arc<str>],
    ) -> Result<KeyRing, StoreError> {
        let mut ring = self.keys_of(tenant, subjects).await?;
        for subject in subjects {
            if !ring.contains_key(subject) {
                let place = key_place(tenant, subject, 1);
                let key = match random().and_then(|key| self.kek.wrap(&key, &place)) {
                    Ok(wrapped) => {
                        let subject = Arc::clone(subject);
                        let fresh = SubjectKey { subject, version: 1, wrapped: Some(wrapped) };
                        self.remember(tenant, &self.keys.keep_subject_key(tenant, fresh).await?)
                    }
                    Err(failure) => Err(failure),
                };
                ring.insert(Arc::clone(subject), key);
            }
        }
        Ok(ring)
    }

    /// Destroys a subject's key; in this process at once.
    pub(super) async fn destroy(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError> {
        self.keys.destroy_subject_key(tenant, subject).await?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).pop(&(tenant, Arc::from(subject)));
        Ok(())
    }

    fn remember(&self, tenant: TenantId, stored: &SubjectKey) -> Result<OpenKey, CipherFailure> {
        let place = key_place(tenant, &stored.subject, stored.version);
        let opened = stored.wrapped.as_ref().map(|wrapped| {
            // Most likely another key-encryption key has wrapped it.
            let key =
                self.kek.unwrap_key(wrapped, &place).map_err(|_failure| CipherFailure::KeyNotAuthentic)?;
            Cipher::new(&key).map(Arc::new)
        });
        let key = OpenKey { version: stored.version, cipher: opened.transpose()? };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.put((tenant, Arc::clone(&stored.subject)), (key.clone(), Instant::now()));
        Ok(key)
    }
}

fn key_place(tenant: TenantId, subject: &str, version: u32) -> String {
    format!("subject key|{tenant}|{subject}|{version}")
}
