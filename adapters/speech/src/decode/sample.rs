//! One hypothesis a row: the likeliest token each time, or one drawn at a temperature.

use std::time::Instant;

use super::rules::Choice;
use super::{BatchTerms, Begun, Decoded, Found, Row, Rules, begin};
use crate::graphs::{Graphs, RunError};
use crate::model::Tokens;

/// A row while it is decoded.
struct LiveRow {
    /// Its number among the rows that were asked for.
    row: usize,
    /// Its place in the batch.
    place: usize,
    tokens: Vec<u32>,
    logprobs: Vec<f32>,
    sum: f64,
    chance: Chance,
    no_speech_prob: f32,
}

pub(super) fn decode(
    graphs: &mut Graphs,
    terms: &BatchTerms<'_>,
    tokens: &Tokens,
    rows: &[Row],
) -> Result<Vec<Found<Decoded>>, RunError> {
    let Begun { mut logits, mut cache, no_speech } = begin(graphs, tokens, rows)?;
    let live = rows.iter().zip(no_speech).enumerate();
    let mut live: Vec<LiveRow> =
        live.map(|(place, (row, no_speech))| LiveRow::new(place, row, no_speech)).collect();
    let mut found: Vec<Found<Decoded>> = rows.iter().map(|_| Found::Cancelled).collect();
    let mut batch = rows.len();
    loop {
        let started = Instant::now();
        let mut going = Vec::with_capacity(live.len());
        for mut one in live {
            let of_row = logits.last(one.place)?;
            terms.rules.apply(of_row, &one.tokens, terms.timestamps);
            let choice = one.choose(of_row, rows[one.row].temperature);
            if !choice.logprob.is_finite() || !one.no_speech_prob.is_finite() {
                found[one.row] = Found::NotFinite;
                continue;
            }
            one.sum += f64::from(choice.logprob);
            if choice.token != terms.end {
                one.tokens.push(choice.token);
                one.logprobs.push(choice.logprob);
            }
            if choice.token == terms.end || one.tokens.len() >= terms.limit {
                let row = one.row;
                found[row] = Found::Answer(one.finished(choice.token != terms.end));
            } else if !rows[one.row].cancel.is_cancelled() {
                going.push(one);
            }
        }
        live = going;
        graphs.clockwork.add_around(started.elapsed());
        if live.is_empty() {
            return Ok(found);
        }
        // A finished row costs as much as one that goes on; putting the others together anew costs about one step.
        if live.len() * 4 <= batch * 3 {
            let places: Vec<usize> = live.iter().map(|one| one.place).collect();
            graphs.choose(&mut cache, &places, false)?;
            batch = live.len();
            for (place, one) in live.iter_mut().enumerate() {
                one.place = place;
            }
        }
        let mut next = vec![terms.end; batch];
        for one in &live {
            next[one.place] = one.tokens.last().copied().unwrap_or(terms.end);
        }
        logits = graphs.step(&mut cache, &next)?;
    }
}

impl LiveRow {
    fn new(place: usize, row: &Row, no_speech_prob: f32) -> Self {
        Self {
            row: place,
            place,
            tokens: Vec::new(),
            logprobs: Vec::new(),
            sum: 0.0,
            chance: Chance(row.seed),
            no_speech_prob,
        }
    }

    fn choose(&mut self, logits: &[f32], temperature: f32) -> Choice {
        if temperature > 0.0 {
            Rules::drawn(logits, temperature, self.chance.next())
        } else {
            Rules::likeliest(logits)
        }
    }

    fn finished(self, ended_at_cap: bool) -> Decoded {
        Decoded {
            avg_logprob: (self.sum / (self.tokens.len() + 1) as f64) as f32,
            tokens: self.tokens,
            logprobs: self.logprobs,
            no_speech_prob: self.no_speech_prob,
            ended_at_cap,
        }
    }
}

/// Numbers that look random and depend on a seed alone (SplitMix64, by Steele, Lea and Flood).
struct Chance(u64);

impl Chance {
    /// Uniform in 0..1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}
