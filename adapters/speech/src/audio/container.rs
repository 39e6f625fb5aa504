//! Audio files that are decoded here: wav, aiff, caf, flac, mp3, aac and alac in mp4, vorbis in ogg, matroska.
//!
//! Where timestamps tell that audio is missing, silence stands in for it. Frames of mp3 have none: what follows lost
//! frames comes earlier by them, and only the end tells, if the file announces its length.

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::common::Limit;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use commands::ports::transcription::{SAMPLE_RATE, Samples};

use super::error::AudioError;
use super::mp4::Edit;
use super::resample::exact;
use super::{Decoder, Step};

/// Rates outside are a damaged header's; a resampler for them would take gigabytes.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=768_000;
/// Errors in a row, with nothing decoded between them, after which the rest is given up.
const MOST_ERRORS: u32 = 500;
/// Timestamps that are ahead of the audio by more than this, in seconds, mean that something is missing.
const HOLE_SECONDS: f64 = 0.1;
/// The same where timestamps count frames, and are not rounded.
const EXACT_HOLE_SECONDS: f64 = 0.005;
/// A hole longer than this, in seconds, is a damaged timestamp's.
const LONGEST_HOLE_SECONDS: f64 = 24.0 * 3_600.0;

/// Audio that ends this much before its stated length, 0.05 s, has ended: encoders add as much, and containers round.
const ROUNDED: Samples = Samples(SAMPLE_RATE / 20);

/// What the first bytes say, wherever a file's name may point.
pub(super) fn recognises(head: &[u8]) -> bool {
    let at = |offset: usize, mark: &[u8]| head.get(offset..offset + mark.len()) == Some(mark);
    // Eleven set bits, and no reserved version, layer, bit rate or sampling rate.
    let mpeg = matches!(head, [0xff, second, third, ..]
        if second & 0xe0 == 0xe0 && second & 0x18 != 0x08 && third & 0xf0 != 0xf0 && third & 0x0c != 0x0c);
    at(0, b"RIFF") && at(8, b"WAVE")
        || at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC"))
        || [&b"caff"[..], b"fLaC", b"OggS", b"ID3", b"\x1a\x45\xdf\xa3"].iter().any(|mark| at(0, mark))
        || at(4, b"ftyp")
        || mpeg
}

/// An open file and the decoder of its audio.
pub(super) struct Container {
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    time_base: Option<TimeBase>,
    rate: u32,
    stated: Option<Samples>,
    /// Whether the stated length is the file's word rather than a guess from its size.
    stated_is_sure: bool,
    /// Whether a stream of this format just breaks off at its end.
    end_is_unmarked: bool,
    /// Frames still to be left out at the beginning, and those to be told at most.
    edit: Edit,
    /// The timestamp of the first frame, in seconds, less what was decoded before it.
    origin: Option<f64>,
    /// Frames told so far, silence for lost ones included.
    told: u64,
    /// The same with what the edit leaves out: how far the decoder is.
    passed: u64,
    errors: u32,
    /// A packet that follows a hole, and how many frames of the hole are still to be told.
    held: Option<(Packet, u64)>,
    planes: Vec<Vec<f32>>,
}

impl Container {
    /// Opens it; nothing is decoded yet.
    ///
    /// # Errors
    /// Says why it cannot be decoded here.
    pub(super) fn open(media: Box<dyn MediaSource>, edits: &[Edit]) -> Result<Self, AudioError> {
        guarded(|| Self::try_open(media, edits))?
    }

    fn try_open(media: Box<dyn MediaSource>, edits: &[Edit]) -> Result<Self, AudioError> {
        let seekable = media.is_seekable();
        let stream = MediaSourceStream::new(media, Default::default());
        let mut options = MetadataOptions::default();
        // A cover picture is of no use here.
        options.limit_visual_bytes = Limit::Maximum(0);
        let mut reader = symphonia::default::get_probe()
            .probe(&Hint::new(), stream, FormatOptions::default(), options)
            .map_err(AudioError::Container)?;
        let (track, decoder) = audio_of(reader.as_mut())?;
        let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
            return Err(AudioError::NoCodec);
        };
        let rate = parameters.sample_rate.unwrap_or(0);
        let name = reader.format_info().short_name;
        let is_endless = !seekable && name == "wave" && is_endless(&track, parameters);
        let edit = edits.iter().find(|edit| edit.track == track.id).copied().unwrap_or_default();
        Ok(Self {
            track: track.id,
            time_base: track.time_base,
            rate,
            stated: stated_length(&track, rate, &edit)
                .or_else(|| length_of_all(reader.as_ref()))
                .filter(|_| !is_endless),
            end_is_unmarked: is_endless || !seekable && name == "matroska",
            stated_is_sure: name != "mp3" || track.delay.is_some(),
            edit: edit.at_rate(rate),
            origin: None,
            told: 0,
            passed: 0,
            errors: 0,
            held: None,
            planes: Vec::new(),
            reader,
            decoder,
        })
    }

    fn decode(&mut self, packet: Packet, mono: &mut Vec<f32>) -> Step {
        match self.hole_before(&packet) {
            Some(frames) => {
                self.held = Some((packet, frames));
                self.fill_hole(mono)
            }
            None => self.decode_packet(&packet, mono),
        }
    }

    /// Tells at most a second of a hole, or the packet after it.
    fn fill_hole(&mut self, mono: &mut Vec<f32>) -> Step {
        let Some((packet, left)) = self.held.take() else { return Step::Audio { rate: self.rate } };
        if left == 0 {
            return self.decode_packet(&packet, mono);
        }
        let frames = left.min(u64::from(self.rate));
        mono.resize(mono.len() + frames as usize, 0.0);
        self.told += frames;
        self.passed += frames;
        self.held = Some((packet, left - frames));
        Step::Lost { frames, rate: self.rate, reason: AudioError::Missing }
    }

    fn decode_packet(&mut self, packet: &Packet, mono: &mut Vec<f32>) -> Step {
        let reason = match self.decoder.decode(packet) {
            Ok(decoded) => {
                let (rate, frames) = (decoded.spec().rate(), decoded.frames());
                if !RATES.contains(&rate) {
                    return Step::Broken(AudioError::Rate(rate));
                }
                let before = mono.len();
                mix_down(&decoded, &mut self.planes, mono);
                self.errors = 0;
                if rate != self.rate {
                    self.origin = None;
                    self.rate = rate;
                    (self.told, self.passed) = (0, 0);
                }
                if self.told == 0 && self.is_half(packet, frames) {
                    return Step::Broken(AudioError::HalfBand);
                }
                self.cut(before, mono);
                return Step::Audio { rate };
            }
            Err(Error::ResetRequired) => return self.begin_anew(),
            Err(error) => AudioError::Packet(error),
        };
        self.errors += 1;
        if self.errors > MOST_ERRORS {
            return Step::Broken(reason);
        }
        let frames = self.ticks_to_frames(packet.dur.get());
        let before = mono.len();
        mono.resize(before + usize::try_from(frames).unwrap_or(0), 0.0);
        self.cut(before, mono);
        Step::Lost { frames: (mono.len() - before) as u64, rate: self.rate, reason }
    }

    /// Leaves out what the container says is no part of the recording.
    fn cut(&mut self, from: usize, mono: &mut Vec<f32>) {
        self.passed += (mono.len() - from) as u64;
        let skipped = usize::try_from(self.edit.skip).unwrap_or(usize::MAX).min(mono.len() - from);
        mono.drain(from..from + skipped);
        self.edit.skip -= skipped as u64;
        self.told += (mono.len() - from) as u64;
        if let Some(length) = self.edit.length
            && self.told > length
        {
            let surplus = usize::try_from(self.told - length).unwrap_or(usize::MAX).min(mono.len() - from);
            mono.truncate(mono.len() - surplus);
            self.told = length;
        }
    }

    /// Frames that the timestamps say are missing before this packet.
    fn hole_before(&mut self, packet: &Packet) -> Option<u64> {
        let base = self.time_base?;
        // What an encoder put before the recording may fill whole packets. They have a time, but no audio of the recording
        // that it could be compared with.
        if packet.trim_start.get() > 0 && packet.trim_start.get() >= packet.dur.get() {
            return None;
        }
        let (rate, ticks) =
            (f64::from(self.rate.max(1)), packet.pts.get().saturating_add_unsigned(packet.trim_start.get()));
        let seconds = ticks as f64 * f64::from(base.numer.get()) / f64::from(base.denom.get());
        let passed = self.passed as f64 / rate;
        let ahead = seconds - *self.origin.get_or_insert(seconds - passed) - passed;
        let exact = base.numer.get() == 1 && base.denom.get() == self.rate;
        let least = if exact { EXACT_HOLE_SECONDS } else { HOLE_SECONDS };
        // A timestamp past the end is a damaged one.
        let after = Samples::from_seconds(self.told as f64 / rate + ahead - 1.0);
        let plausible = ahead <= LONGEST_HOLE_SECONDS
            && self.stated.is_none_or(|stated| !self.stated_is_sure || after <= stated);
        if ahead > least && plausible {
            return Some((ahead * rate).round() as u64);
        }
        if ahead.abs() > HOLE_SECONDS {
            self.origin = Some(seconds - passed);
        }
        None
    }

    /// Whether a packet lasts twice as long as its audio: a decoder that leaves out the upper half of the band.
    fn is_half(&self, packet: &Packet, frames: usize) -> bool {
        let expected = self.ticks_to_frames(packet.block_dur().get());
        frames > 0 && expected > (frames as u64) * 3 / 2 && self.reader.format_info().short_name == "isomp4"
    }

    fn ticks_to_frames(&self, ticks: u64) -> u64 {
        self.time_base.map_or(0, |base| {
            let ticks = u128::from(ticks) * u128::from(base.numer.get()) * u128::from(self.rate);
            u64::try_from(ticks / u128::from(base.denom.get())).unwrap_or(0).min(u64::from(self.rate) * 60)
        })
    }

    /// One recording follows another in the same stream, as radio in ogg does.
    fn begin_anew(&mut self) -> Step {
        match audio_of(self.reader.as_mut()) {
            Ok((track, decoder)) => {
                (self.track, self.time_base, self.decoder) = (track.id, track.time_base, decoder);
                self.origin = None;
                self.stated_is_sure = false;
                Step::Audio { rate: self.rate }
            }
            Err(reason) => Step::Broken(reason),
        }
    }

    fn end(&self, reason: Option<AudioError>) -> Step {
        let told = exact(self.told, self.rate);
        match self.stated {
            Some(stated) if self.stated_is_sure && told + ROUNDED.0 < stated.0 => {
                Step::Short { until: stated }
            }
            _ => reason.map_or(Step::End, Step::Broken),
        }
    }
}

impl Decoder for Container {
    fn stated(&self) -> Option<Samples> {
        self.stated
    }

    fn next(&mut self, mono: &mut Vec<f32>) -> Step {
        guarded(|| self.step(mono)).unwrap_or_else(Step::Broken)
    }
}

/// A file can hold anything, and a decoder that panics over it must not take the engine with it.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, AudioError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|_| AudioError::Panicked)
}

impl Container {
    fn step(&mut self, mono: &mut Vec<f32>) -> Step {
        if self.held.is_some() {
            return self.fill_hole(mono);
        }
        if self.edit.length == Some(self.told) {
            return Step::End;
        }
        match self.reader.next_packet() {
            Ok(Some(packet)) if packet.track_id == self.track => self.decode(packet, mono),
            Ok(Some(_)) => Step::Audio { rate: self.rate },
            Ok(None) => self.end(None),
            Err(Error::ResetRequired) => self.begin_anew(),
            Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                self.end((!self.end_is_unmarked).then_some(AudioError::BreaksOff))
            }
            Err(Error::IoError(error)) => Step::Broken(AudioError::Interrupted(error)),
            Err(error) if self.errors >= MOST_ERRORS => Step::Broken(AudioError::Damaged(error)),
            Err(_) => {
                self.errors += 1;
                Step::Audio { rate: self.rate }
            }
        }
    }
}

/// The track to listen to, and a decoder for it.
fn audio_of(reader: &mut dyn FormatReader) -> Result<(Track, Box<dyn AudioDecoder>), AudioError> {
    let track = reader.default_track(TrackType::Audio).ok_or(AudioError::NoTrack)?.clone();
    let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
        return Err(AudioError::NoCodec);
    };
    if let Some(rate) = parameters.sample_rate.filter(|rate| !RATES.contains(rate)) {
        return Err(AudioError::Rate(rate));
    }
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(AudioError::Codec)?;
    Ok((track, decoder))
}

fn stated_length(track: &Track, rate: u32, edit: &Edit) -> Option<Samples> {
    if let Some(length) = edit.length {
        return Some(Samples(exact(length, edit.timescale)));
    }
    let skip = exact(edit.skip, edit.timescale);
    let frames = track.num_frames.filter(|_| rate > 0).map(|frames| exact(frames, rate));
    let length = frames.or_else(|| {
        let seconds = track.time_base?.calc_duration(track.duration?)?.as_secs_f64();
        Some(Samples::from_seconds(seconds).0)
    });
    length.filter(|length| *length > 0).map(|length| Samples(length.saturating_sub(skip)))
}

/// Whether the length of a wav stream is none, or the one that recorders write into a header when they do not know it
/// yet: the most, or half of the most, that there is room for.
fn is_endless(track: &Track, parameters: &AudioCodecParameters) -> bool {
    let Some(frames) = track.num_frames else { return true };
    let bits = u64::from(parameters.bits_per_sample.unwrap_or(16));
    let channels = parameters.channels.as_ref().map_or(1, |channels| channels.count() as u64);
    let bytes = frames.saturating_mul(channels * bits.div_ceil(8));
    (0x7fff_0000..0x8000_0000).contains(&bytes) || (0xffff_0000..=0xffff_ffff).contains(&bytes)
}

/// The length of a container that states none for each track.
fn length_of_all(reader: &dyn FormatReader) -> Option<Samples> {
    let all = reader.media_info();
    let seconds = all.time_base?.calc_duration(all.duration?)?.as_secs_f64();
    Some(Samples::from_seconds(seconds)).filter(|length| length.0 > 0)
}

/// Appends the mean of all channels; what is no number becomes silence.
fn mix_down(decoded: &GenericAudioBufferRef<'_>, planes: &mut Vec<Vec<f32>>, mono: &mut Vec<f32>) {
    decoded.copy_to_vecs_planar::<f32>(planes);
    let channels = planes.len();
    let Some((first, others)) = planes.split_first() else { return };
    let before = mono.len();
    mono.extend_from_slice(first);
    for other in others {
        for (sum, sample) in mono[before..].iter_mut().zip(other) {
            *sum += sample;
        }
    }
    if channels > 1 {
        for sum in &mut mono[before..] {
            *sum /= channels as f32;
        }
    }
}
