//! A job's own threads' work: open the audio, listen for speech, cut windows, compute their spectrograms. It runs ahead
//! of the decoder by a fixed number of windows, so that an hour of audio takes no more memory than a minute.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use commands::ports::transcription::{
    Cancel, LostPart, LostTo, Options, SAMPLE_RATE, Samples, Source, Span, SpokenLanguage, TranscriptionError,
};

use super::audio::{Audio, ExternalDecoders};
use super::mel::{Spectrogram, SpectrogramError};
use super::running_model::RunningModel;
use super::scheduler::Features;
use super::tally::{Counter, Preparing};
use super::voice::{VoiceError, VoiceModel};
use super::window::PreparedWindow;
use super::windows::{Listener, Window};

/// Audio that is decoded around a range, so that its first and last words are whole.
const AROUND: u64 = SAMPLE_RATE;

/// The pause at which another language may begin.
const CHANGE_OF_LANGUAGE: Samples = Samples(2 * SAMPLE_RATE);

/// What a feeder tells.
pub(super) enum Fed {
    /// The audio is open.
    Opened {
        /// How long it says it is.
        duration: Option<Samples>,
    },
    /// The next window.
    Window(Box<PreparedWindow>),
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
    voice: VoiceModel,
    spectrogram: Spectrogram,
    options: Options,
    permits: Permits,
    /// Ends the feeder; not the caller's, since a feeder ends when its job does for whatever reason.
    cancel: Cancel,
    at_work: AtWork,
    counter: Counter,
}

/// Whether a feeder works on what it has read. Only then does it use ONNX Runtime, which must not be called any more
/// when its process ends.
#[derive(Clone, Default)]
struct AtWork(Arc<(Mutex<bool>, Condvar)>);

impl AtWork {
    fn set(&self, at_work: bool) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = at_work;
        self.0.1.notify_all();
    }

    /// Waits until nobody is at work.
    fn wait(&self) {
        let (at_work, changed) = &*self.0;
        let mut at_work = at_work.lock().unwrap_or_else(PoisonError::into_inner);
        while *at_work {
            at_work = changed.wait(at_work).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct IdleOnDrop<'d>(&'d AtWork);

impl Drop for IdleOnDrop<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// A running feeder. It is ended when this is dropped, and waited for: nothing of it uses the voice detector afterwards.
pub(super) struct Feeding {
    thread: Option<JoinHandle<()>>,
    /// Whether the source may keep a reader waiting for ever, as a pipe does.
    may_never_end: bool,
    cancel: Cancel,
    permits: Permits,
    at_work: AtWork,
}

impl Drop for Feeding {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.permits.close();
        // What waits for a pipe finds that it is over as soon as something comes.
        if self.may_never_end {
            self.at_work.wait();
        } else if let Some(thread) = self.thread.take() {
            // What fell over in it was told by itself.
            let _ = thread.join();
        }
    }
}

/// Why a feeder stopped early.
enum StoppedEarly {
    /// Nobody listens any more.
    Unheard,
    /// The audio, or the voice detector.
    Error(TranscriptionError),
}

impl From<TranscriptionError> for StoppedEarly {
    fn from(error: TranscriptionError) -> Self {
        Self::Error(error)
    }
}

impl From<VoiceError> for StoppedEarly {
    fn from(error: VoiceError) -> Self {
        Self::Error(TranscriptionError::Engine(error.into()))
    }
}

impl From<SpectrogramError> for StoppedEarly {
    fn from(error: SpectrogramError) -> Self {
        Self::Error(TranscriptionError::Engine(error.into()))
    }
}

impl Feeder {
    /// One that prepares at most as many windows at once as there are permits.
    pub(super) fn new(model: &RunningModel, options: Options, permits: Permits) -> Self {
        Self {
            voice: model.loaded.voice.clone(),
            spectrogram: model.spectrogram.clone(),
            options,
            permits,
            cancel: Cancel::default(),
            at_work: AtWork::default(),
            counter: model.counter.clone(),
        }
    }

    /// Starts a thread that tells what it has through `tell`, until that answers false or the answer is dropped.
    pub(super) fn start(
        self,
        source: Source,
        tell: impl Fn(Fed) -> bool + Send + 'static,
    ) -> std::io::Result<Feeding> {
        let may_never_end = match &source {
            Source::Stream { .. } => true,
            Source::File(path) => !std::fs::metadata(path).is_ok_and(|kind| kind.is_file()),
        };
        let (cancel, permits, at_work) = (self.cancel.clone(), self.permits.clone(), self.at_work.clone());
        let run = move || {
            let _left = IdleOnDrop(&self.at_work);
            let mut feed = Feed { feeder: &self, tell: &tell, number: 0, speech: 0 };
            // Whoever waits for this thread is told even if it falls over.
            match catch_unwind(AssertUnwindSafe(|| feed.run(source))) {
                Ok(Ok(()) | Err(StoppedEarly::Unheard)) => {}
                Ok(Err(StoppedEarly::Error(error))) => {
                    tell(Fed::Failed(error));
                }
                Err(_) => {
                    let reason = "the audio could not be prepared: its thread fell over";
                    tell(Fed::Failed(TranscriptionError::Engine(reason.into())));
                }
            }
        };
        let thread = std::thread::Builder::new().name("speech-audio".to_owned()).spawn(run)?;
        Ok(Feeding { thread: Some(thread), may_never_end, cancel, permits, at_work })
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
    fn run(&mut self, source: Source) -> Result<(), StoppedEarly> {
        let mut audio = Audio::open(source, &ExternalDecoders::installed())?;
        self.say(Fed::Opened { duration: audio.stated_duration() })?;
        for stretch in self.feeder.stretches() {
            while self.block(&mut audio, stretch.start)?.is_some() {}
            self.stretch(&mut audio, stretch)?;
        }
        let ranges = &self.feeder.options.ranges;
        // Behind the last range nobody has listened.
        let stated = audio.stated_duration().filter(|_| !ranges.is_empty() && !audio.is_over());
        let duration = stated.unwrap_or_default().max(audio.position());
        let mut lost = audio.lost().to_vec();
        lost.extend(ranges.iter().filter(|range| range.start >= duration).map(|range| LostPart {
            start: range.start,
            end: range.end,
            to: LostTo::Audio,
            reason: format!("the recording ends before this range, after {:.1} s", duration.seconds()),
        }));
        self.say(Fed::End { duration, speech: Samples(self.speech), lost })
    }

    fn stretch(&mut self, audio: &mut Audio, stretch: Span) -> Result<(), StoppedEarly> {
        let start = audio.position();
        let mut listener = Listener::new(Some(&self.feeder.voice), self.feeder.options.voice, start);
        if self.feeder.options.language == SpokenLanguage::Multilingual {
            listener = listener.ending_at(CHANGE_OF_LANGUAGE);
        }
        let mut windows = Vec::new();
        while let Some(block) = self.block(audio, stretch.end)? {
            self.feeder.counter.timed(Preparing::Voice, || listener.push(block, &mut windows))?;
            self.give(&mut windows)?;
        }
        let counter = &self.feeder.counter;
        self.speech += counter.timed(Preparing::Voice, || listener.finish(&mut windows))?.0;
        self.give(&mut windows)
    }

    /// The next audio before `until`. Hours may have nothing to tell, so whether somebody still listens is looked up for
    /// each block.
    fn block<'a>(&self, audio: &'a mut Audio, until: Samples) -> Result<Option<&'a [f32]>, StoppedEarly> {
        self.feeder.at_work.set(false);
        let block = self.feeder.counter.timed(Preparing::Audio, || audio.next_block_until(until));
        self.feeder.at_work.set(true);
        if self.feeder.cancel.is_cancelled() { Err(StoppedEarly::Unheard) } else { Ok(block?) }
    }

    fn give(&mut self, windows: &mut Vec<Window>) -> Result<(), StoppedEarly> {
        for window in windows.drain(..) {
            if !self.feeder.permits.take() {
                return Err(StoppedEarly::Unheard);
            }
            let spectrogram = self
                .feeder
                .counter
                .timed(Preparing::Spectrogram, || self.feeder.spectrogram.of(&window.samples))?;
            let prepared = PreparedWindow {
                number: self.number,
                digest: window.digest(),
                features: Features::Spectrogram(Arc::new(spectrogram)),
                window,
            };
            self.number += 1;
            self.say(Fed::Window(Box::new(prepared)))?;
        }
        Ok(())
    }

    fn say(&self, fed: Fed) -> Result<(), StoppedEarly> {
        if self.feeder.cancel.is_cancelled() || !(self.tell)(fed) {
            Err(StoppedEarly::Unheard)
        } else {
            Ok(())
        }
    }
}
