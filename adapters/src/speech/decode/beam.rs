//! Several hypotheses a row, the best kept: beam search as in openai-whisper, with patience 1 and no length penalty.

use std::time::Instant;

use super::{BEAM, Course, DecodeError, Decoded, Row, Rules, no_speech};
use crate::speech::graphs::{Encoded, Graphs, Logits};
use crate::speech::model::Tokens;

/// A text so far.
#[derive(Debug, Clone)]
struct Hypothesis {
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    /// Of all its tokens, the end included if it has ended.
    sum: f64,
}

/// A window while it is decoded: its hypotheses stand next to each other in the batch.
struct Live {
    row: usize,
    going: Vec<Hypothesis>,
    ended: Vec<Hypothesis>,
    no_speech_prob: f32,
}

pub(super) fn decode(
    graphs: &mut Graphs,
    course: &Course<'_>,
    tokens: &Tokens,
    rows: &[Row],
) -> Result<Vec<Option<Decoded>>, DecodeError> {
    let prompts: Vec<(&Encoded, &[u32])> =
        rows.iter().map(|row| (&row.encoded, row.prompt.as_slice())).collect();
    let (mut logits, mut cache) = graphs.prefill(&prompts)?;
    let empty = Hypothesis { tokens: Vec::new(), logprobs: Vec::new(), sum: 0.0 };
    let begin = |row: usize| -> ort::Result<Live> {
        Ok(Live {
            row,
            going: vec![empty.clone()],
            ended: Vec::new(),
            no_speech_prob: no_speech(&mut logits, row, &rows[row].prompt, tokens)?,
        })
    };
    let mut live = (0..rows.len()).map(begin).collect::<ort::Result<Vec<Live>>>()?;
    let mut found: Vec<Option<Decoded>> = rows.iter().map(|_| None).collect();
    loop {
        let started = Instant::now();
        let mut place = 0;
        let mut places = Vec::new();
        let mut same_windows = true;
        let mut still = Vec::with_capacity(live.len());
        for mut window in live {
            let before = window.going.len();
            let parents = window.advance(course, place, &mut logits)?;
            let cancelled = rows[window.row].cancel.is_cancelled();
            if cancelled || window.is_done(course) {
                same_windows = false;
                if !cancelled {
                    let row = window.row;
                    found[row] = window.best();
                }
            } else {
                same_windows &= parents.len() == before;
                places.extend(parents.iter().map(|parent| place + parent));
                still.push(window);
            }
            place += before;
        }
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
            .map(|hypothesis| hypothesis.tokens.last().copied().unwrap_or(course.end))
            .collect();
        logits = graphs.step(&mut cache, &next)?;
    }
}

impl Live {
    /// Lengthens every hypothesis by each of its likeliest tokens and keeps the best. Gives, for each that is kept, the
    /// number of the one that it came from.
    fn advance(
        &mut self,
        course: &Course<'_>,
        first: usize,
        logits: &mut Logits,
    ) -> Result<Vec<usize>, DecodeError> {
        let mut candidates = Vec::with_capacity(self.going.len() * (BEAM + 1));
        for (number, hypothesis) in self.going.iter().enumerate() {
            let logits = logits.last(first + number)?;
            course.rules.apply(logits, &hypothesis.tokens, course.timestamps);
            for choice in Rules::best(logits, BEAM + 1) {
                if !choice.logprob.is_finite() {
                    return Err(DecodeError::NotFinite);
                }
                candidates.push((hypothesis.sum + f64::from(choice.logprob), number, choice));
            }
        }
        // Equal sums keep their order, so that the same logits give the same text.
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut kept = Vec::with_capacity(BEAM);
        let mut parents = Vec::with_capacity(BEAM);
        for (sum, parent, choice) in candidates {
            let mut hypothesis = self.going[parent].clone();
            hypothesis.sum = sum;
            if choice.token == course.end {
                if self.ended.len() < BEAM {
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
        Ok(parents)
    }

    fn is_done(&self, course: &Course<'_>) -> bool {
        self.ended.len() >= BEAM || self.going.is_empty() || self.going[0].tokens.len() >= course.limit
    }

    /// The likeliest text by token; those that never ended count only where too few did.
    fn best(mut self) -> Option<Decoded> {
        if self.ended.len() < BEAM {
            let missing = BEAM - self.ended.len();
            self.ended.extend(self.going.drain(..).take(missing));
        }
        let score = |hypothesis: &Hypothesis| hypothesis.sum / hypothesis.tokens.len().max(1) as f64;
        let no_speech_prob = self.no_speech_prob;
        let best = self
            .ended
            .into_iter()
            .reduce(|best, next| if score(&next) > score(&best) { next } else { best })?;
        Some(Decoded {
            avg_logprob: (best.sum / (best.tokens.len() + 1) as f64) as f32,
            tokens: best.tokens,
            logprobs: best.logprobs,
            no_speech_prob,
        })
    }
}
