//! Which part of an mp4's audio is the recording. Encoders put a few hundredths of a second before it, and an edit list
//! says how much; symphonia does not read it, and all times would be late by as much.

use std::io::{Read, Seek, SeekFrom};

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

/// The edits of a file's tracks, and the file at its beginning again. Anything that is not as expected has none.
pub(super) fn read<F: Read + Seek>(file: &mut F) -> std::io::Result<Vec<Edit>> {
    let index = index_of(file);
    file.seek(SeekFrom::Start(0))?;
    Ok(index.ok().flatten().map(|index| edits_of(&index)).unwrap_or_default())
}

/// The contents of the box `moov`.
fn index_of<F: Read + Seek>(file: &mut F) -> std::io::Result<Option<Vec<u8>>> {
    let mut at = 0_u64;
    for _ in 0..1_000 {
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
            return Ok(None);
        }
        if &head[4..8] == b"moov" {
            let mut index = Vec::new();
            file.take((length - header).min(LARGEST_INDEX_BYTES)).read_to_end(&mut index)?;
            return Ok(Some(index));
        }
        at = at.saturating_add(length);
    }
    Ok(None)
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
    // The length is rounded to the whole's ticks, most often a millisecond: none of the track may be lost by that.
    let length = (length > 0).then(|| length + u64::from(timescale.div_ceil(scale)));
    Some(Edit { track: big_endian(number), timescale, skip: start, length })
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
