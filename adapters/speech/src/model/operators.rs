//! Which operators a graph is made of, read from its file without its weights: those are skipped, since a large model's
//! would take seconds.

use std::fs::File;
use std::io::{BufReader, Error, ErrorKind, Read, Result};
use std::path::Path;

/// Takes one scale for all values of a tensor, and so for all rows of a batch.
const QUANTIZES_AS_A_WHOLE: &[u8] = b"DynamicQuantizeLinear";

/// Whether a graph quantises what it computes with one scale for the whole batch: then a row's numbers depend on the rows
/// beside it.
///
/// # Errors
/// The file cannot be read, or is no ONNX graph.
pub(crate) fn mixes_rows(path: &Path) -> Result<bool> {
    let file = File::open(path)?;
    let end = file.metadata()?.len();
    Walk { file: BufReader::new(file) }.any_node(Message::Model, 0, end)
}

/// Messages of onnx.proto on the way from a model to its operators.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
}

impl Message {
    /// What a field of this message holds that is of interest.
    fn field(self, number: u64) -> Option<Field> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Some(Field::Message(Self::Graph)),
            (Self::Model, 25) => Some(Field::Message(Self::Function)),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Field::Message(Self::Node)),
            (Self::Node, 4) => Some(Field::Operator),
            (Self::Node, 5) => Some(Field::Message(Self::Attribute)),
            (Self::Model | Self::Graph | Self::Function | Self::Node | Self::Attribute, _) => None,
        }
    }
}

enum Field {
    Message(Message),
    /// A node's operator.
    Operator,
}

struct Walk {
    file: BufReader<File>,
}

impl Walk {
    fn any_node(&mut self, message: Message, start: u64, end: u64) -> Result<bool> {
        let mut at = start;
        while at < end {
            let tag = self.varint(&mut at)?;
            let length = match tag & 7 {
                0 => {
                    self.varint(&mut at)?;
                    0
                }
                1 => 8,
                2 => self.varint(&mut at)?,
                5 => 4,
                _ => return Err(Error::new(ErrorKind::InvalidData, "it is no ONNX graph")),
            };
            let next = at.checked_add(length).filter(|next| *next <= end);
            let next = next.ok_or_else(|| Error::new(ErrorKind::InvalidData, "it is cut off"))?;
            let found = match message.field(tag >> 3).filter(|_| tag & 7 == 2) {
                Some(Field::Message(inner)) => self.any_node(inner, at, next)?,
                Some(Field::Operator) if length == QUANTIZES_AS_A_WHOLE.len() as u64 => {
                    let mut name = [0; QUANTIZES_AS_A_WHOLE.len()];
                    self.file.read_exact(&mut name)?;
                    name == QUANTIZES_AS_A_WHOLE
                }
                Some(Field::Operator) | None => {
                    self.file.seek_relative(i64::try_from(length).unwrap_or(i64::MAX))?;
                    false
                }
            };
            if found {
                return Ok(true);
            }
            at = next;
        }
        Ok(false)
    }

    fn varint(&mut self, at: &mut u64) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.file.read_exact(&mut byte)?;
            *at += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::new(ErrorKind::InvalidData, "it is no ONNX graph"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{fixtures, whisper_tiny};

    #[test]
    fn quantised_graphs_are_told_by_their_operators() {
        let int8 = fixtures().join("whisper-tiny-int8");
        for graph in ["decoder_model_int8.onnx", "decoder_with_past_model_int8.onnx"] {
            assert!(mixes_rows(&int8.join(graph)).unwrap(), "{graph}");
        }
        for graph in ["decoder_model.onnx", "decoder_model_merged.onnx", "encoder_model.onnx"] {
            assert!(!mixes_rows(&whisper_tiny().join(graph)).unwrap(), "{graph}");
        }
        assert!(mixes_rows(&whisper_tiny().join("tokenizer.json")).is_err());
    }
}
