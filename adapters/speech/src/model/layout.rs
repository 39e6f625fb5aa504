//! Which files of a folder are a model's: the one place that knows how exporters name them.
//!
//! Graphs stand in the folder itself or in its `onnx` folder: `encoder_model[_P].onnx`, and for the decoder
//! `decoder_model[_P].onnx` with `decoder_with_past_model[_P].onnx`, or `decoder_model_merged[_P].onnx`. `P` is the
//! precision, which full floats do not name. Weights beyond 2 GB lie beside a graph under its name with more after it
//! (`encoder_model.onnx_data`).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What the graphs without a suffix hold.
pub(super) const FULL: &str = "f32";

/// The folder beside the configuration in which many publish their graphs.
const GRAPHS: &str = "onnx";

/// How a file begins that Git put in the place of a large one, until `git lfs pull` fetches that.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// What a folder says of itself.
pub(super) const MANIFEST: &str = "manifest.json";

/// The decoder's graphs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecoderFiles {
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

impl DecoderFiles {
    /// The files.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let (first, next) = match self {
            Self::Split { first, next } => (first, Some(next)),
            Self::Merged(path) => (path, None),
        };
        std::iter::once(first).chain(next)
    }
}

/// The graphs of one precision, as far as they are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GraphSet {
    pub encoder: Option<PathBuf>,
    first: Option<PathBuf>,
    next: Option<PathBuf>,
    merged: Option<PathBuf>,
    pub align: Option<PathBuf>,
}

impl GraphSet {
    /// The decoder's graphs: two if they are there, since they are faster than one with a switch.
    pub fn decoders(&self) -> Option<DecoderFiles> {
        let split = self.first.clone().zip(self.next.clone());
        split
            .map(|(first, next)| DecoderFiles::Split { first, next })
            .or_else(|| self.merged.clone().map(DecoderFiles::Merged))
    }

    /// What is not there; none if the set is complete.
    pub fn lacks(&self) -> Option<&'static str> {
        match (&self.encoder, self.decoders()) {
            (Some(_), Some(_)) => None,
            (Some(_), None) => Some(
                "has an encoder but neither decoder_model with decoder_with_past_model nor decoder_model_merged",
            ),
            (None, Some(_)) => Some("has a decoder but no encoder_model"),
            (None, None) => Some("has neither an encoder_model nor a whole decoder"),
        }
    }

    /// The first of its files that Git has not fetched.
    pub fn unfetched(&self) -> Option<PathBuf> {
        self.files().into_iter().find(|path| is_pointer(path))
    }

    /// The graphs that would be used, and the weights beside them.
    fn files(&self) -> Vec<PathBuf> {
        let decoders = self.decoders();
        let used =
            self.encoder.iter().chain(decoders.iter().flat_map(DecoderFiles::paths)).chain(&self.align);
        used.flat_map(|graph| with_weights(graph)).collect()
    }

    fn place(&mut self, graph: &str) -> Option<&mut Option<PathBuf>> {
        Some(match graph {
            "encoder_model" => &mut self.encoder,
            "decoder_model" => &mut self.first,
            "decoder_with_past_model" => &mut self.next,
            "decoder_model_merged" => &mut self.merged,
            "decoder_align" => &mut self.align,
            _ => return None,
        })
    }
}

/// The sets of graphs of a folder by their precision.
pub(super) fn graph_sets(folder: &Path) -> BTreeMap<String, GraphSet> {
    let mut sets: BTreeMap<String, GraphSet> = BTreeMap::new();
    for place in [folder.to_owned(), folder.join(GRAPHS)] {
        for (name, path) in files_in(&place) {
            let Some((graph, precision)) = name.strip_suffix(".onnx").and_then(named) else { continue };
            let set = sets.entry(precision.to_owned()).or_default();
            if let Some(place) = set.place(graph) {
                // What stands in the folder itself goes before what stands in `onnx`.
                place.get_or_insert(path);
            }
        }
    }
    sets
}

/// The files that a transcript depends on, by their path in the folder: configurations and tokenizer, the graphs in use,
/// and the weights beside them.
pub(super) fn files_in_use<'g>(
    folder: &Path,
    graphs: impl IntoIterator<Item = &'g PathBuf>,
) -> BTreeMap<String, PathBuf> {
    let configurations =
        files_in(folder).into_iter().filter(|(name, _)| name.ends_with(".json") && name != MANIFEST);
    let graphs = graphs.into_iter().flat_map(|graph| with_weights(graph)).filter_map(|path| {
        let name =
            path.strip_prefix(folder).ok()?.components().map(|part| part.as_os_str().to_string_lossy());
        Some((name.collect::<Vec<_>>().join("/"), path))
    });
    configurations.chain(graphs).collect()
}

/// A graph's file and those that hold its weights.
pub(super) fn with_weights(graph: &Path) -> Vec<PathBuf> {
    let name = graph.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = graph.parent().map(files_in).unwrap_or_default();
    beside.into_iter().filter(|(other, _)| is_of(&name, other)).map(|(_, path)| path).collect()
}

/// Whether a file is Git's note that the real one is still to be fetched.
pub(super) fn is_pointer(path: &Path) -> bool {
    let mut beginning = Vec::with_capacity(POINTER.len());
    let read = File::open(path).and_then(|file| file.take(POINTER.len() as u64).read_to_end(&mut beginning));
    read.is_ok() && beginning == POINTER
}

/// Whether `other` is the graph `name` or holds weights of it; what is still being written does not count.
fn is_of(name: &str, other: &str) -> bool {
    other
        .strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("_data") || rest.starts_with(".data"))
}

/// The graph and the precision that a file's name without `.onnx` tells.
pub(super) fn named(stem: &str) -> Option<(&'static str, &str)> {
    // A name that begins with another's name comes before it.
    let graphs = [
        "encoder_model",
        "decoder_model_merged",
        "decoder_with_past_model",
        "decoder_model",
        "decoder_align",
    ];
    graphs.into_iter().find_map(|graph| match stem.strip_prefix(graph)? {
        "" => Some((graph, FULL)),
        suffix => {
            suffix.strip_prefix('_').filter(|precision| !precision.is_empty()).map(|name| (graph, name))
        }
    })
}

/// The files of a folder by name; none of a folder that is not there.
fn files_in(folder: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<(String, PathBuf)> = entries
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_exporters_are_understood() {
        for (stem, expected) in [
            ("encoder_model", Some(("encoder_model", "f32"))),
            ("encoder_model_q4f16", Some(("encoder_model", "q4f16"))),
            ("decoder_model_merged", Some(("decoder_model_merged", "f32"))),
            ("decoder_model_merged_bnb4", Some(("decoder_model_merged", "bnb4"))),
            ("decoder_model_int8", Some(("decoder_model", "int8"))),
            ("decoder_with_past_model_fp16", Some(("decoder_with_past_model", "fp16"))),
            ("decoder_align_uint8", Some(("decoder_align", "uint8"))),
            ("decoder_modelling", None),
            ("model", None),
        ] {
            assert_eq!(named(stem), expected, "{stem}");
        }
    }

    #[test]
    fn weights_are_known_by_their_graphs_name() {
        for (other, expected) in [
            ("encoder_model.onnx", true),
            ("encoder_model.onnx_data", true),
            ("encoder_model.onnx_data_1", true),
            ("encoder_model.onnx.data", true),
            ("encoder_model.onnx.new", false),
            ("encoder_model_fp16.onnx_data", false),
        ] {
            assert_eq!(is_of("encoder_model.onnx", other), expected, "{other}");
        }
    }
}
