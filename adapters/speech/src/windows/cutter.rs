//! Keeps the audio that is still needed, and cuts regions out of it.

use commands::ports::transcription::{Samples, VoiceOptions};

use super::Window;
use super::packer::Packer;
use crate::voice::{FRAME, Frame, Region, Regions};

/// Makes windows of audio and the probabilities of speech of its frames, wherever these come from.
pub struct Cutter {
    regions: Regions,
    packer: Packer,
    /// The place of the first sample that is kept.
    start: u64,
    kept: Vec<f32>,
    /// The place of the next frame.
    position: u64,
    /// How much speech there was.
    speech: u64,
    found: Vec<Region>,
}

impl Cutter {
    /// For audio whose first sample is `origin`.
    #[must_use]
    pub fn new(options: VoiceOptions, origin: Samples) -> Self {
        Self {
            regions: Regions::new(options, origin.0),
            packer: Packer::default(),
            start: origin.0,
            kept: Vec::new(),
            position: origin.0,
            speech: 0,
            found: Vec::new(),
        }
    }

    /// Ends windows after this much silence, if not before.
    #[must_use]
    pub fn ending_at(mut self, silence: Samples) -> Self {
        self.packer = self.packer.ending_at(silence);
        self
    }

    /// Takes the next samples, and the probabilities of the next frames, of which there may not be more than there are
    /// whole frames; appends the windows that are certain now.
    pub fn push(&mut self, samples: &[f32], probabilities: &[f32], windows: &mut Vec<Window>) {
        self.kept.extend_from_slice(samples);
        for probability in probabilities {
            let frame = self.frame(*probability);
            self.regions.push(frame, &mut self.found);
            self.pack(windows);
        }
        self.packer.silent_until(self.regions.floor(), windows);
        self.forget();
    }

    /// The audio is over. Takes the probabilities of the last frames, appends the last windows, and says how much speech
    /// there was in all.
    pub fn finish(mut self, probabilities: &[f32], windows: &mut Vec<Window>) -> Samples {
        let end = self.start + self.kept.len() as u64;
        for probability in probabilities {
            if self.position >= end {
                break;
            }
            let frame = self.frame(*probability);
            self.regions.push(frame, &mut self.found);
            self.pack(windows);
        }
        let regions = std::mem::replace(&mut self.regions, Regions::new(VoiceOptions::default(), 0));
        regions.finish(end, &mut self.found);
        self.pack(windows);
        self.packer.finish(windows);
        Samples(self.speech)
    }

    /// Whole frames that are there and have no probability yet, once `more` samples have come.
    pub(super) fn frames_with(&self, more: usize) -> usize {
        let ahead = self.start + (self.kept.len() + more) as u64 - self.position;
        usize::try_from(ahead).unwrap_or(0) / FRAME
    }

    fn frame(&mut self, probability: f32) -> Frame {
        let from = usize::try_from(self.position - self.start).unwrap_or(usize::MAX).min(self.kept.len());
        let samples = &self.kept[from..(from + FRAME).min(self.kept.len())];
        self.position += FRAME as u64;
        let power = samples.iter().map(|sample| sample * sample).sum::<f32>() / FRAME as f32;
        Frame { probability, power }
    }

    fn pack(&mut self, windows: &mut Vec<Window>) {
        for region in self.found.drain(..) {
            self.speech += region.speech.1 - region.speech.0;
            self.packer.add(&region, (self.start, &self.kept), windows);
        }
    }

    /// Drops the audio that nothing needs any more.
    fn forget(&mut self) {
        let needed = self.packer.needs_from(self.regions.floor()).max(self.start);
        let dropped = usize::try_from(needed - self.start).unwrap_or(usize::MAX).min(self.kept.len());
        // Moving what stays for each frame that goes would cost more than everything else.
        if dropped * 2 >= self.kept.len() {
            self.kept.drain(..dropped);
            self.start += dropped as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames that the detector is asked about at once.
    const PORTION: usize = 512;

    fn frames(seconds: f64) -> usize {
        Samples::from_seconds(seconds).0 as usize / FRAME
    }

    /// The most audio, in seconds, that is held at once between two portions of an hour in which these probabilities
    /// come again and again, each for so many frames.
    fn most_held(turns: &[(usize, f32)]) -> f64 {
        let hour = turns.iter().cycle().flat_map(|(frames, speech)| std::iter::repeat_n(*speech, *frames));
        let hour: Vec<f32> = hour.take(frames(3_600.0)).collect();
        let mut cutter = Cutter::new(VoiceOptions::default(), Samples(0));
        let (mut windows, mut most) = (Vec::new(), 0);
        for portion in hour.chunks(PORTION) {
            cutter.push(&vec![0.1; portion.len() * FRAME], portion, &mut windows);
            windows.clear();
            most = most.max(cutter.kept.len() as u64 + cutter.packer.held());
        }
        Samples(most).seconds()
    }

    #[test]
    fn of_an_hour_a_minute_is_kept_and_half_a_one_more_where_speech_is_sparse() {
        for (what, turns, most_s) in [
            ("silence", vec![(1, 0.0)], 0.5),
            ("clicks", vec![(2, 0.9), (6, 0.0)], 1.0),
            // The regions of a window to come.
            (
                "talk",
                vec![(frames(4.0), 0.9), (frames(0.7), 0.0), (frames(7.0), 0.9), (frames(3.0), 0.0)],
                35.0,
            ),
            // A region that is not yet in a window, and one that has not ended.
            ("speech without a pause", vec![(1, 0.99)], 55.0),
            // The same, and the silence between them, which is not long enough to end the window.
            ("long turns, long silence", vec![(frames(27.0), 0.9), (frames(28.0), 0.0)], 85.0),
            ("calls", vec![(frames(1.0), 0.9), (frames(28.0), 0.0)], 60.0),
        ] {
            let held_s = most_held(&turns);
            assert!(held_s < most_s, "{what}: {held_s} s");
        }
    }
}
