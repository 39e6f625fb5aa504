//! Which graphs a folder has.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::config::Preprocessor;
use super::{Config, Generation, Manifest, ModelError, Tokens};
use crate::speech::Device;

/// Which of the published variants of a model is used; they differ in their files' suffix.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precision {
    /// The one that suits the device, of those that are there.
    #[default]
    Auto,
    /// The graphs with this suffix: `fp16`, `int8`, `quantized`, `q4`…, or `f32` for those with none.
    Named(String),
}

impl FromStr for Precision {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "auto" { Self::Auto } else { Self::Named(text.to_owned()) })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "any",
            Self::Named(name) => name,
        })
    }
}

/// The decoder's graphs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoders {
    /// One graph for the prompt and one for each token after it.
    Split {
        /// For the prompt.
        first: PathBuf,
        /// For each token after.
        next: PathBuf,
    },
    /// One graph with a switch.
    Merged(PathBuf),
}

/// A model's folder, read and checked as far as that goes without running it.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    /// The folder.
    pub path: PathBuf,
    /// The shape.
    pub config: Config,
    /// How text is made.
    pub generation: Generation,
    /// Text and tokens.
    pub tokens: Tokens,
    /// The suffix of the graphs' names that stands for their precision; `f32` where there is none.
    pub precision: String,
    /// The encoder's graph.
    pub encoder: PathBuf,
    /// The decoder's graphs.
    pub decoders: Decoders,
    /// The decoder's graph that also tells where it looked, for word times.
    pub align: Option<PathBuf>,
    /// What the folder says of itself, if it has a manifest.
    pub manifest: Option<Manifest>,
}

impl ModelFolder {
    /// Reads a folder and chooses graphs for `device`.
    ///
    /// # Errors
    /// Names the first thing that is missing or does not fit.
    pub fn open(path: &Path, precision: &Precision, device: Device) -> Result<Self, ModelError> {
        if !path.is_dir() {
            return Err(ModelError::NoFolder(path.to_owned()));
        }
        let config = Config::read(path)?;
        let generation = Generation::read(path)?;
        Preprocessor::check(path, &config)?;
        let tokens = Tokens::read(path, &config, &generation)?;
        let manifest = Manifest::read(path)?;
        let (precision, encoder, decoders) = choose(path, precision, device)?;
        let align = find(path, "decoder_align", &precision);
        Ok(Self {
            path: path.to_owned(),
            config,
            generation,
            tokens,
            precision,
            encoder,
            decoders,
            align,
            manifest,
        })
    }

    /// The model's name: the manifest's, or the folder's.
    #[must_use]
    pub fn name(&self) -> String {
        let folder = || self.path.canonicalize().ok()?.file_name()?.to_str().map(str::to_owned);
        self.manifest
            .as_ref()
            .map(|manifest| manifest.name.clone())
            .or_else(folder)
            .unwrap_or_else(|| "model".to_owned())
    }

    /// The graph that takes a whole text at once: the one that word times are computed with, once it has outputs for
    /// attention.
    #[must_use]
    pub fn first_decoder(&self) -> &Path {
        match &self.decoders {
            Decoders::Split { first, .. } => first,
            Decoders::Merged(path) => path,
        }
    }
}

/// The precisions by how well they suit a device. On a processor int8 is fastest and half floats are slowest; a card
/// likes half floats best.
fn order(device: Device) -> &'static [&'static str] {
    match device {
        Device::Cpu => &["int8", "quantized", "f32", "uint8", "q4", "fp16"],
        Device::Cuda => &["fp16", "f32", "q4f16", "int8", "quantized"],
    }
}

fn choose(
    folder: &Path,
    wanted: &Precision,
    device: Device,
) -> Result<(String, PathBuf, Decoders), ModelError> {
    let named;
    let names: &[&str] = match wanted {
        Precision::Auto => order(device),
        Precision::Named(name) => {
            named = [name.as_str()];
            &named
        }
    };
    let mut lacking = Vec::new();
    for name in names {
        let encoder = find(folder, "encoder_model", name);
        let split = find(folder, "decoder_model", name).zip(find(folder, "decoder_with_past_model", name));
        let decoders = split
            .map(|(first, next)| Decoders::Split { first, next })
            .or_else(|| find(folder, "decoder_model_merged", name).map(Decoders::Merged));
        match (encoder, decoders) {
            (Some(encoder), Some(decoders)) => return Ok(((*name).to_owned(), encoder, decoders)),
            (Some(_), None) => lacking.push(format!(
                "{name} has an encoder but neither decoder_model with decoder_with_past_model nor decoder_model_merged"
            )),
            (None, Some(_)) => lacking.push(format!("{name} has a decoder but no encoder_model")),
            (None, None) => {}
        }
    }
    let found = if lacking.is_empty() {
        "there are no *.onnx files of that name".to_owned()
    } else {
        lacking.join("; ")
    };
    Err(ModelError::NoGraphs { folder: folder.to_owned(), wanted: wanted.to_string(), found })
}

/// The file of a graph, in the folder itself or in its `onnx` folder.
fn find(folder: &Path, graph: &str, precision: &str) -> Option<PathBuf> {
    let suffix = if precision == "f32" { String::new() } else { format!("_{precision}") };
    let file = format!("{graph}{suffix}.onnx");
    [folder.join(&file), folder.join("onnx").join(&file)].into_iter().find(|path| path.is_file())
}
