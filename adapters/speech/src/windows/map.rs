//! The one map between a window's time and the recording's.

use commands::ports::transcription::Samples;

/// Samples that follow each other both in the recording and in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// The first one's place in the recording.
    pub source_start: u64,
    /// The place after the last one's in the recording.
    pub source_end: u64,
    /// The first one's place in the window.
    pub window_start: u64,
}

impl Piece {
    fn window_end(&self) -> u64 {
        self.window_start + (self.source_end - self.source_start)
    }
}

/// Where a window's samples stand in the recording. Exact both ways: what goes through it and back is the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimeMap(Vec<Piece>);

impl TimeMap {
    /// The pieces, in time order; between two of them silence of the recording is left out.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// How many samples the window has.
    #[must_use]
    pub fn window_length(&self) -> Samples {
        Samples(self.0.last().map_or(0, Piece::window_end))
    }

    /// Puts the samples `start..end` of the recording at the window's end.
    pub(super) fn append(&mut self, start: u64, end: u64) {
        match self.0.last_mut() {
            Some(last) if last.source_end == start => last.source_end = end,
            _ if start == end => {}
            _ => self.0.push(Piece {
                source_start: start,
                source_end: end,
                window_start: self.window_length().0,
            }),
        }
    }

    /// The recording's time at which something begins that begins at `at` in the window. Where silence is left out, that
    /// is after it; past the window's end it is the end.
    #[must_use]
    pub fn source_of_start(&self, at: Samples) -> Samples {
        let piece = self.0.iter().find(|piece| at.0 < piece.window_end()).or(self.0.last());
        Samples(piece.map_or(0, |piece| {
            (piece.source_start + at.0.saturating_sub(piece.window_start)).min(piece.source_end)
        }))
    }

    /// The recording's time at which something ends that ends at `at` in the window. Where silence is left out, that is
    /// before it.
    #[must_use]
    pub fn source_of_end(&self, at: Samples) -> Samples {
        let piece = self.0.iter().find(|piece| at.0 <= piece.window_end()).or(self.0.last());
        Samples(piece.map_or(0, |piece| {
            (piece.source_start + at.0.saturating_sub(piece.window_start)).min(piece.source_end)
        }))
    }

    /// The window's time of a point in the recording. What is left out, and what is outside, is at the nearest point that
    /// is not.
    #[must_use]
    pub fn window_of(&self, at: Samples) -> Samples {
        let piece = self.0.iter().find(|piece| at.0 < piece.source_end);
        Samples(piece.map_or(self.window_length().0, |piece| {
            piece.window_start + at.0.saturating_sub(piece.source_start)
        }))
    }
}
