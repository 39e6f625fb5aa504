//! What `cairn transcribe` does with files: it writes over no recording, keeps what is done as long as that is of use and
//! no longer, and stops when nobody wants the text.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use serde_json::Value;

use crate::{
    shell::{Ran, Shell},
    speech::{published, ran, recording, speech, tiny},
};

/// A WAV file's header is so long.
const HEADER: usize = 44;

fn transcribe(shell: &Shell, words: &str) -> Command {
    let mut command = speech(shell, &format!("transcribe {words} --device cpu --model"));
    command.arg(tiny());
    command
}

fn copy(shell: &Shell, name: &str, to: &str) {
    fs::copy(recording(name), shell.path().join(to)).unwrap();
}

/// A recording of almost three minutes, which takes long enough to be broken off.
fn minutes(shell: &Shell, name: &str) {
    copy(shell, "long_en_01.wav", name);
}

/// The files in which unfinished work is kept.
fn kept(shell: &Shell) -> Vec<PathBuf> {
    let entries = fs::read_dir(shell.path().join("cache/cairn/speech/unfinished"));
    entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// Starts a command and waits until `is_far_enough`.
fn started(command: &mut Command, is_far_enough: impl Fn() -> bool) -> Child {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(120);
    while !is_far_enough() {
        assert!(Instant::now() < until, "nothing was kept");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// Whether some recording's first stretches are kept: the options, the language and two windows.
fn some_work_is_kept(shell: &Shell) -> bool {
    kept(shell).iter().any(|path| fs::read_to_string(path).is_ok_and(|text| text.lines().count() >= 4))
}

fn killed(shell: &Shell, words: &str) {
    let mut child = started(&mut transcribe(shell, words), || some_work_is_kept(shell));
    child.kill().unwrap();
    child.wait().unwrap();
}

fn interrupted(mut child: Child) -> Ran {
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let output = child.wait_with_output().unwrap();
    Ran { err, ..Ran::of(output) }
}

#[test]
fn no_text_is_written_over_a_recording() {
    let shell = Shell::new();
    copy(&shell, "single_en_07.wav", "talk.wav");
    copy(&shell, "single_en_07.wav", "talk.txt");
    copy(&shell, "single_en_07.wav", "rec.json");
    let whole = fs::read(recording("single_en_07.wav")).unwrap();
    let error = ran(&mut transcribe(&shell, "talk.wav talk.txt --out .")).misuses();
    assert!(error.contains("the text of talk.wav would be written over the recording talk.txt"), "{error}");
    assert!(error.contains("try: choose another folder with --out"), "{error}");
    // By another way to the same file.
    fs::create_dir(shell.path().join("texts")).unwrap();
    std::os::unix::fs::symlink("../talk.txt", shell.path().join("texts/talk.txt")).unwrap();
    ran(&mut transcribe(&shell, "talk.wav talk.txt --out texts")).misuses();
    // Whatever these are called, they stay what they are.
    ran(&mut transcribe(&shell, "talk.txt --out . --quiet")).succeeds();
    ran(&mut transcribe(&shell, "rec.json --out . --format json --quiet")).succeeds();
    for name in ["talk.wav", "talk.txt", "rec.json"] {
        assert!(fs::read(shell.path().join(name)).unwrap() == whole, "{name}");
    }
}

#[test]
fn a_point_in_a_name_is_no_ending() {
    let shell = Shell::new();
    for name in ["rec_2026.11.20", "rec_2026.11.21", "talk.WAV"] {
        copy(&shell, "single_en_07.wav", name);
    }
    ran(&mut transcribe(&shell, "rec_2026.11.20 rec_2026.11.21 talk.WAV --out texts --quiet")).succeeds();
    let mut names: Vec<String> = fs::read_dir(shell.path().join("texts"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["rec_2026.11.20.txt", "rec_2026.11.21.txt", "talk.txt"]);
}

#[test]
fn a_recording_is_named_once() {
    let shell = Shell::new();
    copy(&shell, "single_en_07.wav", "talk.wav");
    for words in ["talk.wav talk.wav", "talk.wav ./talk.wav --out texts", "gone.wav gone.wav"] {
        let error = ran(&mut transcribe(&shell, words)).misuses();
        assert!(error.contains("are the same recording"), "{error}");
    }
}

#[test]
fn that_words_will_have_no_times_is_told_before_the_work_with_the_command_that_gives_them() {
    let shell = Shell::new();
    published(&shell, "my models/ours", &["_int8"]);
    copy(&shell, "single_en_07.wav", "talk.wav");
    let told = |words: &str| {
        let mut command = speech(&shell, &format!("transcribe talk.wav --device cpu {words} --model"));
        ran(command.arg("my models/ours")).err
    };
    let advice = "there will be no word times: cairn model add-align 'my models/ours' --precision int8\n";
    assert!(told("--words --format json").contains(advice), "{}", told("--words"));
    assert!(!told("").contains("word times"));
}

#[test]
fn without_a_reader_the_work_ends_and_nothing_of_it_is_kept() {
    let shell = Shell::new();
    minutes(&shell, "minutes.wav");
    let mut child = transcribe(&shell, "minutes.wav --rows 1 --threads 1 --quiet")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("[00:0"), "{first}");
    let ended = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert_eq!(kept(&shell), [] as [PathBuf; 0]);
}

#[test]
fn without_a_reader_a_stream_is_not_listened_to_to_its_end() {
    const HOURS: usize = 60;
    let shell = Shell::new();
    let mut child = transcribe(&shell, "- --rows 1 --quiet")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        let mut one = fs::read(recording("long_en_01.wav")).unwrap();
        // As long as a WAV file can say it is.
        one[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        one[40..44].copy_from_slice(&(u32::MAX - 36).to_le_bytes());
        let whole = stdin.write_all(&one[..HEADER]);
        whole.and_then(|()| (0..HOURS * 60).try_for_each(|_| stdin.write_all(&one[HEADER..])))
    });
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let ended = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    assert!(writer.join().unwrap().is_err(), "all of it was read");
}

#[test]
fn what_is_finished_among_several_is_not_done_again() {
    let shell = Shell::new();
    copy(&shell, "single_en_07.wav", "short.wav");
    let long = ["a.wav", "b.wav", "c.wav", "d.wav", "e.wav"];
    long.iter().for_each(|name| minutes(&shell, name));
    let words = format!("short.wav {} --out texts --rows 1 --threads 1", long.join(" "));
    let text = shell.path().join("texts/short.txt");
    // Four at once: when the short one is done, the last but one is begun.
    let is_far = || text.exists() && some_work_is_kept(&shell) && kept(&shell).len() == 5;
    let child = started(transcribe(&shell, &words).arg("--quiet"), is_far);
    let ended = interrupted(child);
    assert_eq!(ended.code, 1, "{}", ended.err);
    let count = |what: &str| ended.err.matches(what).count();
    assert_eq!(count(": stopped at ") + count(": stopped before its first text"), 4, "{}", ended.err);
    assert_eq!(count("1 of 6 recordings was not begun"), 1, "{}", ended.err);
    assert_eq!(count("what is done is kept"), 1, "{}", ended.err);
    assert!(!kept(&shell).is_empty() && kept(&shell).len() <= 5, "{:?}", kept(&shell));

    let resumed = ran(&mut transcribe(&shell, &format!("{words} --resume")));
    assert!(resumed.err.contains("short.wav: going on after 1 finished stretch"), "{}", resumed.err);
    assert!(
        resumed.err.contains("e.wav: nothing to go on from: nothing of this recording is kept"),
        "{}",
        resumed.err
    );
    resumed.succeeds();
    assert_eq!(kept(&shell), [] as [PathBuf; 0], "a finished command keeps nothing");
    assert_eq!(fs::read_dir(shell.path().join("texts")).unwrap().count(), 6);
}

#[test]
fn two_at_once_on_one_recording_do_not_share_what_is_kept() {
    let shell = Shell::new();
    minutes(&shell, "minutes.wav");
    let words = "minutes.wav --format json --rows 1 --threads 1";
    let mut first = started(transcribe(&shell, words).arg("--quiet"), || some_work_is_kept(&shell));
    Command::new("kill").args(["-STOP", &first.id().to_string()]).status().unwrap();
    let second = ran(&mut transcribe(&shell, words));
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(second.err.contains("another cairn is transcribing it"), "{}", second.err);
    let second: Value = serde_json::from_str(&second.succeeds()).unwrap();
    assert!(some_work_is_kept(&shell), "the first one's work is still there");
    let resumed = ran(transcribe(&shell, words).args(["--quiet", "--resume"])).succeeds();
    let resumed: Value = serde_json::from_str(&resumed).unwrap();
    assert!(resumed["info"]["resumed_windows"].as_u64().unwrap() >= 2);
    assert_eq!(resumed["segments"], second["segments"]);
}

#[test]
fn who_wants_to_go_on_is_told_why_that_cannot_be() {
    let shell = Shell::new();
    minutes(&shell, "minutes.wav");
    let words = "minutes.wav --rows 1 --threads 1 --out texts";
    killed(&shell, &format!("{words} --quiet"));
    let other = ran(&mut transcribe(&shell, &format!("{words} --resume --language en")));
    assert!(
        other.err.contains(
            "minutes.wav: nothing to go on from: what is kept of this recording was made with other"
        ),
        "{}",
        other.err
    );
    other.succeeds();
    // The same model by another way.
    let mut again = speech(&shell, &format!("transcribe {words} --resume --device cpu --model"));
    let again = ran(again.arg(tiny().join("../whisper-tiny/.")));
    assert!(again.err.contains("minutes.wav: going on after "), "{}", again.err);
    again.succeeds();
    let anew = ran(&mut transcribe(&shell, &format!("{words} --resume")));
    assert!(anew.err.contains("nothing to go on from: nothing of this recording is kept"), "{}", anew.err);
}

#[test]
fn what_is_kept_is_for_its_owner_alone_and_not_for_ever() {
    use std::os::unix::fs::PermissionsExt;

    let shell = Shell::new();
    minutes(&shell, "minutes.wav");
    killed(&shell, "minutes.wav --rows 1 --threads 1 --quiet");
    let young = kept(&shell).pop().unwrap();
    assert_eq!(fs::metadata(&young).unwrap().permissions().mode() & 0o777, 0o600);
    let old = young.with_file_name("0123456789-0123456789.jsonl");
    fs::write(&old, "what was said a month ago").unwrap();
    let month = SystemTime::now() - Duration::from_secs(31 * 24 * 60 * 60);
    fs::File::options().append(true).open(&old).unwrap().set_modified(month).unwrap();
    copy(&shell, "single_en_07.wav", "talk.wav");
    ran(&mut transcribe(&shell, "talk.wav --quiet")).succeeds();
    assert_eq!(kept(&shell), [young]);
}

#[test]
fn where_the_time_went_is_told_when_it_is_asked_for() {
    let shell = Shell::new();
    let ran =
        ran(&mut transcribe(&shell, &format!("{} --quiet --stats", recording("single_en_07.wav").display())));
    for told in [
        "s of audio with",
        "beside the model: audio, where",
        "windows encoded",
        "batches of",
        "1 windows, 0 of them silence",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    ran.succeeds();
}
