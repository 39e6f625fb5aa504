//! Long recordings made of the fixtures, and the small WAV files that tests write.

use std::path::Path;

use commands::ports::transcription::Transcript;

use crate::fixture::{plain, recording, recordings};

/// The bytes of a WAV file of integers.
pub fn wav(bits: u16, channels: u16, rate: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = wav_head(bits, channels, rate, data.len() as u32);
    bytes.extend_from_slice(data);
    bytes
}

/// What stands in a WAV file before its samples.
pub fn wav_head(bits: u16, channels: u16, rate: u32, length: u32) -> Vec<u8> {
    let align = channels * bits / 8;
    let mut head = b"RIFF".to_vec();
    head.extend_from_slice(&(36 + length).to_le_bytes());
    head.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0");
    head.extend_from_slice(&channels.to_le_bytes());
    head.extend_from_slice(&rate.to_le_bytes());
    head.extend_from_slice(&(rate * u32::from(align)).to_le_bytes());
    head.extend_from_slice(&align.to_le_bytes());
    head.extend_from_slice(&bits.to_le_bytes());
    head.extend_from_slice(b"data");
    head.extend_from_slice(&length.to_le_bytes());
    head
}

pub fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// The samples of a fixture recording.
pub fn read_wav(path: &Path) -> Vec<i16> {
    std::fs::read(path).unwrap()[44..]
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// A recording of so many seconds, made of the English fixture windows one after another, and what is said in it: text,
/// start and end.
pub fn timeline(seconds: usize) -> (Vec<i16>, Vec<(String, f64, f64)>) {
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
pub fn compare(transcript: &Transcript, said: &[(String, f64, f64)]) {
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
