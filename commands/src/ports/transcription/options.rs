//! How a recording is to be transcribed.

use serde::{Deserialize, Serialize};

use super::{Samples, Span};

/// What becomes of the speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// Text in the language that is spoken.
    #[default]
    Transcribe,
    /// Text in English.
    Translate,
}

/// A language as models name it: the code of ISO 639-1 or, where there is none, 639-3.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Language(pub String);

/// Which language is spoken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpokenLanguage {
    /// One, found out from the first speech.
    #[default]
    Auto,
    /// Several in turn: found out for each window.
    Multilingual,
    /// This one.
    Given(Language),
}

/// How hard to search for the best text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// One hypothesis, decoded again at a higher temperature where a check fails.
    #[default]
    Fast,
    /// Five hypotheses at once; about three times the work.
    High,
}

/// When a sound is taken for speech.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct VoiceOptions {
    /// Whether to listen for speech at all; without, everything is decoded.
    pub enabled: bool,
    /// Speech begins where the detector's probability reaches this.
    pub threshold: f32,
    /// Speech goes on while it stays above this.
    pub release: f32,
    /// Silence shorter than this does not end speech.
    pub min_silence: Samples,
    /// Speech shorter than this is taken for a noise.
    pub min_speech: Samples,
    /// What is kept on either side of speech.
    pub pad: Samples,
}

impl Default for VoiceOptions {
    /// Silero's own thresholds; pad of 300 ms, since quiet beginnings of words lie below the threshold.
    fn default() -> Self {
        Self {
            enabled: true,
            threshold: 0.5,
            release: 0.35,
            min_silence: Samples(1_600),
            min_speech: Samples(1_600),
            pad: Samples(4_800),
        }
    }
}

/// Everything a caller can choose. The same options on the same audio and model give the same transcript.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Text in the spoken language, or in English.
    pub task: Task,
    /// The language that is spoken.
    pub language: SpokenLanguage,
    /// Only these stretches, in time order and apart from each other; empty means all of it.
    pub ranges: Vec<Span>,
    /// Text that might have come before, to set a style and spell names. It stands before every window; of one that is too
    /// long for the model, the end. With `condition_on_previous`, what was said pushes it out of view in time.
    pub prompt: Option<String>,
    /// Words that are likely to occur. They stand before every window, whatever else does; as many of the first of them as
    /// fit into half of the room that a model has for the text before (in Whisper's, half of 223 tokens).
    pub hotwords: Vec<String>,
    /// Whether each window is decoded with the text before it in view. Off by default: it carries loops forward.
    pub condition_on_previous: bool,
    /// Greedy, or a beam.
    pub quality: Quality,
    /// Whether each word gets its times. Those of a translation are approximate: a translated word is where the model
    /// looked when it wrote it, and translations change the order of what was said.
    pub words: bool,
    /// When a sound is taken for speech.
    pub voice: VoiceOptions,
    /// Chooses the samples drawn at temperatures above zero.
    pub seed: u64,
}
