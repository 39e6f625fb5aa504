//! The picture of a genealogy: which lot was made of which, layer by layer along the plant's steps.
//!
//! Pure: a [`Picture`] in, text out. [`svg`] draws it, [`dot`] hands it to Graphviz, [`table`] says the same on a terminal.
//! Reading order: `tiles.rs` (lots that look alike become one tile when there are many), `order.rs` and `layout.rs`
//! (where a tile stands), `palette.rs` (how a status looks, also in grey), then the three forms.
//!
//! A trace of 2,000 lots stays legible: alike lots are drawn as one tile with their number, rows shrink with the longest
//! layer, and a layer too long for one column is broken into several. Time grows with lots and links, times a logarithm.

mod dot;
mod layout;
pub mod numbers;
mod order;
mod palette;
mod svg;
mod table;
#[cfg(test)]
mod tests;
mod tiles;

use domain::lots::{LotStatus, LotType, STEPS};

use numbers::kilograms;

pub use dot::dot;
pub use svg::svg;
pub use table::table;
pub use tiles::Detail;

/// What is drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picture {
    /// Says what is shown: `What was made of RAW-20260302-DUNA-0001`.
    pub title: String,
    /// The lots, in any order.
    pub nodes: Vec<Node>,
    /// What was made of what.
    pub links: Vec<Link>,
}

/// One lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its code.
    pub code: String,
    /// Its type.
    pub lot_type: LotType,
    /// Where it stands.
    pub status: LotStatus,
    /// The index of its step, 0 to 10: its layer.
    pub step_index: u8,
    /// Its weight.
    pub weight_grams: i64,
    /// Whether the trace was asked for this lot.
    pub is_root: bool,
    /// What else is worth a word: the supplier, a place, the consignee. Lots with different notes are never one tile.
    pub note: Option<String>,
}

/// A part of one lot that went into another. Both ends are indexes into [`Picture::nodes`]; a link out of range is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The lot that was used.
    pub parent: usize,
    /// The lot that was made.
    pub child: usize,
    /// How much of the parent went in.
    pub used_grams: i64,
}

impl Picture {
    /// The links that join known lots.
    fn known_links(&self) -> impl Iterator<Item = Link> + '_ {
        let known = self.nodes.len();
        self.links.iter().copied().filter(move |link| link.parent < known && link.child < known)
    }
}

fn step_name(index: u8) -> &'static str {
    STEPS.get(usize::from(index)).map_or("?", |step| step.name)
}
