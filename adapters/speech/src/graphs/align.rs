//! Where the decoder looked: one run over a whole text, with the attention to the window as further outputs.

use std::time::Instant;

use ndarray::{Array2, Axis, Slice};
use ort::session::Session;

use super::decoder::token_tensor;
use super::{Encoded, Graphs, RunError, Stage, floats};

/// Why there are no word times in a folder without a graph for them.
pub(super) const NO_GRAPH: &str = "the model has no graph for word times; `cairn model add-align` makes one";

/// The graph for word times, and the heads that follow the words.
pub(super) struct Align {
    pub session: Session,
    /// Each head with the output of its layer.
    pub heads: Vec<(String, usize)>,
}

impl Graphs {
    /// Attention of a text to the frames of its window, for each row and each of the heads that follow the words: how much
    /// each of the tokens (prompt included) looked at each of the 1,500 frames.
    pub(crate) fn attention(
        &mut self,
        rows: &[(&Encoded, &[u32])],
        filler: u32,
    ) -> Result<Vec<Vec<Array2<f32>>>, RunError> {
        let started = Instant::now();
        let longest = rows.iter().map(|(_, ids)| ids.len()).max().unwrap_or(0);
        let ids = token_tensor(rows.iter().map(|(_, ids)| *ids), longest, filler)?;
        let states = self.states(&rows.iter().map(|(encoded, _)| *encoded).collect::<Vec<_>>())?;
        let align = self.align.as_mut().map_err(|why| ort::Error::new(why.clone()))?;
        let mut binding = align.session.create_binding()?;
        binding.bind_input("input_ids", &ids)?;
        binding.bind_input("encoder_hidden_states", &states)?;
        let mut outputs: Vec<&str> = align.heads.iter().map(|(output, _)| output.as_str()).collect();
        outputs.dedup();
        for output in &outputs {
            binding.bind_output_to_device(*output, &self.host)?;
        }
        let session = &mut align.session;
        let output = self.brake.run(|options| session.run_binding_with_options(&binding, options))?;
        let mut found: Vec<Vec<Array2<f32>>> =
            rows.iter().map(|_| Vec::with_capacity(align.heads.len())).collect();
        for (name, head) in &align.heads {
            let attention = floats::array4(&output[name.as_str()])?;
            if *head >= attention.len_of(Axis(1)) {
                return Err(ort::Error::new(format!("'{name}' has no head {head}")).into());
            }
            for (row, ((_, ids), found)) in rows.iter().zip(&mut found).enumerate() {
                let of_row = attention.index_axis(Axis(0), row);
                let of_head = of_row.index_axis(Axis(0), *head);
                found.push(of_head.slice_axis(Axis(0), Slice::from(..ids.len())).to_owned());
            }
        }
        drop(output);
        self.clockwork.add(Stage::Align, started.elapsed());
        Ok(found)
    }
}
