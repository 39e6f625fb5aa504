use std::{path::PathBuf, time::Duration};

use crate::config::masked;

/// Where an identity provider's keys come from: a JSON Web Key Set (RFC 7517) as text.
pub trait KeySource: Send + Sync + 'static {
    /// Reads the key set. Blocks; called on a thread of its own.
    fn fetch(&self) -> Result<String, KeySourceError>;
}

/// The keys could not be read.
#[derive(Debug, thiserror::Error)]
pub enum KeySourceError {
    /// The file cannot be read.
    #[error("the key set {path} cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The URL does not answer, or not with a key set.
    #[error("the key set {url} cannot be fetched: {reason}")]
    Url {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// Keys must not be taken from an address that others can speak for.
    #[error("the key set's address {url} is neither https nor on this machine")]
    NotTrustworthy {
        /// The address.
        url: String,
    },
}

/// A key set in a file, read again when it is due.
#[derive(Debug, Clone)]
pub struct FileKeySource {
    path: PathBuf,
}

impl FileKeySource {
    /// Reads keys from this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl KeySource for FileKeySource {
    fn fetch(&self) -> Result<String, KeySourceError> {
        std::fs::read_to_string(&self.path)
            .map_err(|source| KeySourceError::File { path: self.path.clone(), source })
    }
}

/// A key set behind a URL: connect within 3 s, all within 10 s, at most 256 KiB, no redirects.
#[derive(Debug, Clone)]
pub struct UrlKeySource {
    url: String,
    client: ureq::Agent,
}

impl UrlKeySource {
    /// Fetches keys from this address: `https`, or `http` on this machine.
    pub fn try_new(url: impl Into<String>) -> Result<Self, KeySourceError> {
        let url = url.into();
        let on_this_machine =
            ["http://127.0.0.1", "http://localhost", "http://[::1]"].into_iter().any(|origin| {
                // What stands before an `@` is a user's name, not a host.
                url.strip_prefix(origin)
                    .is_some_and(|rest| rest.starts_with([':', '/']) && !rest.contains('@'))
            });
        if !url.starts_with("https://") && !on_this_machine {
            return Err(KeySourceError::NotTrustworthy { url: masked(&url) });
        }
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(3)))
            .timeout_global(Some(Duration::from_secs(10)))
            .max_redirects(0)
            .build();
        Ok(Self { url, client: ureq::Agent::new_with_config(config) })
    }
}

impl KeySource for UrlKeySource {
    fn fetch(&self) -> Result<String, KeySourceError> {
        const MOST_BYTES: u64 = 256 * 1024;
        let failed =
            |error: ureq::Error| KeySourceError::Url { url: masked(&self.url), reason: error.to_string() };
        let mut answer = self.client.get(&self.url).call().map_err(failed)?;
        if answer.status().as_u16() != 200 {
            let reason = format!("it answers with status {}", answer.status().as_u16());
            return Err(KeySourceError::Url { url: masked(&self.url), reason });
        }
        answer.body_mut().with_config().limit(MOST_BYTES).read_to_string().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_https_or_from_this_machine() {
        for url in ["https://id.example/jwks.json", "http://127.0.0.1:8080/jwks", "http://localhost/jwks"] {
            assert!(UrlKeySource::try_new(url).is_ok(), "{url}");
        }
        for url in [
            "http://id.example/jwks",
            "http://localhost.example/jwks",
            "http://127.0.0.1@evil/",
            "http://localhost:1@evil/",
        ] {
            assert!(UrlKeySource::try_new(url).is_err(), "{url}");
        }
    }
}
