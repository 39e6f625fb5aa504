//! Sounds that tests compute, and files that they write of them.

use std::f64::consts::PI;
use std::path::PathBuf;

use adapters_speech::audio::{Audio, ExternalDecoders};
use commands::ports::transcription::{LostPart, Source, TranscriptionError};

pub use crate::support::{wav, wav_16};

/// When the chirps begin, in seconds.
pub const CHIRPS: [f64; 3] = [0.25, 0.8, 1.5];

/// The sound of the fixtures at `time`, in seconds.
pub fn chirps(time: f64) -> f64 {
    let chirp = |from: f64| {
        let at = time - from;
        let inside = (0.0..=0.1).contains(&at);
        if inside {
            0.5 * (PI * at / 0.1).sin() * (2.0 * PI * (300.0 * at + 15_000.0 * at * at)).sin()
        } else {
            0.0
        }
    };
    CHIRPS.iter().map(|from| chirp(*from)).sum()
}

/// The fixtures' sound at a rate.
pub fn chirps_at(rate: u32, seconds: f64) -> Vec<f64> {
    (0..(seconds * f64::from(rate)) as usize).map(|frame| chirps(frame as f64 / f64::from(rate))).collect()
}

pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/speech_audio/fixtures").join(name)
}

/// The nearest 16-bit number.
pub fn to_16(samples: &[f64]) -> Vec<i16> {
    samples.iter().map(|sample| (sample * 32_767.0).round() as i16).collect()
}

/// Everything of a source.
#[derive(Debug)]
pub struct Heard {
    pub samples: Vec<f32>,
    pub lost: Vec<LostPart>,
    pub stated: Option<u64>,
}

pub fn hear_source(source: Source, decoders: &ExternalDecoders) -> Result<Heard, TranscriptionError> {
    let mut audio = Audio::open(source, decoders)?;
    let mut samples = Vec::new();
    while let Some(block) = audio.next_block()? {
        samples.extend_from_slice(block);
        assert!(block.len() < 1_000_000, "a block is small");
    }
    assert_eq!(audio.position().0, samples.len() as u64);
    Ok(Heard { samples, lost: audio.lost().to_vec(), stated: audio.stated_duration().map(|stated| stated.0) })
}

/// A file, without the help of ffmpeg.
pub fn hear(path: impl Into<PathBuf>) -> Result<Heard, TranscriptionError> {
    hear_source(Source::File(path.into()), &ExternalDecoders { ffmpeg: None })
}

/// Bytes as standard input brings them.
pub fn hear_stream(bytes: &[u8]) -> Result<Heard, TranscriptionError> {
    let bytes = Box::new(std::io::Cursor::new(bytes.to_vec()));
    hear_source(Source::Stream { name: "-".to_owned(), bytes }, &ExternalDecoders { ffmpeg: None })
}

/// Bytes as a file of some name.
pub fn hear_bytes(name: &str, bytes: &[u8]) -> Result<Heard, TranscriptionError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    hear(path)
}

/// By how many samples the chirp at `from` seconds is late, and how like the computed one it is, from -1 to 1.
pub fn lateness(samples: &[f32], from: f64) -> (i64, f32) {
    let start = (from * 16_000.0) as i64;
    let wanted: Vec<f32> = (start..start + 1_600).map(|at| chirps(at as f64 / 16_000.0) as f32).collect();
    let power = |values: &[f32]| values.iter().map(|value| value * value).sum::<f32>().sqrt();
    (-500_i64..=500)
        .filter_map(|late| {
            let begin = usize::try_from(start + late).ok()?;
            let heard = samples.get(begin..begin + wanted.len())?;
            let product: f32 = heard.iter().zip(&wanted).map(|(a, b)| a * b).sum();
            let scale = power(heard) * power(&wanted);
            (scale > 0.0).then(|| (late, product / scale))
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap()
}

/// Asserts that each chirp stands where it belongs, to the sample.
#[track_caller]
pub fn assert_chirps(what: &str, samples: &[f32], tolerance: i64) {
    for from in CHIRPS {
        assert_chirp_at(what, samples, from, tolerance);
    }
}

/// Asserts that one chirp stands where it belongs.
#[track_caller]
pub fn assert_chirp_at(what: &str, samples: &[f32], from: f64, tolerance: i64) {
    let (late, likeness) = lateness(samples, from);
    assert!(late.abs() <= tolerance, "{what}: the chirp at {from} s is late by {late} samples");
    assert!(likeness > 0.93, "{what}: the chirp at {from} s is like the true one by {likeness}");
}
