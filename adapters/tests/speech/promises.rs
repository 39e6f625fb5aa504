//! What holds for any recording: hours keep their times, a job that was broken off goes on, nothing depends on what else
//! runs, and what cannot be done is said.

use std::io::Write;
use std::path::Path;

use commands::ports::transcription::{
    Cancel, Job, Language, Options, Progress, Quality, Samples, Source, Span, SpokenLanguage, Task,
    Transcriber, Transcript, TranscriptionError,
};

use crate::fixture::{ENGINE, plain, recording, recordings, transcribe};

/// A 16-bit WAV file of 16 kHz.
fn write_wav(path: &Path, samples: &[i16]) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let bytes = samples.len() as u32 * 2;
    file.write_all(b"RIFF").unwrap();
    file.write_all(&(bytes + 36).to_le_bytes()).unwrap();
    file.write_all(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data").unwrap();
    file.write_all(&bytes.to_le_bytes()).unwrap();
    for sample in samples {
        file.write_all(&sample.to_le_bytes()).unwrap();
    }
}

fn read_wav(path: &Path) -> Vec<i16> {
    std::fs::read(path).unwrap()[44..]
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// A recording of so many seconds, made of the English fixture windows one after another, and what is said in it: text,
/// start and end.
fn timeline(seconds: usize) -> (Vec<i16>, Vec<(String, f64, f64)>) {
    let known: Vec<_> = recordings().into_iter().filter(|one| one.kind == "window_en").collect();
    let mut samples = Vec::new();
    let mut said = Vec::new();
    for (turn, one) in known.iter().cycle().enumerate() {
        // Pauses of different lengths, so that windows begin anywhere.
        samples.extend(std::iter::repeat_n(0, 1_000 + turn * 7_919 % 30_000));
        let start = samples.len() as f64 / 16_000.0;
        samples.extend(read_wav(&recording(&one.file)));
        said.extend(one.utterances.iter().map(|one| (plain(&one.text), one.start + start, one.end + start)));
        if samples.len() >= seconds * 16_000 {
            return (samples, said);
        }
    }
    unreachable!("a cycle has no end")
}

/// The text as a whole; times say whether anything is lost or doubled.
fn compare(transcript: &Transcript, said: &[(String, f64, f64)]) {
    assert_eq!(transcript.segments.len(), said.len(), "as many segments as utterances");
    let mut wrong = 0;
    for (segment, (text, start, end)) in transcript.segments.iter().zip(said) {
        wrong += usize::from(plain(&segment.text) != *text);
        let (found_start, found_end) = (segment.start.seconds(), segment.end.seconds());
        assert!(
            (found_start - start).abs() <= 0.4 && (found_end - end).abs() <= 0.4,
            "{text}: {found_start}-{found_end}, not {start}-{end}"
        );
    }
    // The model mishears one utterance in a hundred where windows are cut anew.
    assert!(wrong * 50 <= said.len(), "{wrong} of {} utterances differ", said.len());
}

#[test]
fn thirty_minutes_lose_nothing_double_nothing_and_keep_their_times_to_the_end() {
    let (samples, said) = timeline(30 * 60);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half an hour.wav");
    write_wav(&path, &samples);
    let transcript = transcribe(&path, Options::default());
    assert_eq!(transcript.info.duration.0, samples.len() as u64);
    compare(&transcript, &said);
}

#[test]
fn a_job_that_was_stopped_goes_on_and_gives_the_same_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let path = recording("long_en_01.wav");
    let job = || Job {
        source: Source::File(path.clone()),
        options: Options::default(),
        checkpoint: Some(checkpoint.clone()),
    };
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let mut segments = 0;
    let stopped = ENGINE.transcribe(
        job(),
        &mut |progress: Progress<'_>| {
            segments += usize::from(matches!(progress, Progress::Segment(_)));
            if segments > 0 {
                stop.cancel();
            }
        },
        &cancel,
    );
    assert!(matches!(stopped, Err(TranscriptionError::Cancelled)));
    // As a crash in the middle of a line would leave it.
    std::fs::OpenOptions::new()
        .append(true)
        .open(&checkpoint)
        .unwrap()
        .write_all(b"{\"window\":\"torn")
        .unwrap();

    let mut resumed = ENGINE.transcribe(job(), &mut |_: Progress<'_>| (), &Cancel::default()).unwrap();
    assert!(resumed.info.resumed_windows > 0);
    resumed.info.resumed_windows = 0;
    assert_eq!(resumed, transcribe(&path, Options::default()));

    let other = Job { options: Options { seed: 7, ..Options::default() }, ..job() };
    let refused = ENGINE.transcribe(other, &mut |_: Progress<'_>| (), &Cancel::default());
    assert_eq!(refused.unwrap_err().code(), "TRANSCRIPTION_CHECKPOINT");
}

#[test]
fn a_transcript_does_not_depend_on_what_else_runs() {
    let path = recording("window_es_01.wav");
    let alone = transcribe(&path, Options::default());
    let others = ["long_en_01.wav", "mixed_en_es_01.wav", "window_en_02.wav"];
    std::thread::scope(|scope| {
        for other in others {
            scope.spawn(move || transcribe(&recording(other), Options::default()));
        }
        for _ in 0..3 {
            assert_eq!(transcribe(&path, Options::default()), alone);
        }
    });
}

#[test]
fn ranges_give_the_segments_whose_middle_lies_in_them() {
    let path = recording("window_en_01.wav");
    let range = Span { start: Samples::from_seconds(7.0), end: Samples::from_seconds(14.0) };
    let part = transcribe(&path, Options { ranges: vec![range], ..Options::default() });
    let whole = transcribe(&path, Options::default());
    let inside =
        |text: &str| whole.segments.iter().find(|segment| segment.text == text).map(|segment| segment.start);
    let texts: Vec<&str> = part.segments.iter().map(|segment| segment.text.as_str()).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    for segment in &part.segments {
        let start = inside(&segment.text).expect("the same text in the whole");
        assert!(start.0.abs_diff(segment.start.0) < 3_200, "{}", segment.text);
    }
}

#[test]
fn a_beam_a_prompt_and_hotwords_keep_the_words() {
    let path = recording("single_en_07.wav");
    for options in [
        Options { quality: Quality::High, ..Options::default() },
        Options { prompt: Some("red green blue".to_owned()), ..Options::default() },
        Options { hotwords: vec!["green".to_owned(), "thanks".to_owned()], ..Options::default() },
        Options { condition_on_previous: true, ..Options::default() },
    ] {
        assert_eq!(
            plain(&transcribe(&path, options.clone()).text()),
            "green thanks thanks eight start",
            "{options:?}"
        );
    }
}

#[test]
fn what_the_model_cannot_do_is_refused() {
    let refuse = |options: Options| {
        let job = Job { source: Source::File(recording("single_en_01.wav")), options, checkpoint: None };
        ENGINE.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap_err()
    };
    let klingon = SpokenLanguage::Given(Language("tlh".to_owned()));
    let error = refuse(Options { language: klingon, task: Task::Translate, ..Options::default() });
    assert_eq!(error.code(), "TRANSCRIPTION_OPTIONS");
    assert!(error.to_string().contains("it knows en es"), "{error}");
    let backwards = Span { start: Samples(10), end: Samples(5) };
    assert_eq!(
        refuse(Options { ranges: vec![backwards], ..Options::default() }).code(),
        "TRANSCRIPTION_OPTIONS"
    );
}
