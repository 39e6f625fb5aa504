//! When each word was said. The decoder's alignment heads look at the frames of the word that comes next. openai-whisper
//! warps a window's tokens along them; here the frames of each segment are divided among its words, which keeps an
//! error within its segment, and gives no word a length of zero.

use std::ops::Range;

use ndarray::Array2;

use super::model::Tokens;

/// Samples of one frame of the encoder: 20 ms.
pub(super) const FRAME_SAMPLES: u64 = 320;

/// Frames of the shortest word.
const SHORTEST_WORD: usize = 4;

/// A share of a word's attention that says nothing.
const NOTHING: f32 = 1e-3;

/// A word of a window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SpokenWord {
    /// With the space before it and the punctuation around it.
    pub text: String,
    /// The tokens that it is made of, as numbers in the segment.
    pub tokens: Range<usize>,
    /// In samples of the window.
    pub start: u64,
    /// In samples of the window.
    pub end: u64,
}

/// The words of a segment with their times, from the attention of each alignment head: one line for each token, the
/// first of the segment's in `line`, one column for each frame. The segment lies in `span`, in samples of the window: no
/// word begins before it or ends after it, so that silence around it belongs to none.
pub(super) fn word_times(
    tokens: &Tokens,
    text: &[u32],
    attention: &[Array2<f32>],
    line: usize,
    span: &Range<u64>,
    language: Option<&str>,
) -> Vec<SpokenWord> {
    let frames = (span.start / FRAME_SAMPLES) as usize..span.end.div_ceil(FRAME_SAMPLES) as usize;
    if text.is_empty() || attention.is_empty() || frames.is_empty() {
        return Vec::new();
    }
    let words = merge_punctuation(split(tokens, text, language));
    let ranges: Vec<Range<usize>> =
        words.iter().map(|(_, range)| line + range.start..line + range.end).collect();
    let starts = first_frames(&scores(attention, &ranges, &frames));
    let at = |word: usize| match starts.get(word) {
        _ if word == 0 => span.start,
        Some(frame) => ((frames.start + frame) as u64 * FRAME_SAMPLES).clamp(span.start, span.end),
        None => span.end,
    };
    words
        .into_iter()
        .enumerate()
        .map(|(place, (word, range))| SpokenWord {
            text: word,
            tokens: range,
            start: at(place),
            end: at(place + 1),
        })
        .collect()
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
    let shortest = SHORTEST_WORD.min(frames / words.max(1));
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

type Piece = (String, Range<usize>);

/// Languages that put no spaces between words; each letter counts as one.
const UNSPACED: [&str; 6] = ["zh", "ja", "th", "lo", "my", "yue"];

fn split(tokens: &Tokens, text: &[u32], language: Option<&str>) -> Vec<Piece> {
    let spaced = !language.is_some_and(|language| UNSPACED.contains(&language));
    let mut words: Vec<Piece> = Vec::new();
    for (piece, range) in whole_letters(tokens, text) {
        let alone =
            piece.trim().chars().all(|letter| letter.is_ascii_punctuation()) && !piece.trim().is_empty();
        match words.last_mut() {
            Some((word, so_far)) if spaced && !piece.starts_with(' ') && !alone => {
                word.push_str(&piece);
                so_far.end = range.end;
            }
            _ => words.push((piece, range)),
        }
    }
    words
}

/// The text in pieces of whole tokens, none of which cuts a letter in two.
fn whole_letters(tokens: &Tokens, text: &[u32]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for end in 1..=text.len() {
        let piece = tokens.text(&text[start..end]);
        if !piece.contains(char::REPLACEMENT_CHARACTER) || end == text.len() {
            pieces.push((piece, start..end));
            start = end;
        }
    }
    pieces
}

/// Opening marks belong to the word after them, closing ones to the word before.
fn merge_punctuation(words: Vec<Piece>) -> Vec<Piece> {
    const OPENING: &str = "\"'“¿([{-";
    const CLOSING: &str = "\"'.。,，!！?？:：”)]}、";
    let mut merged: Vec<Piece> = Vec::with_capacity(words.len());
    let mut opening: Option<Piece> = None;
    for (mut word, mut range) in words {
        if let Some((mark, before)) = opening.take() {
            word = format!("{mark}{word}");
            range.start = before.start;
        }
        let mark = word.trim();
        if word.starts_with(' ') && !mark.is_empty() && OPENING.contains(mark) {
            opening = Some((word, range));
        } else if let Some((last, so_far)) = merged.last_mut()
            && !word.starts_with(' ')
            && CLOSING.contains(&word)
        {
            last.push_str(&word);
            so_far.end = range.end;
        } else {
            merged.push((word, range));
        }
    }
    merged.extend(opening);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn marks_go_with_their_words() {
        let words = [" “", "Hello", ",", " world", "!", " (", "yes", ")"];
        let pieces = words.iter().enumerate().map(|(at, word)| ((*word).to_owned(), at..at + 1)).collect();
        let merged: Vec<String> = merge_punctuation(pieces).into_iter().map(|(word, _)| word).collect();
        assert_eq!(merged, [" “Hello,", " world!", " (yes)"]);
    }
}
