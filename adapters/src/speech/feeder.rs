//! A job's own threads' work: open the audio, listen for speech, cut windows, compute their spectrograms. It runs ahead
//! of the decoder by a fixed number of windows, so that an hour of audio takes no more memory than a minute.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use commands::ports::transcription::{
    Cancel, LostPart, Options, SAMPLE_RATE, Samples, Source, Span, SpokenLanguage, TranscriptionError,
};

use super::audio::{Audio, Decoders};
use super::checkpoint;
use super::mel::Spectrogram;
use super::scheduler::Features;
use super::voice::{VoiceError, VoiceModel};
use super::windows::{Listener, Window};

/// Audio that is decoded around a range, so that its first and last words are whole.
const AROUND: u64 = SAMPLE_RATE;

/// The pause at which another language may begin.
const CHANGE_OF_LANGUAGE: Samples = Samples(2 * SAMPLE_RATE);

/// A window, ready for the model.
#[derive(Clone)]
pub(super) struct Prepared {
    /// Its number in the recording.
    pub number: u64,
    /// The window.
    pub window: Window,
    /// Names it in a checkpoint.
    pub digest: String,
    /// Its spectrogram, or what became of it.
    pub features: Features,
}

/// What a feeder tells.
pub(super) enum Fed {
    /// The audio is open.
    Opened {
        /// How long it says it is.
        duration: Option<Samples>,
    },
    /// The next window.
    Window(Box<Prepared>),
    /// The audio is over.
    End {
        /// How long it was.
        duration: Samples,
        /// How much of it was speech.
        speech: Samples,
        /// What could not be decoded.
        lost: Vec<LostPart>,
    },
    /// There will be nothing more.
    Failed(TranscriptionError),
}

/// How many windows may be on their way at once.
#[derive(Clone)]
pub(super) struct Permits(Arc<(Mutex<Option<usize>>, Condvar)>);

impl Permits {
    pub(super) fn new(count: usize) -> Self {
        Self(Arc::new((Mutex::new(Some(count)), Condvar::new())))
    }

    /// Waits for a permit; false when there will be none.
    fn take(&self) -> bool {
        let (count, changed) = &*self.0;
        let mut left = count.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match left.as_mut() {
                None => return false,
                Some(0) => left = changed.wait(left).unwrap_or_else(PoisonError::into_inner),
                Some(count) => {
                    *count -= 1;
                    return true;
                }
            }
        }
    }

    /// One window is finished.
    pub(super) fn give_back(&self) {
        self.change(|left| *left += 1);
    }

    /// There will be no more.
    pub(super) fn close(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.0.1.notify_all();
    }

    fn change(&self, change: impl FnOnce(&mut usize)) {
        if let Some(left) = self.0.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            change(left);
        }
        self.0.1.notify_all();
    }
}

/// Prepares one recording.
pub(super) struct Feeder {
    pub voice: VoiceModel,
    pub spectrogram: Spectrogram,
    pub options: Options,
    pub permits: Permits,
    pub cancel: Cancel,
}

/// Why a feeder stopped early.
enum Stop {
    /// Nobody listens any more.
    Unheard,
    /// The audio, or the voice detector.
    Error(TranscriptionError),
}

impl From<TranscriptionError> for Stop {
    fn from(error: TranscriptionError) -> Self {
        Self::Error(error)
    }
}

impl From<VoiceError> for Stop {
    fn from(error: VoiceError) -> Self {
        Self::Error(TranscriptionError::Engine(error.to_string()))
    }
}

impl Feeder {
    /// Starts a thread that tells what it has through `tell`, until that answers false.
    pub(super) fn start(
        self,
        source: Source,
        tell: impl Fn(Fed) -> bool + Send + 'static,
    ) -> std::io::Result<()> {
        let run = move || {
            let mut feed = Feed { feeder: &self, tell: &tell, number: 0, speech: 0 };
            // Whoever waits for this thread is told even if it falls over.
            match catch_unwind(AssertUnwindSafe(|| feed.run(source))) {
                Ok(Ok(()) | Err(Stop::Unheard)) => {}
                Ok(Err(Stop::Error(error))) => {
                    tell(Fed::Failed(error));
                }
                Err(_) => {
                    let reason = "the audio could not be prepared: its thread fell over".to_owned();
                    tell(Fed::Failed(TranscriptionError::Engine(reason)));
                }
            }
        };
        std::thread::Builder::new().name("speech-audio".to_owned()).spawn(run).map(|_| ())
    }

    /// The stretches that are listened to: everything, or the ranges with what is around them.
    fn stretches(&self) -> Vec<Span> {
        let mut stretches: Vec<Span> = Vec::new();
        for range in &self.options.ranges {
            let start = Samples(range.start.0.saturating_sub(AROUND));
            let end = Samples(range.end.0.saturating_add(AROUND));
            match stretches.last_mut() {
                Some(last) if start <= last.end => last.end = end,
                _ => stretches.push(Span { start, end }),
            }
        }
        if stretches.is_empty() {
            stretches.push(Span { start: Samples(0), end: Samples(u64::MAX) });
        }
        stretches
    }
}

struct Feed<'f> {
    feeder: &'f Feeder,
    tell: &'f dyn Fn(Fed) -> bool,
    number: u64,
    speech: u64,
}

impl Feed<'_> {
    fn run(&mut self, source: Source) -> Result<(), Stop> {
        let mut audio = Audio::open(source, &Decoders::installed())?;
        self.say(Fed::Opened { duration: audio.stated_duration() })?;
        for stretch in self.feeder.stretches() {
            audio.skip_to(stretch.start)?;
            self.stretch(&mut audio, stretch)?;
        }
        let duration = if self.feeder.options.ranges.is_empty() { None } else { audio.stated_duration() };
        self.say(Fed::End {
            duration: duration.unwrap_or_else(|| audio.position()),
            speech: Samples(self.speech),
            lost: audio.lost().to_vec(),
        })
    }

    fn stretch(&mut self, audio: &mut Audio, stretch: Span) -> Result<(), Stop> {
        let start = audio.position();
        let mut listener = Listener::new(Some(&self.feeder.voice), self.feeder.options.voice, start);
        if self.feeder.options.language == SpokenLanguage::Multilingual {
            listener = listener.ending_at(CHANGE_OF_LANGUAGE);
        }
        let mut windows = Vec::new();
        let mut position = start.0;
        while position < stretch.end.0 {
            let Some(block) = audio.next_block()? else { break };
            // What lies behind the stretch belongs to nobody: the next one begins at least two seconds later.
            let wanted =
                usize::try_from(stretch.end.0 - position).map_or(block.len(), |left| left.min(block.len()));
            position += block.len() as u64;
            listener.push(&block[..wanted], &mut windows)?;
            self.give(&mut windows)?;
        }
        self.speech += listener.finish(&mut windows)?.0;
        self.give(&mut windows)
    }

    fn give(&mut self, windows: &mut Vec<Window>) -> Result<(), Stop> {
        for window in windows.drain(..) {
            if !self.feeder.permits.take() {
                return Err(Stop::Unheard);
            }
            let spectrogram = self.feeder.spectrogram.of(&window.samples);
            let prepared = Prepared {
                number: self.number,
                digest: checkpoint::digest(&window),
                features: Features::Spectrogram(Arc::new(spectrogram)),
                window,
            };
            self.number += 1;
            self.say(Fed::Window(Box::new(prepared)))?;
        }
        Ok(())
    }

    fn say(&self, fed: Fed) -> Result<(), Stop> {
        if self.feeder.cancel.is_cancelled() || !(self.tell)(fed) { Err(Stop::Unheard) } else { Ok(()) }
    }
}
