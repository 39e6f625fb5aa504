//! The fixture model's folder, the recordings and what was said in them, and the WAV files that tests write.

use std::path::{Path, PathBuf};

use serde_json::Value;

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

/// The fixture model, as it is committed: without a graph for word times.
pub fn whisper_tiny() -> PathBuf {
    fixtures().join("whisper-tiny")
}

pub fn recording(file: &str) -> PathBuf {
    fixtures().join("speech").join(file)
}

/// What `expected.json` says.
pub fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(recording("expected.json")).unwrap()).unwrap()
}

/// A recording of `expected.json`.
pub struct Recording {
    pub file: String,
    pub kind: String,
    pub language: Option<String>,
    pub utterances: Vec<Utterance>,
}

/// What was said, and when, in seconds.
#[derive(Debug, Clone)]
pub struct Utterance {
    pub start: f64,
    pub end: f64,
    pub language: String,
    pub text: String,
    pub english: String,
    pub words: Vec<(String, f64, f64)>,
}

impl Utterance {
    /// The same, said later by so many seconds.
    pub fn later(&self, by: f64) -> Self {
        let words = self.words.iter().map(|(word, start, end)| (word.clone(), start + by, end + by));
        Self { start: self.start + by, end: self.end + by, words: words.collect(), ..self.clone() }
    }
}

/// The recordings of some kinds.
#[track_caller]
pub fn of_kind(kinds: &[&str]) -> Vec<Recording> {
    let found: Vec<Recording> =
        recordings().into_iter().filter(|one| kinds.contains(&one.kind.as_str())).collect();
    assert!(!found.is_empty(), "no recording of {kinds:?}");
    found
}

pub fn recordings() -> Vec<Recording> {
    let expected = expected();
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    expected["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| Recording {
            file: string(&file["file"]),
            kind: string(&file["kind"]),
            language: file["language"].as_str().map(str::to_owned),
            utterances: file["utterances"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|said| Utterance {
                    start: said["start"].as_f64().unwrap(),
                    end: said["end"].as_f64().unwrap(),
                    language: string(&said["language"]),
                    text: string(&said["text"]),
                    english: string(&said["english"]),
                    words: said["words"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .map(|word| (string(&word[0]), word[1].as_f64().unwrap(), word[2].as_f64().unwrap()))
                        .collect(),
                })
                .collect(),
        })
        .collect()
}

/// Words without marks, in lower case.
pub fn plain(text: &str) -> String {
    let words = text
        .split_whitespace()
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The bytes of a WAV file: `code` 1 is integers, 3 floats.
pub fn wav(code: u16, bits: u16, channels: u16, rate: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = wav_head(code, bits, channels, rate, data.len() as u32);
    bytes.extend_from_slice(data);
    bytes
}

/// 16-bit mono.
pub fn wav_16(rate: u32, samples: &[i16]) -> Vec<u8> {
    wav(1, 16, 1, rate, &bytes_of(samples))
}

/// What stands in a WAV file before its samples.
pub fn wav_head(code: u16, bits: u16, channels: u16, rate: u32, length: u32) -> Vec<u8> {
    let align = channels * bits / 8;
    let mut head = b"RIFF".to_vec();
    head.extend_from_slice(&(36 + length).to_le_bytes());
    head.extend_from_slice(b"WAVEfmt \x10\0\0\0");
    head.extend_from_slice(&code.to_le_bytes());
    head.extend_from_slice(&channels.to_le_bytes());
    head.extend_from_slice(&rate.to_le_bytes());
    head.extend_from_slice(&(rate * u32::from(align)).to_le_bytes());
    head.extend_from_slice(&align.to_le_bytes());
    head.extend_from_slice(&bits.to_le_bytes());
    head.extend_from_slice(b"data");
    head.extend_from_slice(&length.to_le_bytes());
    head
}

pub fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// The samples of a 16-bit WAV file of 44 bytes of header, as all fixture recordings are.
pub fn read_wav(path: &Path) -> Vec<i16> {
    std::fs::read(path).unwrap()[44..]
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// Recordings all at once: a sound that no model is sure of.
pub fn mixed(files: &[&str]) -> Vec<i16> {
    let sounds: Vec<Vec<i16>> = files.iter().map(|file| read_wav(&recording(file))).collect();
    let length = sounds.iter().map(Vec::len).max().unwrap();
    let at =
        |at: usize| sounds.iter().filter_map(|sound| sound.get(at)).copied().fold(0, i16::saturating_add);
    (0..length).map(at).collect()
}
