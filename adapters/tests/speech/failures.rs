//! What a job gets of an engine that fails.

use std::path::Path;

use adapters::speech::{DeviceChoice, Engine, EngineOptions};
use commands::ports::transcription::{
    Cancel, Job, Language, Options, Progress, Quality, Source, SpokenLanguage, Transcriber,
};

use crate::spoilt::spoil;
use crate::support::{recording, whisper_tiny};

/// The fixture model in a folder of its own.
fn copy(folder: &Path) {
    for file in std::fs::read_dir(whisper_tiny()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
}

#[test]
fn an_engine_that_fails_throughout_ends_the_job_with_an_error() {
    const ENGLISH: u32 = 408;
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    spoil(folder.path(), "", ENGLISH);
    let engine = Engine::start(&EngineOptions {
        model: folder.path().to_owned(),
        device: DeviceChoice::Cpu,
        ..EngineOptions::default()
    })
    .unwrap_or_else(|error| panic!("{error}"));
    for quality in [Quality::Fast, Quality::High] {
        let english = SpokenLanguage::Given(Language("en".to_owned()));
        let options = Options { language: english, quality, ..Options::default() };
        let job = Job { source: Source::File(recording("single_en_07.wav")), options, checkpoint: None };
        let error = engine.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap_err();
        assert_eq!(error.code(), "TRANSCRIPTION_ENGINE");
    }
}
