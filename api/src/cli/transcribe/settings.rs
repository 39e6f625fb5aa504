//! The options of the command line, as the engine wants them.

use std::path::{Path, PathBuf};

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};

use crate::{
    cli::{Failure, Outcome, model},
    compose::speech::{
        DeviceChoice, EngineOptions, Language, Options, Precision, Quality, Samples, Span, SpokenLanguage,
        Task, VoiceOptions,
    },
};

/// Which model, and where it runs.
#[derive(Debug, Args)]
pub struct EngineSettings {
    /// A model's folder, or the name of one that `cairn model list` shows
    #[arg(long, value_name = "DIR", env = "CAIRN_MODEL", hide_env_values = true)]
    pub model: PathBuf,
    /// Which variant of it, and where.
    #[command(flatten)]
    pub machine: MachineSettings,
}

/// Which variant of a model, and where it runs.
#[derive(Debug, Args)]
pub struct MachineSettings {
    /// Which of the model's variants: auto, f32, fp16, int8, quantized, q4, ...
    #[arg(long, value_name = "P", default_value_t)]
    pub precision: Precision,
    /// Where it runs; auto takes a card if there is one, and says so
    #[arg(long, value_parser = one_of(DEVICES), default_value = "auto")]
    pub device: DeviceChoice,
    /// Threads of the processor [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Windows decoded together [default: 8 on a processor, 32 on a card, 1 with an int8 model,
    /// whose text depends on what is decoded beside it]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub rows: Option<u16>,
    /// ONNX Runtime's library [default: the one that ops/run fetched]
    #[arg(long, value_name = "FILE")]
    pub ort_lib: Option<PathBuf>,
}

/// What can be chosen of one thing: as it is written, what it means to a reader, and the choice.
type Choices<T> = &'static [(&'static str, &'static str, T)];

const DEVICES: Choices<DeviceChoice> = &[
    ("auto", "A card if there is one", DeviceChoice::Auto),
    ("cpu", "The processor", DeviceChoice::Cpu),
    ("cuda", "A card, or nothing", DeviceChoice::Cuda),
];

const TASKS: Choices<Task> = &[
    ("transcribe", "Text in the language that is spoken", Task::Transcribe),
    ("translate", "Text in English", Task::Translate),
];

const QUALITIES: Choices<Quality> = &[
    ("fast", "One hypothesis", Quality::Fast),
    ("high", "Five at once; about three times the work", Quality::High),
];

/// Reads one of the choices, and teaches them in the help.
fn one_of<T: Copy + Send + Sync + 'static>(choices: Choices<T>) -> impl TypedValueParser<Value = T> {
    let values = choices.iter().map(|(name, help, _)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(values).try_map(move |given| {
        let chosen = choices.iter().find(|(name, ..)| *name == given);
        chosen.map(|(.., choice)| *choice).ok_or("none of the choices")
    })
}

impl EngineSettings {
    /// As the engine wants them.
    pub fn options(&self) -> EngineOptions {
        self.machine.options(&self.model)
    }
}

impl MachineSettings {
    /// As the engine wants them, with the model of this name or folder.
    pub fn options(&self, model: &Path) -> EngineOptions {
        EngineOptions {
            model: model::find(model),
            precision: self.precision.clone(),
            device: self.device,
            threads: self.threads.map(usize::from),
            max_rows: self.rows.map(usize::from),
            library: self.ort_lib.clone(),
            voice_model: None,
        }
    }
}

/// How the speech is written.
#[derive(Debug, Args)]
pub struct SpeechSettings {
    /// The language that is spoken: auto, multilingual (several in turn), or a code such as en
    #[arg(long, value_name = "L", default_value = "auto")]
    language: String,
    /// Transcribe, or translate to English
    #[arg(long, value_parser = one_of(TASKS), default_value = "transcribe")]
    task: Task,
    /// Times of each word, in JSON
    #[arg(long)]
    words: bool,
    /// Fast, or the best text
    #[arg(long, value_parser = one_of(QUALITIES), default_value = "fast")]
    quality: Quality,
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
    /// Chooses what is drawn where the likeliest text fails a check; the same number gives the same text
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
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
            task: self.task,
            language,
            ranges: self.ranges.clone(),
            prompt: self.prompt.clone(),
            hotwords: self.hotwords.iter().filter(|word| !word.trim().is_empty()).cloned().collect(),
            condition_on_previous: self.condition_on_previous,
            quality: self.quality,
            words: self.words,
            voice: VoiceOptions { enabled: !self.no_vad, ..VoiceOptions::default() },
            seed: self.seed,
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
