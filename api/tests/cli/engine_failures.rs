//! What `cairn transcribe` says of an engine that fails: on the fixture model, of which one token is spoilt.

use std::{path::PathBuf, process::Command};

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

/// Lines of what is kept, beside the first of each file, which is there before any work.
fn work(shell: &Shell) -> usize {
    let files = std::fs::read_dir(shell.path().join("cache/cairn/speech/unfinished"));
    let lines = |path| std::fs::read_to_string(path).unwrap().matches('\n').count();
    files.map_or(0, |files| files.map(|file| lines(file.unwrap().path()) - 1).sum())
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
    assert!(work(&shell) > 0, "the stretches that it did not fail on");

    let again = transcribe(&shell, &format!("{words} --resume"));
    assert_eq!(again.code, 1);
    let resumed: Value = serde_json::from_str(&again.out).unwrap();
    assert_ne!(resumed["info"]["resumed_windows"], 0);
    assert_eq!(resumed["segments"], document["segments"]);
}

#[test]
fn what_a_full_disk_did_not_take_is_not_said_to_be_kept() {
    let shell = Shell::new();
    spoilt(&shell, SPANISH);
    let words = format!(
        "transcribe {} --language multilingual --model spoilt --device cpu --quiet",
        recording("mixed_en_es_01.wav").display()
    );
    let command = speech(&shell, &words);
    // A file may have 1,024 bytes: the first line fits in, and what comes next does not.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(command.get_current_dir().unwrap());
    let full = ran(&mut limited);
    assert_eq!(full.code, 1, "{}", full.err);
    assert!(full.err.contains("the speech engine failed there"), "{}", full.err);
    assert!(!full.err.contains("the rest is kept; the same"), "{}", full.err);
    let is_kept = work(&shell) > 0;
    assert_eq!(full.err.contains("a part of the rest is kept"), is_kept, "{}", full.err);
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
        // Nothing was done, so that there is nothing to go on from.
        assert!(!failed.err.contains("--resume"), "{}", failed.err);
        assert_eq!(work(&shell), 0);
        assert_eq!(unfinished(&shell), 0);
    }
}
