//! What tells about a person is sealed before the log sees it, and opened when it is read.
//!
//! [`Sealing`] stands before a log and its snapshots. Each [`Personal`] value is sealed with AES-256-GCM under the key of
//! whom it tells about; its tenant, event, place in the payload and the key's version are authenticated with it, so that
//! a ciphertext opens where it was written and nowhere else. The keys lie beside the log ([`SubjectKeys`]), wrapped by a
//! [`KeyEncryptionKey`] that lies elsewhere. Destroying a key erases: what it sealed reads `ERASED` from then on, and what
//! is written about that subject later is dropped. A value that does not open is reported and left sealed: its event
//! cannot be read, and nothing of it is shown. Whoever keeps in memory what was opened asks the log for its [`Erasures`].
//!
//! Nothing personal can go past: writing it fails but in the engine, and a store refuses what is open ([`check_sealed`]).
//! ring does the arithmetic: it is in the program already, for TLS, and costs no build.
//!
//! Reading order: [`Sealing`], `vault.rs`, `cipher.rs`.

mod cipher;
mod vault;

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use chrono::{DateTime, Utc};
use domain::kernel::personal::{self, Held, RewriteError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

#[cfg(doc)]
use domain::kernel::Personal;

pub use self::cipher::{CipherFailure, KeyEncryptionKey};
use self::vault::{KeyRing, Vault};
use crate::ports::{
    AppendOutcome, AppendRefusal, Commit, Erasures, EventStore, LogFilter, LogPage, Past, PastQuery,
    Position, Receipt, RecordedEvent, Snapshot, SnapshotStore, StoreError, StreamKey, StreamWrite,
    SubjectKeys, TenantId, Version,
};
pub use domain::kernel::personal::sealed_sign;

/// Checks what every store demands of what it is to keep: no personal data in the open.
pub fn check_sealed(commit: &Commit) -> Result<(), AppendRefusal> {
    let is_open = |write: &&StreamWrite| write.events.iter().any(|event| personal::is_open(&event.payload));
    match commit.streams.iter().find(is_open) {
        Some(write) => Err(AppendRefusal::Unsealed { stream: write.stream.clone() }),
        None => Ok(()),
    }
}

/// A log and its snapshots, with what is personal in them sealed.
pub struct Sealing {
    log: Arc<dyn EventStore>,
    snapshots: Arc<dyn SnapshotStore>,
    vault: Vault,
}

/// A sealed value, as it lies on the log. Base64 without padding.
#[derive(Serialize, Deserialize)]
struct SealedValue {
    key: u32,
    nonce: String,
    text: String,
}

/// Bytes of a nonce, at the head of what a cipher has sealed.
const NONCE_BYTES: usize = 12;

impl Sealing {
    /// Seals what goes to the log and its snapshots.
    pub fn new(
        log: Arc<dyn EventStore>,
        snapshots: Arc<dyn SnapshotStore>,
        keys: Arc<dyn SubjectKeys>,
        kek: KeyEncryptionKey,
    ) -> Self {
        Self { log, snapshots, vault: Vault::new(keys, kek) }
    }

    /// The log as it lies: personal data is sealed there. What publishes the log elsewhere reads this one.
    pub fn sealed_log(&self) -> &Arc<dyn EventStore> {
        &self.log
    }

    /// Whether the key-encryption key is the one that wrapped the keys beside the log. Where there are none yet, any is.
    pub async fn fits(&self) -> Result<bool, StoreError> {
        self.vault.fits().await
    }

    /// Erases a data subject: its key is destroyed, and then the snapshots that hold something of it are dropped. This process takes nothing from its
    /// memory any more that the subject could be in, others no later than after a minute.
    pub async fn erase(&self, tenant: TenantId, subject: &str) -> Result<(), StoreError> {
        self.vault.destroy(tenant, subject).await
    }

    /// Refuses data that cannot be sealed, so that the committer lets the batch's other commits pass.
    async fn seal(&self, stream: &StreamKey, place: &str, text: &str) -> Result<String, StoreError> {
        let ring = self.vault.keys_for(stream.tenant, &personal::subjects(text)).await?;
        let mut is_of_erased = false;
        let sealed = personal::seal_text(text, |held| {
            let sealed = seal_value(&ring, place, &held)?;
            is_of_erased |= held.content.is_some() && sealed.is_none();
            Ok(sealed)
        });
        if is_of_erased {
            // What was decided still has in memory what is not kept.
            self.vault.erasures().note_dropped(stream);
        }
        sealed.map_err(|error| StoreError::Rejected {
            doing: "sealing personal data",
            reason: described(&error),
        })
    }

    /// The text with its personal values open. What does not open stays sealed, so that whoever reads it fails.
    async fn open(&self, tenant: TenantId, place: &str, text: &str) -> Result<String, StoreError> {
        let ring = self.vault.keys_of(tenant, &personal::subjects(text)).await?;
        Ok(personal::open_text(text, |held| open_value(&ring, place, &held)).unwrap_or_else(|error| {
            metrics::counter!("cairn_personal_data_unreadable_total").increment(1);
            tracing::error!(place, reason = described(&error), "personal data does not open");
            text.to_owned()
        }))
    }

    async fn open_payload(
        &self,
        tenant: TenantId,
        id: Uuid,
        payload: &mut Arc<str>,
    ) -> Result<(), StoreError> {
        if personal::is_sealed(payload) {
            *payload = self.open(tenant, &event_place(tenant, id), payload).await?.into();
        }
        Ok(())
    }

    async fn open_past(&self, stream: &StreamKey, past: &mut Past) -> Result<(), StoreError> {
        if let Some(snapshot) = past.snapshot.as_mut().filter(|found| personal::is_sealed(&found.state)) {
            let place = snapshot_place(stream, snapshot.version);
            snapshot.state = self.open(stream.tenant, &place, &snapshot.state).await?;
        }
        if past.events().any(|event| personal::is_sealed(event.payload)) {
            // A value is bound to its event's id, which a past does not tell: such a stream is read once more.
            let after = past.version() - past.len() as Version;
            let mut open = Past::after(after);
            open.snapshot = past.snapshot.take();
            for event in self.read_stream(stream, after, past.len()).await? {
                open.push(&event.event_type, event.schema_version, &event.payload, event.event_id);
            }
            if past.may_go_on(usize::MAX) {
                open.end_early();
            }
            *past = open;
        }
        Ok(())
    }

    async fn sealed(&self, commit: &Commit) -> Result<Commit, StoreError> {
        let mut commit = commit.clone();
        for write in &mut commit.streams {
            for event in write.events.iter_mut().filter(|event| personal::is_open(&event.payload)) {
                let place = event_place(write.stream.tenant, event.event_id);
                event.payload = self.seal(&write.stream, &place, &event.payload).await?.into();
            }
        }
        Ok(commit)
    }
}

fn event_place(tenant: TenantId, event_id: Uuid) -> String {
    format!("{tenant}|{event_id}")
}

fn snapshot_place(stream: &StreamKey, version: Version) -> String {
    format!("{stream}|{version}")
}

fn seal_value(ring: &KeyRing, place: &str, held: &Held<'_>) -> Result<Option<Value>, CipherFailure> {
    let key = ring.get(held.subject).ok_or(CipherFailure::NoKey)?.as_ref().map_err(|failure| *failure)?;
    // Nobody keeps anything about a subject that has been erased.
    let (Some(cipher), Some(value)) = (&key.cipher, held.content) else { return Ok(None) };
    let place = format!("{place}|{}|{}", held.path, key.version);
    let sealed = cipher.seal(value.to_string().as_bytes(), &place)?;
    let (nonce, text) = sealed.split_at(NONCE_BYTES);
    let value = SealedValue {
        key: key.version,
        nonce: STANDARD_NO_PAD.encode(nonce),
        text: STANDARD_NO_PAD.encode(text),
    };
    serde_json::to_value(value).map(Some).map_err(|_error| CipherFailure::CannotSeal)
}

fn open_value(ring: &KeyRing, place: &str, held: &Held<'_>) -> Result<Option<Value>, CipherFailure> {
    let Some(value) = held.content else { return Ok(None) };
    let sealed = SealedValue::deserialize(value).map_err(|_error| CipherFailure::Malformed)?;
    let key = ring.get(held.subject).ok_or(CipherFailure::NoKey)?.as_ref().map_err(|failure| *failure)?;
    // Destroyed: the subject was erased.
    let Some(cipher) = &key.cipher else { return Ok(None) };
    let decoded = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_error| CipherFailure::Malformed);
    let bytes = [decoded(&sealed.nonce)?, decoded(&sealed.text)?].concat();
    let opened = cipher.open(&bytes, &format!("{place}|{}|{}", held.path, sealed.key))?;
    serde_json::from_slice(&opened).map(Some).map_err(|_error| CipherFailure::Malformed)
}

fn described(error: &RewriteError<CipherFailure>) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[async_trait]
impl EventStore for Sealing {
    async fn append(&self, batch: &[Commit]) -> Result<Vec<AppendOutcome>, StoreError> {
        if batch.iter().all(|commit| check_sealed(commit).is_ok()) {
            return self.log.append(batch).await;
        }
        let mut sealed = Vec::with_capacity(batch.len());
        for commit in batch {
            sealed.push(self.sealed(commit).await?);
        }
        self.log.append(&sealed).await
    }

    async fn read_stream(
        &self,
        stream: &StreamKey,
        after_version: Version,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut events = self.log.read_stream(stream, after_version, limit).await?;
        for event in &mut events {
            self.open_payload(stream.tenant, event.event_id, &mut event.payload).await?;
        }
        Ok(events)
    }

    async fn load_pasts(&self, asked: &[PastQuery], limit: usize) -> Result<Vec<Past>, StoreError> {
        let mut pasts = self.log.load_pasts(asked, limit).await?;
        for (past, query) in pasts.iter_mut().zip(asked) {
            self.open_past(&query.stream, past).await?;
        }
        Ok(pasts)
    }

    async fn read_log(
        &self,
        after: Position,
        filter: &LogFilter,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        let mut page = self.log.read_log(after, filter, limit).await?;
        for event in &mut page.events {
            self.open_payload(event.stream.tenant, event.event_id, &mut event.payload).await?;
        }
        Ok(page)
    }

    async fn head(&self) -> Result<Position, StoreError> {
        self.log.head().await
    }

    async fn position_at(&self, instant: DateTime<Utc>) -> Result<Position, StoreError> {
        self.log.position_at(instant).await
    }

    async fn find_answer(
        &self,
        tenant: TenantId,
        command_id: Uuid,
    ) -> Result<Option<([u8; 32], Receipt)>, StoreError> {
        self.log.find_answer(tenant, command_id).await
    }

    async fn prune_answers(&self, most: usize) -> Result<usize, StoreError> {
        self.log.prune_answers(most).await
    }

    fn wake_up(&self) -> watch::Receiver<Position> {
        self.log.wake_up()
    }

    fn erasures(&self) -> Erasures {
        self.vault.erasures().clone()
    }
}

#[async_trait]
impl SnapshotStore for Sealing {
    async fn save_snapshots(&self, snapshots: &[(StreamKey, Snapshot)]) -> Result<(), StoreError> {
        if !snapshots.iter().any(|(_, snapshot)| personal::is_open(&snapshot.state)) {
            return self.snapshots.save_snapshots(snapshots).await;
        }
        let (mut sealed, mut refused) = (Vec::with_capacity(snapshots.len()), None);
        for (stream, snapshot) in snapshots {
            let place = snapshot_place(stream, snapshot.version);
            let state = match personal::is_open(&snapshot.state) {
                true => self.seal(stream, &place, &snapshot.state).await,
                false => Ok(snapshot.state.clone()),
            };
            match state {
                Ok(state) => sealed.push((stream.clone(), Snapshot { state, ..snapshot.clone() })),
                // What cannot be sealed takes no other with it.
                Err(error @ StoreError::Rejected { .. }) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        self.snapshots.save_snapshots(&sealed).await?;
        refused.map_or(Ok(()), Err)
    }
}
