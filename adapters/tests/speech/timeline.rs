//! Long recordings made of the fixtures.

use commands::ports::transcription::Transcript;

use crate::support::{plain, read_wav, recording, recordings};

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
