use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse},
};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::Instant,
};

use super::KeySource;

/// How long fetched keys are taken without asking again.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// How long known keys serve while the provider does not answer.
const OUTAGE: Duration = Duration::from_secs(60 * 60);
/// How long a request waits for the provider to confirm keys that are not fresh, before they serve unconfirmed.
const CONFIRMATION: Duration = Duration::from_secs(1);
/// How often an unknown `kid` may cause a fetch.
const UNKNOWN_KID: Duration = Duration::from_secs(5 * 60);
/// How often a provider that fails is asked.
const RETRY: Duration = Duration::from_secs(10);

/// An identity provider's RS256 keys, by `kid`: cached for 10 min; an unknown `kid` causes at most one fetch in 5 min;
/// known keys serve for an hour while the provider is out. Keys that are no longer fresh serve only once the provider was
/// asked and did not answer: nobody whose key is known waits for it longer than a second, nor twice in one outage.
pub struct KeySet {
    shared: Arc<Shared>,
}

struct Shared {
    source: Arc<dyn KeySource>,
    known: RwLock<Known>,
    fetching: Arc<Mutex<Attempts>>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, DecodingKey>,
    fetched_at: Option<Instant>,
    /// Whether the provider did not answer when it was last asked, or not in time.
    is_out: bool,
}

/// What is known of one key.
struct Found {
    key: Option<DecodingKey>,
    age: Option<Duration>,
    is_out: bool,
}

impl Found {
    fn is_fresh(&self) -> bool {
        self.age.is_some_and(|age| age < FRESH)
    }

    /// The key, if it may serve while the provider does not answer.
    fn serving(&self) -> Option<DecodingKey> {
        self.key.clone().filter(|_key| self.age.is_some_and(|age| age < OUTAGE))
    }
}

/// When the last fetches ended.
#[derive(Default)]
struct Attempts {
    last: Option<Instant>,
    last_for_unknown: Option<Instant>,
}

/// Why a key cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// The provider was asked and has no such key.
    #[error("the key is unknown")]
    Unknown,
    /// The provider could not be asked.
    #[error("the identity provider does not answer")]
    ProviderOut,
}

impl KeySet {
    /// Keys from this source; nothing is fetched until the first token comes.
    pub fn new(source: impl KeySource) -> Self {
        let shared = Shared { source: Arc::new(source), known: RwLock::default(), fetching: Arc::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The key of that name, if it may be used now.
    pub async fn key(&self, kid: &str) -> Result<DecodingKey, NoKey> {
        let now = self.shared.look_up(kid);
        if let Some(key) = now.serving() {
            if now.is_fresh() {
                return Ok(key);
            }
            if now.is_out {
                // Nobody waits twice for a provider that is out; one at a time asks it again, behind the answer.
                if let Ok(attempts) = Arc::clone(&self.shared.fetching).try_lock_owned() {
                    tokio::spawn(Arc::clone(&self.shared).refresh(kid.to_owned(), attempts));
                }
                return Ok(key);
            }
            if tokio::time::timeout(CONFIRMATION, self.confirmed(kid)).await.is_err() {
                self.shared.say_slow();
            }
        } else {
            self.confirmed(kid).await;
        }
        let after = self.shared.look_up(kid);
        after.serving().ok_or(if after.is_out { NoKey::ProviderOut } else { NoKey::Unknown })
    }

    /// Ends when the keys were fetched anew, where this token is a reason to.
    fn confirmed(&self, kid: &str) -> impl Future<Output = ()> + Send + 'static {
        let (shared, kid) = (Arc::clone(&self.shared), kid.to_owned());
        async move {
            let attempts = Arc::clone(&shared.fetching).lock_owned().await;
            // A task of its own: what is fetched is kept, also when nobody waits for it any longer.
            if let Err(died) = tokio::spawn(shared.refresh(kid, attempts)).await {
                tracing::error!(%died, "the fetch of the identity provider's keys died");
            }
        }
    }
}

impl Shared {
    fn look_up(&self, kid: &str) -> Found {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let age = known.fetched_at.map(|at| at.elapsed());
        Found { key: known.keys.get(kid).cloned(), age, is_out: known.is_out }
    }

    /// The provider has not answered.
    fn say_out(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).is_out = true;
    }

    /// The provider has not answered in time, unless it has in the very moment.
    fn say_slow(&self) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.is_out |= known.fetched_at.is_none_or(|at| at.elapsed() >= FRESH);
    }

    /// Fetches the keys, if this token is a reason to: one fetch at a time, by whoever holds the attempts.
    async fn refresh(self: Arc<Self>, kid: String, mut attempts: OwnedMutexGuard<Attempts>) {
        let now = self.look_up(&kid);
        let rested = |last: Option<Instant>, rest| last.is_none_or(|at| at.elapsed() >= rest);
        let due = if !now.is_fresh() {
            rested(attempts.last, RETRY)
        } else {
            now.key.is_none() && rested(attempts.last_for_unknown, UNKNOWN_KID)
        };
        if !due {
            return;
        }
        self.fetch().await;
        // From its end: a fetch may take as long as the rest between two of them.
        attempts.last = Some(Instant::now());
        if self.look_up(&kid).key.is_none() {
            attempts.last_for_unknown = attempts.last;
        }
    }

    async fn fetch(&self) {
        let source = Arc::clone(&self.source);
        let fetched = tokio::task::spawn_blocking(move || source.fetch()).await;
        let failure = match fetched {
            Ok(Ok(text)) => match read_keys(&text) {
                Ok(keys) => {
                    let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                    *known = Known { keys, fetched_at: Some(Instant::now()), is_out: false };
                    return;
                }
                Err(error) => error.to_string(),
            },
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(|source| format!(": {source}"));
                format!("{error}{}", cause.unwrap_or_default())
            }
            Err(died) => died.to_string(),
        };
        self.say_out();
        tracing::warn!(reason = failure, "the identity provider's keys could not be fetched");
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KeySet").finish_non_exhaustive()
    }
}

fn read_keys(text: &str) -> Result<HashMap<String, DecodingKey>, serde_json::Error> {
    // One key of a kind that this program does not know must not make the others useless.
    #[derive(serde::Deserialize)]
    struct Lenient {
        keys: Vec<serde_json::Value>,
    }
    let lenient: Lenient = serde_json::from_str(text)?;
    let keys = lenient.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
    Ok(JwkSet { keys }.keys.iter().filter_map(usable).collect())
}

/// A key with a name, for RS256 signatures, of at least 2,048 bits.
fn usable(key: &Jwk) -> Option<(String, DecodingKey)> {
    let kid = key.common.key_id.clone()?;
    let signs = key.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let rs256 = key.common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::RS256);
    let AlgorithmParameters::RSA(rsa) = &key.algorithm else { return None };
    // 2,048 bits are 256 bytes, 342 characters of base64url.
    let long_enough = rsa.n.trim_end_matches('=').len() >= 342;
    let decoding = DecodingKey::from_rsa_components(&rsa.n, &rsa.e).ok()?;
    (signs && rs256 && long_enough).then_some((kid, decoding))
}
