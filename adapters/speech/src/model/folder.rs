//! Which graphs a folder has.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::config::Preprocessor;
use super::layout::{self, DecoderFiles};
use super::{Config, Generation, Manifest, ModelError, Tokens};
use crate::runtime::Device;

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
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == AUTO { Self::Auto } else { Self::Named(text.to_owned()) })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => AUTO,
            Self::Named(name) => name,
        })
    }
}

/// How people write [`Precision::Auto`].
const AUTO: &str = "auto";

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
    pub decoders: DecoderFiles,
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
        let Chosen { precision, encoder, decoders, align } = choose(path, precision, device)?;
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

    /// The same model with the most exact graphs that the folder holds: full floats, else half floats, else these.
    #[must_use]
    pub fn most_exact(&self) -> Self {
        let named = |name: &str| Precision::Named(name.to_owned());
        let mut exact =
            ["f32", "fp16"].into_iter().map(|name| Self::open(&self.path, &named(name), Device::Cpu));
        exact.find_map(Result::ok).unwrap_or_else(|| self.clone())
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

    /// The files that make it what it is, by their path in the folder: configurations and tokenizer, the graphs in use,
    /// and the weights beside them.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, PathBuf> {
        layout::files_in_use(&self.path, self.graphs().chain(&self.align))
    }

    /// The bytes of the graphs that transcribe, with their weights: about what they take in memory.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        let files = self.graphs().flat_map(|graph| layout::with_weights(graph));
        files.map(|path| std::fs::metadata(path).map_or(0, |data| data.len())).sum()
    }

    /// The graphs that transcribe; that for word times is another.
    pub(crate) fn graphs(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.encoder).chain(self.decoders.paths())
    }

    /// Whether there is a graph that [`super::add_align`] can make to show its attention.
    #[must_use]
    pub fn can_show_attention(&self) -> bool {
        matches!(self.decoders, DecoderFiles::Split { .. })
    }
}

/// What a folder has of each precision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variants {
    /// Those that can be used, by name.
    pub complete: Vec<String>,
    /// The others by name, and what each lacks.
    pub lacking: Vec<(String, String)>,
}

impl Variants {
    /// Looks which graphs a folder has; does not read them.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let mut variants = Self::default();
        for (precision, set) in layout::graph_sets(folder) {
            match (set.lacks(), set.unfetched()) {
                (Some(lack), _) => variants.lacking.push((precision, lack.to_owned())),
                (None, Some(_)) => variants.lacking.push((precision, "is not fetched by Git LFS".to_owned())),
                (None, None) => variants.complete.push(precision),
            }
        }
        variants
    }

    fn described(&self) -> String {
        let complete = (!self.complete.is_empty()).then(|| format!("there is {}", self.complete.join(", ")));
        let lacking = self.lacking.iter().map(|(precision, lack)| format!("{precision} {lack}"));
        let all: Vec<String> = complete.into_iter().chain(lacking).collect();
        if all.is_empty() {
            "there are no *.onnx files of a Whisper model".to_owned()
        } else {
            all.join("; ")
        }
    }
}

struct Chosen {
    precision: String,
    encoder: PathBuf,
    decoders: DecoderFiles,
    align: Option<PathBuf>,
}

/// The precisions by how well they suit a device; others come after these. On a processor int8 is fastest and half floats
/// are slowest; a card likes half floats best.
fn order(device: Device) -> &'static [&'static str] {
    match device {
        Device::Cpu => &["int8", "quantized", "f32", "uint8", "q4", "bnb4", "q4f16", "fp16"],
        Device::Cuda => &["fp16", "f32", "q4f16", "q4", "bnb4", "int8", "quantized", "uint8"],
    }
}

/// The names that a precision goes by in files. transformers.js, for which most are published, asks for `fp32` and `q8`
/// where the files say nothing and `quantized`.
fn names(precision: &str) -> Vec<&str> {
    match precision {
        "fp32" => vec![layout::FULL],
        "q8" => vec!["q8", "quantized"],
        other => vec![other],
    }
}

fn choose(folder: &Path, wanted: &Precision, device: Device) -> Result<Chosen, ModelError> {
    let sets = layout::graph_sets(folder);
    let order = order(device);
    let mut candidates: Vec<&String> = match wanted {
        Precision::Auto => sets.keys().collect(),
        Precision::Named(name) => {
            names(name).into_iter().filter_map(|name| Some(sets.get_key_value(name)?.0)).collect()
        }
    };
    // Those of which nobody knows how well they suit come last, by name.
    candidates.sort_by_key(|name| order.iter().position(|known| known == name).unwrap_or(order.len()));
    let mut unfetched = None;
    for precision in candidates {
        let set = &sets[precision];
        let (Some(encoder), Some(decoders)) = (set.encoder.clone(), set.decoders()) else { continue };
        if let Some(path) = set.unfetched() {
            unfetched.get_or_insert(path);
            continue;
        }
        return Ok(Chosen { precision: precision.clone(), encoder, decoders, align: set.align.clone() });
    }
    Err(match unfetched {
        Some(path) => ModelError::NotFetched(path),
        None => ModelError::NoGraphs {
            folder: folder.to_owned(),
            wanted: match wanted {
                Precision::Auto => "any".to_owned(),
                Precision::Named(name) => name.clone(),
            },
            found: Variants::of(folder).described(),
        },
    })
}
