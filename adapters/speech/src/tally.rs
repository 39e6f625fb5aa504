//! What an engine has done since it started, for whoever watches it: how much audio went through it, where the time went,
//! what was decoded again and why, what was marked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use commands::ports::transcription::{Span, Transcript, TranscriptInfo};
use serde::Serialize;

use super::clockwork::Clockwork;

/// Why a window, or a part of one, was decoded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The text compresses too well: it repeats itself.
    Compression,
    /// The model was too unsure of its text.
    Confidence,
    /// Speech got no text.
    NoText,
    /// The text repeats what was said before it, or itself, with that in view.
    Echo,
}

/// A part of the work that a job's own thread does before the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preparing {
    Audio,
    Voice,
    Spectrogram,
}

/// Sums since the engine's start. Seconds of different threads may pass at the same time.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Tally {
    /// Transcripts that came to their end.
    pub transcripts: u64,
    /// Seconds of audio in them; of a re-run of ranges, those.
    pub audio_s: f64,
    /// Seconds of speech in that.
    pub speech_s: f64,
    /// Seconds of speech without text.
    pub uncovered_s: f64,
    /// Windows decoded or taken from checkpoints.
    pub windows: u64,
    /// Those that were left out as silence.
    pub dropped_silence: u64,
    /// Those taken from checkpoints.
    pub resumed_windows: u64,
    /// Segments by their marks.
    pub flags: BTreeMap<&'static str, u64>,
    /// Windows and parts of windows that were decoded again, by what was wrong with the text and the temperature that it
    /// was tried at next.
    pub again: Vec<Again>,
    /// Seconds that decoding the audio took, those included in which a pipe was waited for.
    pub audio_decode_s: f64,
    /// Seconds in the voice detector, and in cutting windows where it hears speech.
    pub voice_s: f64,
    /// Seconds in the windows' spectrograms.
    pub mel_s: f64,
    /// Where the time of the thread that owns the model went.
    pub clockwork: Clockwork,
}

/// How often something was decoded again for one cause and at one temperature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Again {
    /// What was wrong with the text before.
    pub cause: Cause,
    /// The temperature that came next.
    pub temperature: f32,
    /// How often.
    pub times: u64,
}

/// The tally of an engine that runs; clones add to the same.
#[derive(Clone, Default)]
pub(super) struct Counter(Arc<Mutex<Tally>>);

impl Counter {
    /// Counts what takes its time here.
    pub(super) fn timed<T>(&self, preparing: Preparing, work: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = work();
        self.add(preparing, started.elapsed());
        done
    }

    pub(super) fn again(&self, cause: Cause, temperature: f32) {
        let mut tally = self.lock();
        let known = tally.again.iter_mut().find(|one| one.cause == cause && one.temperature == temperature);
        match known {
            Some(known) => known.times += 1,
            None => tally.again.push(Again { cause, temperature, times: 1 }),
        }
    }

    pub(super) fn transcript(&self, transcript: &Transcript) {
        let mut tally = self.lock();
        let info = &transcript.info;
        tally.transcripts += 1;
        tally.audio_s += asked_for(info);
        tally.speech_s += info.speech_duration.seconds();
        tally.uncovered_s += info.uncovered_speech.seconds();
        tally.windows += info.windows;
        tally.dropped_silence += info.dropped_silence;
        tally.resumed_windows += info.resumed_windows;
        for flag in transcript.segments.iter().flat_map(|segment| &segment.flags) {
            *tally.flags.entry(flag.name()).or_default() += 1;
        }
    }

    pub(super) fn told(&self, clockwork: Clockwork) -> Tally {
        Tally { clockwork, ..self.lock().clone() }
    }

    fn add(&self, preparing: Preparing, time: Duration) {
        let mut tally = self.lock();
        let sum = match preparing {
            Preparing::Audio => &mut tally.audio_decode_s,
            Preparing::Voice => &mut tally.voice_s,
            Preparing::Spectrogram => &mut tally.mel_s,
        };
        *sum += time.as_secs_f64();
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds of the recording that there are, and were asked for.
fn asked_for(info: &TranscriptInfo) -> f64 {
    if info.ranges.is_empty() {
        return info.duration.seconds();
    }
    let within =
        |range: &Span| range.end.min(info.duration).seconds() - range.start.min(info.duration).seconds();
    info.ranges.iter().map(within).sum()
}
