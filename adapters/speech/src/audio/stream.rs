//! A stream that is read once, such as standard input, but whose beginning may have to be read again.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use symphonia::core::io::MediaSource;

/// A stream that keeps what was read of it until it is told that nobody will ask for it again.
#[derive(Clone)]
pub(super) struct Rewindable(Arc<Mutex<Kept>>);

struct Kept {
    bytes: Box<dyn Read + Send>,
    /// What was read so far, while it is still kept.
    head: Option<Vec<u8>>,
}

impl Rewindable {
    /// One that keeps everything for now.
    pub(super) fn new(bytes: Box<dyn Read + Send>) -> Self {
        Self(Arc::new(Mutex::new(Kept { bytes, head: Some(Vec::new()) })))
    }

    /// The first bytes, at most `wanted`; they will be read again.
    pub(super) fn peek(&self, wanted: usize) -> io::Result<Vec<u8>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut head = Vec::new();
        let Kept { bytes, .. } = &mut *kept;
        bytes.take(wanted as u64).read_to_end(&mut head)?;
        let stream = std::mem::replace(&mut kept.bytes, Box::new(io::empty()));
        kept.bytes = Box::new(io::Cursor::new(head.clone()).chain(stream));
        Ok(head)
    }

    /// Nobody will ask for what was read already.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).head = None;
    }

    /// The stream from its very beginning; this one is empty from now on.
    pub(super) fn rewind(&self) -> Box<dyn Read + Send> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let head = kept.head.take().unwrap_or_default();
        let rest = std::mem::replace(&mut kept.bytes, Box::new(io::empty()));
        Box::new(io::Cursor::new(head).chain(rest))
    }
}

impl Read for Rewindable {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = kept.bytes.read(into)?;
        if let Some(head) = &mut kept.head {
            head.extend_from_slice(&into[..read]);
        }
        Ok(read)
    }
}

impl Seek for Rewindable {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::Error::from(io::ErrorKind::NotSeekable))
    }
}

impl MediaSource for Rewindable {
    fn is_seekable(&self) -> bool {
        false
    }

    fn byte_len(&self) -> Option<u64> {
        None
    }
}

/// A whole stream, put into a temporary file that goes away with this.
pub(super) struct Spool(tempfile::NamedTempFile);

impl Spool {
    /// Reads the stream to its end.
    ///
    /// # Errors
    /// When the stream cannot be read, or there is no room for it.
    pub(super) fn fill(mut bytes: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut file = tempfile::Builder::new().prefix("cairn-audio-").tempfile()?;
        io::copy(&mut bytes, file.as_file_mut())?;
        file.as_file_mut().flush()?;
        Ok(Self(file))
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}
