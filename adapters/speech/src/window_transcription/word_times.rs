//! When each word was said. The decoder's alignment heads look at the frames of the word that comes next. openai-whisper
//! warps a window's tokens along them; here the frames of each segment are divided among its words, which keeps an
//! error within its segment.
//!
//! Divided so, the word before a pause owns it. Three things take it away again: a word lies in speech, where a voice
//! detector listened; at the edges of segments and sentences it is at most twice as long as words are
//! (openai-whisper's rule), which without a detector holds for every word; and of its frames it keeps those that it
//! looked at.

mod pieces;

use std::ops::Range;

use commands::ports::transcription::{SAMPLE_RATE, Samples, Span};
use ndarray::Array2;

use crate::model::Tokens;
use pieces::{merge_punctuation, split};

/// One frame of the encoder: 20 ms.
pub(super) const FRAME: Samples = Samples(320);

/// Frames of the shortest word: 80 ms.
const SHORTEST_WORD_FRAMES: usize = 4;

/// A share of a word's attention that says nothing.
const NOTHING: f32 = 1e-3;

/// A pause inside of a word is shorter than this, 0.2 s: the stop before a "p" or a "t" is 0.1 s long.
const PAUSE: Samples = Samples(SAMPLE_RATE / 5);

/// The median length of words counts as at most this, 0.7 s, as in openai-whisper (`timing.py`).
const LONGEST_MEDIAN: Samples = Samples(SAMPLE_RATE * 7 / 10);

/// How many times longer than the median a word may be, as in openai-whisper.
const LONGEST_WORD_MEDIANS: u64 = 2;

/// Marks that end a sentence, as in openai-whisper.
const SENTENCE_ENDS: &str = ".。!！?？";

/// A word of what was decoded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SpokenWord {
    /// With the space before it and the punctuation around it.
    pub text: String,
    /// The tokens that it is made of, as numbers in the segment.
    pub tokens: Range<usize>,
    /// Where it lies in what was decoded.
    pub span: Span,
}

/// A segment whose words are to be timed.
pub(super) struct Untimed<'a> {
    /// Its tokens.
    pub tokens: &'a [u32],
    /// The line of the attention that belongs to the first of them.
    pub line: usize,
    /// Where it lies in what was decoded: no word begins before it or ends after it.
    pub span: Span,
}

/// The words of segments with their times, from the attention of each alignment head: one line for each token, one column
/// for each frame. `speech`: where somebody speaks, if that is known. A word has a length of zero only where there are
/// more words than frames.
pub(super) fn word_times(
    tokens: &Tokens,
    segments: &[Untimed<'_>],
    attention: &[Array2<f32>],
    speech: Option<&[Span]>,
    language: Option<&str>,
) -> Vec<Vec<SpokenWord>> {
    let mut divided: Vec<Divided> =
        segments.iter().map(|segment| Divided::new(tokens, segment, attention, language)).collect();
    if let Some(speech) = speech {
        divided.iter_mut().for_each(|segment| segment.keep_to_speech(speech));
    }
    let longest = longest_word(&divided);
    for segment in &mut divided {
        segment.cap(longest, speech.is_none());
    }
    divided.into_iter().map(|segment| segment.words).collect()
}

/// Twice the median length of all words.
fn longest_word(segments: &[Divided]) -> Samples {
    let words = segments.iter().flat_map(|segment| &segment.words);
    let mut lengths: Vec<u64> = words.map(|word| word.span.length().0).filter(|length| *length > 0).collect();
    lengths.sort_unstable();
    let median = match lengths.len() {
        0 => 0,
        count if count % 2 == 1 => lengths[count / 2],
        count => lengths[count / 2 - 1].midpoint(lengths[count / 2]),
    };
    Samples(LONGEST_WORD_MEDIANS * median.min(LONGEST_MEDIAN.0))
}

/// A segment whose frames are divided among its words.
struct Divided {
    words: Vec<SpokenWord>,
    /// What each word looked at, from the segment's first frame on.
    looks: Array2<f32>,
    first_frame: usize,
}

impl Divided {
    fn new(
        tokens: &Tokens,
        segment: &Untimed<'_>,
        attention: &[Array2<f32>],
        language: Option<&str>,
    ) -> Self {
        let span = segment.span;
        let frames = frame_at(span.start)..frames_until(span.end);
        let words = merge_punctuation(split(tokens, segment.tokens, language));
        let lines: Vec<Range<usize>> =
            words.iter().map(|(_, range)| segment.line + range.start..segment.line + range.end).collect();
        let looks = scores(attention, &lines, &frames);
        let starts = first_frames(&looks);
        let at = |word: usize| match starts.get(word) {
            _ if word == 0 => span.start,
            Some(frame) => Samples((frames.start + frame) as u64 * FRAME.0).clamp(span.start, span.end),
            None => span.end,
        };
        let words = words.into_iter().enumerate();
        let words = words.map(|(place, (text, tokens))| SpokenWord {
            text,
            tokens,
            span: Span::new(at(place), at(place + 1)),
        });
        Self { words: words.collect(), looks, first_frame: frames.start }
    }

    /// How much a word looked at a stretch.
    fn looked(&self, word: usize, stretch: Span) -> f32 {
        let column = |frame: usize| frame.saturating_sub(self.first_frame).min(self.looks.ncols());
        let frames = column(frame_at(stretch.start))..column(frames_until(stretch.end));
        frames.map(|frame| self.looks[[word, frame]]).sum()
    }

    /// Leaves each word the stretch of speech that it looked at most. One that lies in no speech stays as it is.
    fn keep_to_speech(&mut self, speech: &[Span]) {
        for number in 0..self.words.len() {
            let mut runs: Vec<Span> = Vec::new();
            for one in speech {
                let run = one.within(self.words[number].span);
                match runs.last_mut() {
                    _ if run.is_empty() => {}
                    Some(last) if run.start - last.end < PAUSE => last.end = run.end,
                    _ => runs.push(run),
                }
            }
            let looked = |run: Span| self.looked(number, run);
            // Of equal ones the first.
            let more = |most: Span, run: Span| if looked(run) > looked(most) { run } else { most };
            if let Some(run) = runs.into_iter().reduce(more) {
                self.words[number].span = run;
            }
        }
    }

    /// Shortens words at the edges of the segment and of its sentences, or all, to this length.
    fn cap(&mut self, longest: Samples, all: bool) {
        let last = self.words.len().saturating_sub(1);
        for number in 0..self.words.len() {
            let ends_sentence =
                |word: &SpokenWord| word.text.trim_end().ends_with(|letter| SENTENCE_ENDS.contains(letter));
            let after_sentence = number > 0 && ends_sentence(&self.words[number - 1]);
            let word = &self.words[number];
            let is_edge = number == 0 || number == last || after_sentence || ends_sentence(word);
            if word.span.length() <= longest || !(is_edge || all) {
                continue;
            }
            let is_before_pause = number > 0 && ends_sentence(word);
            let start = if is_before_pause { word.span.start } else { self.most_looked(number, longest) };
            let span = &mut self.words[number].span;
            *span = Span::new(start, (start + longest).min(span.end));
        }
    }

    /// Where the stretch of this length begins that a word looked at most; of equal ones the first.
    fn most_looked(&self, number: usize, length: Samples) -> Samples {
        let word = self.words[number].span;
        let looked_from = |start: Samples| self.looked(number, Span::new(start, start + length));
        let mut best = (word.start, looked_from(word.start));
        let mut start = word.start;
        while start + FRAME + length <= word.end {
            start = start + FRAME;
            let looked = looked_from(start);
            if looked > best.1 + NOTHING {
                best = (start, looked);
            }
        }
        best.0
    }
}

/// The frame in which a point lies.
fn frame_at(at: Samples) -> usize {
    (at.0 / FRAME.0) as usize
}

/// Frames up to a point, the one that it lies in included.
fn frames_until(at: Samples) -> usize {
    at.0.div_ceil(FRAME.0) as usize
}

/// How much each word looked at each frame: the mean of its tokens and of the heads, as a share of all that it looked at.
/// Not smoothed as openai-whisper does: a short look at a word's beginning is what tells where it is.
fn scores(attention: &[Array2<f32>], words: &[Range<usize>], frames: &Range<usize>) -> Array2<f32> {
    let mut scores = Array2::<f32>::zeros((words.len(), frames.len()));
    for head in attention {
        for (place, lines) in words.iter().enumerate() {
            let within = frames.start..frames.end.min(head.ncols());
            let looked = |frame: usize| lines.clone().map(|line| head[[line, frame]]).sum::<f32>();
            let all = within.clone().map(looked).sum::<f32>() + 1e-9;
            for (column, frame) in within.enumerate() {
                scores[[place, column]] += looked(frame) / all;
            }
        }
    }
    scores
}

/// Divides the frames among the words, in order, so that what each word looked at in its own frames adds up to the most.
/// No word is shorter than 80 ms, where there is room. Gives the first frame of each word.
fn first_frames(scores: &Array2<f32>) -> Vec<usize> {
    let (words, frames) = scores.dim();
    let shortest = SHORTEST_WORD_FRAMES.min(frames / words.max(1));
    // The best sum of the words so far that end before a frame, and where the last of them begins.
    let mut best = vec![f32::NEG_INFINITY; frames + 1];
    best[0] = 0.0;
    let mut begins = Vec::with_capacity(words);
    for word in scores.rows() {
        let mut sums = vec![0.0; frames + 1];
        for frame in 0..frames {
            sums[frame + 1] = sums[frame] + word[frame];
        }
        let mut next = vec![f32::NEG_INFINITY; frames + 1];
        let mut begin = vec![0; frames + 1];
        let (mut lead, mut from) = (f32::NEG_INFINITY, 0);
        for end in shortest..=frames {
            let start = end - shortest;
            // Of equal beginnings the last: what nobody looked at belongs to the word before, which has begun.
            if best[start] - sums[start] >= lead - NOTHING {
                lead = lead.max(best[start] - sums[start]);
                from = start;
            }
            next[end] = lead + sums[end];
            begin[end] = from;
        }
        best = next;
        begins.push(begin);
    }
    let mut end = frames;
    let mut first = vec![0; words];
    for (word, begin) in begins.iter().enumerate().rev() {
        end = begin[end];
        first[word] = end;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::whisper_tiny;
    use crate::model::{ModelFolder, Precision};
    use crate::runtime::Device;

    #[test]
    fn the_path_follows_the_attention() {
        // Three words that look at frames 0-4, 5-9 and 10-19.
        let mut scores = Array2::<f32>::zeros((3, 20));
        for frame in 0..20 {
            scores[[(frame / 5).min(2), frame]] = 1.0;
        }
        assert_eq!(first_frames(&scores), [0, 5, 10]);
        assert_eq!(first_frames(&Array2::zeros((4, 3))).len(), 4, "more words than frames");
    }

    fn tokens() -> Tokens {
        ModelFolder::open(&whisper_tiny(), &Precision::Auto, Device::Cpu)
            .unwrap_or_else(|error| panic!("{error}"))
            .tokens
    }

    /// The times of some words, in frames, each of which looks at these frames.
    fn times(words: &[(&str, Range<usize>)], frames: u64, speech: Option<&[Span]>) -> Vec<(u64, u64)> {
        let tokens = tokens();
        let mut text = Vec::new();
        let mut lines = Vec::new();
        for (word, looks) in words {
            let ids = tokens.encode(&format!(" {word}")).unwrap();
            lines.extend(ids.iter().map(|_| looks.clone()));
            text.extend(ids);
        }
        let mut attention = Array2::<f32>::zeros((lines.len(), 1_500));
        for (line, looks) in lines.into_iter().enumerate() {
            looks.for_each(|frame| attention[[line, frame]] = 1.0);
        }
        let segment = Untimed { tokens: &text, line: 0, span: in_frames(&[(0, frames)])[0] };
        let found = word_times(&tokens, &[segment], &[attention], speech, Some("en")).remove(0);
        let frames = |at: Samples| at.0 / FRAME.0;
        found.iter().map(|word| (frames(word.span.start), frames(word.span.end))).collect()
    }

    fn in_frames(spans: &[(u64, u64)]) -> Vec<Span> {
        let at = |frame: &u64| Samples(frame * FRAME.0);
        spans.iter().map(|(start, end)| Span::new(at(start), at(end))).collect()
    }

    #[test]
    fn the_word_before_a_pause_ends_where_the_speech_does() {
        let speech = in_frames(&[(0, 52), (500, 540)]);
        let said = [("red", 0..20), ("left", 20..45), ("right", 505..530)];
        assert_eq!(times(&said, 540, Some(&speech)), [(0, 20), (20, 52), (505, 540)]);
    }

    #[test]
    fn a_pause_that_nobody_listened_for_is_cut_off_at_twice_the_median() {
        let said = [("red", 0..20), ("green", 20..40), ("left", 40..60), ("right", 505..530)];
        let found = times(&said, 540, None);
        // The lengths are 20, 20, 465 and 35 frames.
        assert_eq!(found, [(0, 20), (20, 40), (40, 95), (505, 540)]);
        // The first word of a segment is where it was looked for, not where the segment begins.
        let late = times(&[("red", 300..320), ("green", 320..340)], 340, None);
        assert!(late[0].0 > 200 && late[0].1 == 320, "{late:?}");
    }

    #[test]
    fn more_words_than_frames_are_timed_too() {
        let said: Vec<(&str, Range<usize>)> = (0..9).map(|_| ("red", 0..2)).collect();
        let found = times(&said, 2, None);
        assert_eq!(found.len(), 9);
        assert!(found.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    }
}
