//! A transcript, and what is doubtful in it.

use serde::{Deserialize, Serialize};

use super::{Language, Samples, Span};

/// Why a segment should be looked at. Nothing doubtful is left out; it is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The model itself was unsure, at every temperature.
    LowConfidence,
    /// A phrase three times over, or the same text in three segments of twelve.
    Repetition,
    /// Less than a fifth of it is speech, by the voice detector; or it lies behind the end of the audio.
    NoSpeechOverlap,
    /// Fewer than 2 or more than 30 characters a second of speech.
    Rate,
    /// The text is that of the prompt or of what was said before, which were in view.
    PromptEcho,
    /// Speech beside it got no text, or its own text was cut off for want of room.
    UncoveredSpeech,
    /// The language was not recognised with a probability of one half.
    UncertainLanguage,
    /// The engine failed on its window at first (out of memory, or an answer that was no number); the text came on the
    /// second try, on the processor and in the most exact precision that the model's folder holds.
    SecondTry,
}

impl Flag {
    /// As JSON and texts name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LowConfidence => "low_confidence",
            Self::Repetition => "repetition",
            Self::NoSpeechOverlap => "no_speech_overlap",
            Self::Rate => "rate",
            Self::PromptEcho => "prompt_echo",
            Self::UncoveredSpeech => "uncovered_speech",
            Self::UncertainLanguage => "uncertain_language",
            Self::SecondTry => "second_try",
        }
    }
}

/// A word and when it was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// As it stands in the segment's text, with its punctuation and the space before it.
    pub text: String,
    /// When it begins.
    pub start: Samples,
    /// When it ends.
    pub end: Samples,
    /// The model's probability of it, from 0 to 1.
    pub probability: f32,
}

/// A stretch of text with its times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// When it begins.
    pub start: Samples,
    /// When it ends.
    pub end: Samples,
    /// What was said.
    pub text: String,
    /// The model's tokens of the text, without times and ends.
    pub tokens: Vec<u32>,
    /// Its words, when they were asked for and the model can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<Word>>,
    /// The mean log probability of the window's tokens, its end included.
    pub avg_logprob: f32,
    /// How much shorter the window's text gets by compression: above 2.4 it repeats itself.
    pub compression_ratio: f32,
    /// The model's probability that nothing was said.
    pub no_speech_prob: f32,
    /// The temperature of the text that was kept.
    pub temperature: f32,
    /// The language of the window.
    pub language: Language,
    /// Why to look at it; in order, each once.
    pub flags: Vec<Flag>,
}

impl Segment {
    /// Whether its middle lies in one of the ranges. With none, every segment counts. This is what a re-run of ranges gives,
    /// and what it takes the place of in an earlier transcript of the recording.
    #[must_use]
    pub fn lies_in(&self, ranges: &[Span]) -> bool {
        let middle = Span::new(self.start, self.end).middle();
        ranges.is_empty() || ranges.iter().any(|range| range.contains(middle))
    }
}

/// A language and how likely the model thinks it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LanguageGuess {
    /// The language.
    pub language: Language,
    /// From 0 to 1.
    pub probability: f32,
}

/// What a lost part was lost to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostTo {
    /// The file: it holds no audio there that can be decoded.
    Audio,
    /// The model: it heard speech and wrote nothing.
    Model,
    /// The engine: it failed there, and may not when it is asked again.
    Engine,
}

/// A part of the source for which there is no text although there should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LostPart {
    /// Where it begins.
    pub start: Samples,
    /// Where it ends; the same as `start` where that is not known.
    pub end: Samples,
    /// To whom.
    pub to: LostTo,
    /// What happened.
    pub reason: String,
}

/// What there is to know about a transcript as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TranscriptInfo {
    /// Names what the transcript was made of: audio, model and options. The same for the same, and another one for a re-run
    /// of a range.
    pub revision: String,
    /// The ranges that were asked for, whose segments take the place of those for which [`Segment::lies_in`] holds; none for
    /// the whole recording.
    pub ranges: Vec<Span>,
    /// The languages by probability, most likely first, at most five; empty when one was given.
    pub languages: Vec<LanguageGuess>,
    /// The length of the audio.
    pub duration: Samples,
    /// How much of it was speech.
    pub speech_duration: Samples,
    /// Windows that the audio was cut into and that were told, those from a checkpoint included.
    pub windows: u64,
    /// How much of the speech got no text, however often it was decoded; single words count too. Where nobody listened for
    /// speech: how much of the audio got none and is not silence to the model either.
    pub uncovered_speech: Samples,
    /// Windows left out because the model heard nothing in them, where nobody listened for speech. With the voice detector
    /// it is 0: a window is cut around what the detector heard, and what of that gets no text is told.
    pub dropped_silence: u64,
    /// Windows taken from a checkpoint.
    pub resumed_windows: u64,
    /// What could not be decoded or transcribed, speech of half a second and more that got no text included.
    pub lost: Vec<LostPart>,
    /// Why words have no times although they were asked for; where only some of them have none, in how many windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word_timestamps: Option<String>,
    /// Why there is no text, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_because: Option<String>,
    /// Why the same audio may get another text when other things run beside it, if it may: more windows than one were
    /// decoded together by graphs that quantise over the whole batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depends_on_batch: Option<String>,
    /// Why the rest could not be kept in the checkpoint, if it could not. The transcript is whole all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_resumable: Option<String>,
    /// The model's name.
    pub model: String,
    /// The SHA-256 of the model's files in use together, in hexadecimal.
    pub model_sha256: String,
    /// `cpu` or `cuda`.
    pub device: String,
    /// The version of ONNX Runtime.
    pub runtime: String,
}

/// What was said in a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// In time order.
    pub segments: Vec<Segment>,
    /// About the whole.
    pub info: TranscriptInfo,
}

impl Transcript {
    /// The text of all segments, one space between them.
    #[must_use]
    pub fn text(&self) -> String {
        self.segments.iter().map(|segment| segment.text.trim()).collect::<Vec<_>>().join(" ")
    }
}
