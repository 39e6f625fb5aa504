use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// The documents that an installation runs, by the SHA-256 of their text (lower-case hex). With a manifest in place
/// nothing else runs; a client may then send the hash alone.
#[derive(Debug, Default)]
pub struct TrustedDocuments {
    documents: HashMap<String, String>,
}

/// The manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("the manifest of trusted documents {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// It is not a JSON object of hashes and documents.
    #[error("the manifest of trusted documents is not a JSON object that maps SHA-256 hashes to documents")]
    Malformed {
        /// Where it goes wrong.
        source: serde_json::Error,
    },
    /// A document does not have the hash that it stands under.
    #[error("the trusted document {hash} has another hash: {actual}")]
    Mismatch {
        /// The hash it stands under.
        hash: String,
        /// The hash it has.
        actual: String,
    },
}

impl TrustedDocuments {
    /// Reads a manifest: `{"<sha256>": "query …", …}`.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ManifestError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Parses a manifest and checks every hash.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let documents: HashMap<String, String> =
            serde_json::from_str(text).map_err(|source| ManifestError::Malformed { source })?;
        for (hash, document) in &documents {
            let actual = Self::hash(document);
            if actual != *hash {
                return Err(ManifestError::Mismatch { hash: hash.clone(), actual });
            }
        }
        Ok(Self { documents })
    }

    /// The document with this hash.
    pub fn get(&self, hash: &str) -> Option<&str> {
        self.documents.get(hash).map(String::as_str)
    }

    /// Whether this text is listed.
    pub fn contains(&self, document: &str) -> bool {
        self.documents.contains_key(&Self::hash(document))
    }

    /// The hash under which a document stands.
    pub fn hash(document: &str) -> String {
        Sha256::digest(document.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
