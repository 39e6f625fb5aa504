//! Stretches of speech out of the detector's probabilities.

use std::collections::VecDeque;

use commands::ports::transcription::{SAMPLE_RATE, Samples, VoiceOptions};

use super::FRAME;
use crate::mel::WINDOW;

/// More padding than this, 5 s, on either side would leave a window little room for speech.
const MOST_PADDING: Samples = Samples(5 * SAMPLE_RATE);
/// Where the mean probability of speech over three frames, from 0 to 1, falls below this, speech that has to be cut has
/// a pause. Chosen for this program: words are close to 1, and any dip below that counts.
const PAUSE: f32 = 0.9;
/// How far before its longest end speech without a pause is searched for its quietest point: 5 s. Chosen for this
/// program.
const SEARCHED: Samples = Samples(5 * SAMPLE_RATE);
/// Frames over which loudness is averaged in that search: a point between two words, not between two waves.
const SMOOTHED: usize = 5;

/// What is known of 512 samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// The probability of speech in it.
    pub probability: f32,
    /// The mean of its squares.
    pub power: f32,
}

/// A stretch of speech. Regions come in time order and do not overlap; none is longer than 30 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// The first sample, padding included.
    pub start: u64,
    /// The sample after the last, padding included.
    pub end: u64,
    /// The speech in it.
    pub speech: (u64, u64),
}

/// Speech that has not ended yet.
struct Open {
    start: u64,
    /// Since when it has gone on: later than its start where a burst stands before it.
    since: u64,
    /// Where the padding before it begins, once that cannot change.
    padded: Option<u64>,
    /// Since when it has been quiet.
    quiet: Option<u64>,
    /// Whether it counts however short it is: because it goes on where a region that became too long was cut, or because
    /// nobody listens for speech.
    sure: bool,
    frames: VecDeque<Frame>,
}

/// Speech that was too short, while it may still be the first sound of what follows.
struct Burst {
    end: u64,
    open: Open,
}

/// Speech that has ended, while its padding may still have to give way to what follows.
struct Closed {
    padded: u64,
    speech: (u64, u64),
}

/// Turns frames into regions, each as soon as it is certain. Speech begins at the threshold and ends where it stays below
/// the release for long enough; where the padding of two regions would overlap, they meet in the middle. What is too short
/// for speech is noise, unless speech begins within a padding's length behind it: the first word of a sentence may reach
/// the threshold for three frames only.
pub struct Regions {
    options: VoiceOptions,
    pad: u64,
    longest: u64,
    origin: u64,
    position: u64,
    open: Option<Open>,
    burst: Option<Burst>,
    closed: Option<Closed>,
}

impl Regions {
    /// For audio whose first sample is `origin`.
    #[must_use]
    pub fn new(options: VoiceOptions, origin: u64) -> Self {
        let pad = if options.enabled { options.pad.min(MOST_PADDING).0 } else { 0 };
        let longest = (WINDOW.0 - 2 * pad) / FRAME as u64 * FRAME as u64;
        Self { options, pad, longest, origin, position: origin, open: None, burst: None, closed: None }
    }

    /// Takes the next frame; appends what is certain now.
    pub fn push(&mut self, frame: Frame, out: &mut Vec<Region>) {
        // Where nobody listens for speech, everything is.
        let speech = !self.options.enabled || frame.probability >= self.options.threshold;
        let probability = if self.options.enabled { frame.probability } else { 1.0 };
        let at = self.position;
        self.position += FRAME as u64;
        match &mut self.open {
            None if !speech => {}
            None => self.open(at),
            Some(open) if speech => open.quiet = None,
            Some(open) if probability < self.options.release => {
                let since = *open.quiet.get_or_insert(at);
                if at - since >= self.options.min_silence.0 {
                    self.close(since, out);
                }
            }
            Some(_) => {}
        }
        self.burst.take_if(|burst| self.position - burst.end > self.pad);
        if let Some(burst) = &mut self.burst {
            burst.open.frames.push_back(Frame { probability, ..frame });
        }
        if let Some(open) = &mut self.open {
            open.frames.push_back(Frame { probability, ..frame });
            if self.position - open.start >= self.longest {
                match open.quiet {
                    // A pause, if only a short one, is the best place.
                    Some(since) => self.close(since, out),
                    None => self.cut(out),
                }
            }
        }
        self.settle(out);
    }

    /// Speech begins, with the burst just before it.
    fn open(&mut self, at: u64) {
        let sure = !self.options.enabled;
        let fresh =
            || Open { start: at, since: at, padded: None, quiet: None, sure, frames: VecDeque::new() };
        let open = self.burst.take().map_or_else(fresh, |burst| Open { since: at, ..burst.open });
        self.open = Some(open);
    }

    /// Appends the last regions of audio that ends before `end`.
    pub fn finish(mut self, end: u64, out: &mut Vec<Region>) {
        self.position = self.position.min(end);
        if let Some(open) = &self.open {
            let until = open.quiet.unwrap_or(end).min(end);
            self.close(until, out);
        }
        if let Some(last) = self.closed.take() {
            out.push(Region {
                start: last.padded,
                end: (last.speech.1 + self.pad).min(end),
                speech: last.speech,
            });
        }
    }

    /// No region to come begins before this sample.
    #[must_use]
    pub fn floor(&self) -> u64 {
        if let Some(closed) = &self.closed {
            return closed.padded;
        }
        let begin = self.begun().map_or(self.position, |open| open.padded.unwrap_or(open.start));
        begin.saturating_sub(self.pad).max(self.origin)
    }

    /// Speech has ended at `end`.
    fn close(&mut self, end: u64, out: &mut Vec<Region>) {
        let Some(mut open) = self.open.take() else { return };
        if end - open.since < self.options.min_speech.0 && !open.sure {
            // What stood before it was a burst itself: of two that follow each other, only the later counts.
            open.frames.drain(..((open.since - open.start) / FRAME as u64) as usize);
            open.start = open.since;
            open.quiet = None;
            self.burst = Some(Burst { end, open });
            return;
        }
        let padded = self.begin(&mut open, out);
        self.closed = Some(Closed { padded, speech: (open.start, end) });
    }

    /// Speech that has begun, or may have.
    fn begun(&self) -> Option<&Open> {
        self.open.as_ref().or(self.burst.as_ref().map(|burst| &burst.open))
    }

    /// Fixes where the padding of speech begins, and with it where that of the region before ends.
    fn begin(&mut self, open: &mut Open, out: &mut Vec<Region>) -> u64 {
        if let Some(padded) = open.padded {
            return padded;
        }
        let mut padded = open.start.saturating_sub(self.pad).max(self.origin);
        if let Some(last) = self.closed.take() {
            let between = open.start - last.speech.1;
            let end =
                if between < 2 * self.pad { last.speech.1 + between / 2 } else { last.speech.1 + self.pad };
            padded = padded.max(end);
            out.push(Region { start: last.padded, end, speech: last.speech });
        }
        open.padded = Some(padded);
        padded
    }

    /// Tells a region whose end nothing can change any more.
    fn settle(&mut self, out: &mut Vec<Region>) {
        if let Some(mut open) = self.open.take() {
            // It will not be taken for a noise any more.
            let lasts =
                open.quiet.unwrap_or(self.position) - open.since >= self.options.min_speech.0 || open.sure;
            if lasts {
                self.begin(&mut open, out);
            }
            self.open = Some(open);
        }
        let next = self.begun().map_or(self.position, |open| open.start);
        if let Some(last) = self.closed.take_if(|last| next - last.speech.1 >= 2 * self.pad) {
            out.push(Region { start: last.padded, end: last.speech.1 + self.pad, speech: last.speech });
        }
    }

    /// Speech has become too long: it ends at its quietest point, and goes on there.
    fn cut(&mut self, out: &mut Vec<Region>) {
        let Some(mut open) = self.open.take() else { return };
        let kept = quietest(open.frames.make_contiguous());
        let at = open.start + (kept * FRAME) as u64;
        let padded = self.begin(&mut open, out);
        out.push(Region { start: padded, end: at, speech: (open.start, at) });
        let rest = open.frames.split_off(kept);
        self.open =
            Some(Open { start: at, since: at, padded: Some(at), quiet: None, sure: true, frames: rest });
    }
}

/// How many frames come before the best place for a cut: the deepest pause of the second half, or else the quietest
/// point of the last seconds. At least one, and not all.
fn quietest(frames: &[Frame]) -> usize {
    let smooth = |at: usize, of: fn(&Frame) -> f32, width: usize| {
        let near = &frames[at.saturating_sub(width / 2)..(at + width / 2 + 1).min(frames.len())];
        near.iter().map(of).sum::<f32>() / near.len() as f32
    };
    let least = |from: usize, of: fn(&Frame) -> f32, width: usize| {
        (from.max(1)..frames.len())
            .map(|at| (at, smooth(at, of, width)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((frames.len().saturating_sub(1).max(1), 0.0))
    };
    let (at, probability) = least(frames.len() / 2, |frame| frame.probability, 3);
    if probability < PAUSE {
        return at;
    }
    let searched = (SEARCHED.0 as usize / FRAME).min(frames.len() / 2);
    least(frames.len() - searched, |frame| frame.power, SMOOTHED).0
}
