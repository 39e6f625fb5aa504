//! `cairn model`: the speech models of this machine.

mod add;
mod list;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{
    Failure, Outcome, Printer, SpeechMachineSettings,
    speech::{align_failure, model_failure, speech_failure, word_times_step},
};
use crate::compose::speech::{Device, Engine, ModelFolder, Precision, add_align, cache_folder};

/// Add, check and list speech models
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn model add whisper-base --name base     checks it, then keeps a copy
  cairn model add whisper-base --precision int8
  cairn model check models/whisper-base        loads it and runs it once
  cairn model add-align base                   makes word times possible
  cairn model list

A model is a folder in the ONNX layout that Hugging Face publishes (for example
onnx-community/whisper-base): config.json, generation_config.json,
preprocessor_config.json, tokenizer.json and onnx/*.onnx.")]
pub struct Model {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Add(add::Add),
    /// Load a model, compare its digests, run it once
    Check {
        /// The folder, or the name of a model that was added
        #[arg(value_name = "DIR", required_unless_present = "model")]
        folder: Option<PathBuf>,
        /// The same, as `cairn transcribe` wants it
        #[arg(long, value_name = "DIR", env = "CAIRN_MODEL", hide = true)]
        model: Option<PathBuf>,
        #[command(flatten)]
        machine: SpeechMachineSettings,
    },
    /// Write the graph that word times need beside a model's decoder
    AddAlign {
        /// The folder, or the name of a model that was added
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Which of the model's variants: auto, f32, fp16, int8, quantized, q4, ...
        #[arg(long, value_name = "P", default_value_t)]
        precision: Precision,
    },
    /// The models that were added
    List {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
}

impl Model {
    pub async fn run(self) -> Outcome {
        tokio::task::spawn_blocking(move || match self.action {
            Action::Add(add) => add.run(),
            Action::Check { folder, model, machine } => {
                check(&folder.or(model).unwrap_or_default(), &machine)
            }
            Action::AddAlign { folder, precision } => align(&folder, &precision),
            Action::List { json } => list::run(json),
        })
        .await
        .map_err(|error| Failure::new("the command fell over").because(&error))?
    }
}

/// The folder that a name or path means.
pub fn find(model: &Path) -> PathBuf {
    match models_folder() {
        Some(folder) if !model.is_dir() && model.components().count() == 1 => folder.join(model),
        _ => model.to_owned(),
    }
}

/// The name by which somebody asked for this folder; none if it is no place of a model that was added.
pub fn name_of(folder: &Path) -> Option<&str> {
    (folder.parent() == models_folder().as_deref()).then(|| folder.file_name()?.to_str()).flatten()
}

fn models_folder() -> Option<PathBuf> {
    std::env::var_os("CAIRN_MODELS")
        .map(PathBuf::from)
        .or_else(|| Some(cache_folder()?.join("speech/models")))
}

fn home() -> Outcome<PathBuf> {
    models_folder()
        .ok_or_else(|| Failure::new("there is no home folder to keep models in").advise("set CAIRN_MODELS"))
}

fn open(folder: &Path, precision: &Precision) -> Outcome<ModelFolder> {
    ModelFolder::open(folder, precision, Device::Cpu)
        .map_err(|error| model_failure("this is no usable model", error))
}

fn check(folder: &Path, machine: &SpeechMachineSettings) -> Outcome {
    let engine = Engine::start(&machine.options(folder))
        .map_err(|error| speech_failure("the model cannot be used", &error))?;
    let loaded = engine.loaded();
    let model = &loaded.model;
    let tokens = &model.tokens;
    let printer = Printer;
    printer.line(format_args!(
        "{}: {}, {} mel bands",
        model.name(),
        model.precision,
        model.config.num_mel_bins
    ))?;
    printer.line(format_args!("runs on {}: {}", loaded.device.name(), loaded.device_reason))?;
    printer.line(format_args!("loaded and run once in {:.1} s", loaded.load_s))?;
    printer.line(match tokens.languages.len() {
        0 => "English alone, no translation".to_owned(),
        count => format!("{count} languages, translation to English"),
    })?;
    printer.line(match word_times_step(&engine) {
        None => "word times: yes".to_owned(),
        Some(step) => format!("word times: no; {step}"),
    })
}

fn align(folder: &Path, precision: &Precision) -> Outcome {
    let model = open(&find(folder), precision)?;
    let written = add_align(&model).map_err(|error| align_failure(&error))?;
    Printer.line(format_args!("wrote {}", written.display()))
}
