//! A Whisper model as people publish it: a folder with configuration, tokenizer and ONNX graphs. Whatever differs from
//! model to model (ids of special tokens, head counts, mel bands) is read from the folder, never assumed.

mod align;
mod config;
mod digests;
mod folder;
mod layout;
mod letters;
mod manifest;
mod operators;
mod tokens;

use std::error::Error;
use std::path::PathBuf;

pub(super) use align::layer_of;
pub use align::{AddAlignError, add_align};
pub use config::{Config, Generation};
pub use folder::{ModelFolder, Precision, Variants};
pub use layout::DecoderFiles;
pub use manifest::Manifest;
pub(super) use operators::mixes_rows;
pub use tokens::{EncodeError, LanguageToken, Tokens};

/// What is wrong with a model's folder. Each kind names the file and the reason.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// There is no such folder.
    #[error("{0} is no folder")]
    NoFolder(PathBuf),
    /// A file is missing.
    #[error("{folder} has no {file}; a model in the standard ONNX layout has one")]
    Missing {
        /// The model's folder.
        folder: PathBuf,
        /// The file.
        file: String,
    },
    /// There are no graphs of the wanted precision.
    #[error("{folder} has no complete set of graphs of precision {wanted}: {found}")]
    NoGraphs {
        /// The model's folder.
        folder: PathBuf,
        /// The precision, or `any`.
        wanted: String,
        /// Which files there are and which lack.
        found: String,
    },
    /// Git put a note in the place of a large file, and the file itself was not fetched.
    #[error("{0} is a pointer of Git LFS, not the file itself")]
    NotFetched(PathBuf),
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is not a Whisper model's")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong: what a parser said, or which value does not fit.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file is not the one that the manifest names.
    #[error("{path} is damaged or another version: its SHA-256 is {found}, the manifest says {expected}")]
    Digest {
        /// The file.
        path: PathBuf,
        /// By the manifest.
        expected: String,
        /// As it is.
        found: String,
    },
    /// A special token is missing or has two ids.
    #[error("the tokenizer and generation_config.json do not fit together: {0}")]
    Tokens(String),
    /// A graph does not fit the configuration.
    #[error("{path} does not fit config.json: {reason}")]
    Graph {
        /// The graph's file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// ONNX Runtime cannot load a graph.
    #[error("ONNX Runtime cannot load {path}")]
    Load {
        /// The graph's file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: ort::Error,
    },
    /// The graphs load, but do not answer as a Whisper model does.
    #[error("a trial run of the model failed")]
    Trial(#[source] Box<dyn Error + Send + Sync>),
}
