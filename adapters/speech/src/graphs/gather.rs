//! Chooses rows of a tensor, on the device where it lies: a graph of one node, built in memory.

use ort::editor::{Graph, Model, Node, ONNX_DOMAIN, Opset};
use ort::memory::MemoryInfo;
use ort::session::Session;
use ort::value::{DynValue, Outlet, Shape, SymbolicDimensions, Tensor, TensorElementType, ValueType};

use super::FloatKind;
use crate::runtime::{Device, Runtime};

/// Rows of caches, chosen anew.
pub(crate) struct Gather {
    session: Session,
}

impl Gather {
    /// For caches of this kind of float: `[rows, heads, length, width]`.
    pub(crate) fn new(runtime: &Runtime, device: Device, floats: FloatKind) -> ort::Result<Self> {
        let tensor = |name: &str, ty, symbols: &[&str]| {
            Outlet::new(
                name,
                ValueType::Tensor {
                    ty,
                    shape: Shape::new(symbols.iter().map(|_| -1)),
                    dimension_symbols: SymbolicDimensions::new(
                        symbols.iter().map(|symbol| (*symbol).to_owned()),
                    ),
                },
            )
        };
        let floats = floats.element();
        let mut graph = Graph::new()?;
        graph.set_inputs([
            tensor("data", floats, &["rows", "heads", "length", "width"]),
            tensor("indices", TensorElementType::Int64, &["chosen"]),
        ])?;
        graph.set_outputs([tensor("chosen_rows", floats, &["chosen", "heads", "length", "width"])])?;
        graph.add_node(Node::new(
            "Gather",
            ONNX_DOMAIN,
            "choose",
            ["data", "indices"],
            ["chosen_rows"],
            [],
        )?)?;
        let mut model = Model::new([Opset::new(ONNX_DOMAIN, 18)?])?;
        model.set_graph(graph)?;
        Ok(Self { session: model.into_session(&runtime.builder(device, 1)?)? })
    }

    /// The rows with these numbers, in this order; a row may be chosen several times.
    pub(super) fn rows(
        &mut self,
        data: &DynValue,
        rows: &[i64],
        memory: &MemoryInfo<'_>,
    ) -> ort::Result<DynValue> {
        let mut binding = self.session.create_binding()?;
        binding.bind_input("data", data)?;
        binding.bind_input("indices", &Tensor::from_array(([rows.len()], rows.to_vec()))?)?;
        binding.bind_output_to_device("chosen_rows", memory)?;
        let mut output = self.session.run_binding(&binding)?;
        output.remove("chosen_rows").ok_or_else(|| ort::Error::new("Gather gave no output"))
    }
}
