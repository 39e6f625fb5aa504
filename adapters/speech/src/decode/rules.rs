//! Which token may follow, and how likely each is: Whisper's decoding rules on one row of logits.

use crate::model::{Generation, Tokens};

/// The rules of one model.
#[derive(Debug, Clone)]
pub struct Rules {
    end: usize,
    no_timestamps: usize,
    first_timestamp: usize,
    vocabulary: usize,
    /// Never written: what `suppress_tokens` names, and every special token but the end and the times.
    never: Vec<usize>,
    /// Not written first.
    not_first: Vec<usize>,
    /// The latest first timestamp, as an offset from the first.
    latest_first: usize,
}

/// The distribution of the next token after the rules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// The token.
    pub token: u32,
    /// The logarithm of its probability, at temperature 1.
    pub logprob: f32,
}

impl Rules {
    /// Reads the rules from a model's configuration.
    #[must_use]
    pub fn new(tokens: &Tokens, generation: &Generation) -> Self {
        let first_timestamp = tokens.first_timestamp as usize;
        let listed = |list: &Option<Vec<i64>>| -> Vec<usize> {
            let ids = list.iter().flatten().filter_map(|id| usize::try_from(*id).ok());
            ids.filter(|id| *id < tokens.vocabulary as usize).collect()
        };
        let mut never = listed(&generation.suppress_tokens);
        // Special tokens lie between the end and the times; none of them belongs into a text.
        never.extend(
            (tokens.end as usize + 1..first_timestamp).filter(|id| *id != tokens.no_timestamps as usize),
        );
        never.sort_unstable();
        never.dedup();
        Self {
            end: tokens.end as usize,
            no_timestamps: tokens.no_timestamps as usize,
            first_timestamp,
            vocabulary: tokens.vocabulary as usize,
            never,
            not_first: listed(&generation.begin_suppress_tokens),
            latest_first: generation.max_initial_timestamp_index.unwrap_or(50) as usize,
        }
    }

    /// The same, but no text ends: for measuring.
    #[must_use]
    pub fn without_end(mut self) -> Self {
        self.never.push(self.end);
        self
    }

    /// Forbids, by setting its logit to minus infinity, what may not follow on `written`.
    pub fn apply(&self, logits: &mut [f32], written: &[u32], timestamps: bool) {
        for id in &self.never {
            logits[*id] = f32::NEG_INFINITY;
        }
        if written.is_empty() {
            for id in &self.not_first {
                logits[*id] = f32::NEG_INFINITY;
            }
        }
        logits[self.no_timestamps] = f32::NEG_INFINITY;
        let times = self.first_timestamp..logits.len().min(self.vocabulary);
        if timestamps {
            self.pair_up(logits, written);
            self.prefer_time(logits);
        } else {
            logits[times].fill(f32::NEG_INFINITY);
        }
    }

    /// Times come in pairs, around text; they never go back, and no text has length zero.
    fn pair_up(&self, logits: &mut [f32], written: &[u32]) {
        let first = self.first_timestamp;
        let is_time = |id: &u32| *id as usize >= first;
        let Some(last) = written.last() else {
            logits[..first].fill(f32::NEG_INFINITY);
            let latest = (first + self.latest_first + 1).min(logits.len());
            logits[latest..].fill(f32::NEG_INFINITY);
            return;
        };
        let before_was_time = written.len() < 2 || is_time(&written[written.len() - 2]);
        if is_time(last) {
            if before_was_time {
                logits[first..].fill(f32::NEG_INFINITY);
            } else {
                logits[..self.end].fill(f32::NEG_INFINITY);
            }
        }
        if let Some(latest) = written.iter().rev().find(|id| is_time(id)) {
            // The second time of a pair may be said again, as the first of the next.
            let from = *latest as usize + usize::from(!is_time(last) || before_was_time);
            logits[first..from.min(self.vocabulary)].fill(f32::NEG_INFINITY);
        }
    }

    /// Where all times together are likelier than any text, it is time for a time.
    fn prefer_time(&self, logits: &mut [f32]) {
        let (text, times) = logits.split_at_mut(self.first_timestamp);
        let best_text = highest(text);
        let best_time = highest(times);
        if best_time == f32::NEG_INFINITY {
            return;
        }
        if log_sum(times, best_time) + best_time > best_text {
            text.fill(f32::NEG_INFINITY);
        }
    }

    /// The likeliest token.
    #[must_use]
    pub fn likeliest(logits: &[f32]) -> Choice {
        let best = highest(logits);
        let token = first_at(logits, best).unwrap_or(0);
        Choice { token: token as u32, logprob: -log_sum(logits, best) }
    }

    /// A token drawn at a temperature; `chance` is uniform in 0..1.
    #[must_use]
    pub fn drawn(logits: &[f32], temperature: f32, chance: f64) -> Choice {
        let best = highest(logits);
        let weight = |logit: f32| f64::from((logit - best) / temperature).exp();
        let total: f64 = logits.iter().map(|logit| weight(*logit)).sum();
        let mut left = chance * total;
        let mut token = 0;
        for (id, logit) in logits.iter().enumerate() {
            let weight = weight(*logit);
            if weight > 0.0 {
                token = id;
                left -= weight;
                if left < 0.0 {
                    break;
                }
            }
        }
        Choice { token: token as u32, logprob: logits[token] - best - log_sum(logits, best) }
    }

    /// The `count` likeliest tokens, likeliest first.
    #[must_use]
    pub fn best(logits: &[f32], count: usize) -> Vec<Choice> {
        let best = highest(logits);
        let total = log_sum(logits, best);
        let mut found: Vec<(usize, f32)> = Vec::with_capacity(count + 1);
        for (id, logit) in logits.iter().enumerate() {
            if *logit > f32::NEG_INFINITY && (found.len() < count || *logit > found[found.len() - 1].1) {
                let place = found.partition_point(|(_, other)| *other >= *logit);
                found.insert(place, (id, *logit));
                found.truncate(count);
            }
        }
        found
            .into_iter()
            .map(|(id, logit)| Choice { token: id as u32, logprob: logit - best - total })
            .collect()
    }
}

/// The highest of many logits, in lanes that the compiler can do at once.
pub(super) fn highest(logits: &[f32]) -> f32 {
    const LANES: usize = 16;
    let chunks = logits.chunks_exact(LANES);
    let rest = chunks.remainder();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, logit) in lanes.iter_mut().zip(chunk) {
            *lane = if *logit > *lane { *logit } else { *lane };
        }
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// The place of the first logit of this value, found a portion at a time.
fn first_at(logits: &[f32], value: f32) -> Option<usize> {
    const PORTION: usize = 256;
    let has = |portion: &[f32]| portion.iter().fold(false, |found, logit| found | (*logit == value));
    let portion = logits.chunks(PORTION).position(has)?;
    let start = portion * PORTION;
    logits[start..].iter().position(|logit| *logit == value).map(|place| start + place)
}

/// The logarithm of the sum of `exp(logit - best)`.
pub(super) fn log_sum(logits: &[f32], best: f32) -> f32 {
    const LANES: usize = 16;
    let chunks = logits.chunks_exact(LANES);
    let mut rest: f32 = chunks.remainder().iter().map(|logit| (logit - best).exp()).sum();
    let mut lanes = [0.0_f32; LANES];
    for chunk in chunks {
        for (lane, logit) in lanes.iter_mut().zip(chunk) {
            *lane += exponential(logit - best);
        }
    }
    rest += lanes.iter().sum::<f32>();
    rest.ln()
}

/// `exp` for arguments up to zero, in nothing but additions, products and shifts, so that it runs in lanes on every
/// x86-64: the power of two is split off by adding a number so large that only whole numbers fit beside it, and a
/// polynomial (Cephes `expf`) does the rest to 2 parts in 10 million. With a call to `floor` or a conversion to an integer
/// a row of 51,865 logits takes four times as long.
fn exponential(x: f32) -> f32 {
    // 1.5 times 2 to the 23rd: its lowest bits count the units.
    const LARGE: f32 = 12_582_912.0;
    // What is no number stays none.
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + LARGE;
    let power = shifted - LARGE;
    let rest = x - power * 0.693_359_4 + power * 2.121_944_4e-4;
    let polynomial = 1.987_569_1e-4_f32;
    let polynomial = polynomial * rest + 1.398_199_9e-3;
    let polynomial = polynomial * rest + 8.333_452e-3;
    let polynomial = polynomial * rest + 4.166_579_6e-2;
    let polynomial = polynomial * rest + 1.666_666_5e-1;
    let polynomial = polynomial * rest + 0.5;
    let mantissa = polynomial * rest * rest + rest + 1.0;
    mantissa * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_in_lanes_agree_with_the_library() {
        for step in 0..8_700 {
            let x = -(step as f32) / 100.0;
            let exact = f64::from(x).exp();
            let error = (f64::from(exponential(x)) - exact).abs();
            assert!(error <= exact * 4e-7, "{x}: {error}");
        }
        assert!(exponential(f32::NAN).is_nan());
    }

    #[test]
    fn the_best_come_in_order_and_their_probabilities_add_up() {
        let logits: Vec<f32> = (0..50).map(|i| ((i * 37) % 50) as f32 / 5.0).collect();
        let best = Rules::best(&logits, 50);
        assert!(best.windows(2).all(|pair| pair[0].logprob >= pair[1].logprob));
        let sum: f32 = best.iter().map(|choice| choice.logprob.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-4);
        assert_eq!(best[0], Rules::likeliest(&logits));
    }

    #[test]
    fn a_draw_follows_the_probabilities() {
        let logits = [0.0_f32.ln(), 0.25_f32.ln(), 0.75_f32.ln()];
        let drawn = |chance| Rules::drawn(&logits, 1.0, chance).token;
        assert_eq!([drawn(0.0), drawn(0.24), drawn(0.26), drawn(0.999)], [1, 1, 2, 2]);
        assert_eq!(Rules::drawn(&logits, 0.1, 0.01).token, 2, "a low temperature takes the likeliest");
    }
}
