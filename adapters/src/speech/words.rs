//! When each word was said. The decoder's alignment heads look at the frames that they are about to write; dynamic time
//! warping makes of that one frame for each token, as in openai-whisper.

use ndarray::Array2;

use super::model::Tokens;

/// Samples of one frame of the encoder: 20 ms.
pub(super) const FRAME_SAMPLES: u64 = 320;

/// The width of the median filter over frames.
const MEDIAN: usize = 7;

/// A word of a window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SpokenWord {
    /// With the space before it and the punctuation around it.
    pub text: String,
    /// The tokens that it is made of, as numbers in the text.
    pub tokens: std::ops::Range<usize>,
    /// In samples of the window.
    pub start: u64,
    /// In samples of the window.
    pub end: u64,
}

/// The words of a text with their times, from the attention of each alignment head: one line for each token of prompt,
/// text and end, one column for each frame. `prompt` is the number of tokens before the text, `frames` those that hold
/// audio.
pub(super) fn word_times(
    tokens: &Tokens,
    text: &[u32],
    attention: &[Array2<f32>],
    prompt: usize,
    frames: usize,
    language: Option<&str>,
) -> Vec<SpokenWord> {
    if text.is_empty() || attention.is_empty() || frames == 0 {
        return Vec::new();
    }
    let lines = text.len() + 1;
    let cost = cost(attention, prompt - 1, lines, frames);
    let starts = first_frames(&cost);
    let at = |token: usize| starts[token.min(lines - 1)] as u64 * FRAME_SAMPLES;
    let words = merge_punctuation(split(tokens, text, language));
    words.into_iter().map(|(word, range)| SpokenWord { text: word, start: at(range.start), end: at(range.end), tokens: range }).collect()
}

/// How little each token looked at each frame: the heads' mean, each normalised over the tokens and smoothed over time.
fn cost(attention: &[Array2<f32>], first: usize, lines: usize, frames: usize) -> Array2<f32> {
    let mut sum = Array2::<f32>::zeros((lines, frames));
    for head in attention {
        let frames = frames.min(head.ncols());
        let mut normal = Array2::<f32>::zeros((lines, frames));
        for frame in 0..frames {
            let column = head.column(frame);
            let count = column.len() as f32;
            let mean = column.sum() / count;
            let deviation = (column.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt() + 1e-9;
            for line in 0..lines {
                normal[[line, frame]] = (column[first + line] - mean) / deviation;
            }
        }
        for line in 0..lines {
            for frame in 0..frames {
                sum[[line, frame]] -= median(normal.row(line), frame);
            }
        }
    }
    sum / attention.len() as f32
}

/// The median around a frame; beyond the ends the line is mirrored.
fn median(line: ndarray::ArrayView1<'_, f32>, frame: usize) -> f32 {
    let half = (MEDIAN / 2) as isize;
    let last = line.len() as isize - 1;
    let mut around = [0.0; MEDIAN];
    for (place, offset) in (-half..=half).enumerate() {
        let index = (frame as isize + offset).abs();
        let index = if index > last { 2 * last - index } else { index };
        around[place] = line[index.clamp(0, last) as usize];
    }
    around.sort_by(f32::total_cmp);
    around[MEDIAN / 2]
}

/// The cheapest monotone path through the costs, as the first frame of each line.
fn first_frames(cost: &Array2<f32>) -> Vec<usize> {
    let (lines, frames) = cost.dim();
    // Cells are a line and a frame further on than the costs that they add, so that the path has a beginning.
    let width = frames + 1;
    let mut sums = vec![f32::INFINITY; (lines + 1) * width];
    let mut steps = vec![Step::Both; (lines + 1) * width];
    sums[0] = 0.0;
    for line in 1..=lines {
        for frame in 1..=frames {
            let at = line * width + frame;
            let both = sums[at - width - 1];
            let down = sums[at - width];
            let along = sums[at - 1];
            let (step, least) = if both <= down && both <= along {
                (Step::Both, both)
            } else if down <= along {
                (Step::Line, down)
            } else {
                (Step::Frame, along)
            };
            sums[at] = cost[[line - 1, frame - 1]] + least;
            steps[at] = step;
        }
    }
    let mut first = vec![0; lines];
    let (mut line, mut frame) = (lines, frames);
    while line > 0 && frame > 0 {
        first[line - 1] = frame - 1;
        match steps[line * width + frame] {
            Step::Both => {
                line -= 1;
                frame -= 1;
            }
            Step::Line => line -= 1,
            Step::Frame => frame -= 1,
        }
    }
    first
}

#[derive(Clone, Copy)]
enum Step {
    Both,
    Line,
    Frame,
}

type Piece = (String, std::ops::Range<usize>);

/// Languages that put no spaces between words; each letter counts as one.
const UNSPACED: [&str; 6] = ["zh", "ja", "th", "lo", "my", "yue"];

fn split(tokens: &Tokens, text: &[u32], language: Option<&str>) -> Vec<Piece> {
    let spaced = !language.is_some_and(|language| UNSPACED.contains(&language));
    let mut words: Vec<Piece> = Vec::new();
    for (piece, range) in whole_letters(tokens, text) {
        let alone = piece.trim().chars().all(|letter| letter.is_ascii_punctuation()) && !piece.trim().is_empty();
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
        // Three tokens that look at frames 0-3, 4-5 and 6-9.
        let mut attention = Array2::<f32>::zeros((4, 10));
        for (frame, token) in [0, 0, 0, 0, 1, 1, 2, 2, 2, 2].into_iter().enumerate() {
            attention[[token, frame]] = -1.0;
        }
        assert_eq!(first_frames(&attention)[..3], [0, 4, 6]);
    }

    #[test]
    fn marks_go_with_their_words() {
        let words = [" “", "Hello", ",", " world", "!", " (", "yes", ")"];
        let pieces = words.iter().enumerate().map(|(at, word)| ((*word).to_owned(), at..at + 1)).collect();
        let merged: Vec<String> = merge_punctuation(pieces).into_iter().map(|(word, _)| word).collect();
        assert_eq!(merged, [" “Hello,", " world!", " (yes)"]);
    }
}
