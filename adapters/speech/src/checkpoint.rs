//! Finished windows on disk: a line for each, appended and synced when the window is done. A job that was broken off
//! goes on with the windows that are missing. A window is known by its samples, so that a checkpoint never gives text to
//! audio that it was not made from.

use std::collections::HashMap;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use commands::ports::transcription::{LanguageGuess, Options, Progress, TranscriptionError, Watcher};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::window::WindowResult;
use super::wording::{half, in_full};

/// Raised when the same audio would be cut or decoded differently by a newer program.
const VERSION: u32 = 6;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    cairn_transcription: u32,
    model_sha256: String,
    /// Which of the folder's graphs; the digest is that of all of them.
    precision: String,
    options: Options,
}

impl Header {
    fn new(model_sha256: &str, precision: &str, options: &Options) -> Self {
        Self {
            cairn_transcription: VERSION,
            model_sha256: model_sha256.to_owned(),
            precision: precision.to_owned(),
            options: options.clone(),
        }
    }
}

/// Names what a transcript was made of: model, options and every window.
pub(super) struct Revision(Sha256);

impl Revision {
    /// Of a transcript without any window yet.
    pub(super) fn new(model_sha256: &str, precision: &str, options: &Options) -> Self {
        let header = serde_json::to_vec(&Header::new(model_sha256, precision, options));
        Self(Sha256::new_with_prefix(header.unwrap_or_default()))
    }

    /// Takes the next window's digest.
    pub(super) fn follow(&mut self, digest: &str) {
        self.0.update(digest);
    }

    /// 32 hexadecimal digits.
    pub(super) fn name(self) -> String {
        half(&self.0.finalize())
    }
}

/// Each other line.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Languages {
        languages: Vec<LanguageGuess>,
        /// The recording's first window, in which they were heard among others.
        first: String,
    },
    Window {
        window: String,
        result: WindowResult,
    },
}

/// A job's finished windows.
pub(super) struct Checkpoint {
    path: PathBuf,
    file: File,
    languages: Option<(String, Vec<LanguageGuess>)>,
    windows: HashMap<String, WindowResult>,
}

impl Checkpoint {
    /// From now on nothing can be written, as on a disk that is full.
    #[cfg(test)]
    pub(super) fn fill_disk(&mut self) {
        self.file = File::open(&self.path).unwrap();
    }

    /// Opens a checkpoint, or begins one. One that belongs to another model or other options is refused: its text would
    /// be mixed with another one's. So is a file that is no checkpoint, which stays as it is.
    pub(super) fn open(
        path: &Path,
        model_sha256: &str,
        precision: &str,
        options: &Options,
    ) -> Result<Self, TranscriptionError> {
        let trouble = |source: Box<dyn Error + Send + Sync>| TranscriptionError::Checkpoint {
            path: path.to_owned(),
            source,
        };
        let io = |error: std::io::Error| trouble(error.into());
        let header = Header::new(model_sha256, precision, options);
        // Compared as text: what reading it would round was rounded in both.
        let wanted = serde_json::to_string(&header).map_err(|error| trouble(error.into()))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io)?;
        let mut lines = Lines::read(&file).map_err(io)?;
        let mut checkpoint = Self {
            path: path.to_owned(),
            file: file.try_clone().map_err(io)?,
            languages: None,
            windows: HashMap::new(),
        };
        match lines.whole.first() {
            // New, or broken off while it was begun.
            None if wanted.as_bytes().starts_with(&lines.torn) => {
                file.set_len(0).map_err(io)?;
                checkpoint.append(&header)?;
                return Ok(checkpoint);
            }
            Some(first) if *first == wanted => {}
            first => {
                let foreign = first.and_then(|first| serde_json::from_str::<Foreign>(first).ok());
                return Err(trouble(
                    foreign.map_or("it is not a checkpoint", |foreign| foreign.why()).into(),
                ));
            }
        }
        // A line that was cut off by a crash is taken back; the next one begins where it did.
        file.set_len(lines.length).map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        for line in lines.whole.drain(1..) {
            match serde_json::from_str(&line).map_err(|error| trouble(error.into()))? {
                Line::Languages { languages, first } => checkpoint.languages = Some((first, languages)),
                Line::Window { window, result } => {
                    checkpoint.windows.insert(window, result);
                }
            }
        }
        Ok(checkpoint)
    }

    /// The languages that were found in a recording that begins with this window.
    pub(super) fn languages(&self, first: &str) -> Option<&[LanguageGuess]> {
        self.languages.as_ref().filter(|(known, _)| known == first).map(|(_, languages)| languages.as_slice())
    }

    /// Windows that are finished.
    pub(super) fn finished(&self) -> u64 {
        self.windows.len() as u64
    }

    /// What a window came to, if it is finished.
    pub(super) fn take(&mut self, digest: &str) -> Option<WindowResult> {
        self.windows.remove(digest)
    }

    /// Keeps the languages of a recording that begins with the window `first`.
    pub(super) fn keep_languages(
        &mut self,
        first: String,
        languages: &[LanguageGuess],
    ) -> Result<(), TranscriptionError> {
        self.append(&Line::Languages { languages: languages.to_vec(), first })
    }

    /// Keeps a window that is done as a whole.
    pub(super) fn keep(&mut self, digest: String, result: &WindowResult) -> Result<(), TranscriptionError> {
        self.append(&Line::Window { window: digest, result: result.clone() })
    }

    fn append(&mut self, line: &impl Serialize) -> Result<(), TranscriptionError> {
        let written = serde_json::to_vec(line).map_err(std::io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)?;
            self.file.sync_data()
        });
        written
            .map_err(|error| TranscriptionError::Checkpoint { path: self.path.clone(), source: error.into() })
    }
}

/// Keeps what is finished of a job, where somebody wants that, and as long as it can be kept: a disk that is full costs
/// the resume, not the transcript.
pub(super) struct Keeping {
    checkpoint: Option<Checkpoint>,
    /// Why nothing is kept any more.
    ended: Option<String>,
    is_told: bool,
}

impl Keeping {
    /// In this checkpoint; without one nothing is kept, and nobody is told.
    pub(super) fn new(checkpoint: Option<Checkpoint>) -> Self {
        Self { checkpoint, ended: None, is_told: false }
    }

    /// What an earlier run kept.
    pub(super) fn kept(&mut self) -> Option<&mut Checkpoint> {
        self.checkpoint.as_mut()
    }

    /// Writes to the checkpoint, if there is one that can still be written. Lines after one that is missing would be
    /// worth something, but a disk that is full once is full again at the next window.
    pub(super) fn keep(&mut self, write: impl FnOnce(&mut Checkpoint) -> Result<(), TranscriptionError>) {
        if self.ended.is_some() {
            return;
        }
        if let Some(Err(error)) = self.checkpoint.as_mut().map(write) {
            let error = in_full(&error);
            tracing::warn!(error, "what is finished from now on is not kept");
            self.ended = Some(error);
        }
    }

    /// Tells once that nothing is kept any more.
    pub(super) fn tell(&mut self, watcher: &mut dyn Watcher) {
        if let Some(reason) = self.ended.as_deref().filter(|_| !self.is_told) {
            watcher.progress(Progress::NotKept(reason));
            self.is_told = true;
        }
    }

    /// Why not everything was kept, if it was not.
    pub(super) fn into_ended(self) -> Option<String> {
        self.ended
    }
}

/// What is left of a first line that is not the one that was looked for.
#[derive(Deserialize)]
struct Foreign {
    cairn_transcription: u32,
}

impl Foreign {
    fn why(&self) -> &'static str {
        if self.cairn_transcription == VERSION {
            "it was made with another model or other options; remove it to start anew"
        } else {
            "it was made by another version of this program; remove it to start anew"
        }
    }
}

/// A file's whole lines.
struct Lines {
    whole: Vec<String>,
    /// Bytes up to the end of the last of them.
    length: u64,
    /// What comes after it.
    torn: Vec<u8>,
}

impl Lines {
    fn read(mut file: &File) -> std::io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(file);
        let mut lines = Self { whole: Vec::new(), length: 0, torn: Vec::new() };
        loop {
            let mut line = Vec::new();
            let read = reader.read_until(b'\n', &mut line)?;
            match String::from_utf8(line) {
                Ok(mut line) if line.ends_with('\n') => {
                    line.pop();
                    lines.length += read as u64;
                    lines.whole.push(line);
                }
                // A line without an end, or one that is no text: torn, if this is a checkpoint at all.
                Ok(torn) => return Ok(Self { torn: torn.into_bytes(), ..lines }),
                Err(error) => return Ok(Self { torn: error.into_bytes(), ..lines }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wording::in_full;

    fn open(path: &Path, precision: &str) -> Result<Checkpoint, TranscriptionError> {
        Checkpoint::open(path, "5e1f", precision, &Options::default())
    }

    #[track_caller]
    fn refusal(path: &Path, precision: &str) -> String {
        open(path, precision).err().map_or_else(|| panic!("it was taken"), |error| in_full(&error))
    }

    #[test]
    fn a_file_that_is_no_checkpoint_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("minutes");
        for text in ["The board met at nine.", "{", "The board\nmet at nine.", "\u{e9}", "\n"] {
            std::fs::write(&path, text).unwrap();
            // An opening brace may be a header that was broken off.
            if text != "{" {
                assert!(refusal(&path, "f32").contains("it is not a checkpoint"), "{text}");
                assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            }
        }
        std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
        assert!(refusal(&path, "f32").contains("it is not a checkpoint"));
        assert_eq!(std::fs::read(&path).unwrap(), [0xff, 0xfe, 0x00]);
    }

    #[test]
    fn a_checkpoint_that_was_broken_off_in_its_first_line_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        drop(open(&path, "f32").unwrap());
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 1, 40, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            drop(open(&path, "f32").unwrap());
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
    }

    #[test]
    fn a_checkpoint_of_other_graphs_of_the_same_folder_or_of_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        drop(open(&path, "f32").unwrap());
        assert!(refusal(&path, "int8").contains("another model or other options"));
        std::fs::write(&path, "{\"cairn_transcription\":2,\"model_sha256\":\"5e1f\",\"options\":{}}\n")
            .unwrap();
        assert!(refusal(&path, "f32").contains("another version of this program"));
    }
}
