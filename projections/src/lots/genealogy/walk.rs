use commands::ports::Position;

use super::{adjacency::Adjacency, graph::Graph};

/// A node and its distance from where the walk began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) node: u32,
    pub(super) depth: u32,
}

/// Marks nodes: one bit each, so that a million lots take 125 kB, zeroed for every walk.
pub(super) struct Marks(Vec<u64>);

impl Marks {
    pub(super) fn for_nodes(nodes: usize) -> Self {
        Self(vec![0; nodes.div_ceil(64)])
    }

    /// Marks a node; false if it was marked.
    pub(super) fn mark(&mut self, node: u32) -> bool {
        let (word, bit) = (&mut self.0[node as usize / 64], 1 << (node % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    pub(super) fn has(&self, node: u32) -> bool {
        self.0[node as usize / 64] & 1 << (node % 64) != 0
    }
}

impl Graph {
    /// Every node within `max_depth` steps over the links that stood at a position, the first one included, by depth.
    pub(super) fn reach(&self, links: &Adjacency, from: u32, max_depth: u32, at: Position) -> Vec<Reached> {
        let mut marks = Marks::for_nodes(self.nodes.len());
        marks.mark(from);
        let mut reached = vec![Reached { node: from, depth: 0 }];
        let mut next = 0;
        while let Some(&Reached { node, depth }) = reached.get(next) {
            next += 1;
            if depth == max_depth {
                break; // By depth: everything after it is as far away.
            }
            for link in links.of(node) {
                if link.position <= at && marks.mark(link.other) {
                    reached.push(Reached { node: link.other, depth: depth + 1 });
                }
            }
        }
        reached
    }

    /// Sorts by depth, then code.
    pub(super) fn sort(&self, reached: &mut [Reached]) {
        let is_odd = |reached: &Reached| self.node(reached.node).code.odd_number().is_some();
        if reached.iter().any(is_odd) {
            reached.sort_by_cached_key(|reached| {
                (reached.depth, self.code_text(self.node(reached.node).code), reached.node)
            });
        } else {
            let mut keyed: Vec<(u32, u64, u32)> = reached
                .iter()
                .map(|reached| (reached.depth, self.node(reached.node).code.0, reached.node))
                .collect();
            keyed.sort_unstable();
            for (reached, (depth, _, node)) in reached.iter_mut().zip(keyed) {
                *reached = Reached { node, depth };
            }
        }
    }
}
