//! Where the time of decoding goes.

use std::time::Duration;

use serde::Serialize;

/// A part of the work that ONNX Runtime does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Windows to states.
    Encoder,
    /// Prompts.
    Prefill,
    /// One token after another.
    Step,
    /// Rows put together anew when some are finished, or beams change places.
    Gather,
    /// Word times.
    Align,
}

/// Sums of time by stage.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Clockwork {
    /// Seconds in the encoder.
    pub encoder_s: f64,
    /// Windows encoded.
    pub encoded: u64,
    /// Seconds in prefills.
    pub prefill_s: f64,
    /// Prefills.
    pub prefills: u64,
    /// Seconds in steps.
    pub step_s: f64,
    /// Steps.
    pub steps: u64,
    /// Rows of all steps.
    pub step_rows: u64,
    /// Seconds in gathers.
    pub gather_s: f64,
    /// Seconds in the graph for word times.
    pub align_s: f64,
    /// Batches, of whatever kind.
    pub batches: u64,
    /// Windows of all batches: divided by the batches, how full they are.
    pub batch_rows: u64,
    /// Seconds that windows waited for their turn, all of them together.
    pub waited_s: f64,
    /// Windows on which the engine failed, the second try included.
    pub failed: u64,
    /// Windows that were tried again on the graphs of last resort.
    pub second_tries: u64,
    /// Seconds of decoding outside of ONNX Runtime: rules, sampling, and copies to and from it.
    pub around_s: f64,
}

impl Clockwork {
    pub(super) fn add(&mut self, stage: Stage, time: Duration) {
        let seconds = time.as_secs_f64();
        match stage {
            Stage::Encoder => self.encoder_s += seconds,
            Stage::Prefill => {
                self.prefill_s += seconds;
                self.prefills += 1;
            }
            Stage::Step => {
                self.step_s += seconds;
                self.steps += 1;
            }
            Stage::Gather => self.gather_s += seconds,
            Stage::Align => self.align_s += seconds,
        }
    }

    /// Adds what another has counted.
    pub(super) fn absorb(&mut self, other: &Self) {
        let Self {
            encoder_s,
            encoded,
            prefill_s,
            prefills,
            step_s,
            steps,
            step_rows,
            gather_s,
            align_s,
            batches,
            batch_rows,
            waited_s,
            failed,
            second_tries,
            around_s,
        } = other;
        self.encoder_s += encoder_s;
        self.encoded += encoded;
        self.prefill_s += prefill_s;
        self.prefills += prefills;
        self.step_s += step_s;
        self.steps += steps;
        self.step_rows += step_rows;
        self.gather_s += gather_s;
        self.align_s += align_s;
        self.batches += batches;
        self.batch_rows += batch_rows;
        self.waited_s += waited_s;
        self.failed += failed;
        self.second_tries += second_tries;
        self.around_s += around_s;
    }

    pub(super) fn add_around(&mut self, time: Duration) {
        self.around_s += time.as_secs_f64();
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }
}
