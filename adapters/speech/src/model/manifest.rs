//! `manifest.json`: what a model is, where it comes from, and the digests of its files.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ModelError, layout};

/// What a folder says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The model's name.
    pub name: String,
    /// Under which terms it may be used.
    #[serde(default)]
    pub licence: String,
    /// Where it comes from.
    #[serde(default)]
    pub source: String,
    /// `f32`, `fp16`, `int8`…; with commas between them where there are several.
    #[serde(default)]
    pub precision: String,
    /// The files by their path in the folder.
    pub files: BTreeMap<String, FileDigest>,
    /// What else its maker wrote into it.
    #[serde(flatten)]
    pub more: BTreeMap<String, serde_json::Value>,
}

/// A file's size and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigest {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256, in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// The manifest's file in a model's folder.
    pub const FILE: &str = layout::MANIFEST;

    pub(super) fn read(folder: &Path) -> Result<Option<Self>, ModelError> {
        let path = folder.join(Self::FILE);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| ModelError::Malformed { path, source: error.into() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ModelError::Unreadable { path, source }),
        }
    }
}
