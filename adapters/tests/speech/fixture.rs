//! The fixture model, its recordings, and what was said in them.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use adapters::speech::model::{ModelFolder, Precision, add_align};
use adapters::speech::{Device, DeviceChoice, Engine, EngineOptions};
use commands::ports::transcription::{Cancel, Job, Options, Progress, Source, Transcriber, Transcript};
use serde_json::Value;

/// The fixture model, with a graph for word times.
static MODEL: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(fixtures().join("whisper-tiny")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let model = ModelFolder::open(folder.path(), &Precision::Auto, Device::Cpu)
        .unwrap_or_else(|error| panic!("{error}"));
    add_align(&model).unwrap_or_else(|error| panic!("{error}"));
    folder
});

/// One engine for all tests of this program.
pub static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::start(&options()).unwrap_or_else(|error| panic!("{error}")));

pub fn options() -> EngineOptions {
    EngineOptions { model: MODEL.path().to_owned(), device: DeviceChoice::Cpu, ..EngineOptions::default() }
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

pub fn recording(file: &str) -> PathBuf {
    fixtures().join("speech").join(file)
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

pub fn recordings() -> Vec<Recording> {
    let text = std::fs::read(fixtures().join("speech/expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&text).unwrap();
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

pub fn transcribe(path: &Path, options: Options) -> Transcript {
    let job = Job { source: Source::File(path.to_owned()), options, checkpoint: None };
    ENGINE
        .transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Words without marks, in lower case.
pub fn plain(text: &str) -> String {
    let words = text
        .split_whitespace()
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
