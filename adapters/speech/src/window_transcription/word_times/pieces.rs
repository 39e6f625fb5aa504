//! Which of a segment's tokens make a word.

use std::ops::Range;

use crate::model::Tokens;

/// A word, and the numbers of its tokens.
pub(super) type WordTokens = (String, Range<usize>);

/// Languages that put no spaces between words; each letter counts as one.
const UNSPACED: [&str; 6] = ["zh", "ja", "th", "lo", "my", "yue"];

/// Cuts a segment's tokens into words.
pub(super) fn split(tokens: &Tokens, text: &[u32], language: Option<&str>) -> Vec<WordTokens> {
    let spaced = !language.is_some_and(|language| UNSPACED.contains(&language));
    let mut words: Vec<WordTokens> = Vec::new();
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
fn whole_letters(tokens: &Tokens, text: &[u32]) -> Vec<WordTokens> {
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
pub(super) fn merge_punctuation(words: Vec<WordTokens>) -> Vec<WordTokens> {
    const OPENING: &str = "\"'“¿([{-";
    const CLOSING: &str = "\"'.。,，!！?？:：”)]}、";
    let mut merged: Vec<WordTokens> = Vec::with_capacity(words.len());
    let mut opening: Option<WordTokens> = None;
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
    fn marks_go_with_their_words() {
        let words = [" “", "Hello", ",", " world", "!", " (", "yes", ")"];
        let pieces = words.iter().enumerate().map(|(at, word)| ((*word).to_owned(), at..at + 1)).collect();
        let merged: Vec<String> = merge_punctuation(pieces).into_iter().map(|(word, _)| word).collect();
        assert_eq!(merged, [" “Hello,", " world!", " (yes)"]);
    }
}
