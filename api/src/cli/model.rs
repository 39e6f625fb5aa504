//! `cairn model`: the speech models of this machine.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Context, Failure, Outcome, Printer, SpeechEngineSettings, Table, grouped, note};
use crate::compose::speech::{Device, Engine, Manifest, ModelFolder, Precision, add_align, cache_folder};

/// Add, check and list speech models
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cairn model add ~/Downloads/whisper-base     checks it, then keeps a copy
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
    /// Check a model's folder and keep a copy under its name
    Add {
        /// The folder
        folder: PathBuf,
        /// Its name from now on [default: the folder's]
        #[arg(long)]
        name: Option<String>,
        /// Where it comes from, for the manifest
        #[arg(long, value_name = "TEXT", default_value = "")]
        source: String,
        /// Under which terms it may be used, for the manifest
        #[arg(long, value_name = "TEXT", default_value = "")]
        licence: String,
    },
    /// Load a model, compare its digests, run it once
    Check {
        #[command(flatten)]
        engine: SpeechEngineSettings,
    },
    /// Write the graph that word times need beside a model's decoder
    AddAlign {
        /// A model's folder, or a name
        model: PathBuf,
        /// Which of the model's variants: auto, f32, fp16, int8, quantized, q4
        #[arg(long, value_name = "P", default_value = "auto")]
        precision: String,
    },
    /// The models that were added
    List {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
}

/// A model that was added.
#[derive(Serialize)]
struct Known {
    name: String,
    precision: String,
    bytes: u64,
    languages: usize,
    word_times: bool,
    folder: PathBuf,
}

impl Model {
    pub async fn run(self) -> Outcome {
        tokio::task::spawn_blocking(move || match self.action {
            Action::Add { folder, name, source, licence } => add(&folder, name, &source, &licence),
            Action::Check { engine } => check(&engine),
            Action::AddAlign { model, precision } => align(&model, &precision),
            Action::List { json } => list(json),
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
        .map_err(|error| Failure::new("this is no usable model").because(&error))
}

fn add(folder: &Path, name: Option<String>, source: &str, licence: &str) -> Outcome {
    let model = open(folder, &Precision::Auto)?;
    let name = name.unwrap_or_else(|| model.name());
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(Failure::usage(format!("'{name}' is no name for a model")));
    }
    let target = home()?.join(&name);
    if target.exists() {
        return Err(
            Failure::new(format!("there is a model {name} already")).advise("choose another with --name")
        );
    }
    let unfinished = target.with_extension("unfinished");
    let _left_by_an_earlier_try = std::fs::remove_dir_all(&unfinished);
    let copied = copy(folder, &unfinished).or_fail(|| format!("{} cannot be copied", folder.display()))?;
    note(format_args!("copied {copied} files"));
    let copy = open(&unfinished, &Precision::Auto)?;
    if let Some(manifest) = &copy.manifest {
        manifest
            .verify(&unfinished)
            .map_err(|error| Failure::new("the copy is not what it should be").because(&error))?;
    } else {
        let mut manifest =
            Manifest::of(&copy).map_err(|error| Failure::new("its files cannot be read").because(&error))?;
        manifest.name.clone_from(&name);
        source.clone_into(&mut manifest.source);
        licence.clone_into(&mut manifest.licence);
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| Failure::new("no manifest").because(&error))?;
        std::fs::write(unfinished.join(Manifest::FILE), text).or_fail(|| "its manifest cannot be written")?;
    }
    std::fs::rename(&unfinished, &target).or_fail(|| format!("{} cannot be made", target.display()))?;
    Printer.line(format_args!("added {name}: cairn transcribe FILE --model {name}"))
}

/// Copies configurations and graphs, in the folder and in its `onnx` folder.
fn copy(from: &Path, to: &Path) -> std::io::Result<usize> {
    let mut copied = 0;
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if entry.path().is_dir() && text == "onnx" {
            copied += copy(&entry.path(), &to.join(&name))?;
        } else if entry.path().is_file() && (text.contains(".onnx") || text.ends_with(".json")) {
            std::fs::copy(entry.path(), to.join(&name))?;
            copied += 1;
        }
    }
    Ok(copied)
}

fn check(settings: &SpeechEngineSettings) -> Outcome {
    let engine = Engine::start(&settings.options())
        .map_err(|error| Failure::new("the model cannot be used").because(&error))?;
    let model = engine.model();
    let tokens = &model.tokens;
    let printer = Printer;
    printer.line(format_args!(
        "{}: {}, {} mel bands",
        model.name(),
        model.precision,
        model.config.num_mel_bins
    ))?;
    printer.line(format_args!("runs on {}: {}", engine.device().name(), engine.device_reason()))?;
    printer.line(format_args!("loaded and run once in {:.1} s", engine.load_s()))?;
    printer.line(match tokens.languages.len() {
        0 => "English alone, no translation".to_owned(),
        count => format!("{count} languages, translation to English"),
    })?;
    printer.line(match &model.align {
        Some(_) => "word times: yes".to_owned(),
        None => format!("word times: no; cairn model add-align {}", model.path.display()),
    })
}

fn align(model: &Path, precision: &str) -> Outcome {
    let precision = match precision {
        "auto" => Precision::Auto,
        named => Precision::Named(named.to_owned()),
    };
    let model = open(&find(model), &precision)?;
    let written =
        add_align(&model).map_err(|error| Failure::new("word times cannot be added").because(&error))?;
    Printer.line(format_args!("wrote {}", written.display()))
}

fn list(json: bool) -> Outcome {
    let folder = home()?;
    let mut known: Vec<Known> = Vec::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let Ok(model) = ModelFolder::open(&entry.path(), &Precision::Auto, Device::Cpu) else { continue };
        known.push(Known {
            name: entry.file_name().to_string_lossy().into_owned(),
            bytes: size(&model),
            languages: model.tokens.languages.len().max(1),
            word_times: model.align.is_some(),
            precision: model.precision,
            folder: model.path,
        });
    }
    known.sort_by(|a, b| a.name.cmp(&b.name));
    if json {
        return Printer.json(&known);
    }
    if known.is_empty() {
        return Printer
            .line(format_args!("no models in {}; cairn model add DIR keeps one", folder.display()));
    }
    let mut table = Table::default()
        .column("model")
        .column("precision")
        .numbers("MiB")
        .numbers("languages")
        .column("word times");
    for model in &known {
        let mib = grouped((model.bytes >> 20).cast_signed());
        let times = if model.word_times { "yes" } else { "no" };
        table.row([
            model.name.clone(),
            model.precision.clone(),
            mib,
            model.languages.to_string(),
            times.to_owned(),
        ]);
    }
    Printer.table(&table)
}

/// Bytes of the graphs that would be loaded.
fn size(model: &ModelFolder) -> u64 {
    let decoders = match &model.decoders {
        crate::compose::speech::ModelDecoders::Split { first, next } => vec![first, next],
        crate::compose::speech::ModelDecoders::Merged(path) => vec![path],
    };
    let bytes = |path: &PathBuf| std::fs::metadata(path).map_or(0, |data| data.len());
    bytes(&model.encoder) + decoders.into_iter().map(bytes).sum::<u64>()
}
