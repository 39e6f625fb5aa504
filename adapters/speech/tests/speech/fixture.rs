//! The engine that all tests of a program share, on the fixture model.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use adapters_speech::model::{ModelFolder, Precision, add_align};
use adapters_speech::{Device, DeviceChoice, Engine, EngineOptions};
use commands::ports::transcription::{Cancel, Job, Options, Progress, Source, Transcriber, Transcript};

use crate::support::{wav_16, whisper_tiny};

/// The fixture model, with a graph for word times. It lies among what the build makes, where the next run replaces it.
static MODEL: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME")).join("whisper-tiny");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    for file in std::fs::read_dir(whisper_tiny()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let model =
        ModelFolder::open(&folder, &Precision::Auto, Device::Cpu).unwrap_or_else(|error| panic!("{error}"));
    add_align(&model).unwrap_or_else(|error| panic!("{error}"));
    folder
});

/// One engine for all tests of this program.
pub static ENGINE: LazyLock<Engine> =
    LazyLock::new(|| Engine::start(&options()).unwrap_or_else(|error| panic!("{error}")));

pub fn options() -> EngineOptions {
    EngineOptions { model: MODEL.clone(), device: DeviceChoice::Cpu, ..EngineOptions::default() }
}

pub fn transcribe(path: &Path, options: Options) -> Transcript {
    let job = Job { source: Source::File(path.to_owned()), options, checkpoint: None };
    ENGINE
        .transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Samples that a test made, as a stream.
pub fn transcribe_samples(samples: &[i16], options: Options) -> Transcript {
    transcribe_on(&ENGINE, samples, options)
}

/// The same, by another engine.
pub fn transcribe_on(engine: &Engine, samples: &[i16], options: Options) -> Transcript {
    let bytes = Box::new(Cursor::new(wav_16(16_000, samples)));
    let source = Source::Stream { name: "made by a test".to_owned(), bytes };
    let job = Job { source, options, checkpoint: None };
    engine
        .transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default())
        .unwrap_or_else(|error| panic!("{error}"))
}
