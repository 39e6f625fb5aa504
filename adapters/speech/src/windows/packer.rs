//! Regions of speech become windows.

use commands::ports::transcription::{SAMPLE_RATE, Samples, Span};

use super::{LONGEST_WINDOW, TimeMap, Window};
use crate::mel::WINDOW;
use crate::voice::Region;

/// A window ends at the longest silence after this much of it: 20 s.
const SHORTEST_FULL: Samples = Samples(20 * SAMPLE_RATE);
/// Silence between two regions is kept up to this length, 1 s; of a longer one its first and last half second. Pauses are
/// what models write full stops and timestamps at, and one second of them is enough.
const KEPT_SILENCE: Samples = Samples(SAMPLE_RATE);
/// Silence of 30 s, as long as the longest window, ends one: nothing is gained by waiting for more, and so much silence
/// belongs into no segment.
const ENDING_SILENCE: Samples = WINDOW;

/// Samples that follow each other, and the place of the first.
#[derive(Debug)]
struct Stretch {
    start: u64,
    samples: Vec<f32>,
}

impl Stretch {
    fn end(&self) -> u64 {
        self.start + self.samples.len() as u64
    }
}

/// A region that is in no window yet.
#[derive(Debug)]
struct Entry {
    /// What is kept of the silence before it, if the region before is in the same window.
    lead: Vec<Stretch>,
    /// How long that silence is in the recording.
    silence: u64,
    body: Stretch,
    speech: (u64, u64),
}

impl Entry {
    fn length(&self, leads: bool) -> u64 {
        let lead: usize = if leads { 0 } else { self.lead.iter().map(|part| part.samples.len()).sum() };
        (lead + self.body.samples.len()) as u64
    }
}

/// Collects regions until a window is certain.
#[derive(Debug)]
pub(super) struct Packer {
    entries: Vec<Entry>,
    /// Where the last region ended.
    last_end: Option<u64>,
    /// Silence after which a window ends.
    ending_silence: Samples,
}

impl Default for Packer {
    fn default() -> Self {
        Self { entries: Vec::new(), last_end: None, ending_silence: ENDING_SILENCE }
    }
}

/// The audio that is still there: its first sample's place, and the samples.
pub(super) type HeldAudio<'a> = (u64, &'a [f32]);

impl Packer {
    /// Ends windows after this much silence, if not before.
    pub(super) fn ending_at(mut self, silence: Samples) -> Self {
        self.ending_silence = silence;
        self
    }

    /// Takes the next region, whose audio is kept, with the silence before it; appends windows that are certain now.
    pub(super) fn add(&mut self, region: &Region, kept: HeldAudio<'_>, windows: &mut Vec<Window>) {
        self.silent_until(region.start, windows);
        let lead = self.last_end.map_or_else(Vec::new, |end| lead(end, region.start, kept));
        let silence = self.last_end.map_or(0, |end| region.start - end);
        let entry =
            Entry { lead, silence, body: stretch(region.start, region.end, kept), speech: region.speech };
        self.last_end = Some(region.end);
        while !self.entries.is_empty() && self.length() + entry.length(false) > LONGEST_WINDOW {
            let count = self.best_cut(entry.silence);
            self.give(count, windows);
        }
        self.entries.push(entry);
    }

    /// There is no speech between the last region and `until`.
    pub(super) fn silent_until(&mut self, until: u64, windows: &mut Vec<Window>) {
        if self.last_end.is_some_and(|end| until.saturating_sub(end) > self.ending_silence.0) {
            self.finish(windows);
        }
    }

    /// Appends what is left as the last window.
    pub(super) fn finish(&mut self, windows: &mut Vec<Window>) {
        if !self.entries.is_empty() {
            self.give(self.entries.len(), windows);
        }
        self.last_end = None;
    }

    /// Audio from here on is still needed: the silence after the last region, of which a part may be kept, or, if there is
    /// none, a part of what comes before `next`.
    pub(super) fn needs_from(&self, next: u64) -> u64 {
        self.last_end.map_or(next, |end| end.min(next))
    }

    /// Samples that it holds.
    #[cfg(test)]
    pub(super) fn held(&self) -> u64 {
        self.entries.iter().map(|entry| entry.length(false)).sum()
    }

    fn length(&self) -> u64 {
        self.entries.iter().enumerate().map(|(at, entry)| entry.length(at == 0)).sum()
    }

    /// How many entries the next window gets: up to the longest silence, `after` being that behind the last of them.
    fn best_cut(&self, after: u64) -> usize {
        let mut length = 0;
        let mut best = (self.entries.len(), None);
        for (at, entry) in self.entries.iter().enumerate() {
            length += entry.length(at == 0);
            let silence = self.entries.get(at + 1).map_or(after, |next| next.silence);
            if length >= SHORTEST_FULL.0 && best.1.is_none_or(|longest| silence >= longest) {
                best = (at + 1, Some(silence));
            }
        }
        best.0
    }

    /// Makes a window of the first entries.
    fn give(&mut self, count: usize, windows: &mut Vec<Window>) {
        let mut window = Window { samples: Vec::new(), map: TimeMap::default(), speech: Vec::new() };
        for (at, entry) in self.entries.drain(..count).enumerate() {
            let leads = if at == 0 { Vec::new() } else { entry.lead };
            for part in &leads {
                window.map.append(part.start, part.end());
                window.samples.extend_from_slice(&part.samples);
            }
            let begin = window.samples.len() as u64;
            let place = |at: u64| Samples(begin + (at - entry.body.start));
            window.speech.push(Span { start: place(entry.speech.0), end: place(entry.speech.1) });
            window.map.append(entry.body.start, entry.body.end());
            window.samples.extend_from_slice(&entry.body.samples);
        }
        windows.push(window);
    }
}

/// What is kept of the silence between two regions.
fn lead(from: u64, to: u64, kept: HeldAudio<'_>) -> Vec<Stretch> {
    if to - from <= KEPT_SILENCE.0 {
        return vec![stretch(from, to, kept)];
    }
    let half = KEPT_SILENCE.0 / 2;
    vec![stretch(from, from + half, kept), stretch(to - half, to, kept)]
}

fn stretch(from: u64, to: u64, (start, samples): HeldAudio<'_>) -> Stretch {
    let place = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX).min(samples.len());
    Stretch { start: from, samples: samples[place(from)..place(to)].to_vec() }
}
