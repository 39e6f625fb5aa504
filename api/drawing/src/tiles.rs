//! Lots as tiles: one a lot, or one for many lots that look alike.

use std::collections::HashMap;

use domain::lots::{LotStatus, LotType};

use super::Picture;

/// Whether alike lots may share a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Where a layer is long: lots of one type, status and note that were made of the same lots become one tile.
    #[default]
    Alike,
    /// Every lot is a tile.
    Every,
}

/// A layer up to this length is drawn lot by lot.
const LONG_LAYER: usize = 30;

/// Fewer alike lots than this stay apart.
const WORTH_JOINING: usize = 3;

/// One rectangle of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tile {
    /// Indexes into the picture's nodes, ordered by code; never empty.
    pub members: Vec<usize>,
    /// Index among the layers that have lots.
    pub layer: usize,
    pub lot_type: LotType,
    pub status: LotStatus,
    pub weight_grams: i64,
    pub is_root: bool,
    pub note: Option<String>,
}

/// All that went from one tile into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strand {
    pub from: usize,
    pub to: usize,
    pub used_grams: i64,
}

/// A picture as tiles.
#[derive(Debug, Default)]
pub(super) struct Tiles {
    pub tiles: Vec<Tile>,
    pub strands: Vec<Strand>,
    /// The step of each layer, ascending.
    pub layers: Vec<u8>,
}

/// What makes two lots alike: type, status, note, and the tiles they were made of.
type Likeness<'a> = (LotType, LotStatus, Option<&'a str>, Vec<usize>);

pub(super) fn tiles(picture: &Picture, detail: Detail) -> Tiles {
    let mut layers: Vec<u8> = picture.nodes.iter().map(|node| node.step_index).collect();
    layers.sort_unstable();
    layers.dedup();
    let mut parents = vec![Vec::new(); picture.nodes.len()];
    for link in picture.known_links() {
        parents[link.child].push(link.parent);
    }
    let mut tile_of: Vec<Option<usize>> = vec![None; picture.nodes.len()];
    let mut drawn = Tiles { layers, ..Tiles::default() };
    for layer in 0..drawn.layers.len() {
        let mut lots: Vec<usize> = (0..picture.nodes.len())
            .filter(|&lot| picture.nodes[lot].step_index == drawn.layers[layer])
            .collect();
        lots.sort_by(|a, b| picture.nodes[*a].code.cmp(&picture.nodes[*b].code));
        let joins = detail == Detail::Alike && lots.len() > LONG_LAYER;
        for members in groups(picture, &lots, &parents, &tile_of, joins) {
            for &lot in &members {
                tile_of[lot] = Some(drawn.tiles.len());
            }
            drawn.tiles.push(tile(picture, layer, members));
        }
    }
    drawn.strands = strands(picture, &tile_of);
    drawn
}

/// Divides a layer's lots, ordered by code, into the members of its tiles.
fn groups(
    picture: &Picture,
    lots: &[usize],
    parents: &[Vec<usize>],
    tile_of: &[Option<usize>],
    joins: bool,
) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<Likeness<'_>, usize> = HashMap::new();
    for &lot in lots {
        let node = &picture.nodes[lot];
        // A parent without a tile stands in this layer or a later one: then the lot stays by itself.
        let made_of: Option<Vec<usize>> = parents[lot].iter().map(|&parent| tile_of[parent]).collect();
        match made_of.filter(|_| joins && !node.is_root && !leaves_the_plant(node.lot_type)) {
            Some(mut made_of) => {
                made_of.sort_unstable();
                made_of.dedup();
                let likeness = (node.lot_type, node.status, node.note.as_deref(), made_of);
                let group = *known.entry(likeness).or_insert_with(|| {
                    groups.push(Vec::new());
                    groups.len() - 1
                });
                groups[group].push(lot);
            }
            None => groups.push(vec![lot]),
        }
    }
    groups
        .into_iter()
        .flat_map(|group| {
            if group.len() < WORTH_JOINING {
                group.into_iter().map(|lot| vec![lot]).collect()
            } else {
                vec![group]
            }
        })
        .collect()
}

/// Whoever recalls goods looks for each pallet and shipment by its code.
fn leaves_the_plant(lot_type: LotType) -> bool {
    matches!(lot_type, LotType::Pal | LotType::Ship)
}

fn tile(picture: &Picture, layer: usize, members: Vec<usize>) -> Tile {
    let first = &picture.nodes[members[0]];
    Tile {
        layer,
        lot_type: first.lot_type,
        status: first.status,
        weight_grams: members.iter().map(|&lot| picture.nodes[lot].weight_grams).sum(),
        is_root: first.is_root,
        note: first.note.clone(),
        members,
    }
}

fn strands(picture: &Picture, tile_of: &[Option<usize>]) -> Vec<Strand> {
    let mut grams: HashMap<(usize, usize), i64> = HashMap::new();
    for link in picture.known_links() {
        if let (Some(from), Some(to)) = (tile_of[link.parent], tile_of[link.child]) {
            *grams.entry((from, to)).or_default() += link.used_grams;
        }
    }
    let mut strands: Vec<Strand> =
        grams.into_iter().map(|((from, to), used_grams)| Strand { from, to, used_grams }).collect();
    strands.sort_unstable_by_key(|strand| (strand.from, strand.to));
    strands
}
