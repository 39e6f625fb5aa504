//! A stretch of a window that is decoded as a whole, the texts that were tried for it, and what the one that was kept
//! leaves out.

use std::ops::Range;
use std::sync::Arc;

use commands::ports::transcription::Samples;

use crate::speech::decode::Decoded;
use crate::speech::doubts::{self, COMPRESSION_LIMIT, LOGPROB_LIMIT, NO_SPEECH_LIMIT};
use crate::speech::mel::Spectrogram;
use crate::speech::scheduler::Features;
use crate::speech::segments::Timeline;
use crate::speech::windows::Window;

/// Speech without text that is worth another look; shorter pieces are breaths and beginnings.
const WORTH_A_LOOK: u64 = 8_000;
/// The same behind the point where the model itself stopped: what is kept around speech does not count.
const REST: u64 = 16_000;
/// The same between two texts, whose times are not exact.
const GAP: u64 = 32_000;
/// What is kept before a rest, so that its first word is whole.
const MARGIN: u64 = 3_200;

/// A stretch of audio that is decoded as a whole.
pub(super) struct Part {
    pub window: Window,
    pub features: Features,
    /// Which of the temperatures is being tried.
    pub attempt: usize,
    pub tried: Vec<Attempt>,
    /// Whether any of it came of the graphs of last resort.
    pub second_try: bool,
    /// Whether the text before is in view.
    pub prompted: bool,
    /// Whether this part came of another one; parts of parts are not cut again for speech without text.
    pub is_cut: bool,
    /// The text that was kept, while its words are timed.
    pub kept: Option<Kept>,
}

/// A text that was tried.
pub(super) struct Attempt {
    pub temperature: f32,
    pub decoded: Decoded,
    pub compression_ratio: f32,
}

/// The text that was kept.
pub(super) struct Kept {
    pub attempt: Attempt,
    pub timeline: Timeline,
    pub doubtful: bool,
}

impl Part {
    /// A window that is still to be decoded, without a text before it.
    pub(super) fn new(window: Window, features: Features) -> Self {
        Self {
            window,
            features,
            attempt: 0,
            tried: Vec::new(),
            second_try: false,
            prompted: false,
            is_cut: false,
            kept: None,
        }
    }

    /// Where somebody speaks, in samples of the part.
    pub(super) fn speech(&self) -> Vec<Range<u64>> {
        self.window.speech.iter().map(|span| span.start.0..span.end.0).collect()
    }

    /// A stretch of the part, in the source.
    pub(super) fn in_source(&self, span: &Range<u64>) -> Range<u64> {
        let map = &self.window.map;
        map.source_of_start(Samples(span.start)).0..map.source_of_end(Samples(span.end)).0
    }

    /// Stretches of the part that hold speech and have no text: what lies behind the point where the model stopped, and
    /// what it passed over.
    pub(super) fn left(&self, timeline: &Timeline, listens: bool) -> Vec<Range<u64>> {
        if !listens {
            let end = self.window.samples.len() as u64;
            let rest = timeline.seek.filter(|seek| *seek > 0 && seek + WORTH_A_LOOK < end);
            return rest.map(|seek| seek..end).into_iter().collect();
        }
        let texts: Vec<Range<u64>> =
            timeline.segments.iter().map(|segment| segment.start..segment.end).collect();
        let mut left = Vec::new();
        for speech in self.speech() {
            let length = speech.end - speech.start;
            if length < WORTH_A_LOOK {
                continue;
            }
            if doubts::overlap(&speech, &texts) * 4 < length {
                left.push(speech);
                continue;
            }
            let missed = |gap: &Range<u64>| {
                let behind = timeline.seek.map_or(0, |seek| gap.end.saturating_sub(gap.start.max(seek)));
                gap.end - gap.start >= GAP || behind >= REST
            };
            left.extend(gaps(&speech, &texts).into_iter().filter(missed));
        }
        left
    }

    /// A part of this one around a stretch of it. None where that would be the whole once more, which would only give the
    /// same, and where this was cut out itself.
    pub(super) fn cut(&self, span: &Range<u64>, spectrogram: &Spectrogram) -> Option<Self> {
        let length = self.window.samples.len() as u64;
        let around = span.start.saturating_sub(MARGIN)..(span.end + MARGIN).min(length);
        if self.is_cut || around.end - around.start >= length {
            return None;
        }
        let window = self.window.part(Samples(around.start), Samples(around.end));
        let features = Features::Spectrogram(Arc::new(spectrogram.of(&window.samples)));
        Some(Self { is_cut: true, ..Self::new(window, features) })
    }
}

/// What of a stretch no text covers.
fn gaps(speech: &Range<u64>, texts: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut texts: Vec<&Range<u64>> =
        texts.iter().filter(|text| text.start < speech.end && text.end > speech.start).collect();
    texts.sort_by_key(|text| text.start);
    let mut gaps = Vec::new();
    let mut covered = speech.start;
    for text in texts {
        if text.start > covered {
            gaps.push(covered..text.start);
        }
        covered = covered.max(text.end);
    }
    if covered < speech.end {
        gaps.push(covered..speech.end);
    }
    gaps
}

impl Attempt {
    pub(super) fn is_poor(&self) -> bool {
        self.compression_ratio > COMPRESSION_LIMIT || self.decoded.avg_logprob < LOGPROB_LIMIT
    }

    pub(super) fn is_silence(&self) -> bool {
        self.decoded.no_speech_prob > NO_SPEECH_LIMIT && self.decoded.avg_logprob < LOGPROB_LIMIT
    }
}

/// The likeliest of the texts that do not repeat themselves, or of all.
pub(super) fn best(tried: Vec<Attempt>) -> Option<Attempt> {
    let (plain, looping): (Vec<Attempt>, Vec<Attempt>) =
        tried.into_iter().partition(|attempt| attempt.compression_ratio <= COMPRESSION_LIMIT);
    let likeliest = |attempts: Vec<Attempt>| {
        let better = |best: Attempt, next: Attempt| {
            if next.decoded.avg_logprob > best.decoded.avg_logprob { next } else { best }
        };
        attempts.into_iter().reduce(better)
    };
    likeliest(plain).or_else(|| likeliest(looping))
}
