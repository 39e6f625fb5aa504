//! What `cairn transcribe` says of an engine that fails: on the fixture model, of which one token is spoilt.

use std::path::PathBuf;

use serde_json::Value;

use crate::{
    shell::{Ran, Shell},
    speech::{fixtures, plain, ran, recording, speech},
    spoilt::spoil,
};

/// `<|en|>` and `<|es|>`.
const ENGLISH: u32 = 408;
const SPANISH: u32 = 409;

/// The fixture model, on which nothing follows on `token`.
fn spoilt(shell: &Shell, token: u32) -> PathBuf {
    let folder = shell.path().join("spoilt");
    std::fs::create_dir(&folder).unwrap();
    for file in std::fs::read_dir(fixtures().join("whisper-tiny")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    spoil(&folder, "", token);
    folder
}

fn transcribe(shell: &Shell, words: &str) -> Ran {
    ran(&mut speech(shell, &format!("transcribe {words} --model spoilt --device cpu --quiet")))
}

fn unfinished(shell: &Shell) -> usize {
    std::fs::read_dir(shell.path().join("cache/cairn/speech/unfinished")).map_or(0, Iterator::count)
}

#[test]
fn stretches_on_which_the_engine_failed_are_no_success_and_can_be_tried_again() {
    let shell = Shell::new();
    spoilt(&shell, SPANISH);
    let words =
        format!("{} --language multilingual --format json", recording("mixed_en_es_01.wav").display());
    let first = transcribe(&shell, &words);
    assert_eq!(first.code, 1, "{}", first.err);
    assert!(first.err.contains("the speech engine failed there"), "{}", first.err);
    assert!(first.err.contains("--resume tries these stretches again"), "{}", first.err);
    let document: Value = serde_json::from_str(&first.out).unwrap();
    assert!(!plain(document["text"].as_str().unwrap()).is_empty(), "the rest is there");
    assert_eq!(document["info"]["lost"][0]["to"], "engine");
    assert_eq!(unfinished(&shell), 1);

    let again = transcribe(&shell, &format!("{words} --resume"));
    assert_eq!(again.code, 1);
    let resumed: Value = serde_json::from_str(&again.out).unwrap();
    assert_ne!(resumed["info"]["resumed_windows"], 0);
    assert_eq!(resumed["segments"], document["segments"]);
}

#[test]
fn an_engine_that_fails_throughout_is_no_success() {
    let shell = Shell::new();
    spoilt(&shell, ENGLISH);
    for more in ["", " --quality high"] {
        let failed =
            transcribe(&shell, &format!("{} --language en{more}", recording("single_en_07.wav").display()));
        assert_eq!((failed.code, failed.out.as_str()), (1, ""));
        assert!(failed.err.contains("is not transcribed [TRANSCRIPTION_ENGINE]"), "{}", failed.err);
        assert!(failed.err.contains("not finite"), "{}", failed.err);
    }
    assert!(unfinished(&shell) > 0, "what was kept stays");
}
