//! A checkpoint gives its text to the audio that it was made of, and to no other.

use std::path::{Path, PathBuf};

use adapters_speech::{Engine, EngineOptions};
use commands::ports::transcription::{
    Cancel, Job, Options, Progress, Quality, Source, SpokenLanguage, Transcriber, Transcript,
};

use crate::fixture::{ENGINE, options, transcribe};
use crate::support::{read_wav, recording, wav_16};

fn resumed(path: &Path, checkpoint: PathBuf) -> Transcript {
    let source = Source::File(path.to_owned());
    let job = Job { source, options: Options::default(), checkpoint: Some(checkpoint) };
    ENGINE.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap()
}

#[test]
fn a_recording_that_was_replaced_by_one_with_a_longer_pause_has_its_own_times() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gap.wav");
    let checkpoint = folder.path().join("checkpoint");
    let with_pause = |pause: usize| {
        let mut samples = read_wav(&recording("single_en_07.wav"));
        samples.resize(samples.len() + pause, 0);
        samples.extend(read_wav(&recording("single_en_01.wav")));
        std::fs::write(&path, wav_16(16_000, &samples)).unwrap();
    };
    with_pause(5 * 16_000);
    let before = resumed(&path, checkpoint.clone());
    assert_eq!(before.info.windows, 1, "both in one window, from which most of the pause is left out");
    // By whole frames of the voice detector, so that every sample that is kept is the same.
    let longer = 313 * 512;
    with_pause(5 * 16_000 + longer);
    let after = resumed(&path, checkpoint);
    assert_eq!(after.segments, transcribe(&path, Options::default()).segments);
    let moved = |index: usize| after.segments[index].start.0 - before.segments[index].start.0;
    assert_eq!((moved(0), moved(after.segments.len() - 1)), (0, longer as u64));
}

#[test]
fn a_recording_that_was_replaced_by_one_in_another_language_has_its_own_language() {
    let folder = tempfile::tempdir().unwrap();
    let (path, checkpoint) = (folder.path().join("talk.wav"), folder.path().join("checkpoint"));
    for file in ["window_en_01.wav", "window_es_01.wav"] {
        std::fs::copy(recording(file), &path).unwrap();
        let transcript = resumed(&path, checkpoint.clone());
        assert_eq!(transcript.segments, transcribe(&recording(file), Options::default()).segments, "{file}");
    }
}

/// Broken off after its first text, by an engine that decodes one window at a time.
#[test]
fn whatever_was_asked_for_half_a_transcription_goes_on_to_the_same_end() {
    let one_by_one = EngineOptions { max_rows: Some(1), ..options() };
    let engine = Engine::start(&one_by_one).unwrap_or_else(|error| panic!("{error}"));
    let path = recording("long_en_01.wav");
    let plain = Options::default;
    for options in [
        Options { words: true, ..plain() },
        Options { quality: Quality::High, ..plain() },
        Options { condition_on_previous: true, words: true, ..plain() },
        Options { language: SpokenLanguage::Multilingual, words: true, ..plain() },
    ] {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = folder.path().join("checkpoint");
        let job = |checkpoint: Option<PathBuf>| Job {
            source: Source::File(path.clone()),
            options: options.clone(),
            checkpoint,
        };
        let quiet = &mut |_: Progress<'_>| ();
        let undisturbed = engine.transcribe(job(None), quiet, &Cancel::default()).unwrap();
        let cancel = Cancel::default();
        let stop = cancel.clone();
        let mut at_the_first_text = |progress: Progress<'_>| {
            if matches!(progress, Progress::Segment(_)) {
                stop.cancel();
            }
        };
        let stopped = engine.transcribe(job(Some(checkpoint.clone())), &mut at_the_first_text, &cancel);
        assert_eq!(stopped.err().map(|error| error.code()), Some("TRANSCRIPTION_CANCELLED"), "{options:?}");
        let mut resumed = engine.transcribe(job(Some(checkpoint)), quiet, &Cancel::default()).unwrap();
        let kept = std::mem::take(&mut resumed.info.resumed_windows);
        assert!(0 < kept && kept < undisturbed.info.windows, "{kept} windows were kept: {options:?}");
        assert_eq!(resumed, undisturbed, "{options:?}");
    }
}

/// Its first window is another one than the checkpoint's, the others are the same, and more of these are kept than an
/// engine that decodes one window at a time prepares at once: the language has to be heard before they are of use.
#[test]
fn a_recording_that_was_edited_at_its_start_goes_on_behind_that() {
    let one_by_one = EngineOptions { max_rows: Some(1), ..options() };
    let engine = Engine::start(&one_by_one).unwrap_or_else(|error| panic!("{error}"));
    let folder = tempfile::tempdir().unwrap();
    let (path, checkpoint) = (folder.path().join("talk.wav"), folder.path().join("checkpoint"));
    let mut samples: Vec<i16> = ["long_en_01.wav", "window_en_01.wav", "window_en_02.wav", "long_en_01.wav"]
        .iter()
        .flat_map(|file| read_wav(&recording(file)))
        .collect();
    std::fs::write(&path, wav_16(16_000, &samples)).unwrap();
    let job =
        |checkpoint| Job { source: Source::File(path.clone()), options: Options::default(), checkpoint };
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let mut late = |progress: Progress<'_>| {
        if matches!(progress, Progress::Segment(segment) if segment.end.seconds() > 300.0) {
            stop.cancel();
        }
    };
    engine.transcribe(job(Some(checkpoint.clone())), &mut late, &cancel).unwrap_err();
    samples[32_000..32_400].fill(0);
    std::fs::write(&path, wav_16(16_000, &samples)).unwrap();
    let quiet = &mut |_: Progress<'_>| ();
    let resumed = engine.transcribe(job(Some(checkpoint)), quiet, &Cancel::default()).unwrap();
    let fresh = engine.transcribe(job(None), quiet, &Cancel::default()).unwrap();
    assert_eq!(resumed.segments, fresh.segments);
    assert!(resumed.info.resumed_windows > 6, "{}", resumed.info.resumed_windows);
    assert!(resumed.info.resumed_windows < resumed.info.windows);
}
