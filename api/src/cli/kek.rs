//! The key-encryption key of a place: it wraps the keys of those whom personal data tells about.

use commands::sealing::KeyEncryptionKey;

use super::{Context, Failure, Outcome, Settled, token};
use crate::{
    auth::{LocalSecret, secret_in},
    config::{Environment, Identity},
};

/// The configured key. In development, one that follows from the secret of local tokens, which is made when it is missing.
pub fn found_or_made(settled: &Settled) -> Outcome<Option<KeyEncryptionKey>> {
    match configured(settled)? {
        None if settled.environment() == Environment::Development => derived(settled).map(Some),
        configured => Ok(configured),
    }
}

/// As [`found_or_made`], for a question: nothing is made.
pub fn found(settled: &Settled) -> Outcome<Option<KeyEncryptionKey>> {
    let settings = &settled.config.settings;
    let has_secret = settings.identity.secret.is_some() || LocalSecret::lies_in(&settings.data);
    match configured(settled)? {
        None if has_secret && settled.environment() == Environment::Development => derived(settled).map(Some),
        configured => Ok(configured),
    }
}

/// Refuses to start where no key is configured and none may be made up (identity.md, section 4).
pub fn demand(settled: &Settled) -> Outcome {
    let Identity { kek, kek_file, .. } = &settled.config.settings.identity;
    if settled.environment() == Environment::Development || kek.is_some() || kek_file.is_some() {
        return Ok(());
    }
    Err(Failure::new(
        "identity.kek is not set: outside development nothing starts without a key-encryption key",
    )
    .advise(
        "export CAIRN_IDENTITY_KEK=$(openssl rand -hex 32)   and keep it apart from the backups of the log",
    )
    .advise("identity.kek_file names a file that holds it; environment = \"development\" makes one up"))
}

fn configured(settled: &Settled) -> Outcome<Option<KeyEncryptionKey>> {
    let Identity { kek, kek_file, .. } = &settled.config.settings.identity;
    let (key, secret) = match (kek, kek_file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "identity.kek and identity.kek_file are both set; one of them is wanted",
            ));
        }
        (Some(kek), None) => ("identity.kek", kek.clone().into_bytes()),
        (None, Some(file)) => {
            ("identity.kek_file", secret_in(file).or_fail(|| "identity.kek_file cannot be used")?)
        }
    };
    KeyEncryptionKey::from_secret(&secret).map(Some).or_fail(|| format!("{key} cannot be used"))
}

fn derived(settled: &Settled) -> Outcome<KeyEncryptionKey> {
    let secret = token::local_secret(settled)?;
    secret.key_encryption_key().or_fail(|| "no key-encryption key follows from the secret of local tokens")
}
