//! What makes a text doubtful. Each check looks at one thing; none of them changes the text.

use std::collections::VecDeque;
use std::io::Write;
use std::ops::Range;

use commands::ports::transcription::{Flag, SAMPLE_RATE, Samples, Segment, Span};
use flate2::Compression;
use flate2::write::ZlibEncoder;

/// Above this a text repeats itself (openai-whisper's `compression_ratio_threshold`).
pub(super) const COMPRESSION_LIMIT: f32 = 2.4;
/// Below this the model was unsure (openai-whisper's `logprob_threshold`).
pub(super) const LOGPROB_LIMIT: f32 = -1.0;
/// Above this nothing was said (openai-whisper's `no_speech_threshold`).
pub(super) const NO_SPEECH_LIMIT: f32 = 0.6;

/// A phrase of up to this many words that comes again and again is a loop; longer ones compress so well that
/// [`COMPRESSION_LIMIT`] tells.
const LONGEST_PHRASE_WORDS: usize = 12;
/// Times in a row that a phrase must come to be a loop: twice is emphasis.
const LOOP_TIMES: usize = 3;
/// Words in a row that a text must share with the text before it to be its echo: two are a common turn of phrase.
const ECHO_WORDS: usize = 3;
/// Segments of the same text that repeat each other.
const SAME_SEGMENTS: usize = 3;
/// Among this many segments, about a minute of speech: later, the same sentence may well be said again.
const NEAR_SEGMENTS: usize = 12;
/// Characters that a second of speech may hold; people say between 10 and 20, in any alphabet at least 2.
const CHARACTERS_A_SECOND: Range<f64> = 2.0..30.0;
/// The least part of a segment that is speech.
const LEAST_SPEECH_SHARE: f64 = 0.2;
/// Speech that is too short to have a rate: a short word is over in 0.25 s.
const SHORTEST_RATED: Samples = Samples(SAMPLE_RATE / 4);

/// How many times shorter a text gets by zlib, as openai-whisper measures it.
pub(super) fn compression_ratio(text: &str) -> f32 {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    packed.map_or(1.0, |packed| text.len() as f32 / packed.len().max(1) as f32)
}

/// A text's words, without marks and in lower case: what is compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PlainWords(Vec<String>);

impl PlainWords {
    /// Splits a text.
    pub(super) fn of(text: &str) -> Self {
        let plain = |word: &str| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
        Self(text.split_whitespace().map(plain).filter(|word| !word.is_empty()).collect())
    }

    /// Whether a phrase comes three times in a row.
    pub(super) fn loops(&self) -> bool {
        let words = &self.0;
        (1..=LONGEST_PHRASE_WORDS.min(words.len() / LOOP_TIMES)).any(|length| {
            let is_loop = |run: &[String]| run.chunks(length).all(|phrase| phrase == &run[..length]);
            words.windows(length * LOOP_TIMES).any(is_loop)
        })
    }

    /// Whether it is the text before it once more: at least half of it are words that stand there in a row, or it begins
    /// with all of that text. A text before of one or two words is said again by chance; only alone is it an echo.
    pub(super) fn echoes(&self, before: &Self) -> bool {
        if before.0.len() < ECHO_WORDS {
            return !self.0.is_empty() && self == before;
        }
        let run = self.longest_common_run(before);
        run >= ECHO_WORDS && (run * 2 >= self.0.len() || self.0.starts_with(&before.0))
    }

    fn longest_common_run(&self, other: &Self) -> usize {
        let mut longest = 0;
        // How long the run is that ends at each word of the other and at the word before this one.
        let mut ending = vec![0; other.0.len() + 1];
        for word in &self.0 {
            let mut next = vec![0; ending.len()];
            for (place, same) in other.0.iter().enumerate() {
                if same == word {
                    next[place + 1] = ending[place] + 1;
                    longest = longest.max(next[place + 1]);
                }
            }
            ending = next;
        }
        longest
    }
}

/// How much of `span` lies in speech.
pub(super) fn overlap(span: Span, speech: &[Span]) -> Samples {
    Samples(speech.iter().map(|one| one.within(span).length().0).sum())
}

/// What a segment's times and the speech in its window tell. With no voice detector there is no telling.
pub(super) fn of_times(text: &str, span: Span, speech: Option<&[Span]>) -> Vec<Flag> {
    let Some(speech) = speech else { return Vec::new() };
    let spoken = overlap(span, speech);
    // Also where the span has no length: text that was written for the silence behind the audio.
    if spoken.0 == 0 || (spoken.0 as f64) < span.length().0 as f64 * LEAST_SPEECH_SHARE {
        return vec![Flag::NoSpeechOverlap];
    }
    let rate = text.trim().chars().count() as f64 * SAMPLE_RATE as f64 / spoken.0 as f64;
    let has_rate = spoken >= SHORTEST_RATED;
    if has_rate && !CHARACTERS_A_SECOND.contains(&rate) { vec![Flag::Rate] } else { Vec::new() }
}

/// Remembers the latest segments, and flags the third of the same text.
#[derive(Debug, Default)]
pub(super) struct RepeatedSegments {
    latest: VecDeque<PlainWords>,
}

impl RepeatedSegments {
    /// Looks at the next segment in time order.
    pub(super) fn listen(&mut self, segment: &mut Segment) {
        let words = PlainWords::of(&segment.text);
        let same = self.latest.iter().filter(|other| **other == words).count() + 1;
        if same >= SAME_SEGMENTS && !words.0.is_empty() {
            add(&mut segment.flags, Flag::Repetition);
        }
        self.latest.push_back(words);
        if self.latest.len() >= NEAR_SEGMENTS {
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

    fn span(start: u64, end: u64) -> Span {
        Span::new(Samples(start), Samples(end))
    }

    fn loops(text: &str) -> bool {
        PlainWords::of(text).loops()
    }

    fn echoes(text: &str, before: &str) -> bool {
        PlainWords::of(text).echoes(&PlainWords::of(before))
    }

    #[test]
    fn a_loop_is_a_phrase_three_times_in_a_row() {
        assert!(loops("Thank you. Thank you. Thank you."));
        assert!(loops("so and so on and so on and so on"));
        assert!(!loops("one one two two one one"));
        assert!(!loops(""));
    }

    #[test]
    fn an_echo_is_a_part_of_the_text_before() {
        let before = "Meeting of the quality board, Szeged.";
        assert!(echoes("of the quality board", before));
        assert!(!echoes("the board of quality", before));
        assert!(!echoes("board", before), "one word may well be said");
        assert!(!echoes("of the quality board", ""));
        assert!(!echoes("", before) && !echoes("", ""));
    }

    #[test]
    fn an_echo_with_more_words_behind_it_is_an_echo() {
        let before = "Meeting of the quality board, Szeged.";
        assert!(echoes(
            "Meeting of the quality board Szeged. The first point today is the oven of line two",
            before
        ));
        assert!(echoes("so the quality board met", before), "more than half of it");
        assert!(!echoes("what the quality board said in May about the oven of line two", before));
        assert!(echoes("Szeged", "Szeged.") && !echoes("Szeged today", "Szeged."));
    }

    #[test]
    fn text_behind_the_audio_has_no_speech_under_it() {
        let end = 2 * SAMPLE_RATE;
        let speech = [span(0, SAMPLE_RATE), span(SAMPLE_RATE + 10, end - 100)];
        assert_eq!(of_times("Thank you.", span(end, end), Some(&speech)), [Flag::NoSpeechOverlap]);
    }

    #[test]
    fn times_without_speech_and_odd_rates_are_flagged() {
        let second = SAMPLE_RATE;
        let speech = [span(0, second), span(5 * second, 6 * second)];
        assert_eq!(
            of_times("nine letters", span(2 * second, 4 * second), Some(&speech)),
            [Flag::NoSpeechOverlap]
        );
        assert_eq!(of_times("x", span(0, second), Some(&speech)), [Flag::Rate]);
        assert!(of_times("nine letters", span(0, second), Some(&speech)).is_empty());
        assert!(of_times("x", span(2 * second, 4 * second), None).is_empty());
    }

    #[test]
    fn repeated_text_compresses_well() {
        assert!(compression_ratio(&"so on and ".repeat(20)) > COMPRESSION_LIMIT);
        assert!(compression_ratio("one two three four five six") < COMPRESSION_LIMIT);
    }
}
