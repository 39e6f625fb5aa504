//! From a file or a stream to 16 kHz mono, a block at a time: however long a recording is, only a little of it is in
//! memory.
//!
//! What the file is, its contents tell, never its name. Damage is no error: it becomes silence of the same length where
//! the length is known, so that times stay true, and a [`LostPart`].

mod container;
mod error;
mod ffmpeg;
mod mp4;
mod opening;
mod resample;
mod stream;

use std::collections::VecDeque;
use std::path::PathBuf;

use commands::ports::transcription::{LostPart, LostTo, Samples, Source, TranscriptionError};

use error::AudioError;
use resample::Resampler;
use stream::Spool;

/// Lost parts that are told one by one; after them the last one only grows.
const MOST_LOST_PARTS: usize = 200;
/// Twelve decibels above full scale: mixers that count in floats do go beyond it, but not as far. A damaged sample of a
/// float file may be as large as 1e38, whose square is no number any more; and already one of a few thousand is so loud
/// that the spectrogram, which keeps eight powers of ten below its loudest point, would hide the speech beside it.
const LOUDEST: f32 = 4.0;
/// Steps without any audio at the beginning, after which a source is taken for something else.
const MOST_STEPS_TO_AUDIO: u32 = 2_000;

/// What turns a source into mono audio of some rate.
trait Decoder: Send {
    /// The length that the container states.
    fn stated(&self) -> Option<Samples>;
    /// Appends the next stretch to `mono`, which the caller emptied, and says what it is.
    fn next(&mut self, mono: &mut Vec<f32>) -> Step;
}

/// What a [`Decoder`] did.
enum Step {
    /// It appended audio, or nothing yet.
    Audio {
        /// Frames a second.
        rate: u32,
    },
    /// It appended silence for audio that is lost, and perhaps audio after it.
    Lost {
        /// How much silence, at the beginning of what was appended.
        frames: u64,
        /// Frames a second.
        rate: u32,
        /// Why.
        reason: AudioError,
    },
    /// There is no more, although there should be up to this point.
    Short {
        /// The point.
        until: Samples,
    },
    /// There is no more that can be decoded.
    Broken(AudioError),
    /// There is no more.
    End,
}

/// The programs that help with formats that are not decoded here.
#[derive(Debug, Clone)]
pub struct ExternalDecoders {
    /// The program ffmpeg, if there is one.
    pub ffmpeg: Option<PathBuf>,
}

impl ExternalDecoders {
    /// Those on PATH.
    #[must_use]
    pub fn installed() -> Self {
        Self { ffmpeg: ffmpeg::on_path("ffmpeg") }
    }
}

/// A recording that is being decoded: 16 kHz mono, blocks in time order without gaps.
pub struct Audio {
    name: String,
    decoder: Primed,
    /// A stream's temporary file, which has to outlive its decoder.
    _spool: Option<Spool>,
    resampler: Option<Resampler>,
    /// Where the resampler's first sample stands.
    base: u64,
    /// Samples told.
    told: u64,
    mono: Vec<f32>,
    /// What was decoded last, and how much of it was told.
    block: Vec<f32>,
    block_told: usize,
    lost: Vec<LostPart>,
    ended: bool,
}

impl Audio {
    /// Opens a source and decodes its beginning.
    ///
    /// # Errors
    /// [`TranscriptionError::Unreadable`] when it cannot be read, [`TranscriptionError::NoAudio`] when there is nothing
    /// in it that can be decoded, with what would help.
    pub fn open(source: Source, decoders: &ExternalDecoders) -> Result<Self, TranscriptionError> {
        let (name, opened) = match source {
            Source::File(path) => (path.display().to_string(), opening::path(&path, decoders)),
            Source::Stream { name, bytes } => (name, opening::stream(bytes, decoders)),
        };
        let (decoder, spool) = opened.map_err(|error| error.of(&name))?;
        Ok(Self::new(name, decoder, spool))
    }

    fn new(name: String, decoder: Primed, spool: Option<Spool>) -> Self {
        Self {
            name,
            decoder,
            _spool: spool,
            resampler: None,
            base: 0,
            told: 0,
            mono: Vec::new(),
            block: Vec::new(),
            block_told: 0,
            lost: Vec::new(),
            ended: false,
        }
    }

    /// The length that the container states; some state none, and a damaged one may lie.
    #[must_use]
    pub fn stated_duration(&self) -> Option<Samples> {
        self.decoder.stated()
    }

    /// How much was told so far: the place of the next block's first sample.
    #[must_use]
    pub fn position(&self) -> Samples {
        Samples(self.told)
    }

    /// Whether everything that there is was told.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended && self.block_told == self.block.len()
    }

    /// What could not be decoded so far, in time order.
    #[must_use]
    pub fn lost(&self) -> &[LostPart] {
        &self.lost
    }

    /// The next samples, between -1 and 1 as a rule, as many as come in one go; none at the end.
    ///
    /// # Errors
    /// [`TranscriptionError::NoAudio`] when the source ends before any audio came.
    pub fn next_block(&mut self) -> Result<Option<&[f32]>, TranscriptionError> {
        self.next_block_until(Samples(u64::MAX))
    }

    /// The same, but nothing that lies at `until` or behind it, which stays for the next call; none when that point is
    /// reached, and at the end.
    ///
    /// # Errors
    /// As [`Audio::next_block`].
    pub fn next_block_until(&mut self, until: Samples) -> Result<Option<&[f32]>, TranscriptionError> {
        if self.told >= until.0 {
            return Ok(None);
        }
        if self.block_told == self.block.len() {
            self.block.clear();
            self.block_told = 0;
            while self.block.is_empty() && !self.ended {
                self.advance().map_err(|error| error.of(&self.name))?;
            }
        }
        if self.block.is_empty() && self.told == 0 {
            let lost = self.lost.first().map(|lost| AudioError::AllLost(lost.reason.clone()));
            return Err(lost.unwrap_or(AudioError::NoAudio).of(&self.name));
        }
        let from = self.block_told;
        let left = usize::try_from(until.0 - self.told).unwrap_or(usize::MAX);
        let count = left.min(self.block.len() - from);
        self.block_told += count;
        self.told += count as u64;
        Ok((count > 0).then(|| &self.block[from..from + count]))
    }

    /// Decodes one step further.
    fn advance(&mut self) -> Result<(), AudioError> {
        self.mono.clear();
        match self.decoder.next(&mut self.mono) {
            Step::Audio { rate } => self.resample(rate),
            Step::Lost { frames, rate, reason } => {
                let start = self.base + self.resampler.as_ref().map_or(0, Resampler::position);
                self.resample(rate)?;
                self.lose(start, start + resample::exact(frames, rate), &reason);
                Ok(())
            }
            Step::Short { until } => {
                self.finish()?;
                self.lose(self.base, until.0, &AudioError::Short);
                self.ended = true;
                Ok(())
            }
            Step::Broken(reason) => {
                self.finish()?;
                let until = self.decoder.stated().map_or(self.base, |stated| stated.0.max(self.base));
                self.lose(self.base, until, &reason);
                self.ended = true;
                Ok(())
            }
            Step::End => {
                self.ended = true;
                self.finish()
            }
        }
    }

    fn resample(&mut self, rate: u32) -> Result<(), AudioError> {
        if self.mono.is_empty() {
            return Ok(());
        }
        // Before the filter, which would spread them over everything around.
        for sample in &mut self.mono {
            *sample = if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 };
        }
        if self.resampler.as_ref().is_none_or(|resampler| resampler.rate() != rate) {
            self.finish()?;
        }
        let resampler = match &mut self.resampler {
            Some(resampler) => resampler,
            none => none.insert(Resampler::try_new(rate)?),
        };
        resampler.push(&self.mono, &mut self.block)
    }

    /// The audio of this rate is over.
    fn finish(&mut self) -> Result<(), AudioError> {
        let Some(resampler) = self.resampler.take() else { return Ok(()) };
        self.base += resampler.position();
        resampler.finish(&mut self.block)
    }

    fn lose(&mut self, start: u64, end: u64, reason: &AudioError) {
        let reason = reason.in_full();
        let many = self.lost.len() >= MOST_LOST_PARTS;
        match self.lost.last_mut() {
            Some(last) if many || last.reason == reason && start <= last.end.0 => {
                last.end = Samples(end.max(last.end.0));
            }
            _ => {
                let (start, end) = (Samples(start), Samples(end));
                self.lost.push(LostPart { start, end, to: LostTo::Audio, reason });
            }
        }
    }
}

/// A decoder that has proved that it can.
struct Primed {
    decoder: Box<dyn Decoder>,
    first: VecDeque<(Vec<f32>, Step)>,
}

impl Primed {
    /// Decodes the first audio, so that what cannot be decoded is refused before anything is told of it.
    fn try_new(mut decoder: Box<dyn Decoder>) -> Result<Self, AudioError> {
        let mut first = VecDeque::new();
        for _ in 0..MOST_STEPS_TO_AUDIO {
            let mut mono = Vec::new();
            match decoder.next(&mut mono) {
                Step::Audio { .. } if mono.is_empty() => {}
                Step::End | Step::Short { .. } => return Err(AudioError::NoAudio),
                Step::Broken(reason) => return Err(reason),
                step @ Step::Lost { .. } => first.push_back((mono, step)),
                step @ Step::Audio { .. } => {
                    first.push_back((mono, step));
                    return Ok(Self { decoder, first });
                }
            }
        }
        Err(AudioError::Nothing)
    }
}

impl Decoder for Primed {
    fn stated(&self) -> Option<Samples> {
        self.decoder.stated()
    }

    fn next(&mut self, mono: &mut Vec<f32>) -> Step {
        match self.first.pop_front() {
            Some((first, step)) => {
                mono.extend_from_slice(&first);
                step
            }
            None => self.decoder.next(mono),
        }
    }
}
