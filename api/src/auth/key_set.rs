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
/// How often an unknown `kid` may cause a fetch.
const UNKNOWN_KID: Duration = Duration::from_secs(5 * 60);
/// How often a provider that fails is asked.
const RETRY: Duration = Duration::from_secs(10);

/// An identity provider's RS256 keys, by `kid`: cached for 10 min; an unknown `kid` causes at most one fetch in 5 min;
/// known keys serve for an hour while the provider is out. Nobody whose key is known waits for the provider.
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
}

/// When the last fetches ended.
#[derive(Default)]
struct Attempts {
    last: Option<Instant>,
    last_for_unknown: Option<Instant>,
}

impl KeySet {
    /// Keys from this source; nothing is fetched until the first token comes.
    pub fn new(source: impl KeySource) -> Self {
        let shared = Shared { source: Arc::new(source), known: RwLock::default(), fetching: Arc::default() };
        Self { shared: Arc::new(shared) }
    }

    /// The key of that name, if it may be used now. Waits for the provider only where the key is not known, or has not
    /// been confirmed for an hour.
    pub async fn key(&self, kid: &str) -> Option<DecodingKey> {
        let shared = Arc::clone(&self.shared);
        if let (Some(key), Some(age)) = shared.look_up(kid)
            && age < OUTAGE
        {
            if age >= FRESH
                && let Ok(attempts) = Arc::clone(&shared.fetching).try_lock_owned()
            {
                tokio::spawn(shared.refresh(kid.to_owned(), attempts));
            }
            return Some(key);
        }
        let attempts = Arc::clone(&shared.fetching).lock_owned().await;
        // A task of its own: what is fetched is kept, also when nobody waits for it any longer.
        let refreshed = tokio::spawn(Arc::clone(&shared).refresh(kid.to_owned(), attempts)).await;
        if let Err(died) = refreshed {
            tracing::error!(%died, "the fetch of the identity provider's keys died");
        }
        let (key, age) = shared.look_up(kid);
        key.filter(|_key| age.is_some_and(|age| age < OUTAGE))
    }
}

impl Shared {
    fn look_up(&self, kid: &str) -> (Option<DecodingKey>, Option<Duration>) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        (known.keys.get(kid).cloned(), known.fetched_at.map(|at| at.elapsed()))
    }

    /// Fetches the keys, if this token is a reason to: one fetch at a time, by whoever holds the attempts.
    async fn refresh(self: Arc<Self>, kid: String, mut attempts: OwnedMutexGuard<Attempts>) {
        let (key, age) = self.look_up(&kid);
        let stale = age.is_none_or(|age| age >= FRESH);
        let rested = |last: Option<Instant>, rest| last.is_none_or(|at| at.elapsed() >= rest);
        let due = if stale {
            rested(attempts.last, RETRY)
        } else {
            key.is_none() && rested(attempts.last_for_unknown, UNKNOWN_KID)
        };
        if !due {
            return;
        }
        self.fetch().await;
        // From its end: a fetch may take as long as the rest between two of them.
        attempts.last = Some(Instant::now());
        if self.look_up(&kid).0.is_none() {
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
                    *known = Known { keys, fetched_at: Some(Instant::now()) };
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
