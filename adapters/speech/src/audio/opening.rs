//! Who decodes a source: symphonia what it knows, ffmpeg the rest.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use symphonia::core::io::MediaSource;

use super::container::{self, Container};
use super::error::AudioError;
use super::ffmpeg::{Ffmpeg, Input};
use super::mp4::{Edit, Layout};
use super::stream::{Rewindable, Spool};
use super::{ExternalDecoders, Primed};

/// The first bytes, by which a format is recognised.
const HEAD_BYTES: usize = 16;

/// A decoder, with the file in which a stream lies if it had to be put into one.
type Opened = (Primed, Option<Spool>);

/// The decoder of what lies at a path.
pub(super) fn path(path: &Path, decoders: &ExternalDecoders) -> Result<Opened, AudioError> {
    let kind = std::fs::metadata(path).map_err(AudioError::Unreadable)?;
    if kind.is_dir() {
        return Err(AudioError::Unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    if !kind.is_file() {
        // A pipe with a name can be read only once.
        return stream(Box::new(File::open(path).map_err(AudioError::Unreadable)?), decoders);
    }
    Ok((file(path, decoders)?, None))
}

fn file(path: &Path, decoders: &ExternalDecoders) -> Result<Primed, AudioError> {
    let mut file = File::open(path).map_err(AudioError::Unreadable)?;
    let mut head = Vec::new();
    (&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(AudioError::Unreadable)?;
    let layout = Layout::read(&mut file).map_err(AudioError::Unreadable)?;
    let refusal = match known(&head)? {
        true => match decoded(layout.media(file), &layout.edits) {
            Ok(decoder) => return Ok(decoder),
            Err(refusal) => refusal,
        },
        false => AudioError::UnknownFormat,
    };
    by_ffmpeg(Input::File(path.to_owned()), refusal, decoders)
}

/// A stream's decoder.
pub(super) fn stream(bytes: Box<dyn Read + Send>, decoders: &ExternalDecoders) -> Result<Opened, AudioError> {
    let stream = Rewindable::new(bytes);
    let head = stream.peek(HEAD_BYTES).map_err(AudioError::Unreadable)?;
    let mut refusal = AudioError::UnknownFormat;
    if head.get(4..8) == Some(b"ftyp") {
        // Its index may stand at the end, and the edit list is part of the index.
        let spool = Spool::fill(stream.rewind()).map_err(AudioError::Unreadable)?;
        return Ok((file(spool.path(), decoders)?, Some(spool)));
    }
    if known(&head)? {
        match decoded(Box::new(stream.clone()), &[]) {
            Ok(decoder) => {
                stream.forget();
                return Ok((decoder, None));
            }
            Err(error) => refusal = error,
        }
    }
    Ok((by_ffmpeg(Input::Stream(stream.rewind()), refusal, decoders)?, None))
}

fn decoded(media: Box<dyn MediaSource>, edits: &[Edit]) -> Result<Primed, AudioError> {
    Primed::try_new(Box::new(Container::open(media, edits)?))
}

/// Whether symphonia should try; what is empty nobody should.
fn known(head: &[u8]) -> Result<bool, AudioError> {
    if head.is_empty() { Err(AudioError::Empty) } else { Ok(container::recognises(head)) }
}

fn by_ffmpeg(input: Input, refusal: AudioError, decoders: &ExternalDecoders) -> Result<Primed, AudioError> {
    let refusal = Box::new(refusal);
    let Some(program) = &decoders.ffmpeg else { return Err(AudioError::NeedsFfmpeg { refusal }) };
    Ffmpeg::start(program, input)
        .and_then(|running| Primed::try_new(Box::new(running)))
        .map_err(|source| AudioError::NorByFfmpeg { refusal, source: Box::new(source) })
}
