//! A transcript as JSON: the answer of the engine with its times, which count samples, in seconds to the millisecond.

use std::path::Path;

use serde::Serialize;

use crate::compose::speech::{
    Flag, Language, LanguageGuess, LostPart, LostTo, Samples, Segment, Span, Transcript, TranscriptInfo, Word,
};

/// A transcript as a document.
#[derive(Serialize)]
pub struct Document<'t> {
    file: String,
    text: String,
    segments: Vec<SegmentJson<'t>>,
    info: InfoJson<'t>,
}

#[derive(Serialize)]
struct WordJson<'t> {
    text: &'t str,
    start: f64,
    end: f64,
    probability: f32,
}

#[derive(Serialize)]
struct SegmentJson<'t> {
    start: f64,
    end: f64,
    text: &'t str,
    tokens: &'t [u32],
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<WordJson<'t>>>,
    avg_logprob: f32,
    compression_ratio: f32,
    no_speech_prob: f32,
    temperature: f32,
    language: &'t Language,
    flags: &'t [Flag],
}

#[derive(Serialize)]
struct LostJson<'t> {
    start: f64,
    end: f64,
    to: LostTo,
    reason: &'t str,
}

#[derive(Serialize)]
struct SpanJson {
    start: f64,
    end: f64,
}

#[derive(Serialize)]
struct InfoJson<'t> {
    revision: &'t str,
    ranges: Vec<SpanJson>,
    languages: &'t [LanguageGuess],
    duration: f64,
    speech_duration: f64,
    uncovered_speech: f64,
    windows: u64,
    dropped_silence: u64,
    resumed_windows: u64,
    lost: Vec<LostJson<'t>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    word_timestamps: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_because: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depends_on_batch: Option<&'t str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_resumable: Option<&'t str>,
    model: &'t str,
    model_sha256: &'t str,
    device: &'t str,
    runtime: &'t str,
}

impl<'t> Document<'t> {
    /// What is known of a recording.
    pub fn new(file: &Path, transcript: &'t Transcript) -> Self {
        Self {
            file: file.display().to_string(),
            text: transcript.text(),
            segments: transcript.segments.iter().map(SegmentJson::from).collect(),
            info: InfoJson::from(&transcript.info),
        }
    }
}

impl<'t> From<&'t Word> for WordJson<'t> {
    fn from(word: &'t Word) -> Self {
        let Word { text, start, end, probability } = word;
        Self { text, start: seconds(*start), end: seconds(*end), probability: *probability }
    }
}

// Taken apart by name, so that nothing new is forgotten here.
impl<'t> From<&'t Segment> for SegmentJson<'t> {
    fn from(segment: &'t Segment) -> Self {
        let Segment {
            start,
            end,
            text,
            tokens,
            words,
            avg_logprob,
            compression_ratio,
            no_speech_prob,
            temperature,
            language,
            flags,
        } = segment;
        Self {
            start: seconds(*start),
            end: seconds(*end),
            text,
            tokens,
            words: words.as_ref().map(|words| words.iter().map(WordJson::from).collect()),
            avg_logprob: *avg_logprob,
            compression_ratio: *compression_ratio,
            no_speech_prob: *no_speech_prob,
            temperature: *temperature,
            language,
            flags,
        }
    }
}

impl<'t> From<&'t LostPart> for LostJson<'t> {
    fn from(part: &'t LostPart) -> Self {
        let LostPart { start, end, to, reason } = part;
        Self { start: seconds(*start), end: seconds(*end), to: *to, reason }
    }
}

impl<'t> From<&'t TranscriptInfo> for InfoJson<'t> {
    fn from(info: &'t TranscriptInfo) -> Self {
        let TranscriptInfo {
            revision,
            ranges,
            languages,
            duration,
            speech_duration,
            uncovered_speech,
            windows,
            dropped_silence,
            resumed_windows,
            lost,
            word_timestamps,
            empty_because,
            depends_on_batch,
            not_resumable,
            model,
            model_sha256,
            device,
            runtime,
        } = info;
        let span = |span: &Span| SpanJson { start: seconds(span.start), end: seconds(span.end) };
        Self {
            revision,
            ranges: ranges.iter().map(span).collect(),
            languages,
            duration: seconds(*duration),
            speech_duration: seconds(*speech_duration),
            uncovered_speech: seconds(*uncovered_speech),
            windows: *windows,
            dropped_silence: *dropped_silence,
            resumed_windows: *resumed_windows,
            lost: lost.iter().map(LostJson::from).collect(),
            word_timestamps: word_timestamps.as_deref(),
            empty_because: empty_because.as_deref(),
            depends_on_batch: depends_on_batch.as_deref(),
            not_resumable: not_resumable.as_deref(),
            model,
            model_sha256,
            device,
            runtime,
        }
    }
}

fn seconds(at: Samples) -> f64 {
    at.milliseconds() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_seconds_to_the_millisecond() {
        let word =
            Word { text: " seven".to_owned(), start: Samples(1), end: Samples(8_009), probability: 0.5 };
        let segment = Segment {
            start: Samples(1),
            end: Samples(40_008),
            text: "seven".to_owned(),
            tokens: vec![7],
            words: Some(vec![word]),
            avg_logprob: -0.5,
            compression_ratio: 1.5,
            no_speech_prob: 0.25,
            temperature: 0.0,
            language: Language("en".to_owned()),
            flags: vec![Flag::Rate],
        };
        let written = serde_json::to_value(SegmentJson::from(&segment)).unwrap();
        let wanted = json!({
            "start": 0.0, "end": 2.501, "text": "seven", "tokens": [7],
            "words": [{"text": " seven", "start": 0.0, "end": 0.501, "probability": 0.5}],
            "avg_logprob": -0.5, "compression_ratio": 1.5, "no_speech_prob": 0.25, "temperature": 0.0,
            "language": "en", "flags": ["rate"],
        });
        assert_eq!(written, wanted);
        let segment = Segment { words: None, ..segment };
        let without = SegmentJson::from(&segment);
        assert!(serde_json::to_value(without).unwrap().get("words").is_none());
    }
}
