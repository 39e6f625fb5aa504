//! How a transcript is written.

use std::{fmt::Write, path::Path};

use clap::ValueEnum;

use super::document::Document;
use crate::{
    cli::{Failure, Outcome},
    compose::speech::{Flag, Samples, Segment, Transcript},
};

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line for each segment, with its time; doubtful ones are marked
    Text,
    /// Subtitles for most players
    Srt,
    /// Subtitles for browsers
    Vtt,
    /// Everything that is known, for programs
    Json,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Srt => "srt",
            Self::Vtt => "vtt",
            Self::Json => "json",
        }
    }

    /// What stands before the first segment.
    pub fn head(self) -> &'static str {
        if self == Self::Vtt { "WEBVTT\n\n" } else { "" }
    }

    /// One segment; `number` counts from 1. JSON is written as a whole only.
    pub fn segment(self, number: usize, segment: &Segment) -> String {
        let text = segment.text.trim();
        match self {
            Self::Text => format!("[{}] {text}{}\n", clock(segment.start), marks(&segment.flags)),
            Self::Srt => {
                format!("{number}\n{} --> {}\n{text}\n\n", time(segment.start, ','), time(segment.end, ','))
            }
            // In WebVTT an arrow or a mark-up sign would begin something else.
            Self::Vtt => {
                let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                format!("{} --> {}\n{text}\n\n", time(segment.start, '.'), time(segment.end, '.'))
            }
            Self::Json => String::new(),
        }
    }

    /// The whole document; JSON is indented for people, or a line for programs.
    pub fn whole(self, file: &Path, transcript: &Transcript, indented: bool) -> Outcome<String> {
        if self == Self::Json {
            return json(file, transcript, indented);
        }
        let segments = transcript.segments.iter().enumerate();
        Ok(segments
            .fold(self.head().to_owned(), |text, (place, segment)| text + &self.segment(place + 1, segment)))
    }
}

fn json(file: &Path, transcript: &Transcript, indented: bool) -> Outcome<String> {
    let document = Document::new(file, transcript);
    let written =
        if indented { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
    let text =
        written.map_err(|error| Failure::new("the transcript cannot be written as JSON").because(&error))?;
    Ok(text + "\n")
}

/// `[low_confidence]`, as the JSON names it.
fn marks(flags: &[Flag]) -> String {
    flags.iter().fold(String::new(), |mut marks, flag| {
        let _infallible = write!(marks, " [{}]", flag.name());
        marks
    })
}

/// Minutes and seconds, with hours where there are any.
pub fn clock(at: Samples) -> String {
    let seconds = at.milliseconds() / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

fn time(at: Samples, separator: char) -> String {
    let ms = at.milliseconds();
    format!(
        "{:02}:{:02}:{:02}{separator}{:03}",
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1_000 % 60,
        ms % 1_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::speech::Language;

    fn segment() -> Segment {
        Segment {
            start: Samples::from_seconds(3_661.5),
            end: Samples::from_seconds(3_662.25),
            text: " seven <b> eight ".to_owned(),
            tokens: vec![1],
            words: None,
            avg_logprob: -0.1,
            compression_ratio: 1.0,
            no_speech_prob: 0.0,
            temperature: 0.0,
            language: Language("en".to_owned()),
            flags: vec![Flag::LowConfidence, Flag::Rate],
        }
    }

    #[test]
    fn text_tells_the_time_and_the_doubts() {
        assert_eq!(
            Format::Text.segment(1, &segment()),
            "[1:01:01] seven <b> eight [low_confidence] [rate]\n"
        );
    }

    #[test]
    fn subtitles_have_milliseconds_and_no_markup() {
        assert_eq!(
            Format::Srt.segment(2, &segment()),
            "2\n01:01:01,500 --> 01:01:02,250\nseven <b> eight\n\n"
        );
        assert_eq!(
            Format::Vtt.segment(2, &segment()),
            "01:01:01.500 --> 01:01:02.250\nseven &lt;b&gt; eight\n\n"
        );
    }
}
