use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use lru::LruCache;
use tokio::time::Instant;

use super::cipher::{Cipher, CipherFailure, KeyEncryptionKey, random};
use crate::ports::{Erasures, PERSONAL_DATA_IN_MEMORY, StoreError, SubjectKey, SubjectKeys, TenantId};

/// Whose key tells that the key-encryption key is the right one. No tenant is nil.
const CHECK: &str = "key-encryption key";
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
    erasures: Erasures,
}

/// When the store was asked for keys.
#[derive(Clone, Copy)]
struct Asked {
    heard_of: u64,
    at: Instant,
}

/// The keys of a text's subjects. One that cannot be unwrapped fails for whoever needs it, and for nobody else.
pub(super) type KeyRing = HashMap<Arc<str>, Result<OpenKey, CipherFailure>>;

impl Vault {
    pub(super) fn new(keys: Arc<dyn SubjectKeys>, kek: KeyEncryptionKey) -> Self {
        Self { keys, kek, known: Mutex::new(LruCache::new(KEPT)), erasures: Erasures::default() }
    }

    /// What this process has heard of.
    pub(super) fn erasures(&self) -> &Erasures {
        &self.erasures
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
                let fresh = known
                    .get(&(tenant, Arc::clone(subject)))
                    .filter(|(_, since)| since.elapsed() < PERSONAL_DATA_IN_MEMORY);
                match fresh {
                    Some((key, _since)) => drop(ring.insert(Arc::clone(subject), Ok(key.clone()))),
                    None if !absent.contains(subject) => absent.push(Arc::clone(subject)),
                    None => {}
                }
            }
        }
        if !absent.is_empty() {
            let asked = self.asking(tenant);
            for stored in self.keys.subject_keys(tenant, &absent).await? {
                let key = self.remember(tenant, &stored, asked);
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
                let key = match self.check_key().await? {
                    Ok(_fits) => self.first_key(tenant, subject).await?,
                    Err(failure) => Err(failure),
                };
                ring.insert(Arc::clone(subject), key);
            }
        }
        Ok(ring)
    }

    /// Whether the key-encryption key is the one that wrapped what lies in the store; any is where it has wrapped nothing yet.
    pub(super) async fn fits(&self) -> Result<bool, StoreError> {
        let ring = self.keys_of(TenantId::nil(), &[CHECK.into()]).await?;
        Ok(ring.get(CHECK).is_none_or(Result::is_ok))
    }

    /// Tells by one key whether the key-encryption key is the right one. Whoever wraps the first key makes it so.
    async fn check_key(&self) -> Result<Result<OpenKey, CipherFailure>, StoreError> {
        let check = Arc::from(CHECK);
        match self.keys_of(TenantId::nil(), std::slice::from_ref(&check)).await?.remove(&check) {
            Some(key) => Ok(key),
            None => self.first_key(TenantId::nil(), &check).await,
        }
    }

    /// Gives a subject its first key; the one that stands, should another process have been faster.
    async fn first_key(
        &self,
        tenant: TenantId,
        subject: &Arc<str>,
    ) -> Result<Result<OpenKey, CipherFailure>, StoreError> {
        let wrapped = match random().and_then(|key| self.kek.wrap(&key, &key_place(tenant, subject, 1))) {
            Ok(wrapped) => wrapped,
            Err(failure) => return Ok(Err(failure)),
        };
        let asked = self.asking(tenant);
        let first = SubjectKey { subject: Arc::clone(subject), version: 1, wrapped: Some(wrapped) };
        let stands = self.keys.keep_subject_key(tenant, first).await?;
        Ok(self.remember(tenant, &stands, asked))
    }

    /// Destroys a subject's key; in this process at once. The snapshots that it has sealed go afterwards: however many a tenant has,
    /// nobody stays unerased for them, and one that is left, since the process or the database went away, reads `ERASED`.
    pub(super) async fn destroy(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError> {
        self.keys.destroy_subject_key(tenant, subject).await?;
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.pop(&(tenant, Arc::from(subject)));
            self.erasures.note(tenant);
        }
        if let Err(error) = self.keys.drop_snapshots_about(tenant, subject).await {
            tracing::warn!(%tenant, %error, "snapshots about somebody erased are left; what they hold opens no more");
        }
        Ok(())
    }

    fn asking(&self, tenant: TenantId) -> Asked {
        Asked { heard_of: self.erasures.count(tenant), at: Instant::now() }
    }

    /// Unwraps what the store has answered, and keeps it unless somebody of the tenant was erased since it was asked.
    fn remember(
        &self,
        tenant: TenantId,
        stored: &SubjectKey,
        asked: Asked,
    ) -> Result<OpenKey, CipherFailure> {
        let place = key_place(tenant, &stored.subject, stored.version);
        let opened = stored.wrapped.as_ref().map(|wrapped| {
            // Most likely another key-encryption key has wrapped it.
            let key =
                self.kek.unwrap_key(wrapped, &place).map_err(|_failure| CipherFailure::KeyNotAuthentic)?;
            Cipher::new(&key).map(Arc::new)
        });
        let key = OpenKey { version: stored.version, cipher: opened.transpose()? };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if self.erasures.count(tenant) == asked.heard_of {
            let before = known.put((tenant, Arc::clone(&stored.subject)), (key.clone(), asked.at));
            if key.cipher.is_none() && before.is_some_and(|(before, _since)| before.cipher.is_some()) {
                // Another process has erased the subject.
                self.erasures.note(tenant);
            }
        }
        Ok(key)
    }
}

fn key_place(tenant: TenantId, subject: &str, version: u32) -> String {
    format!("subject key|{tenant}|{subject}|{version}")
}
