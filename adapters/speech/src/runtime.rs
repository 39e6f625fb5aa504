//! ONNX Runtime's shared library: found, loaded once in a process, and asked for sessions.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep::{self, ArenaExtendStrategy};
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

/// The release that the set-up fetches and the tests run with. `api-24` admits every library from 1.24 on.
pub const PINNED_VERSION: &str = "1.31.1";

/// Names the library, before every other place.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    Cpu,
    /// The first NVIDIA card.
    Cuda,
}

impl Device {
    /// As metrics, logs and answers call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// Windows that are decoded together unless somebody asks for another number.
    #[must_use]
    pub fn usual_rows(self) -> usize {
        match self {
            Self::Cpu => 8,
            Self::Cuda => 32,
        }
    }
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No library was found.
    #[error(
        "ONNX Runtime's library was not found (looked at: {}); `ops/run` fetches it, or name it with --ort-lib or {LIBRARY_VARIABLE}",
        looked_at.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    )]
    Missing {
        /// Where it was looked for.
        looked_at: Vec<PathBuf>,
    },
    /// A file of that name cannot be used: another machine's, too old, or no such library.
    #[error("{path} cannot be used as ONNX Runtime's library")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// CUDA was asked for and is not to be had.
    #[error("there is no CUDA device to run on: {reason}")]
    NoCard {
        /// What ONNX Runtime or the system's loader said.
        reason: String,
    },
}

/// The library, loaded. Clones share it.
#[derive(Debug, Clone)]
pub struct Runtime {
    environment: Environment,
    library: PathBuf,
    version: String,
}

// A process can load one such library, and it stays loaded.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

impl Runtime {
    /// Loads the library: `given`, or else the first that exists of the usual places. A second call in a process answers
    /// with the library of the first.
    ///
    /// # Errors
    /// Says where it was looked for, or what is wrong with what was found.
    pub fn load(given: Option<&Path>) -> Result<Self, RuntimeError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            return Ok(runtime.clone());
        }
        let candidates = given.map_or_else(candidates, |path| vec![path.to_owned()]);
        let Some(library) = candidates.iter().find(|path| path.is_file()).cloned() else {
            return Err(RuntimeError::Missing { looked_at: candidates });
        };
        let unusable =
            |source: Box<dyn Error + Send + Sync>| RuntimeError::Unusable { path: library.clone(), source };
        // A bare name would be looked for in the system's places and beside the program, not here.
        let place = std::path::absolute(&library).unwrap_or_else(|_| library.clone());
        let environment = ort::init_from(place)
            .map_err(|error| match error {
                // What it says around this repeats the file's name.
                ort::LoadDynamicError::Dlopen { error, .. } => unusable(error.into()),
                other => unusable(other.into()),
            })?
            .with_name("cairn")
            .with_telemetry(false)
            .build()
            .map_err(|error| unusable(error.into()))?;
        environment.set_log_level(ort::logging::LogLevel::Error);
        let runtime = Self { environment, version: version_of(&library), library };
        *loaded = Some(runtime.clone());
        Ok(runtime)
    }

    /// The file that was loaded.
    #[must_use]
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// The release, as its file's name tells it; of a file without one the first two numbers.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A builder of sessions on `device`. A session on the card refuses to be made where there is none; by itself ONNX
    /// Runtime would run it on the processor without a word.
    pub(super) fn builder(&self, device: Device, threads: usize) -> ort::Result<SessionBuilder> {
        let builder = Session::builder(&self.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(device == Device::Cpu)?;
        match device {
            Device::Cpu => Ok(builder),
            Device::Cuda => Ok(builder.with_execution_providers([cuda().build().error_on_failure()])?),
        }
    }

    /// A session of the model in `path`.
    pub(super) fn session(&self, path: &Path, device: Device, threads: usize) -> ort::Result<Session> {
        self.builder(device, threads)?.commit_from_file(path)
    }
}

fn cuda() -> ep::CUDA {
    ep::CUDA::default()
        .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
        .with_conv_algorithm_search(ep::cuda::ConvAlgorithmSearch::Heuristic)
}

/// Where the library is looked for, in this order: the environment's word, beside an installed program, and where the
/// set-up puts it.
fn candidates() -> Vec<PathBuf> {
    let file = format!("libonnxruntime.so.{PINNED_VERSION}");
    let mut places: Vec<PathBuf> =
        std::env::var_os(LIBRARY_VARIABLE).map(PathBuf::from).into_iter().collect();
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        places.push(folder.join("../lib/onnxruntime").join(&file));
    }
    if let Some(cache) = cache_folder() {
        places.push(cache.join("speech/onnxruntime-cuda").join(&file));
        places.push(cache.join("speech/onnxruntime").join(&file));
    }
    places
}

/// The folder in which the set-up keeps what it fetched: `$XDG_CACHE_HOME/cairn`, or `~/.cache/cairn`.
#[must_use]
pub fn cache_folder() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("cairn"))
}

fn version_of(library: &Path) -> String {
    let real = library.canonicalize().unwrap_or_else(|_| library.to_owned());
    real.file_name()
        .and_then(|name| name.to_str())
        .and_then(|name| name.split_once(".so."))
        .map(|(_, version)| version.to_owned())
        .or_else(|| ort::util::probe(&real).map(|minor| format!("1.{minor}")))
        .unwrap_or_else(|| "unknown".to_owned())
}
