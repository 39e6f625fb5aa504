//! What is heard of a recording: ranges lose nothing of it, and one bad sample does not spoil it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use adapters_speech::audio::ExternalDecoders;
use commands::ports::transcription::{
    Cancel, Job, Options, Progress, Samples, Source, Span, Transcriber, Transcript,
};

use crate::fixture::{ENGINE, transcribe};
use crate::support::{plain, read_wav, recording, wav};

/// Runs ffmpeg on a recording; none, and a word about it, where there is no ffmpeg.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub fn converted(from: &Path, to: PathBuf, arguments: &[&str]) -> Option<PathBuf> {
    let Some(ffmpeg) = ExternalDecoders::installed().ffmpeg else {
        eprintln!("SKIPPED: there is no ffmpeg to make {} with; `ops/test` installs it", to.display());
        return None;
    };
    let made = Command::new(ffmpeg)
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-i"])
        .arg(from)
        .args(arguments)
        .arg(&to)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(to)
}

fn from_stream(path: &Path, options: Options) -> Transcript {
    let bytes = Box::new(File::open(path).unwrap());
    let job = Job { source: Source::Stream { name: "stream".to_owned(), bytes }, options, checkpoint: None };
    ENGINE.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap()
}

fn ranges(seconds: &[(f64, f64)]) -> Options {
    let span = |(start, end): &(f64, f64)| Span {
        start: Samples::from_seconds(*start),
        end: Samples::from_seconds(*end),
    };
    Options { ranges: seconds.iter().map(span).collect(), ..Options::default() }
}

#[test]
fn a_second_range_has_its_first_words_however_large_the_blocks_of_a_format_are() {
    let folder = tempfile::tempdir().unwrap();
    for rate in ["16000", "8000"] {
        let wav = folder.path().join(format!("{rate}.wav"));
        let Some(wav) = converted(&recording("window_en_01.wav"), wav, &["-ar", rate]) else { return };
        let flac = folder.path().join(format!("{rate}.flac"));
        let Some(flac) = converted(&wav, flac, &["-frame_size", "65535"]) else { return };
        for wanted in [
            [(0.0, 4.0), (6.05, 9.5)],
            [(0.0, 3.0), (5.05, 9.5)],
            [(1.0, 2.5), (4.6, 12.0)],
            [(8.0, 9.0), (14.0, 22.0)],
        ] {
            let of_small_blocks = transcribe(&wav, ranges(&wanted));
            assert_eq!(transcribe(&flac, ranges(&wanted)).segments, of_small_blocks.segments, "{wanted:?}");
            assert_eq!(from_stream(&flac, ranges(&wanted)).segments, of_small_blocks.segments, "{wanted:?}");
        }
    }
}

#[test]
fn one_bad_sample_does_not_spoil_a_recording() {
    let samples = read_wav(&recording("window_en_01.wav"));
    let said = plain(&transcribe(&recording("window_en_01.wav"), Options::default()).text());
    for bad in [1e30_f32, -1e30, 30_000.0, f32::NAN] {
        let mut floats: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        floats[200_000] = bad;
        let data: Vec<u8> = floats.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let bytes = wav(3, 32, 1, 16_000, &data);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.wav");
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(plain(&transcribe(&path, Options::default()).text()), said, "with {bad}");
    }
}
