//! Finished windows on disk: a line for each, appended and synced when the window is done. A job that was broken off
//! goes on with the windows that are missing. A window is known by its samples, so that a checkpoint never gives text to
//! audio that it was not made from.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use commands::ports::transcription::{LanguageGuess, Options, Samples, Segment, TranscriptionError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::course::WindowResult;
use super::windows::Window;

/// Raised when the same audio would be cut or decoded differently by a newer program.
const VERSION: u32 = 2;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    cairn_transcription: u32,
    model_sha256: String,
    options: Options,
}

/// Each other line.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Languages {
        languages: Vec<LanguageGuess>,
    },
    Window {
        window: String,
        segments: Vec<Segment>,
        /// The times of the segments and their words to the sample: in seconds they are rounded.
        samples: Vec<u64>,
        silent: bool,
        language: Option<LanguageGuess>,
    },
}

/// A job's finished windows.
pub(super) struct Checkpoint {
    path: PathBuf,
    file: File,
    languages: Option<Vec<LanguageGuess>>,
    windows: HashMap<String, WindowResult>,
}

impl Checkpoint {
    /// Opens a checkpoint, or begins one. One that belongs to another model or other options is refused: its text would
    /// be mixed with another one's.
    pub(super) fn open(
        path: &Path,
        model_sha256: &str,
        options: &Options,
    ) -> Result<Self, TranscriptionError> {
        let trouble = |reason: String| TranscriptionError::Checkpoint { path: path.to_owned(), reason };
        let io = |error: std::io::Error| trouble(error.to_string());
        let header = Header {
            cairn_transcription: VERSION,
            model_sha256: model_sha256.to_owned(),
            options: options.clone(),
        };
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
            None => {
                file.set_len(0).map_err(io)?;
                checkpoint.append(&header)?;
                return Ok(checkpoint);
            }
            // Compared as text: what reading it would round was rounded in both.
            Some(first) => match serde_json::from_str::<Header>(first) {
                Ok(_) if serde_json::to_string(&header).is_ok_and(|wanted| wanted == *first) => {}
                Ok(_) => {
                    return Err(trouble(
                        "it was made with another model or other options; remove it to start anew".to_owned(),
                    ));
                }
                Err(_) => return Err(trouble("it is not a checkpoint".to_owned())),
            },
        }
        // A line that was cut off by a crash is taken back; the next one begins where it did.
        file.set_len(lines.length).map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        for line in lines.whole.drain(1..) {
            match serde_json::from_str(&line).map_err(|error| trouble(error.to_string()))? {
                Line::Languages { languages } => checkpoint.languages = Some(languages),
                Line::Window { window, mut segments, samples, silent, language } => {
                    for (time, exact) in times(&mut segments).zip(samples) {
                        *time = Samples(exact);
                    }
                    let result = WindowResult { segments, silent, language, failed: Vec::new() };
                    checkpoint.windows.insert(window, result);
                }
            }
        }
        Ok(checkpoint)
    }

    /// The languages that were found.
    pub(super) fn languages(&self) -> Option<&[LanguageGuess]> {
        self.languages.as_deref()
    }

    /// Windows that are finished.
    pub(super) fn finished(&self) -> u64 {
        self.windows.len() as u64
    }

    /// What a window came to, if it is finished.
    pub(super) fn take(&mut self, digest: &str) -> Option<WindowResult> {
        self.windows.remove(digest)
    }

    /// Keeps the languages.
    pub(super) fn keep_languages(&mut self, languages: &[LanguageGuess]) -> Result<(), TranscriptionError> {
        self.append(&Line::Languages { languages: languages.to_vec() })
    }

    /// Keeps a window that is done as a whole.
    pub(super) fn keep(&mut self, digest: String, result: &WindowResult) -> Result<(), TranscriptionError> {
        let mut segments = result.segments.clone();
        self.append(&Line::Window {
            window: digest,
            samples: times(&mut segments).map(|time| time.0).collect(),
            segments,
            silent: result.silent,
            language: result.language.clone(),
        })
    }

    fn append(&mut self, line: &impl Serialize) -> Result<(), TranscriptionError> {
        let written = serde_json::to_vec(line).map_err(std::io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)?;
            self.file.sync_data()
        });
        written.map_err(|error| TranscriptionError::Checkpoint {
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }
}

/// Every time of some segments, always in the same order.
fn times(segments: &mut [Segment]) -> impl Iterator<Item = &mut Samples> {
    segments.iter_mut().flat_map(|segment| {
        let words = segment.words.iter_mut().flatten().flat_map(|word| [&mut word.start, &mut word.end]);
        [&mut segment.start, &mut segment.end].into_iter().chain(words)
    })
}

/// A file's whole lines.
struct Lines {
    whole: Vec<String>,
    /// Bytes up to the end of the last of them.
    length: u64,
}

impl Lines {
    fn read(mut file: &File) -> std::io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(file);
        let mut lines = Self { whole: Vec::new(), length: 0 };
        let mut line = String::new();
        loop {
            line.clear();
            let read = match reader.read_line(&mut line) {
                Ok(read) => read,
                // Not text: a torn line, or no checkpoint at all.
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData && !lines.whole.is_empty() => {
                    return Ok(lines);
                }
                Err(error) => return Err(error),
            };
            if read == 0 || !line.ends_with('\n') {
                return Ok(lines);
            }
            lines.length += read as u64;
            lines.whole.push(line.trim_end().to_owned());
        }
    }
}

/// Names a window by where it lies and what it holds.
pub(super) fn digest(window: &Window) -> String {
    // In one go: a call for each sample would take longer than the hashing.
    let mut bytes = Vec::with_capacity(8 + window.samples.len() * 4);
    bytes.extend_from_slice(&window.start().0.to_le_bytes());
    bytes.extend(window.samples.iter().flat_map(|sample| sample.to_le_bytes()));
    Sha256::digest(&bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
