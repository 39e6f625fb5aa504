//! Several hypotheses a row, the best kept: beam search as in openai-whisper, with patience 1 and no length penalty.

use std::time::Instant;

use super::{BEAM, BatchTerms, Begun, Decoded, Found, Row, Rules, begin};
use crate::graphs::{Graphs, Logits, RunError};
use crate::model::Tokens;

/// A text so far.
#[derive(Debug, Clone)]
struct Hypothesis {
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    /// Of all its tokens, the end included if it has ended.
    sum: f64,
    /// Whether the model has ended it.
    has_ended: bool,
}

/// A window while it is decoded: its hypotheses stand next to each other in the batch.
struct LiveBeam {
    row: usize,
    going: Vec<Hypothesis>,
    ended: Vec<Hypothesis>,
    no_speech_prob: f32,
}

pub(super) fn decode(
    graphs: &mut Graphs,
    terms: &BatchTerms<'_>,
    tokens: &Tokens,
    rows: &[Row],
) -> Result<Vec<Found<Decoded>>, RunError> {
    let Begun { mut logits, mut cache, no_speech } = begin(graphs, tokens, rows)?;
    let mut live: Vec<LiveBeam> =
        no_speech.into_iter().enumerate().map(|(row, no_speech)| LiveBeam::new(row, no_speech)).collect();
    let mut found: Vec<Found<Decoded>> = rows.iter().map(|_| Found::Cancelled).collect();
    loop {
        let started = Instant::now();
        let mut place = 0;
        let mut places = Vec::new();
        let mut same_windows = true;
        let windows = live.len();
        let mut still = Vec::with_capacity(live.len());
        for mut window in live {
            let before = window.going.len();
            let parents = window.advance(terms, place, &mut logits)?;
            let row = window.row;
            match parents {
                None => found[row] = Found::NotFinite,
                Some(_) if rows[row].cancel.is_cancelled() => {}
                Some(_) if window.is_done(terms) => found[row] = window.best(),
                Some(parents) => {
                    same_windows &= parents.len() == before;
                    places.extend(parents.iter().map(|parent| place + parent));
                    still.push(window);
                }
            }
            place += before;
        }
        same_windows &= still.len() == windows;
        live = still;
        graphs.clockwork.add_around(started.elapsed());
        if live.is_empty() {
            return Ok(found);
        }
        if !places.iter().copied().eq(0..place) {
            graphs.choose(&mut cache, &places, same_windows)?;
        }
        let next: Vec<u32> = live
            .iter()
            .flat_map(|window| &window.going)
            .map(|hypothesis| hypothesis.tokens.last().copied().unwrap_or(terms.end))
            .collect();
        logits = graphs.step(&mut cache, &next)?;
    }
}

impl LiveBeam {
    fn new(row: usize, no_speech_prob: f32) -> Self {
        let empty = Hypothesis { tokens: Vec::new(), logprobs: Vec::new(), sum: 0.0, has_ended: false };
        Self { row, going: vec![empty], ended: Vec::new(), no_speech_prob }
    }

    /// Lengthens every hypothesis by each of its likeliest tokens and keeps the best. Gives, for each that is kept, the
    /// number of the one that it came from; nothing where the logits are not numbers.
    fn advance(
        &mut self,
        terms: &BatchTerms<'_>,
        first: usize,
        logits: &mut Logits,
    ) -> ort::Result<Option<Vec<usize>>> {
        let mut candidates = Vec::with_capacity(self.going.len() * (BEAM + 1));
        for (number, hypothesis) in self.going.iter().enumerate() {
            let logits = logits.last(first + number)?;
            terms.rules.apply(logits, &hypothesis.tokens, terms.timestamps);
            for choice in Rules::best(logits, BEAM + 1) {
                if !choice.logprob.is_finite() {
                    return Ok(None);
                }
                candidates.push((hypothesis.sum + f64::from(choice.logprob), number, choice));
            }
        }
        // Where nothing is likely, no token is a candidate at all.
        if candidates.is_empty() || !self.no_speech_prob.is_finite() {
            return Ok(None);
        }
        // Equal sums keep their order, so that the same logits give the same text.
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut kept = Vec::with_capacity(BEAM);
        let mut parents = Vec::with_capacity(BEAM);
        for (sum, parent, choice) in candidates {
            let mut hypothesis = self.going[parent].clone();
            hypothesis.sum = sum;
            if choice.token == terms.end {
                if self.ended.len() < BEAM {
                    hypothesis.has_ended = true;
                    self.ended.push(hypothesis);
                }
                continue;
            }
            hypothesis.tokens.push(choice.token);
            hypothesis.logprobs.push(choice.logprob);
            kept.push(hypothesis);
            parents.push(parent);
            if kept.len() == BEAM {
                break;
            }
        }
        self.going = kept;
        Ok(Some(parents))
    }

    fn is_done(&self, terms: &BatchTerms<'_>) -> bool {
        self.ended.len() >= BEAM || self.going.is_empty() || self.going[0].tokens.len() >= terms.limit
    }

    /// The likeliest text by token; those that never ended count only where too few did.
    fn best(mut self) -> Found<Decoded> {
        if self.ended.len() < BEAM {
            let missing = BEAM - self.ended.len();
            self.ended.extend(self.going.drain(..).take(missing));
        }
        let score = |hypothesis: &Hypothesis| hypothesis.sum / hypothesis.tokens.len().max(1) as f64;
        let no_speech_prob = self.no_speech_prob;
        let best =
            self.ended.into_iter().reduce(|best, next| if score(&next) > score(&best) { next } else { best });
        // A window always has a hypothesis: one without candidates is not finite.
        let Some(best) = best else { return Found::NotFinite };
        Found::Answer(Decoded {
            avg_logprob: (best.sum / (best.tokens.len() + 1) as f64) as f32,
            tokens: best.tokens,
            logprobs: best.logprobs,
            no_speech_prob,
            ended_at_cap: !best.has_ended,
        })
    }
}
