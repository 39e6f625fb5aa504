//! Floats of 16 bits, from the spectrogram to the logits: what cards run. The processor runs them too.

use std::path::Path;

use adapters_speech::model::{ModelFolder, add_align};
use adapters_speech::{Device, Engine, EngineOptions, in_full};
use commands::ports::transcription::{Options, Quality, Transcript};

use crate::fixture::{options, transcribe, transcribe_on};
use crate::support::{fixtures, of_kind, plain, read_wav, recording};
use crate::timeline::agrees;

/// The halved graphs beside the fixture model's configuration.
fn halved() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (from, ending) in [("whisper-tiny", "json"), ("whisper-tiny-fp16", "")] {
        for file in std::fs::read_dir(fixtures().join(from)).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.ends_with(ending) && name != "manifest.json" {
                std::fs::copy(&path, folder.path().join(name)).unwrap();
            }
        }
    }
    folder
}

fn engine(model: &Path) -> Engine {
    let model = model.to_owned();
    let options =
        EngineOptions { model, precision: "fp16".parse().unwrap(), max_rows: Some(10), ..options() };
    Engine::start(&options).unwrap_or_else(|error| panic!("{error}"))
}

fn texts(transcript: &Transcript) -> Vec<String> {
    transcript.segments.iter().map(|segment| plain(&segment.text)).collect()
}

#[test]
fn half_floats_give_the_same_words_at_the_same_times() {
    let folder = halved();
    let model = ModelFolder::open(folder.path(), &"fp16".parse().unwrap(), Device::Cpu).unwrap();
    add_align(&model).unwrap_or_else(|error| panic!("{error}"));
    let engine = engine(folder.path());
    for known in of_kind(&["single_en", "single_es", "window_en", "late_en", "translate_es"]) {
        let samples = read_wav(&recording(&known.file));
        let transcript = transcribe_on(&engine, &samples, Options { words: true, ..Options::default() });
        assert_eq!(transcript.info.word_timestamps, None);
        agrees(&known.file, &transcript, &known.utterances);
    }
    // Many windows at once, of which some end before the others; and beams, whose caches change places.
    let long = recording("long_en_01.wav");
    let quality = |quality| Options { quality, ..Options::default() };
    for quality in [quality(Quality::Fast), quality(Quality::High)] {
        let halves = transcribe_on(&engine, &read_wav(&long), quality.clone());
        assert_eq!(texts(&halves), texts(&transcribe(&long, quality)));
    }
}

#[test]
fn weights_that_lie_in_a_file_of_their_own_and_are_not_there_are_told() {
    let folder = halved();
    std::fs::remove_file(folder.path().join("decoder_fp16.onnx_data")).unwrap();
    let options =
        EngineOptions { model: folder.path().to_owned(), precision: "fp16".parse().unwrap(), ..options() };
    let error = Engine::start(&options).err().unwrap_or_else(|| panic!("it was taken"));
    let error = in_full(&error);
    assert!(error.contains("decoder_model_fp16.onnx") && error.contains("decoder_fp16.onnx_data"), "{error}");
}
