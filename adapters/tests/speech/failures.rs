//! What a job gets of an engine that fails.

use std::path::Path;

use adapters::speech::{DeviceChoice, Engine, EngineOptions};
use commands::ports::transcription::{
    Cancel, Flag, Job, Language, Options, Progress, Quality, Source, SpokenLanguage, Transcriber,
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

/// The graphs named int8 are the full ones, of which one word is spoilt: as where half floats overflow.
#[test]
fn a_window_that_fails_is_tried_again_on_the_most_exact_graphs_and_flagged() {
    const THANKS: u32 = 332;
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    for graph in ["encoder_model", "decoder_model", "decoder_with_past_model"] {
        let named = |suffix: &str| folder.path().join(format!("{graph}{suffix}.onnx"));
        std::fs::copy(named(""), named("_int8")).unwrap();
    }
    spoil(folder.path(), "_int8", THANKS);
    let engine = Engine::start(&EngineOptions {
        model: folder.path().to_owned(),
        device: DeviceChoice::Cpu,
        ..EngineOptions::default()
    })
    .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(engine.model().precision, "int8");
    let transcribe = |file: &str, quality| {
        let options = Options { quality, ..Options::default() };
        let job = Job { source: Source::File(recording(file)), options, checkpoint: None };
        engine.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap()
    };
    for quality in [Quality::Fast, Quality::High] {
        let before = engine.clockwork().second_tries;
        let transcript = transcribe("single_en_07.wav", quality);
        assert_eq!(transcript.text(), "green thanks thanks eight start.");
        assert!(transcript.segments.iter().all(|segment| segment.flags.contains(&Flag::SecondTry)));
        assert!(transcript.info.lost.is_empty());
        assert!(engine.clockwork().second_tries > before);
    }
    let other = transcribe("single_en_01.wav", Quality::Fast);
    assert!(other.segments.iter().all(|segment| segment.flags.is_empty()), "{other:?}");
}
