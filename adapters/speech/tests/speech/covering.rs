//! What was said is told once and whole: where a text has no room, where nobody listened for speech, where words cannot
//! be timed.

use std::path::Path;

use adapters_speech::Engine;
use adapters_speech::model::Manifest;
use commands::ports::transcription::{
    Cancel, Job, Language, Options, Progress, Quality, Source, SpokenLanguage, Task, Transcriber, Transcript,
    VoiceOptions,
};
use serde_json::{Value, json};

use crate::fixture::{options, transcribe};
use crate::support::{plain, recording, recordings};

/// An engine on the fixture model, with a graph for word times, after a change to one of its JSON files.
fn engine_with(file: &str, change: impl FnOnce(&mut Value)) -> Engine {
    let folder = tempfile::tempdir().unwrap();
    for known in std::fs::read_dir(options().model).unwrap() {
        let known = known.unwrap();
        if known.file_name() != Manifest::FILE {
            std::fs::copy(known.path(), folder.path().join(known.file_name())).unwrap();
        }
    }
    let path = folder.path().join(file);
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(&path, serde_json::to_vec(&value).unwrap()).unwrap();
    let model = folder.path().to_owned();
    Engine::start(&adapters_speech::EngineOptions { model, ..options() })
        .unwrap_or_else(|error| panic!("{error}"))
}

fn on(engine: &Engine, path: &Path, options: Options) -> Transcript {
    let job = Job { source: Source::File(path.to_owned()), options, checkpoint: None };
    engine
        .transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A decoder with room for forty tokens, prompt included: about a third of what is said in these windows.
#[test]
fn a_window_that_says_more_than_a_text_has_room_for_is_told_whole() {
    let engine = engine_with("config.json", |config| config["max_target_positions"] = json!(40));
    let known = recordings();
    for quality in [Quality::Fast, Quality::High] {
        for file in ["window_en_01.wav", "window_es_01.wav"] {
            let known = known.iter().find(|one| one.file == file).unwrap();
            let transcript = on(&engine, &recording(file), Options { quality, ..Options::default() });
            let texts: Vec<String> = transcript.segments.iter().map(|segment| plain(&segment.text)).collect();
            let said: Vec<String> = known.utterances.iter().map(|one| plain(&one.text)).collect();
            assert_eq!(texts, said, "{file}");
            for (segment, said) in transcript.segments.iter().zip(&known.utterances) {
                let (start, end) = (segment.start.seconds(), segment.end.seconds());
                assert!(
                    (start - said.start).abs() <= 0.4,
                    "{}: begins at {start}, not {}",
                    said.text,
                    said.start
                );
                assert!((end - said.end).abs() <= 0.4, "{}: ends at {end}, not {}", said.text, said.end);
            }
            assert!(transcript.info.lost.is_empty(), "{:?}", transcript.info.lost);
        }
    }
}

#[test]
fn no_two_segments_are_said_at_once_and_each_has_a_length() {
    let deaf = VoiceOptions { enabled: false, ..VoiceOptions::default() };
    for known in recordings() {
        for voice in [VoiceOptions::default(), deaf] {
            let options = Options { words: true, voice, ..Options::default() };
            let transcript = transcribe(&recording(&known.file), options);
            let mut until = 0;
            for segment in &transcript.segments {
                assert!(segment.start.0 >= until, "{}: {segment:?} begins before {until}", known.file);
                assert!(segment.end.milliseconds() > segment.start.milliseconds(), "{segment:?}");
                until = segment.end.0;
                for word in segment.words.iter().flatten() {
                    assert!(segment.start <= word.start && word.start <= word.end && word.end <= segment.end);
                }
            }
            assert!(until <= transcript.info.duration.0);
        }
    }
}

#[test]
fn every_word_of_a_recording_is_covered() {
    for file in ["window_en_01.wav", "single_es_01.wav"] {
        let transcript = transcribe(&recording(file), Options::default());
        assert_eq!(transcript.info.uncovered_speech.0, 0, "{file}");
    }
}

#[test]
fn a_model_that_names_no_alignment_heads_has_no_word_times_and_says_why() {
    let engine = engine_with("generation_config.json", |config| {
        config.as_object_mut().unwrap().remove("alignment_heads");
    });
    let transcript =
        on(&engine, &recording("single_en_01.wav"), Options { words: true, ..Options::default() });
    let why = transcript.info.word_timestamps.unwrap();
    assert!(why.starts_with("unavailable: ") && why.contains("alignment_heads"), "{why}");
    assert!(!transcript.segments.is_empty());
    assert!(transcript.segments.iter().all(|segment| segment.words.is_none()));
}

#[test]
fn the_words_of_a_translation_have_times_too() {
    let options = Options {
        task: Task::Translate,
        language: SpokenLanguage::Given(Language("es".to_owned())),
        words: true,
        ..Options::default()
    };
    let transcript = transcribe(&recording("translate_es_01.wav"), options);
    assert_eq!(transcript.info.word_timestamps, None);
    for segment in &transcript.segments {
        let words: Vec<&str> = segment.words.iter().flatten().map(|word| word.text.as_str()).collect();
        assert_eq!(plain(&words.concat()), plain(&segment.text));
    }
}
