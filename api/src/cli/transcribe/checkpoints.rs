//! Where the finished windows of a recording are kept until it is done.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::compose::speech::{ModelFolder, Options, cache_folder};

/// The place for this recording with these options and this model. None on a machine without a home.
pub fn place(recording: &Path, options: &Options, model: &ModelFolder) -> Option<PathBuf> {
    let whole = recording.canonicalize().ok()?;
    let mut hash = Sha256::new();
    for part in [whole.to_string_lossy(), model.path.to_string_lossy(), model.precision.as_str().into()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(serde_json::to_vec(options).ok()?);
    let name: String = hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    Some(cache_folder()?.join("speech/unfinished").join(name + ".jsonl"))
}

/// Whether something can be kept there.
pub fn is_usable(checkpoint: &Path) -> std::io::Result<()> {
    checkpoint.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    std::fs::OpenOptions::new().append(true).create(true).open(checkpoint).map(|_| ())
}

/// Removes it. One that cannot be removed is found by the next run, and only spends a little space.
pub fn forget(checkpoint: &Path) {
    let _already_gone = std::fs::remove_file(checkpoint);
}
