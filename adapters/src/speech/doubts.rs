//! What makes a text doubtful. Each check looks at one thing; none of them changes the text.

use std::collections::VecDeque;
use std::io::Write;
use std::ops::Range;

use commands::ports::transcription::{Flag, SAMPLE_RATE, Segment};
use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Above this a text repeats itself (openai-whisper's `compression_ratio_threshold`).
pub(super) const COMPRESSION_LIMIT: f32 = 2.4;
/// Below this the model was unsure (openai-whisper's `logprob_threshold`).
pub(super) const LOGPROB_LIMIT: f32 = -1.0;
/// Above this nothing was said (openai-whisper's `no_speech_threshold`).
pub(super) const NO_SPEECH_LIMIT: f32 = 0.6;

/// A phrase of up to this many words that comes three times in a row is a loop.
const LONGEST_PHRASE: usize = 12;
/// Times in a row that make a loop.
const LOOP: usize = 3;
/// Segments of the same text that make a loop.
const SAME_TEXTS: usize = 3;
/// Among this many segments.
const NEAR: usize = 12;
/// Characters that a second of speech may hold.
const RATES: Range<f64> = 2.0..30.0;
/// The least part of a segment that is speech.
const SPEECH_SHARE: f64 = 0.2;
/// Speech that is too short to have a rate.
const SHORT: u64 = SAMPLE_RATE / 4;

/// How many times shorter a text gets by zlib, as openai-whisper measures it.
pub(super) fn compression_ratio(text: &str) -> f32 {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    packed.map_or(1.0, |packed| text.len() as f32 / packed.len().max(1) as f32)
}

fn words(text: &str) -> Vec<String> {
    let plain = |word: &str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
    text.split_whitespace().map(plain).filter(|word| !word.is_empty()).collect()
}

/// Whether a phrase comes three times in a row.
pub(super) fn loops(text: &str) -> bool {
    let words = words(text);
    (1..=LONGEST_PHRASE.min(words.len() / LOOP)).any(|length| {
        words.windows(length * LOOP).any(|run| run.chunks(length).all(|phrase| phrase == &run[..length]))
    })
}

/// Whether a text is (a part of at least three words of) the prompt.
pub(super) fn echoes(text: &str, prompt: Option<&str>) -> bool {
    let (text, Some(prompt)) = (words(text), prompt.map(words)) else { return false };
    text.len() >= LOOP.min(prompt.len().max(1)) && prompt.windows(text.len().max(1)).any(|part| part == text)
}

/// The samples of `span` that lie in speech.
pub(super) fn overlap(span: &Range<u64>, speech: &[Range<u64>]) -> u64 {
    speech.iter().map(|one| one.end.min(span.end).saturating_sub(one.start.max(span.start))).sum()
}

/// What a segment's times and the speech in its window tell. With no voice detector there is no telling.
pub(super) fn of_times(text: &str, span: &Range<u64>, speech: Option<&[Range<u64>]>) -> Vec<Flag> {
    let Some(speech) = speech else { return Vec::new() };
    let spoken = overlap(span, speech);
    let mut flags = Vec::new();
    if (spoken as f64) < (span.end - span.start) as f64 * SPEECH_SHARE {
        flags.push(Flag::NoSpeechOverlap);
    }
    let rate = text.trim().chars().count() as f64 * SAMPLE_RATE as f64 / spoken.max(1) as f64;
    if spoken >= SHORT && !RATES.contains(&rate) {
        flags.push(Flag::Rate);
    }
    flags
}

/// Remembers the latest texts, and flags the third of the same.
#[derive(Debug, Default)]
pub(super) struct Echo {
    latest: VecDeque<String>,
}

impl Echo {
    /// Looks at the next segment in time order.
    pub(super) fn listen(&mut self, segment: &mut Segment) {
        let text = words(&segment.text).join(" ");
        let same = self.latest.iter().filter(|other| **other == text).count() + 1;
        if same >= SAME_TEXTS && !text.is_empty() {
            add(&mut segment.flags, Flag::Repetition);
        }
        self.latest.push_back(text);
        if self.latest.len() >= NEAR {
            self.latest.pop_front();
        }
    }
}

/// Adds a flag once, in order.
pub(super) fn add(flags: &mut Vec<Flag>, flag: Flag) {
    if let Err(place) = flags.binary_search(&flag) {
        flags.insert(place, flag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_a_phrase_three_times_in_a_row() {
        assert!(loops("Thank you. Thank you. Thank you."));
        assert!(loops("so and so on and so on and so on"));
        assert!(!loops("one one two two one one"));
        assert!(!loops(""));
    }

    #[test]
    fn an_echo_is_a_part_of_the_prompt() {
        let prompt = Some("Meeting of the quality board, Szeged.");
        assert!(echoes("of the quality board", prompt));
        assert!(!echoes("the board of quality", prompt));
        assert!(!echoes("board", prompt), "one word may well be said");
        assert!(!echoes("of the quality board", None));
    }

    #[test]
    fn times_without_speech_and_odd_rates_are_flagged() {
        let second = SAMPLE_RATE;
        let speech = [0..second, 5 * second..6 * second];
        assert_eq!(
            of_times("nine letters", &(2 * second..4 * second), Some(&speech)),
            [Flag::NoSpeechOverlap]
        );
        assert_eq!(of_times("x", &(0..second), Some(&speech)), [Flag::Rate]);
        assert!(of_times("nine letters", &(0..second), Some(&speech)).is_empty());
        assert!(of_times("x", &(2 * second..4 * second), None).is_empty());
    }

    #[test]
    fn repeated_text_compresses_well() {
        assert!(compression_ratio(&"so on and ".repeat(20)) > COMPRESSION_LIMIT);
        assert!(compression_ratio("one two three four five six") < COMPRESSION_LIMIT);
    }
}
