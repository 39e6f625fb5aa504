//! Why audio cannot be decoded, and how the port is told of it.

use std::io;
use std::path::PathBuf;

use rubato::audioadapter_buffers::SizeError;
use rubato::{ResampleError, ResamplerConstructionError};

use commands::ports::transcription::TranscriptionError;

use crate::wording::in_full;

/// Why a source, or a part of one, cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum AudioError {
    /// The system does not let it be read.
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
    /// It has no bytes.
    #[error("it is empty")]
    Empty,
    /// Its first bytes are those of no format that is decoded here.
    #[error("its contents are no audio format that is known here")]
    UnknownFormat,
    /// It ends before any audio comes.
    #[error("it has no audio in it")]
    NoAudio,
    /// None of its tracks is audio.
    #[error("it has no audio that is known here")]
    NoTrack,
    /// Its track does not tell what it is coded with.
    #[error("it names no audio codec")]
    NoCodec,
    /// Frames a second that only a damaged header tells.
    #[error("its sampling rate of {0} Hz is out of the question")]
    Rate(u32),
    /// A codec of which the decoder leaves out the upper half.
    #[error("only half of its band can be decoded here (HE-AAC)")]
    HalfBand,
    /// The container is damaged, or of a kind that is not known.
    #[error("its container cannot be opened")]
    Container(#[source] symphonia::core::errors::Error),
    /// There is no decoder for its codec.
    #[error("its codec is not known here")]
    Codec(#[source] symphonia::core::errors::Error),
    /// The decoder refuses a stretch of it.
    #[error("its audio is damaged")]
    Packet(#[source] symphonia::core::errors::Error),
    /// The container is damaged behind its beginning.
    #[error("its container is damaged")]
    Damaged(#[source] symphonia::core::errors::Error),
    /// The system does not let it be read to its end.
    #[error("the file cannot be read on")]
    Interrupted(#[source] io::Error),
    /// Its timestamps leave something out.
    #[error("audio is missing here")]
    Missing,
    /// It ends within a packet.
    #[error("the file ends in the middle of its audio")]
    BreaksOff,
    /// It ends before the length that its container states.
    #[error("the file ends before the audio that it announces")]
    Short,
    /// Steps without end, and no audio.
    #[error("nothing in it can be decoded")]
    Nothing,
    /// All of it is lost, for this reason.
    #[error("{0}")]
    AllLost(String),
    /// A decoder that fell over.
    #[error("the decoder cannot cope with what is in it")]
    Panicked,
    /// It cannot be resampled.
    #[error("audio of {rate} Hz cannot be resampled")]
    Resampler {
        /// Frames a second.
        rate: u32,
        /// What the resampler says.
        #[source]
        source: ResamplerConstructionError,
    },
    /// The resampler failed.
    #[error("the audio cannot be resampled")]
    Resample(#[source] ResampleError),
    /// The resampler was given a block of another length than it wants.
    #[error("a block of audio cannot be resampled")]
    ResampledBlock(#[source] SizeError),
    /// It would take ffmpeg, which is not there.
    #[error(
        "{}. WebM, Opus, video and what else is not wav, flac, mp3, m4a or ogg needs the program ffmpeg, which is not on \
         PATH; install it (on Debian and Ubuntu: apt-get install ffmpeg) and try again",
        refusal.in_full()
    )]
    NeedsFfmpeg {
        /// Why it cannot be decoded without.
        refusal: Box<AudioError>,
    },
    /// Ffmpeg cannot decode it either.
    #[error("{}, and ffmpeg is of no help", refusal.in_full())]
    NorByFfmpeg {
        /// Why it cannot be decoded without.
        refusal: Box<AudioError>,
        /// What became of ffmpeg.
        #[source]
        source: Box<AudioError>,
    },
    /// Ffmpeg did not start.
    #[error("{} did not start", program.display())]
    FfmpegNotStarted {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Ffmpeg was started without a pipe to read from.
    #[error("ffmpeg has no output")]
    FfmpegWithoutOutput,
    /// Ffmpeg failed and did not say why.
    #[error("ffmpeg ended early")]
    FfmpegEndedEarly,
    /// The last that ffmpeg said.
    #[error("ffmpeg says: {0}")]
    FfmpegSaid(String),
}

impl AudioError {
    /// It and everything that lies below it.
    pub(super) fn in_full(&self) -> String {
        in_full(self)
    }

    /// What the port says of the source `name` for it.
    pub(super) fn of(self, name: &str) -> TranscriptionError {
        let name = name.to_owned();
        match self {
            Self::Unreadable(source) => TranscriptionError::Unreadable { name, source },
            other => TranscriptionError::NoAudio { name, reason: other.in_full() },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;
    use symphonia::core::errors::Error as SymphoniaError;

    #[test]
    fn a_reason_tells_each_of_its_causes_once() {
        let error = AudioError::NorByFfmpeg {
            refusal: Box::new(AudioError::Container(SymphoniaError::DecodeError("isomp4: missing moov"))),
            source: Box::new(AudioError::FfmpegNotStarted {
                program: PathBuf::from("ffmpeg"),
                source: io::Error::other("no memory"),
            }),
        };
        assert_eq!(
            error.of("talk.m4a").to_string(),
            "talk.m4a holds no audio that can be decoded: its container cannot be opened: malformed stream: isomp4: \
             missing moov, and ffmpeg is of no help: ffmpeg did not start: no memory"
        );
        let read = AudioError::Interrupted(io::Error::other("a bad sector"));
        assert_eq!(
            (read.to_string(), read.in_full()),
            ("the file cannot be read on".to_owned(), "the file cannot be read on: a bad sector".to_owned(),)
        );
    }

    #[test]
    fn what_cannot_be_read_and_what_cannot_be_decoded_have_codes_of_their_own() {
        let unreadable =
            AudioError::Unreadable(io::Error::from(io::ErrorKind::PermissionDenied)).of("talk.wav");
        assert_eq!(unreadable.code(), "AUDIO_UNREADABLE");
        assert_eq!(unreadable.source().map(ToString::to_string).as_deref(), Some("permission denied"));
        assert_eq!(AudioError::Empty.of("talk.wav").code(), "AUDIO_NOT_DECODABLE");
    }
}
