//! The digests of a folder's files: brought together in a manifest, compared with one, and put into one digest.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::manifest::{FileDigest, Manifest};
use super::{ModelError, ModelFolder, layout};
use crate::wording::hexadecimal;

impl Manifest {
    /// The manifest of a folder whose files are in use by `models`, one for each precision: the files as they are now, and
    /// what the folder's manifest so far says beside them.
    ///
    /// # Errors
    /// A file cannot be read, or is not the one that the manifest so far names.
    pub fn of(models: &[ModelFolder]) -> Result<Self, ModelError> {
        let mut files = BTreeMap::new();
        for model in models {
            let expected = model.manifest.as_ref().map(|manifest| &manifest.files);
            for (name, path) in model.files() {
                if files.contains_key(&name) {
                    continue;
                }
                let bytes = std::fs::metadata(&path).map(|data| data.len());
                let bytes = bytes.map_err(|source| ModelError::Unreadable { path: path.clone(), source })?;
                let sha256 = digest(&path)?;
                match expected.and_then(|files| files.get(&name)) {
                    Some(expected) if expected.sha256 != sha256 => {
                        let expected = expected.sha256.clone();
                        return Err(ModelError::Digest { path, expected, found: sha256 });
                    }
                    _ => files.insert(name, FileDigest { bytes, sha256 }),
                };
            }
        }
        let before = models.iter().find_map(|model| model.manifest.as_ref());
        let precisions: Vec<&str> = models.iter().map(|model| model.precision.as_str()).collect();
        Ok(Self {
            name: models.first().map(ModelFolder::name).unwrap_or_default(),
            licence: before.map(|known| known.licence.clone()).unwrap_or_default(),
            source: before.map(|known| known.source.clone()).unwrap_or_default(),
            precision: precisions.join(", "),
            files,
            more: before.map(|known| known.more.clone()).unwrap_or_default(),
        })
    }
}

/// The files of the configuration that a transcript depends on; others of a folder say nothing to this program.
const CONFIGURATION: [&str; 4] =
    ["config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json"];

impl ModelFolder {
    /// Compares the files in use with the digests that the manifest names. Graphs of other precisions are not looked at;
    /// of this one and of the configuration everything that it names must be there.
    ///
    /// # Errors
    /// The first file that is missing or differs.
    pub fn verify(&self) -> Result<(), ModelError> {
        let Some(manifest) = &self.manifest else { return Ok(()) };
        for name in manifest.files.keys() {
            let stem =
                name.rsplit('/').next().and_then(|file| file.split_once(".onnx")).map(|(stem, _)| stem);
            let other =
                stem.and_then(layout::named).is_some_and(|(_, precision)| precision != self.precision);
            if !other && !self.path.join(name).is_file() {
                return Err(ModelError::Missing { folder: self.path.clone(), file: name.clone() });
            }
        }
        for (name, path) in self.files() {
            let Some(expected) = manifest.files.get(&name) else { continue };
            let found = digest(&path)?;
            if found != expected.sha256 {
                return Err(ModelError::Digest { path, expected: expected.sha256.clone(), found });
            }
        }
        Ok(())
    }

    /// One digest for everything that can change a transcript: the names and digests of the configuration and of the
    /// graphs in use, with that for word times if `words`. A file that the manifest names is not read again; its digest
    /// was compared when the model was loaded.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn digest(&self, words: bool) -> Result<String, ModelError> {
        let known = self.manifest.as_ref().map(|manifest| &manifest.files);
        let align = self.align.as_ref().filter(|_| words);
        let mut hash = Sha256::new();
        for (name, path) in layout::files_in_use(&self.path, self.graphs().chain(align)) {
            if name.ends_with(".json") && !CONFIGURATION.contains(&name.as_str()) {
                continue;
            }
            let file = match known.and_then(|files| files.get(&name)) {
                Some(known) => known.sha256.clone(),
                None => digest(&path)?,
            };
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(file.as_bytes());
            hash.update([0]);
        }
        Ok(hexadecimal(&hash.finalize()))
    }
}

fn digest(path: &Path) -> Result<String, ModelError> {
    let unreadable = |source| ModelError::Unreadable { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block).map_err(unreadable)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            read => hash.update(&block[..read]),
        }
    }
}
