//! What a job gets of an engine that fails.

use std::path::Path;

use adapters_speech::model::add_align;
use adapters_speech::{DeviceChoice, Engine, EngineOptions};
use commands::ports::transcription::{
    Cancel, Flag, Job, Language, Options, Progress, Quality, Source, SpokenLanguage, Transcriber,
};

use crate::spoilt::spoil;
use crate::support::{fixtures, recording, whisper_tiny};

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
    assert_eq!(engine.loaded().model.precision, "int8");
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

/// An engine on the fixture model with a decoder of 8 bits.
fn int8(folder: &Path, max_rows: Option<usize>) -> Engine {
    copy(folder);
    for graph in ["decoder_model_int8.onnx", "decoder_with_past_model_int8.onnx"] {
        std::fs::copy(fixtures().join("whisper-tiny-int8").join(graph), folder.join(graph)).unwrap();
    }
    std::fs::copy(folder.join("encoder_model.onnx"), folder.join("encoder_model_int8.onnx")).unwrap();
    let device = DeviceChoice::Cpu;
    Engine::start(&EngineOptions { model: folder.to_owned(), device, max_rows, ..EngineOptions::default() })
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_text_of_a_quantised_model_does_not_depend_on_what_else_runs() {
    let folder = tempfile::tempdir().unwrap();
    let engine = int8(folder.path(), None);
    assert_eq!(engine.loaded().model.precision, "int8");
    let transcribe = |file: &str| {
        let job =
            Job { source: Source::File(recording(file)), options: Options::default(), checkpoint: None };
        engine.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap()
    };
    let files = ["window_en_02.wav", "window_es_01.wav", "window_en_03.wav"];
    let alone: Vec<_> = files.iter().map(|file| transcribe(file)).collect();
    assert_eq!(alone[0].info.depends_on_batch, None);
    std::thread::scope(|scope| {
        scope.spawn(|| transcribe("long_en_01.wav"));
        let together: Vec<_> = files.map(|file| scope.spawn(move || transcribe(file))).into_iter().collect();
        for (alone, together) in alone.iter().zip(together) {
            assert_eq!(together.join().unwrap(), *alone);
        }
    });
}

#[test]
fn more_windows_at_once_of_a_quantised_model_are_obeyed_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let engine = int8(folder.path(), Some(8));
    let source = Source::File(recording("single_en_07.wav"));
    let job = Job { source, options: Options::default(), checkpoint: None };
    let transcript = engine.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap();
    let told = transcript.info.depends_on_batch.unwrap();
    assert!(told.contains("int8") && told.contains("8 windows"), "{told}");
}

#[test]
fn a_graph_for_word_times_that_shows_nothing_is_refused() {
    let refused = |graph: &str| {
        let folder = tempfile::tempdir().unwrap();
        copy(folder.path());
        std::fs::remove_file(folder.path().join("manifest.json")).unwrap();
        std::fs::copy(folder.path().join(graph), folder.path().join("decoder_align.onnx")).unwrap();
        let model = folder.path().to_owned();
        let options = EngineOptions { model, device: DeviceChoice::Cpu, ..EngineOptions::default() };
        Engine::start(&options).err().unwrap().to_string()
    };
    let encoder = refused("encoder_model.onnx");
    assert!(
        encoder.contains("decoder_align.onnx does not fit") && encoder.contains("'input_features'"),
        "{encoder}"
    );
    let decoder = refused("decoder_model.onnx");
    assert!(decoder.contains("does not show where the decoder looked"), "{decoder}");
}

#[test]
fn a_file_that_is_not_in_use_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    copy(folder.path());
    let start = || {
        let model = folder.path().to_owned();
        let options = EngineOptions { model, device: DeviceChoice::Cpu, ..EngineOptions::default() };
        Engine::start(&options).unwrap_or_else(|error| panic!("{error}"))
    };
    let sha256 = |engine: &Engine| {
        let source = Source::File(recording("single_en_07.wav"));
        let job = Job { source, options: Options::default(), checkpoint: None };
        let transcript = engine.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap();
        transcript.info.model_sha256
    };
    let before = sha256(&start());
    // The manifest names it.
    std::fs::write(folder.path().join("decoder_model_merged.onnx"), "damaged").unwrap();
    std::fs::write(folder.path().join("encoder_model_fp16.onnx"), "unfinished").unwrap();
    std::fs::write(folder.path().join("notes.json"), "{}").unwrap();
    let engine = start();
    add_align(&engine.loaded().model).unwrap();
    assert_eq!(sha256(&start()), before);
}
