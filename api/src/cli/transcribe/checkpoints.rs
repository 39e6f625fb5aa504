//! Where the finished windows of a recording are kept until its command is done: a file for each recording, options and
//! model, in `speech/unfinished` of the cache folder. They hold what was said, so that only their owner may read them, and
//! those that nobody went on from are removed after [`KEPT`].

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};

use crate::compose::speech::{ModelFolder, Options, cache_folder, hexadecimal};

/// How long what was broken off is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Why nothing is kept of a recording.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// This machine has no place for it.
    #[error("there is no home folder to keep it in")]
    NoHome,
    /// Somebody transcribes the same with the same options.
    #[error("another cairn is transcribing it and keeps its own work")]
    Taken,
    /// The system does not let it.
    #[error("{path} cannot be written: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

/// A place for finished windows that nobody else uses as long as this lives.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    /// Locked.
    file: File,
    nothing: &'static str,
}

impl Checkpoint {
    /// The place for this recording with these options and this model. Unless it is to be gone on from, it is empty.
    pub fn open(
        recording: &Path,
        options: &Options,
        model: &ModelFolder,
        resume: bool,
    ) -> Result<Self, NotKept> {
        let folder = folder().ok_or(NotKept::NoHome)?;
        let (of_recording, of_rest) = names(recording, options, model);
        let path = folder.join(format!("{of_recording}-{of_rest}.jsonl"));
        let io = |source: io::Error| NotKept::Io { path: path.clone(), source };
        fs::create_dir_all(&folder).map_err(io)?;
        let file = loop {
            let file = private().open(&path).map_err(io)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(NotKept::Taken),
                // A file system without locks; then two at once are their user's to avoid.
                Err(TryLockError::Error(_)) => break file,
            }
            // Whoever had it before may have removed it meanwhile.
            if !is_removed(&file) {
                break file;
            }
        };
        if !resume {
            file.set_len(0).map_err(io)?;
        }
        let is_empty = file.metadata().map_err(io)?.len() == 0;
        let nothing = match (is_empty, is_empty && has_others(&folder, &of_recording, &path)) {
            (false, _) => "it was broken off before a first stretch was done",
            (true, false) => "nothing of this recording is kept",
            (true, true) => "what is kept of this recording was made with other options or another model",
        };
        Ok(Self { path, file, nothing })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why there is nothing to go on from, if there is nothing.
    pub fn nothing(&self) -> &'static str {
        self.nothing
    }

    /// Keeps it if it holds anything that need not be done again; else removes it.
    pub fn with_work(self) -> Option<Released> {
        // The first line is there before any work, and one without an end, as a full disk leaves it, is of no use.
        let lines = fs::read(&self.path).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count());
        if lines > 1 {
            return Some(self.release());
        }
        self.forget();
        None
    }

    /// A place like any other, for tests.
    #[cfg(test)]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), file: private().open(path).unwrap(), nothing: "" }
    }

    /// Keeps it for a later command, and lets others have it.
    pub fn release(self) -> Released {
        drop(self.file);
        Released(self.path)
    }

    /// Removes it.
    pub fn forget(self) {
        // While it is locked, so that nobody begins to use what goes away.
        forget(&self.path);
    }
}

/// A place that is kept, and that others may use.
pub struct Released(PathBuf);

impl Released {
    /// Removes it, unless somebody uses it.
    pub fn forget(self) {
        forget_unused(&self.0);
    }
}

/// Removes what nobody went on from for 30 days.
pub fn sweep() {
    let entries = folder().and_then(|folder| fs::read_dir(folder).ok());
    for path in entries.into_iter().flatten().flatten().map(|entry| entry.path()) {
        let age = fs::metadata(&path).and_then(|data| data.modified()).map(|at| at.elapsed());
        if matches!(age, Ok(Ok(age)) if age > KEPT) {
            forget_unused(&path);
        }
    }
}

fn forget_unused(path: &Path) {
    let used = File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
    if !used {
        forget(path);
    }
}

/// One that cannot be removed is found by the next run, and only spends a little space.
fn forget(path: &Path) {
    let _already_gone = fs::remove_file(path);
}

fn folder() -> Option<PathBuf> {
    Some(cache_folder()?.join("speech/unfinished"))
}

/// What names a recording, and what names how it is transcribed.
fn names(recording: &Path, options: &Options, model: &ModelFolder) -> (String, String) {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let recording = digest(&[whole(recording).as_os_str().as_encoded_bytes()]);
    // Options that cannot be written cannot be kept either; the engine says so.
    let options = serde_json::to_vec(options).unwrap_or_default();
    let model_folder = whole(&model.path);
    let rest = digest(&[model_folder.as_os_str().as_encoded_bytes(), model.precision.as_bytes(), &options]);
    (recording, rest)
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hexadecimal(&hash.finalize()[..10])
}

/// Whether something of the recording is kept elsewhere.
fn has_others(folder: &Path, recording: &str, own: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path() != own).any(|entry| {
        entry.file_name().to_string_lossy().starts_with(&format!("{recording}-"))
            && entry.metadata().is_ok_and(|data| data.len() > 0)
    })
}

/// Opens a file that only its owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn is_removed(file: &File) -> bool {
    file.metadata().is_ok_and(|data| std::os::unix::fs::MetadataExt::nlink(&data) == 0)
}

#[cfg(not(unix))]
fn is_removed(_: &File) -> bool {
    false
}
