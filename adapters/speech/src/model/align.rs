//! Word times need to see where the decoder looked, and published graphs do not show it. ONNX files are protobuf
//! messages, and a message may be continued: fields that follow on its end are merged into it. So a graph that shows its
//! attention is the published file with a few bytes after it that name more outputs.

use std::error::Error;
use std::path::{Path, PathBuf};

use quick_protobuf::{BytesReader, Writer};

use super::ModelFolder;

/// Why a folder got no graph for word times.
#[derive(Debug, thiserror::Error)]
pub enum AddAlignError {
    /// The configuration does not say which heads follow the words.
    #[error("generation_config.json names no alignment_heads, so nobody knows where to look for word times")]
    NoHeads,
    /// There is only the merged decoder, whose attention lies inside of a branch.
    #[error("word times need decoder_model.onnx of the same precision; {0} has only the merged one")]
    Merged(PathBuf),
    /// The file is no ONNX graph, or one of another making.
    #[error("{path} shows no attention to the encoder")]
    Unknown {
        /// The graph.
        path: PathBuf,
        /// What was looked for, or why it is no graph.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

// Numbers of fields in onnx.proto: ModelProto.graph, GraphProto.node and .output, NodeProto.output and .op_type,
// ValueInfoProto.name.
const MODEL_GRAPH: u32 = 7;
const GRAPH_NODE: u32 = 1;
const GRAPH_OUTPUT: u32 = 12;
const NODE_OUTPUT: u32 = 2;
const NODE_OPERATOR: u32 = 4;
const VALUE_NAME: u32 = 1;

/// Writes `decoder_align.onnx` beside the decoder: the same graph, which also gives the attention of the layers that
/// `alignment_heads` names. Answers with its path.
///
/// # Errors
/// Says what the folder lacks.
pub fn add_align(model: &ModelFolder) -> Result<PathBuf, AddAlignError> {
    let heads = model.generation.alignment_heads.as_deref().filter(|heads| !heads.is_empty());
    let heads = heads.ok_or(AddAlignError::NoHeads)?;
    let decoder = match &model.decoders {
        super::DecoderFiles::Split { first, .. } => first.clone(),
        super::DecoderFiles::Merged(_) => return Err(AddAlignError::Merged(model.path.clone())),
    };
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| AddAlignError::Io { path, source }
    };
    let mut graph = std::fs::read(&decoder).map_err(io(&decoder))?;
    let unknown =
        |source: Box<dyn Error + Send + Sync>| AddAlignError::Unknown { path: decoder.clone(), source };
    let attentions = cross_attentions(&graph).map_err(|error| unknown(error.into()))?;
    let mut wanted: Vec<usize> = heads.iter().map(|(layer, _)| *layer).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut outputs = Vec::with_capacity(wanted.len());
    for layer in wanted {
        let found = attentions.iter().find(|name| layer_of(name) == Some(layer));
        outputs.push(found.ok_or_else(|| {
            unknown(format!("there is no Softmax of encoder_attn in layer {layer}").into())
        })?);
    }
    graph.extend(more_outputs(&outputs).map_err(|error| unknown(error.into()))?);

    let name = decoder.file_name().and_then(|name| name.to_str()).unwrap_or("decoder_model.onnx");
    let target = decoder.with_file_name(name.replacen("decoder_model", "decoder_align", 1));
    let unfinished = target.with_extension("onnx.new");
    std::fs::write(&unfinished, graph).map_err(io(&unfinished))?;
    std::fs::rename(&unfinished, &target).map_err(io(&target))?;
    Ok(target)
}

/// The decoder's layer to which an attention output belongs: `/model/decoder/layers.2/encoder_attn/Softmax_output_0`
/// belongs to the third.
pub(crate) fn layer_of(name: &str) -> Option<usize> {
    let (_, rest) = name.split_once("layers.")?;
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).map_or(rest, |end| &rest[..end]);
    name.contains("encoder_attn").then(|| digits.parse().ok()).flatten()
}

/// The names of the tensors that say how much each token looked at each frame, one for each layer.
fn cross_attentions(model: &[u8]) -> quick_protobuf::Result<Vec<String>> {
    let mut names = Vec::new();
    for graph in fields(model, MODEL_GRAPH)? {
        for node in fields(graph, GRAPH_NODE)? {
            if !fields(node, NODE_OPERATOR)?.contains(&b"Softmax".as_slice()) {
                continue;
            }
            let outputs =
                fields(node, NODE_OUTPUT)?.into_iter().filter_map(|name| std::str::from_utf8(name).ok());
            names.extend(outputs.filter(|name| name.contains("encoder_attn")).map(str::to_owned));
        }
    }
    Ok(names)
}

/// The contents of a message's fields with this number.
fn fields(message: &[u8], number: u32) -> quick_protobuf::Result<Vec<&[u8]>> {
    const LENGTH_DELIMITED: u32 = 2;
    let mut reader = BytesReader::from_bytes(message);
    let mut found = Vec::new();
    while !reader.is_eof() {
        let tag = reader.next_tag(message)?;
        if tag == number << 3 | LENGTH_DELIMITED {
            found.push(reader.read_bytes(message)?);
        } else {
            reader.read_unknown(message, tag)?;
        }
    }
    Ok(found)
}

/// A model that consists of nothing but outputs of these names.
fn more_outputs(names: &[&String]) -> quick_protobuf::Result<Vec<u8>> {
    let mut graph = Vec::new();
    let mut writer = Writer::new(&mut graph);
    for name in names {
        let mut value = Vec::new();
        Writer::new(&mut value).write_with_tag(VALUE_NAME << 3 | 2, |value| value.write_string(name))?;
        writer.write_with_tag(GRAPH_OUTPUT << 3 | 2, |graph| graph.write_bytes(&value))?;
    }
    let mut model = Vec::new();
    Writer::new(&mut model).write_with_tag(MODEL_GRAPH << 3 | 2, |model| model.write_bytes(&graph))?;
    Ok(model)
}
