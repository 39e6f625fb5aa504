//! The options of the command line, as the engine wants them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::{
    cli::{Failure, Outcome, model},
    compose::speech::{
        DeviceChoice, EngineError, EngineOptions, Language, Options, Precision, Quality, Samples, Span,
        SpokenLanguage, Task, VoiceOptions,
    },
};

/// Which model, and where it runs.
#[derive(Debug, Args)]
pub struct EngineSettings {
    /// A model's folder, or the name of one that `cairn model list` shows
    #[arg(long, value_name = "DIR", env = "CAIRN_MODEL", hide_env_values = true)]
    pub model: PathBuf,
    /// Which of the model's variants: auto, f32, fp16, int8, quantized, q4
    #[arg(long, value_name = "P", default_value = "auto")]
    pub precision: String,
    /// Where it runs; auto takes a card if there is one, and says so
    #[arg(long, value_enum, default_value = "auto")]
    pub device: DeviceArgument,
    /// Threads of the processor [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
    /// Windows decoded together [default: 8 on a processor, 32 on a card]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub rows: Option<u16>,
    /// ONNX Runtime's library [default: the one that ops/run fetched]
    #[arg(long, value_name = "FILE")]
    pub ort_lib: Option<PathBuf>,
}

/// The devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceArgument {
    /// A card if there is one
    Auto,
    /// The processor
    Cpu,
    /// A card, or nothing
    Cuda,
}

impl EngineSettings {
    /// As the engine wants them.
    pub fn options(&self) -> EngineOptions {
        EngineOptions {
            model: model::find(&self.model),
            precision: match self.precision.as_str() {
                "auto" => Precision::Auto,
                named => Precision::Named(named.to_owned()),
            },
            device: match self.device {
                DeviceArgument::Auto => DeviceChoice::Auto,
                DeviceArgument::Cpu => DeviceChoice::Cpu,
                DeviceArgument::Cuda => DeviceChoice::Cuda,
            },
            threads: self.threads.map(usize::from),
            max_rows: self.rows.map(usize::from),
            library: self.ort_lib.clone(),
            voice_model: None,
        }
    }
}

/// What becomes of the speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TaskArgument {
    /// Text in the language that is spoken
    Transcribe,
    /// Text in English
    Translate,
}

/// How hard to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum QualityArgument {
    /// One hypothesis
    Fast,
    /// Five at once; about three times the work
    High,
}

/// How the speech is written.
#[derive(Debug, Args)]
pub struct SpeechSettings {
    /// The language that is spoken: auto, multilingual (several in turn), or a code such as en
    #[arg(long, value_name = "L", default_value = "auto")]
    language: String,
    /// Transcribe, or translate to English
    #[arg(long, value_enum, default_value = "transcribe")]
    task: TaskArgument,
    /// Times of each word, in JSON
    #[arg(long)]
    words: bool,
    /// Fast, or the best text
    #[arg(long, value_enum, default_value = "fast")]
    quality: QualityArgument,
    /// Text that might have come before: sets a style, spells names
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// A word or name that is likely to occur; may be given several times
    #[arg(long = "hotword", value_name = "WORD")]
    hotwords: Vec<String>,
    /// Keep the text before in view of each window; it may carry errors on
    #[arg(long)]
    condition_on_previous: bool,
    /// Only this stretch, such as 12:30-13:10; may be given several times
    #[arg(long = "range", value_name = "FROM-TO", value_parser = span)]
    ranges: Vec<Span>,
    /// Decode silence too, instead of listening for speech first
    #[arg(long)]
    no_vad: bool,
}

impl SpeechSettings {
    pub fn options(&self) -> Outcome<Options> {
        let language = match self.language.as_str() {
            "auto" => SpokenLanguage::Auto,
            "multilingual" => SpokenLanguage::Multilingual,
            code if (2..=3).contains(&code.len())
                && code.bytes().all(|letter| letter.is_ascii_lowercase()) =>
            {
                SpokenLanguage::Given(Language(code.to_owned()))
            }
            other => {
                return Err(Failure::usage(format!("'{other}' is no language"))
                    .advise("auto, multilingual, or a code of two or three letters, such as en"));
            }
        };
        Ok(Options {
            task: match self.task {
                TaskArgument::Transcribe => Task::Transcribe,
                TaskArgument::Translate => Task::Translate,
            },
            language,
            ranges: self.ranges.clone(),
            prompt: self.prompt.clone(),
            hotwords: self.hotwords.clone(),
            condition_on_previous: self.condition_on_previous,
            quality: match self.quality {
                QualityArgument::Fast => Quality::Fast,
                QualityArgument::High => Quality::High,
            },
            words: self.words,
            voice: VoiceOptions { enabled: !self.no_vad, ..VoiceOptions::default() },
            seed: 0,
        })
    }
}

/// `12:30-13:10`, `1:02:03.5-1:02:10`, `90-100`.
fn span(text: &str) -> Result<Span, String> {
    let (from, to) = text.split_once('-').ok_or("FROM-TO, such as 12:30-13:10")?;
    let span = Span { start: moment(from)?, end: moment(to)? };
    if span.start < span.end { Ok(span) } else { Err("it ends before it begins".to_owned()) }
}

fn moment(text: &str) -> Result<Samples, String> {
    let wrong = || format!("'{text}' is no time; write 90, 1:30 or 1:02:03.5");
    let mut seconds = 0.0;
    for part in text.split(':') {
        let part: f64 = part.parse().map_err(|_| wrong())?;
        if !part.is_finite() || part < 0.0 {
            return Err(wrong());
        }
        seconds = seconds * 60.0 + part;
    }
    Ok(Samples::from_seconds(seconds))
}

/// What a person reads when the engine does not start.
pub fn engine_failure(error: &EngineError) -> Failure {
    Failure::new("the speech engine does not start").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(moment("90"), Ok(Samples::from_seconds(90.0)));
        assert_eq!(moment("1:30"), Ok(Samples::from_seconds(90.0)));
        assert_eq!(moment("1:02:03.5"), Ok(Samples::from_seconds(3_723.5)));
        assert!(moment("soon").is_err());
        assert!(span("2:00-1:00").is_err());
        assert!(span("NaN-1").is_err());
    }
}
