//! Two things about mp4 that symphonia leaves to others: which part of the audio is the recording, and files that were
//! cut off.
//!
//! Encoders put a few hundredths of a second before a recording, and an edit list says how much; without it all times
//! would be late by as much.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use symphonia::core::io::MediaSource;

/// A larger index than this belongs to no recording.
const LARGEST_INDEX_BYTES: u64 = 256 * 1024 * 1024;

/// What the edit list says of one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// The track's number.
    pub(super) track: u32,
    /// Ticks a second of the two below.
    pub(super) timescale: u32,
    /// How much at the beginning is no part of it.
    pub(super) skip: u64,
    /// How much there is of it.
    pub(super) length: Option<u64>,
}

impl Default for Edit {
    fn default() -> Self {
        Self { track: 0, timescale: 1, skip: 0, length: None }
    }
}

impl Edit {
    /// The same, counted in frames.
    pub(super) fn at_rate(self, rate: u32) -> Self {
        let frames = |ticks: u64| {
            let frames = u128::from(ticks) * u128::from(rate) / u128::from(self.timescale.max(1));
            u64::try_from(frames).unwrap_or(u64::MAX)
        };
        Self { timescale: rate, skip: frames(self.skip), length: self.length.map(frames), ..self }
    }
}

/// What the boxes of a file say. Anything that is not as expected says nothing.
#[derive(Default)]
pub(super) struct Layout {
    /// One for each track that has any.
    pub(super) edits: Vec<Edit>,
    /// How long the file is by its own account, if it is longer than it is.
    announced: Option<u64>,
}

impl Layout {
    /// Reads a file's layout and goes back to its beginning.
    pub(super) fn read(file: &mut File) -> io::Result<Self> {
        let mut layout = Self::default();
        // Where there are no boxes, the layout stays empty.
        let _ = layout.walk(file);
        file.seek(SeekFrom::Start(0))?;
        Ok(layout)
    }

    fn walk(&mut self, file: &mut File) -> io::Result<()> {
        let end = file.metadata()?.len();
        let mut indexed = false;
        let mut at = 0_u64;
        while at < end {
            file.seek(SeekFrom::Start(at))?;
            let mut head = [0; 16];
            file.read_exact(&mut head[..8])?;
            let short = u64::from(big_endian(&head[..4]));
            let (length, header) = if short == 1 {
                file.read_exact(&mut head[8..])?;
                (u64::from(big_endian(&head[8..12])) << 32 | u64::from(big_endian(&head[12..])), 16)
            } else {
                (short, 8)
            };
            if at == 0 && &head[4..8] != b"ftyp" || length < header {
                return Ok(());
            }
            if &head[4..8] == b"moov" {
                let mut index = Vec::new();
                (&mut *file).take((length - header).min(LARGEST_INDEX_BYTES)).read_to_end(&mut index)?;
                self.edits = edits_of(&index);
                indexed = true;
            }
            at = at.saturating_add(length);
        }
        self.announced = Some(at).filter(|at| indexed && *at > end);
        Ok(())
    }

    /// The file as symphonia has to see it: it takes a box that is cut off for none at all.
    pub(super) fn media(&self, file: File) -> Box<dyn MediaSource> {
        match self.announced {
            Some(announced) => Box::new(CutOff { file, announced }),
            None => Box::new(file),
        }
    }
}

/// A file that says it is as long as it was before its end was cut off. Reading stops where there is nothing.
struct CutOff {
    file: File,
    announced: u64,
}

impl Read for CutOff {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.read(into)
    }
}

impl Seek for CutOff {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::End(0) => Ok(self.announced),
            to => self.file.seek(to),
        }
    }
}

impl MediaSource for CutOff {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        // Nobody has to look for tags at an end that is not there.
        None
    }
}

fn edits_of(index: &[u8]) -> Vec<Edit> {
    let scale = find(index, b"mvhd").map_or(0, |header| match header.first() {
        Some(1) => big_endian(header.get(20..24).unwrap_or_default()),
        _ => big_endian(header.get(12..16).unwrap_or_default()),
    });
    boxes(index).filter(|(name, _)| name == b"trak").filter_map(|(_, track)| edit_of(track, scale)).collect()
}

/// `scale`: ticks a second of the whole, in which an edit's length is told.
fn edit_of(track: &[u8], scale: u32) -> Option<Edit> {
    let header = find(track, b"tkhd")?;
    let number = header.get(if header.first() == Some(&1) { 20..24 } else { 12..16 })?;
    let media = find(find(track, b"mdia")?, b"mdhd")?;
    let timescale = media.get(if media.first() == Some(&1) { 20..24 } else { 12..16 })?;
    let timescale = big_endian(timescale);
    let list = find(find(track, b"edts")?, b"elst")?;
    let wide = list.first() == Some(&1);
    let size = if wide { 20 } else { 12 };
    let count = big_endian(list.get(4..8)?) as usize;
    let mut parts = list.get(8..)?.chunks_exact(size).take(count).filter_map(|entry| {
        let word = |at: usize| u64::from(big_endian(&entry[at..at + 4]));
        let (length, start) = if wide {
            (word(0) << 32 | word(4), word(8) << 32 | word(12))
        } else {
            (word(0), word(4) | if entry[4] & 0x80 == 0 { 0 } else { u64::from(u32::MAX) << 32 })
        };
        // Minus one is a pause before the track begins.
        (start != u64::MAX).then_some((length, start))
    });
    let (length, start) = parts.next()?;
    // A track put together from several parts is played in full.
    if parts.next().is_some() || timescale == 0 || scale == 0 {
        return None;
    }
    let length = u64::try_from(u128::from(length) * u128::from(timescale) / u128::from(scale)).ok()?;
    Some(Edit {
        track: big_endian(number),
        timescale,
        skip: start,
        length: Some(length).filter(|length| *length > 0),
    })
}

fn find<'a>(inside: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(inside).find(|(name, _)| name == wanted).map(|(_, contents)| contents)
}

/// The boxes side by side in `inside`, each with its name.
fn boxes(mut inside: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let length = big_endian(inside.get(..4)?) as usize;
        let name = *inside.get(4..8)?.first_chunk()?;
        let contents = inside.get(8..length.min(inside.len()))?;
        inside = &inside[length.min(inside.len())..];
        Some((name, contents))
    })
}

fn big_endian(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte))
}
