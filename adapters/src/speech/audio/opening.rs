//! Who decodes a source: symphonia what it knows, ffmpeg the rest.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use symphonia::core::io::MediaSource;

use commands::ports::transcription::TranscriptionError;

use super::container::{self, Container};
use super::ffmpeg::{Ffmpeg, Input};
use super::mp4::{Edit, Layout};
use super::stream::{Rewindable, Spool};
use super::{Decoders, Primed, no_audio, unreadable};

/// The first bytes, by which a format is recognised.
const HEAD_BYTES: usize = 16;

/// A file's decoder. `name` is what messages call it.
pub(super) fn file(path: &Path, name: &str, decoders: &Decoders) -> Result<Primed, TranscriptionError> {
    let mut file = File::open(path).map_err(|error| unreadable(name, error))?;
    let mut head = Vec::new();
    (&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(|error| unreadable(name, error))?;
    let layout = Layout::read(&mut file).map_err(|error| unreadable(name, error))?;
    let refusal = match known(&head, name)? {
        true => match decoded(layout.media(file), &layout.edits) {
            Ok(decoder) => return Ok(decoder),
            Err(reason) => reason,
        },
        false => UNKNOWN.to_owned(),
    };
    by_ffmpeg(Input::File(path.to_owned()), &refusal, name, decoders)
}

/// A stream's decoder, with the file in which the stream lies if it had to be put into one.
pub(super) fn stream(
    bytes: Box<dyn Read + Send>,
    name: &str,
    decoders: &Decoders,
) -> Result<(Primed, Option<Spool>), TranscriptionError> {
    let stream = Rewindable::new(bytes);
    let head = stream.peek(HEAD_BYTES).map_err(|error| unreadable(name, error))?;
    let mut refusal = UNKNOWN.to_owned();
    if head.get(4..8) == Some(b"ftyp") {
        // Its index may stand at the end, and the edit list is part of the index.
        let spool = Spool::fill(stream.rewind()).map_err(|error| unreadable(name, error))?;
        return Ok((file(spool.path(), name, decoders)?, Some(spool)));
    }
    if known(&head, name)? {
        match decoded(Box::new(stream.clone()), &[]) {
            Ok(decoder) => {
                stream.forget();
                return Ok((decoder, None));
            }
            Err(reason) => refusal = reason,
        }
    }
    Ok((by_ffmpeg(Input::Stream(stream.rewind()), &refusal, name, decoders)?, None))
}

fn decoded(media: Box<dyn MediaSource>, edits: &[Edit]) -> Result<Primed, String> {
    Primed::try_new(Box::new(Container::open(media, edits)?))
}

const UNKNOWN: &str = "its contents are no audio format that is known here";

/// Whether symphonia should try; what is empty nobody should.
fn known(head: &[u8], name: &str) -> Result<bool, TranscriptionError> {
    if head.is_empty() {
        return Err(no_audio(name, "it is empty".to_owned()));
    }
    Ok(container::recognises(head))
}

fn by_ffmpeg(
    input: Input,
    refusal: &str,
    name: &str,
    decoders: &Decoders,
) -> Result<Primed, TranscriptionError> {
    let Some(program) = &decoders.ffmpeg else {
        let reason = format!(
            "{refusal}. WebM, Opus, video and what else is not wav, flac, mp3, m4a or ogg needs the program ffmpeg, which \
             is not on PATH; install it (on Debian and Ubuntu: apt-get install ffmpeg) and try again"
        );
        return Err(no_audio(name, reason));
    };
    Ffmpeg::start(program, input)
        .and_then(|running| Primed::try_new(Box::new(running)))
        .map_err(|reason| no_audio(name, format!("{refusal}; {reason}")))
}
