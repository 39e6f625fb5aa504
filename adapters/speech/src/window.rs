//! One window between the steps: prepared for the model, and what it came to.

use commands::ports::transcription::{LanguageGuess, Segment, Span};
use serde::{Deserialize, Serialize};

use super::scheduler::Features;
use super::windows::Window;

/// A window, ready for the model.
#[derive(Clone)]
pub(super) struct PreparedWindow {
    /// Its number in the recording.
    pub number: u64,
    /// The window.
    pub window: Window,
    /// Names it in a checkpoint.
    pub digest: String,
    /// Its spectrogram, or what became of it.
    pub features: Features,
}

/// What a window came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct WindowResult {
    /// In source time, in order.
    pub segments: Vec<Segment>,
    /// Whether it was left out as silence: the model heard nobody, and nobody else did.
    pub silent: bool,
    /// Why the engine gave no text for a part of it, with its span in the source.
    pub failed: Vec<(Span, String)>,
    /// Speech in it that got no text, in the source, however often it was decoded.
    pub uncovered: Vec<Span>,
    /// Why some of its words have no times although they were asked for.
    pub untimed: Option<String>,
    /// Its language, where each window was asked for its own.
    pub language: Option<LanguageGuess>,
}

impl WindowResult {
    /// A window that the engine failed on as a whole.
    pub(super) fn lost(window: &Window, reason: String) -> Self {
        Self { failed: vec![(Span::new(window.start(), window.end()), reason)], ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use commands::ports::transcription::Samples;

    use super::*;

    #[test]
    fn a_result_is_written_as_checkpoints_hold_it() {
        let span = |start, end| Span::new(Samples(start), Samples(end));
        let result = WindowResult {
            failed: vec![(span(0, 5), "no memory".to_owned())],
            uncovered: vec![span(7, 9)],
            ..WindowResult::default()
        };
        assert_eq!(
            serde_json::to_string(&result).unwrap(),
            r#"{"segments":[],"silent":false,"failed":[[{"start":0,"end":5},"no memory"]],"uncovered":[{"start":7,"end":9}],"untimed":null,"language":null}"#
        );
    }
}
