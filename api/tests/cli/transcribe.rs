//! `cairn transcribe` and `cairn model` on the fixture model and recordings.

use std::{
    io::{Read, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    shell::{Ran, Shell, fits},
    speech::{self, plain, ran, speech},
};

/// What `single_en_07.wav` says.
const GREEN: &str = "green thanks thanks eight start";

fn recording(name: &str) -> String {
    speech::recording(name).display().to_string()
}

fn tiny() -> String {
    speech::tiny().display().to_string()
}

/// `cairn transcribe WORDS` on the fixture model and the processor.
fn transcribe(shell: &Shell, words: &str) -> Command {
    speech(shell, &format!("transcribe {words} --model {} --device cpu", tiny()))
}

#[test]
fn a_recording_gives_its_words_in_every_format() {
    let shell = Shell::new();
    let file = recording("single_en_07.wav");
    let text = ran(&mut transcribe(&shell, &file));
    assert!(
        text.err.contains("whisper-tiny") && text.err.contains("(f32) on cpu: it was asked for"),
        "{}",
        text.err
    );
    let text = text.succeeds();
    assert!(text.starts_with("[00:0"), "{text}");
    assert_eq!(plain(&text), GREEN);
    let srt = ran(&mut transcribe(&shell, &format!("{file} --format srt --quiet")));
    assert_eq!(srt.err, "");
    assert!(srt.out.starts_with("1\n00:00:0") && srt.out.contains(" --> 00:00:0"), "{}", srt.out);
    let vtt = ran(&mut transcribe(&shell, &format!("{file} --format vtt --quiet"))).succeeds();
    assert!(vtt.starts_with("WEBVTT\n\n00:00:0"), "{vtt}");

    let json = ran(&mut transcribe(&shell, &format!("{file} --format json --quiet --words"))).succeeds();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(plain(json["text"].as_str().unwrap()), GREEN);
    let segment = &json["segments"][0];
    for key in ["start", "end", "avg_logprob", "compression_ratio", "no_speech_prob", "temperature"] {
        assert!(segment[key].is_number(), "{key}: {segment}");
    }
    assert!(segment["tokens"].is_array() && segment["flags"].is_array() && segment["language"] == "en");
    assert_eq!(json["info"]["device"], "cpu");
    let seeded = ran(&mut transcribe(&shell, &format!("{file} --format json --seed 7"))).succeeds();
    let seeded: Value = serde_json::from_str(&seeded).unwrap();
    assert_ne!(json["info"]["revision"], seeded["info"]["revision"]);
    assert!(json["info"]["word_timestamps"].as_str().unwrap().contains("cairn model add-align"));
}

#[test]
fn several_recordings_come_in_their_order_and_one_that_fails_does_not_stop_the_others() {
    let shell = Shell::new();
    std::fs::write(shell.path().join("empty.wav"), "").unwrap();
    let (first, second) = (recording("single_en_07.wav"), recording("single_en_01.wav"));
    let text = ran(&mut transcribe(&shell, &format!("{first} empty.wav nowhere.wav {second} --quiet")));
    assert_eq!(text.code, 1);
    let place = |part: &str| text.out.find(part).unwrap_or_else(|| panic!("{part}: {}", text.out));
    assert!(place("single_en_07.wav") < place("single_en_01.wav"));
    assert!(text.out.to_lowercase().contains(GREEN.split(' ').next().unwrap()));
    assert!(text.err.contains("error: empty.wav is not transcribed [AUDIO_NOT_DECODABLE]"), "{}", text.err);
    assert!(text.err.contains("error: nowhere.wav is not transcribed [AUDIO_UNREADABLE]"), "{}", text.err);
    assert!(text.err.contains("because: nowhere.wav cannot be read"), "{}", text.err);

    let lines = ran(&mut transcribe(&shell, &format!("{first} {second} --format json --quiet"))).succeeds();
    let files: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["file"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(files, [first.clone(), second.clone()], "a document a line");

    let out =
        ran(&mut transcribe(&shell, &format!("{first} {second} --out texts/here --format srt --quiet")));
    assert_eq!(out.succeeds(), "");
    for name in ["single_en_07.srt", "single_en_01.srt"] {
        let text = std::fs::read_to_string(shell.path().join("texts/here").join(name)).unwrap();
        assert!(text.starts_with("1\n00:00:"), "{text}");
    }
}

#[test]
fn recordings_of_one_name_do_not_overwrite_each_others_text() {
    let shell = Shell::new();
    for (folder, name) in [("a", "single_en_07.wav"), ("b", "single_en_01.wav")] {
        std::fs::create_dir(shell.path().join(folder)).unwrap();
        std::fs::copy(recording(name), shell.path().join(folder).join("talk.wav")).unwrap();
    }
    let error = ran(&mut transcribe(&shell, "a/talk.wav b/talk.wav --out texts")).misuses();
    assert!(error.contains("a/talk.wav and b/talk.wav would both be written to texts/talk.txt"), "{error}");
    assert!(!shell.path().join("texts").exists());
}

#[test]
fn a_recording_may_come_from_standard_input_and_have_any_name() {
    let shell = Shell::new();
    let mut child = transcribe(&shell, "- --quiet")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes = std::fs::read(recording("single_en_07.wav")).unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    assert_eq!(plain(&Ran::of(child.wait_with_output().unwrap()).succeeds()), GREEN);

    let odd = shell.path().join("-a \u{fc}n\u{ef}cod\u{e9} name\nof two lines.mp3");
    std::fs::copy(recording("single_en_07.wav"), &odd).unwrap();
    let text = ran(transcribe(&shell, "--quiet").arg(&odd)).succeeds();
    assert_eq!(plain(&text), GREEN);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_loaded() {
    let shell = Shell::new();
    let file = recording("single_en_07.wav");
    let misuse = |words: &str| ran(&mut transcribe(&shell, words)).misuses();
    assert!(misuse("- -").contains("standard input can be read once only"));
    assert!(misuse("- --resume").contains("standard input cannot be resumed"));
    assert!(misuse(&format!("{file} {file} --format srt")).contains("add --out DIR"));
    assert!(misuse(&format!("{file} --language English")).contains("'English' is no language"));
    assert!(misuse(&format!("{file} --range 10-5")).contains("it ends before it begins"));
    assert!(misuse(&format!("{file} --range 5-5")).contains("it ends before it begins"));
    assert!(misuse(&format!("{file} --rows 100000")).contains("--rows"));
    assert!(misuse(&format!("{file} --rows 0")).contains("--rows"));
    assert!(misuse("").contains("<FILE>"));
    fits(&shell.cairn("transcribe --help").succeeds());
    fits(&shell.cairn("model --help").succeeds());
}

#[test]
fn a_language_that_the_model_does_not_know_and_odd_ranges_are_told() {
    let shell = Shell::new();
    let file = recording("single_en_07.wav");
    let error = ran(&mut transcribe(&shell, &format!("{file} --language de --quiet"))).fails();
    assert!(error.contains("[TRANSCRIPTION_OPTIONS]") && error.contains("it knows en es"), "{error}");
    let error = ran(&mut transcribe(&shell, &format!("{file} --range 3-4 --range 1-2 --quiet"))).fails();
    assert!(error.contains("ranges must be in time order"), "{error}");
    let beyond = ran(&mut transcribe(&shell, &format!("{file} --range 1:00:00-2:00:00 --quiet")));
    assert!(beyond.err.contains("no text"), "{}", beyond.err);
    assert_eq!(beyond.succeeds(), "");
}

/// A WAV file of a few minutes, which takes long enough to be broken off.
fn minutes(shell: &Shell) -> PathBuf {
    let whole = std::fs::read(recording("long_en_01.wav")).unwrap();
    let samples = whole[44..].repeat(3);
    let mut bytes = whole[..44].to_vec();
    bytes[4..8].copy_from_slice(&(samples.len() as u32 + 36).to_le_bytes());
    bytes[40..44].copy_from_slice(&(samples.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&samples);
    let path = shell.path().join("minutes.wav");
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Starts a transcription and waits until some of it is kept.
#[expect(clippy::zombie_processes, reason = "whoever asked for it ends it and waits")]
fn started(shell: &Shell) -> Child {
    let child = transcribe(shell, "minutes.wav --format json --quiet --rows 1 --threads 1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let folder = shell.path().join("cache/cairn/speech/unfinished");
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let kept = std::fs::read_dir(&folder).ok().and_then(|mut files| files.next()?.ok());
        let lines = kept.map_or(0, |file| std::fs::read_to_string(file.path()).unwrap().lines().count());
        // The options, the language and two windows.
        if lines >= 4 {
            return child;
        }
        assert!(Instant::now() < until, "nothing was kept");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn without_resumed(json: &str) -> (u64, Value) {
    let mut value: Value = serde_json::from_str(json).unwrap();
    let resumed = value["info"]["resumed_windows"].as_u64().unwrap();
    value["info"]["resumed_windows"] = 0.into();
    (resumed, value)
}

#[test]
fn a_transcription_that_was_killed_goes_on_and_gives_the_same_document() {
    let shell = Shell::new();
    minutes(&shell);
    let command = "minutes.wav --format json --quiet --rows 1 --threads 1";
    let undisturbed = without_resumed(&ran(&mut transcribe(&shell, command)).succeeds()).1;

    let mut killed = started(&shell);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let resumed = ran(&mut transcribe(&shell, &format!("{command} --resume"))).succeeds();
    let (windows, document) = without_resumed(&resumed);
    let all = document["info"]["windows"].as_u64().unwrap();
    assert!((2..all).contains(&windows), "{windows} of {all}");
    assert_eq!(document, undisturbed);
    let kept = std::fs::read_dir(shell.path().join("cache/cairn/speech/unfinished")).unwrap();
    assert_eq!(kept.count(), 0, "a finished transcription keeps nothing");
}

#[test]
fn a_transcription_that_was_interrupted_says_how_to_go_on() {
    let shell = Shell::new();
    minutes(&shell);
    let mut child = started(&shell);
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(told.contains("error: minutes.wav: stopped at 0"), "{told}");
    assert!(told.contains("try: what is done is kept; the same command with --resume goes on"), "{told}");
    let resumed =
        transcribe(&shell, "minutes.wav --format json --rows 1 --threads 1 --resume").output().unwrap();
    let resumed = Ran::of(resumed);
    assert!(resumed.err.contains("minutes.wav: going on after"), "{}", resumed.err);
    assert!(without_resumed(&resumed.succeeds()).0 >= 2);
}

#[test]
fn a_card_that_is_not_there_is_refused_and_auto_says_what_it_chose() {
    let shell = Shell::new();
    let file = recording("single_en_07.wav");
    let on = |device: &str| {
        ran(&mut speech(&shell, &format!("transcribe {file} --model {} --device {device}", tiny())))
    };
    // A card alone is not enough: the set-up fetches the library for processors unless it is asked for the other.
    let (cuda, auto) = (on("cuda"), on("auto"));
    if cuda.code == 0 {
        assert!(auto.err.contains("on cuda: there is a card"), "{}", auto.err);
        assert_eq!(plain(&cuda.succeeds()), GREEN);
    } else {
        let error = cuda.fails();
        assert!(error.contains("there is no CUDA device to run on: "), "{error}");
        assert!(auto.err.contains("on cpu: there is no CUDA device to run on: "), "{}", auto.err);
    }
    assert_eq!(plain(&auto.succeeds()), GREEN);
}

#[test]
fn a_library_that_is_missing_or_none_is_told_with_its_name() {
    let shell = Shell::new();
    let file = recording("single_en_07.wav");
    std::fs::write(shell.path().join("notes.so"), "these are notes").unwrap();
    let with = |library: &str| ran(&mut transcribe(&shell, &format!("{file} --ort-lib {library}"))).fails();
    let error = with("nowhere.so");
    assert!(error.contains("ONNX Runtime's library was not found (looked at: nowhere.so)"), "{error}");
    assert!(error.contains("`ops/run` fetches it"), "{error}");
    let error = with("notes.so");
    assert!(error.contains("notes.so cannot be used as ONNX Runtime's library\n  because: "), "{error}");
    let error =
        ran(transcribe(&shell, &file).env("CAIRN_VAD_MODEL", "nowhere.onnx").env("HOME", "/nowhere")).fails();
    assert!(error.contains("the voice detector's model was not found (looked at: nowhere.onnx"), "{error}");
}

#[test]
fn a_model_is_added_checked_listed_and_given_word_times() {
    let shell = Shell::new();
    let model = |words: &str| ran(&mut speech(&shell, &format!("model {words}")));
    assert!(model("list").succeeds().contains("no models in"));
    assert!(model(&format!("add {} --name tiny", tiny())).succeeds().contains("added tiny"));
    assert!(model(&format!("add {} --name tiny", tiny())).fails().contains("there is a model tiny already"));
    for name in ["../up", ".hidden", "", "a/b"] {
        let error = ran(speech(&shell, &format!("model add {} --name", tiny())).arg(name)).misuses();
        assert!(error.contains("is no name for a model"), "{error}");
    }
    let checked = model("check --model tiny --device cpu").succeeds();
    assert!(checked.contains("2 languages") && checked.contains("word times: no"), "{checked}");
    assert!(model("add-align tiny").succeeds().contains("decoder_align.onnx"));
    assert!(model("check --model tiny --device cpu").succeeds().contains("word times: yes"));
    let listed: Value = serde_json::from_str(&model("list --json").succeeds()).unwrap();
    assert_eq!(listed[0]["name"], "tiny");
    assert_eq!(listed[0]["word_times"], true);
    assert!(model("list").succeeds().contains("tiny"));

    let file = recording("single_en_07.wav");
    for task in ["transcribe", "translate"] {
        let words = format!(
            "transcribe {file} --model tiny --device cpu --format json --quiet --words --task {task}"
        );
        let document = ran(&mut speech(&shell, &words)).succeeds();
        let document: Value = serde_json::from_str(&document).unwrap();
        let words = document["segments"][0]["words"].as_array().unwrap();
        assert!(!words.is_empty() && words[0]["start"].is_number(), "{document}");
    }
}

#[test]
fn a_model_that_is_none_is_neither_added_nor_used() {
    let shell = Shell::new();
    std::fs::create_dir(shell.path().join("half")).unwrap();
    std::fs::write(shell.path().join("half/config.json"), "{}").unwrap();
    let model = |words: &str| ran(&mut speech(&shell, &format!("model {words}")));
    assert!(model("add half").fails().contains("config.json is not a Whisper model's"));
    assert!(model("add nowhere").fails().contains("is no folder"));
    assert!(!shell.path().join("models").exists());
    let error = model("check --model nowhere --device cpu").fails();
    assert!(error.contains("is no folder") && error.contains("nowhere"), "{error}");
    let file = recording("single_en_07.wav");
    let error = ran(&mut speech(&shell, &format!("transcribe {file} --model half --device cpu"))).fails();
    assert!(
        error.starts_with(
            "error: the speech engine does not start [SPEECH_MODEL]\n  because: half/config.json"
        ),
        "{error}"
    );
}

#[test]
fn without_a_place_to_keep_what_is_done_the_work_goes_on_and_says_so() {
    let shell = Shell::new();
    std::fs::write(shell.path().join("cache"), "a file").unwrap();
    let ran = ran(&mut transcribe(&shell, &recording("single_en_07.wav")));
    assert!(ran.err.contains("cannot be resumed if it is broken off"), "{}", ran.err);
    assert_eq!(plain(&ran.succeeds()), GREEN);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_the_work() {
    let shell = Shell::new();
    std::fs::write(shell.path().join("taken"), "a file").unwrap();
    let file = recording("single_en_07.wav");
    let error = ran(&mut transcribe(&shell, &format!("{file} --out taken"))).fails();
    assert!(error.contains("taken cannot be made"), "{error}");
    let error = ran(&mut transcribe(&shell, &format!("{} --quiet", shell.path().display()))).fails();
    assert!(error.contains("[AUDIO_UNREADABLE]") && error.contains("directory"), "{error}");
}

#[test]
fn text_that_cannot_be_printed_as_it_comes_is_told_and_kept() {
    let shell = Shell::new();
    let file = recording("single_en_07.wav");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = ran(transcribe(&shell, &format!("{file} --quiet")).stdout(full)).fails();
    assert!(error.contains("the output cannot be written") && error.contains("--resume"), "{error}");
    let resumed = ran(&mut transcribe(&shell, &format!("{file} --format json --quiet --resume"))).succeeds();
    let (windows, document) = without_resumed(&resumed);
    assert_eq!(
        (windows, plain(document["text"].as_str().unwrap()).as_str()),
        (1, "green thanks thanks eight start")
    );
}
