//! In which order the tiles of a layer stand: that of the mean of their neighbours, swept to and fro, which is the
//! barycentre method of Sugiyama, Tagawa and Toda (1981). The order with the fewest crossings on the way is kept.

use super::tiles::Tiles;

const SWEEPS: usize = 12;

/// The tiles of each layer, from the top.
pub(super) fn order(drawn: &Tiles) -> Vec<Vec<usize>> {
    let mut layers = vec![Vec::new(); drawn.layers.len()];
    for (index, tile) in drawn.tiles.iter().enumerate() {
        layers[tile.layer].push(index);
    }
    let neighbours = Neighbours::of(drawn);
    let mut best = (crossings(drawn, &layers), layers.clone());
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let turn: Vec<usize> =
            if forward { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        let mut places = places(drawn.tiles.len(), &layers);
        for layer in turn {
            let means: Vec<f64> =
                layers[layer].iter().map(|&tile| neighbours.mean(tile, forward, &places)).collect();
            let mut order: Vec<usize> = (0..means.len()).collect();
            order.sort_by(|&a, &b| means[a].total_cmp(&means[b]));
            layers[layer] = order.into_iter().map(|at| layers[layer][at]).collect();
            place(&layers[layer], &mut places);
        }
        let crossed = crossings(drawn, &layers);
        if crossed < best.0 {
            best = (crossed, layers.clone());
        }
    }
    best.1
}

/// Who is joined to whom, before and after.
pub(super) struct Neighbours {
    before: Vec<Vec<usize>>,
    after: Vec<Vec<usize>>,
}

impl Neighbours {
    pub fn of(drawn: &Tiles) -> Self {
        let mut neighbours =
            Self { before: vec![Vec::new(); drawn.tiles.len()], after: vec![Vec::new(); drawn.tiles.len()] };
        for strand in &drawn.strands {
            neighbours.before[strand.to].push(strand.from);
            neighbours.after[strand.from].push(strand.to);
        }
        neighbours
    }

    /// The mean place of a tile's neighbours on one side; its own where it has none.
    pub fn mean(&self, tile: usize, forward: bool, places: &[f64]) -> f64 {
        let side = if forward { &self.before[tile] } else { &self.after[tile] };
        if side.is_empty() {
            return places[tile];
        }
        side.iter().map(|&neighbour| places[neighbour]).sum::<f64>() / side.len() as f64
    }
}

/// Places from 0 to 1, so that short and long layers speak the same language.
fn places(tiles: usize, layers: &[Vec<usize>]) -> Vec<f64> {
    let mut places = vec![0.0; tiles];
    layers.iter().for_each(|layer| place(layer, &mut places));
    places
}

fn place(layer: &[usize], places: &mut [f64]) {
    for (at, &tile) in layer.iter().enumerate() {
        places[tile] = (at as f64 + 0.5) / layer.len() as f64;
    }
}

/// How often strands between neighbouring layers cross, counted as inversions with a Fenwick tree.
fn crossings(drawn: &Tiles, layers: &[Vec<usize>]) -> u64 {
    let mut rank = vec![0; drawn.tiles.len()];
    for layer in layers {
        for (at, &tile) in layer.iter().enumerate() {
            rank[tile] = at;
        }
    }
    let mut between: Vec<Vec<(usize, usize)>> = vec![Vec::new(); layers.len()];
    for strand in &drawn.strands {
        let from = drawn.tiles[strand.from].layer;
        if drawn.tiles[strand.to].layer == from + 1 {
            between[from].push((rank[strand.from], rank[strand.to]));
        }
    }
    let mut crossed = 0;
    for (layer, pairs) in between.iter_mut().enumerate() {
        pairs.sort_unstable();
        let mut seen = Fenwick(vec![0; layers.get(layer + 1).map_or(0, Vec::len) + 1]);
        for (count, &(_from, to)) in (0_u64..).zip(pairs.iter()) {
            crossed += count - seen.up_to(to);
            seen.add(to);
        }
    }
    crossed
}

struct Fenwick(Vec<u64>);

impl Fenwick {
    fn add(&mut self, at: usize) {
        let mut index = at + 1;
        while index < self.0.len() {
            self.0[index] += 1;
            index += index & index.wrapping_neg();
        }
    }

    /// How many were added at or before a place.
    fn up_to(&self, at: usize) -> u64 {
        let mut index = at + 1;
        let mut sum = 0;
        while index > 0 {
            sum += self.0[index];
            index &= index - 1;
        }
        sum
    }
}
