//! The spectrogram that Whisper's encoder reads: for each 10 ms of a 30 s window, the energy in 80 or 128 bands, on a
//! logarithmic scale. The same steps as in `WhisperFeatureExtractor` of transformers.

use std::sync::Arc;

use commands::ports::transcription::{SAMPLE_RATE, Samples};
use realfft::num_complex::Complex;
use realfft::{FftError, RealFftPlanner, RealToComplex};

/// What Whisper's encoder hears at once: 30 s (`CHUNK_LENGTH` of openai-whisper, `chunk_length` of the extractor).
pub const WINDOW: Samples = Samples(30 * SAMPLE_RATE);
/// Its samples, as the length of a slice.
const WINDOW_SAMPLES: usize = WINDOW.0 as usize;
/// Spectra of a window, 10 ms apart.
pub const WINDOW_FRAMES: usize = WINDOW_SAMPLES / HOP;

/// Samples that a spectrum is made of: 25 ms (`n_fft` of the extractor).
const FFT: usize = 400;
/// Samples from one spectrum to the next: 10 ms (`hop_length` of the extractor).
const HOP: usize = 160;
const BINS: usize = FFT / 2 + 1;
/// Silence: the logarithm of the least energy that is told apart.
const FLOOR: f32 = -10.0;
/// What lies this far below a window's loudest point is cut off (in powers of ten).
const RANGE: f32 = 8.0;

/// Why there is no spectrogram. Only buffers of another length than the transform's make it fail, and it gets its own.
#[derive(Debug, thiserror::Error)]
#[error("the spectrogram cannot be computed")]
pub struct SpectrogramError(#[from] FftError);

/// Makes spectrograms with a fixed number of bands. Cheap to clone; clones share what they look up, and serve any
/// number of threads.
#[derive(Clone)]
pub struct Spectrogram {
    bands: Arc<[Band]>,
    hann: Arc<[f32]>,
    transform: Arc<dyn RealToComplex<f32>>,
}

/// A triangle over neighbouring bins.
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl Spectrogram {
    /// For models with this many bands.
    #[must_use]
    pub fn new(bands: usize) -> Self {
        let hann = (0..FFT)
            .map(|i| (0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / FFT as f64).cos()) as f32)
            .collect();
        Self { bands: triangles(bands).into(), hann, transform: RealFftPlanner::new().plan_fft_forward(FFT) }
    }

    /// The spectrogram of a window, band by band, 3,000 values each. Audio shorter than 30 s is followed by silence;
    /// what is longer is not looked at.
    ///
    /// # Errors
    /// When the transform fails.
    pub fn of(&self, audio: &[f32]) -> Result<Vec<f32>, SpectrogramError> {
        let audio = &audio[..audio.len().min(WINDOW_SAMPLES)];
        let mut values = vec![FLOOR; self.bands.len() * WINDOW_FRAMES];
        let mut input = self.transform.make_input_vec();
        let mut spectrum = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let mut energy = [0.0_f32; BINS];
        // Frames further on see nothing but the silence after the audio.
        let frames = WINDOW_FRAMES.min((audio.len() + FFT / 2).div_ceil(HOP));
        let mut loudest = FLOOR;
        for frame in 0..frames {
            self.fill(&mut input, audio, frame);
            self.transform.process_with_scratch(&mut input, &mut spectrum, &mut scratch)?;
            for (energy, bin) in energy.iter_mut().zip(&spectrum) {
                *energy = Complex::norm_sqr(bin);
            }
            for (index, band) in self.bands.iter().enumerate() {
                let sum: f32 = band
                    .weights
                    .iter()
                    .zip(&energy[band.first..])
                    .map(|(weight, energy)| weight * energy)
                    .sum();
                let value = sum.max(1e-10).log10();
                loudest = loudest.max(value);
                values[index * WINDOW_FRAMES + frame] = value;
            }
        }
        let floor = loudest - RANGE;
        for value in &mut values {
            *value = (value.max(floor) + 4.0) / 4.0;
        }
        Ok(values)
    }

    /// The 400 samples around a frame's centre, windowed. Before the first and after the last sample of the window the
    /// audio is mirrored.
    fn fill(&self, input: &mut [f32], audio: &[f32], frame: usize) {
        let start = (frame * HOP) as isize - (FFT / 2) as isize;
        let end = start + FFT as isize;
        let at = |index: usize| audio.get(index).copied().unwrap_or(0.0);
        if start >= 0 && end <= audio.len() as isize {
            let part = &audio[start as usize..end as usize];
            for ((input, sample), weight) in input.iter_mut().zip(part).zip(self.hann.iter()) {
                *input = sample * weight;
            }
            return;
        }
        let last = WINDOW_SAMPLES as isize - 1;
        for (offset, (input, weight)) in input.iter_mut().zip(self.hann.iter()).enumerate() {
            let index = start + offset as isize;
            let mirrored = if index < 0 {
                -index
            } else if index > last {
                2 * last - index
            } else {
                index
            };
            *input = at(mirrored as usize) * weight;
        }
    }
}

/// Slaney's mel scale, as librosa has it: linear below 1 kHz, logarithmic above; each triangle has the same area.
fn triangles(bands: usize) -> Vec<Band> {
    const TOP_HZ: f64 = 8_000.0;
    let edges: Vec<f64> =
        (0..bands + 2).map(|i| hertz(mel(TOP_HZ) * i as f64 / (bands + 1) as f64)).collect();
    let bin_hz = TOP_HZ / (BINS - 1) as f64;
    edges
        .windows(3)
        .map(|edge| {
            let weight = |bin: usize| {
                let frequency = bin as f64 * bin_hz;
                let rising = (frequency - edge[0]) / (edge[1] - edge[0]);
                let falling = (edge[2] - frequency) / (edge[2] - edge[1]);
                rising.min(falling).max(0.0) * 2.0 / (edge[2] - edge[0])
            };
            let first = (0..BINS).find(|bin| weight(*bin) > 0.0).unwrap_or(0);
            let weights = (first..BINS)
                .map(weight)
                .take_while(|weight| *weight > 0.0)
                .map(|weight| weight as f32)
                .collect();
            Band { first, weights }
        })
        .collect()
}

const KNEE_HZ: f64 = 1_000.0;
const KNEE_MEL: f64 = 15.0;

fn mel(hertz: f64) -> f64 {
    if hertz < KNEE_HZ {
        hertz * KNEE_MEL / KNEE_HZ
    } else {
        KNEE_MEL + (hertz / KNEE_HZ).ln() * 27.0 / 6.4_f64.ln()
    }
}

fn hertz(mel: f64) -> f64 {
    if mel < KNEE_MEL {
        mel * KNEE_HZ / KNEE_MEL
    } else {
        KNEE_HZ * ((mel - KNEE_MEL) * 6.4_f64.ln() / 27.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_lights_the_band_that_holds_it_and_silence_is_even() {
        let tone: Vec<f32> =
            (0..16_000).map(|i| (std::f32::consts::TAU * 1_000.0 * i as f32 / 16_000.0).sin()).collect();
        let values = Spectrogram::new(80).of(&tone).unwrap();
        let at = |band: usize, frame: usize| values[band * WINDOW_FRAMES + frame];
        let loudest = (0..80).max_by(|a, b| at(*a, 50).total_cmp(&at(*b, 50))).unwrap_or(0);
        // 1 kHz is 15 mel of 45.25: the 26th of the 81 steps.
        assert!((25..=26).contains(&loudest), "band {loudest}");
        assert!(
            (at(loudest, 50) - at(loudest, 2_500) - 2.0).abs() < 1e-5,
            "silence lies 8 powers of ten below, a quarter each"
        );
    }

    #[test]
    fn each_band_has_weights_and_they_are_normalised_by_width() {
        for bands in [80, 128] {
            for band in triangles(bands) {
                assert!(!band.weights.is_empty());
            }
        }
    }
}
