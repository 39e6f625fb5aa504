//! The key-encryption key of a place: it wraps the keys of those whom personal data tells about.

use commands::sealing::KeyEncryptionKey;

use super::{Context, Failure, Outcome, Settled, token};
use crate::{
    auth::{LocalSecret, secret_in},
    compose::Stores,
    config::{Environment, Identity},
};

/// Refuses to start where no key is configured and none may be made up (identity.md, section 4).
pub fn demand(settled: &Settled) -> Outcome {
    let Identity { kek, kek_file, .. } = &settled.config.settings.identity;
    if settled.environment() == Environment::Development || kek.is_some() || kek_file.is_some() {
        return Ok(());
    }
    Err(Failure::new(
        "identity.kek is not set: outside development nothing starts without a key-encryption key",
    )
    .coded("KEK_MISSING")
    .advise(
        "export CAIRN_IDENTITY_KEK=$(openssl rand -hex 32)   and keep it apart from the backups of the log",
    )
    .advise("identity.kek_file names a file that holds it; environment = \"development\" makes one up"))
}

/// Refuses a key that did not wrap the keys beside the log: with it nobody's data could be read, and more would be sealed apart.
pub async fn check(stores: &Stores) -> Outcome {
    let Some(sealing) = &stores.sealing else { return Ok(()) };
    if sealing.fits().await.or_fail(|| "the keys beside the log cannot be read")? {
        return Ok(());
    }
    Err(Failure::new("this log's personal data was sealed with another key-encryption key")
        .coded("KEK_MISMATCH")
        .advise("set identity.kek or identity.kek_file to the key that was in force when it was sealed")
        .advise("where neither was set, the key follows from the token secret of that server's data folder"))
}

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
    match settings.identity.secret.is_some() || LocalSecret::lies_in(&settings.data) {
        true => found_or_made(settled),
        false => configured(settled),
    }
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
            let secret = secret_in(file).or_fail(|| "identity.kek_file cannot be used");
            ("identity.kek_file", secret.map_err(|failure| failure.coded("KEK_UNUSABLE"))?)
        }
    };
    KeyEncryptionKey::from_secret(&secret).map(Some).or_fail(|| format!("{key} cannot be used"))
}

fn derived(settled: &Settled) -> Outcome<KeyEncryptionKey> {
    let secret = token::local_secret(settled)?;
    secret.key_encryption_key().or_fail(|| "no key-encryption key follows from the secret of local tokens")
}
