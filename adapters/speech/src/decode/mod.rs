//! From a window's states to tokens.

mod beam;
mod rules;
mod sample;
#[cfg(test)]
mod tests;

use commands::ports::transcription::Cancel;

pub(super) use rules::Rules;

use super::graphs::{Cache, Encoded, Graphs, Logits, RunError};
use super::model::Tokens;

/// Hypotheses of a beam.
pub(super) const BEAM: usize = 5;

/// One window to decode. Rows of a batch have prompts of one length.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The window.
    pub encoded: Encoded,
    /// What the decoder reads first.
    pub prompt: Vec<u32>,
    /// 0 takes the likeliest token; above, tokens are drawn.
    pub temperature: f32,
    /// Chooses what is drawn; nothing else does, so that a row's text does not depend on its batch.
    pub seed: u64,
    /// Stops this row alone.
    pub cancel: Cancel,
}

/// How a batch is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Search {
    /// One hypothesis a row.
    Sample,
    /// Five hypotheses a row; temperatures are not looked at.
    Beam,
}

/// The text of a window, as tokens.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decoded {
    /// Text and times, without prompt and end.
    pub tokens: Vec<u32>,
    /// The log probability of each.
    pub logprobs: Vec<f32>,
    /// Their mean, the end included.
    pub avg_logprob: f32,
    /// The probability that nothing was said.
    pub no_speech_prob: f32,
    /// Whether it ended because there was no room for more, not because the model was done.
    pub ended_at_cap: bool,
}

/// What a row came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found<T> {
    /// What was asked for.
    Answer(T),
    /// Its logits were not numbers. The other rows of its batch go on.
    NotFinite,
    /// Nothing: it was cancelled.
    Cancelled,
}

impl<T> Found<T> {
    /// The same of another answer.
    pub(super) fn map<U>(self, answer: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Self::Answer(found) => Found::Answer(answer(found)),
            Self::NotFinite => Found::NotFinite,
            Self::Cancelled => Found::Cancelled,
        }
    }
}

/// Decodes windows with times.
pub(super) fn decode(
    graphs: &mut Graphs,
    rules: &Rules,
    tokens: &Tokens,
    rows: &[Row],
    search: Search,
) -> Result<Vec<Found<Decoded>>, RunError> {
    // The longest text of a window, as in openai-whisper: half of the decoder's positions.
    let terms = BatchTerms::new(graphs, rules, tokens, rows, graphs.positions() / 2);
    match search {
        Search::Sample => sample::decode(graphs, &terms, tokens, rows),
        Search::Beam => beam::decode(graphs, &terms, tokens, rows),
    }
}

/// Decodes windows to `count` tokens each, whatever they hold.
pub(super) fn forced(
    graphs: &mut Graphs,
    rules: &Rules,
    tokens: &Tokens,
    rows: &[Row],
    count: usize,
) -> Result<Vec<Found<Decoded>>, RunError> {
    let endless = rules.clone().without_end();
    let terms = BatchTerms::new(graphs, &endless, tokens, rows, count);
    sample::decode(graphs, &terms, tokens, rows)
}

/// What holds for all rows of a batch.
struct BatchTerms<'a> {
    rules: &'a Rules,
    end: u32,
    timestamps: bool,
    limit: usize,
}

impl<'a> BatchTerms<'a> {
    fn new(graphs: &Graphs, rules: &'a Rules, tokens: &Tokens, rows: &[Row], limit: usize) -> Self {
        let prompt = rows.first().map_or(0, |row| row.prompt.len());
        Self {
            rules,
            end: tokens.end,
            timestamps: rows.iter().all(|row| row.prompt.last() != Some(&tokens.no_timestamps)),
            limit: limit.min(graphs.positions().saturating_sub(prompt)),
        }
    }
}

/// A batch whose prompts the decoder has read.
struct Begun {
    logits: Logits,
    cache: Cache,
    /// The probability of silence in each row; not finite where the model's answer is not.
    no_speech: Vec<f32>,
}

fn begin(graphs: &mut Graphs, tokens: &Tokens, rows: &[Row]) -> Result<Begun, RunError> {
    let prompts: Vec<(&Encoded, &[u32])> =
        rows.iter().map(|row| (&row.encoded, row.prompt.as_slice())).collect();
    let (mut logits, cache) = graphs.prefill(&prompts)?;
    let no_speech = rows.iter().enumerate().map(|(row, of)| no_speech(&mut logits, row, &of.prompt, tokens));
    let no_speech = no_speech.collect::<ort::Result<_>>()?;
    Ok(Begun { logits, cache, no_speech })
}

/// The probability of silence, from the logits at `<|startoftranscript|>`.
fn no_speech(logits: &mut Logits, row: usize, prompt: &[u32], tokens: &Tokens) -> ort::Result<f32> {
    let at = prompt.iter().position(|id| *id == tokens.start).unwrap_or(0);
    let logits = logits.at(row, at)?;
    let best = rules::highest(logits);
    Ok((logits[tokens.no_speech as usize] - best - rules::log_sum(logits, best)).exp())
}

/// How likely each language is, for windows whose first row of logits is that of `<|startoftranscript|>` alone.
pub(super) fn languages(
    graphs: &mut Graphs,
    tokens: &Tokens,
    windows: &[&Encoded],
) -> Result<Vec<Found<Vec<f32>>>, RunError> {
    let start = [tokens.start];
    let rows: Vec<(&Encoded, &[u32])> = windows.iter().map(|window| (*window, start.as_slice())).collect();
    let (mut logits, _) = graphs.prefill(&rows)?;
    let mut found = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let of_row = logits.last(row)?;
        let of_languages: Vec<f32> =
            tokens.languages.iter().map(|language| of_row[language.id as usize]).collect();
        let best = rules::highest(&of_languages);
        let total = rules::log_sum(&of_languages, best);
        found.push(if total.is_finite() {
            Found::Answer(of_languages.iter().map(|logit| (logit - best - total).exp()).collect())
        } else {
            Found::NotFinite
        });
    }
    Ok(found)
}
