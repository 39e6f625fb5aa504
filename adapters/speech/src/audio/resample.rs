//! Any sampling rate becomes 16 kHz, without a shift in time.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use commands::ports::transcription::SAMPLE_RATE;

use super::error::AudioError;

/// The shorter side of a block of the transform: long enough that the filter passes 98 % of the band.
const SHORTEST_BLOCK: usize = 1_024;

/// Turns one stretch of mono audio of one rate into 16 kHz. Sample k of the answer is the sound at k / 16,000 seconds,
/// and there are exactly as many as fit into the length of the stretch, the last one begun included.
pub(super) struct Resampler {
    rate: u32,
    /// None where nothing is to be done: such audio passes bit for bit.
    transform: Option<Transform>,
    /// Frames that came in.
    taken: u64,
    /// Samples that went out.
    given: u64,
}

struct Transform {
    fft: Fft<f32>,
    pending: Vec<f32>,
    block: Vec<f32>,
    /// What is still to be dropped of the filter's delay.
    delay: usize,
}

impl Resampler {
    /// One for audio of `rate` frames a second.
    ///
    /// # Errors
    /// Says why there can be none.
    pub(super) fn try_new(rate: u32) -> Result<Self, AudioError> {
        let transform = if u64::from(rate) == SAMPLE_RATE { None } else { Some(Transform::try_new(rate)?) };
        Ok(Self { rate, transform, taken: 0, given: 0 })
    }

    /// Frames a second of what comes in.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// The sample of the answer that the next frame will begin.
    pub(super) fn position(&self) -> u64 {
        exact(self.taken, self.rate)
    }

    /// Takes frames and appends what can be told already.
    pub(super) fn push(&mut self, frames: &[f32], out: &mut Vec<f32>) -> Result<(), AudioError> {
        self.taken += frames.len() as u64;
        let before = out.len();
        match &mut self.transform {
            None => out.extend_from_slice(frames),
            Some(transform) => transform.push(frames, out)?,
        }
        self.given += (out.len() - before) as u64;
        Ok(())
    }

    /// Appends what is left; the stretch is over.
    pub(super) fn finish(mut self, out: &mut Vec<f32>) -> Result<(), AudioError> {
        let wanted = exact(self.taken, self.rate);
        if let Some(transform) = &mut self.transform {
            let silence = vec![0.0; transform.fft.input_frames_next()];
            while self.given < wanted {
                let before = out.len();
                transform.push(&silence, out)?;
                self.given += (out.len() - before) as u64;
            }
            // The last block may bring more than the stretch is long.
            let surplus = usize::try_from(self.given - wanted).unwrap_or(usize::MAX);
            out.truncate(out.len().saturating_sub(surplus));
        }
        Ok(())
    }
}

/// How many samples at 16 kHz begin within `frames` at `rate`.
pub(super) fn exact(frames: u64, rate: u32) -> u64 {
    let samples = (u128::from(frames) * u128::from(SAMPLE_RATE)).div_ceil(u128::from(rate.max(1)));
    u64::try_from(samples).unwrap_or(u64::MAX)
}

impl Transform {
    fn try_new(rate: u32) -> Result<Self, AudioError> {
        let (frames, wanted) = (rate as usize, SAMPLE_RATE as usize);
        let common = greatest_common_divisor(frames, wanted);
        let (unit_in, unit_out) = (frames / common, wanted / common);
        // An even number of units makes the filter's delay a whole number of samples on both sides.
        let units = SHORTEST_BLOCK.div_ceil(unit_in.min(unit_out)).next_multiple_of(2);
        let fft = Fft::new(frames, wanted, units * unit_in, 1, FixedSync::Both)
            .map_err(|source| AudioError::Resampler { rate, source })?;
        let block = vec![0.0; fft.output_frames_max()];
        Ok(Self { delay: fft.output_delay(), fft, pending: Vec::new(), block })
    }

    fn push(&mut self, frames: &[f32], out: &mut Vec<f32>) -> Result<(), AudioError> {
        self.pending.extend_from_slice(frames);
        let mut used = 0;
        loop {
            let needed = self.fft.input_frames_next();
            let Some(frames) = self.pending.get(used..used + needed) else { break };
            let length = self.block.len();
            let input = InterleavedSlice::new(frames, 1, needed).map_err(AudioError::ResampledBlock)?;
            let mut output =
                InterleavedSlice::new_mut(&mut self.block, 1, length).map_err(AudioError::ResampledBlock)?;
            let (_, given) =
                self.fft.process_into_buffer(&input, &mut output, None).map_err(AudioError::Resample)?;
            used += needed;
            let dropped = self.delay.min(given);
            self.delay -= dropped;
            out.extend_from_slice(&self.block[dropped..given]);
        }
        self.pending.drain(..used);
        Ok(())
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
