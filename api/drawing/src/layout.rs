//! Where a tile stands: columns by step from left to right, rows as close as the longest layer asks for.

use super::order::{Neighbours, order};
use super::tiles::{Tile, Tiles};
use super::{Picture, kilograms, step_name};

/// How much a tile says and how much room it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Density {
    /// Code, weight and note on two lines.
    Roomy,
    /// Code and weight on one line.
    Compact,
    /// The part of the code in which lots of the layer differ; the column's head says the rest.
    Dense,
}

/// Sizes in pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metrics {
    pub font: f64,
    pub tile_height: f64,
    row: f64,
    column_gap: f64,
    /// How thick the thickest strand is, and how much of the ground shows through it.
    pub strand_width: f64,
    pub strand_opacity: f64,
}

impl Density {
    fn of(longest_layer: usize) -> Self {
        match longest_layer {
            0..=16 => Self::Roomy,
            17..=60 => Self::Compact,
            _ => Self::Dense,
        }
    }

    pub fn metrics(self) -> Metrics {
        let (font, tile_height, row, column_gap, strand_width, strand_opacity) = match self {
            Self::Roomy => (12.0, 38.0, 50.0, 80.0, 7.0, 0.45),
            Self::Compact => (11.0, 20.0, 25.0, 100.0, 5.0, 0.4),
            Self::Dense => (10.0, 14.0, 16.0, 120.0, 3.0, 0.3),
        };
        Metrics { font, tile_height, row, column_gap, strand_width, strand_opacity }
    }
}

/// The longest column; a longer layer is broken into several.
const COLUMN_ROWS: usize = 90;
/// What a letter of a monospaced face takes, in parts of the font's size; the widest common one is meant.
const LETTER: f64 = 0.62;
const PADDING: f64 = 7.0;
const MARGIN: f64 = 24.0;
/// Between the columns of one broken layer.
const BROKEN_GAP: f64 = 6.0;
const HEADS_AT: f64 = 112.0;
const HEAD_FONT: f64 = 12.0;
const HEAD_LINE: f64 = 16.0;
const NOTE_LETTERS: usize = 28;

/// A tile in its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    /// One line, or two in the roomy form.
    pub lines: Vec<String>,
}

/// A layer's head.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub left: f64,
    pub top: f64,
    pub lines: Vec<String>,
}

/// Everything in its place.
#[derive(Debug)]
pub(super) struct Layout {
    pub width: f64,
    pub height: f64,
    pub density: Density,
    pub heads: Vec<Head>,
    /// In the order of the tiles.
    pub placed: Vec<Placed>,
}

pub(super) fn text_width(text: &str, font: f64) -> f64 {
    unicode_width::UnicodeWidthStr::width(text) as f64 * font * LETTER
}

pub(super) fn layout(picture: &Picture, drawn: &Tiles) -> Layout {
    let layers = order(drawn);
    let density = Density::of(layers.iter().map(Vec::len).max().unwrap_or(0));
    let metrics = density.metrics();
    let words: Vec<Words> = (0..layers.len()).map(|layer| words(picture, drawn, density, layer)).collect();
    let head_lines = words.iter().map(|words| words.head.len()).max().unwrap_or(0);
    let body = HEADS_AT + head_lines as f64 * HEAD_LINE;
    let tops = tops(drawn, &layers, &metrics, body);
    let mut layout = Layout {
        width: MARGIN,
        height: tops.iter().copied().fold(body, f64::max) + metrics.tile_height + MARGIN,
        density,
        heads: Vec::new(),
        placed: vec![Placed { left: 0.0, top: 0.0, width: 0.0, lines: Vec::new() }; drawn.tiles.len()],
    };
    for (words, layer) in words.into_iter().zip(&layers) {
        let left = layout.width;
        let tile_width = words.tile_width(&metrics);
        let columns = layer.len().div_ceil(COLUMN_ROWS).max(1);
        for (at, &tile) in layer.iter().enumerate() {
            let column = (at / COLUMN_ROWS) as f64;
            layout.placed[tile] = Placed {
                left: left + column * (tile_width + BROKEN_GAP),
                top: tops[tile],
                width: tile_width,
                lines: Vec::new(),
            };
        }
        let tiles_width = columns as f64 * (tile_width + BROKEN_GAP) - BROKEN_GAP;
        let head_width = words.head.iter().map(|line| text_width(line, HEAD_FONT)).fold(0.0, f64::max);
        layout.heads.push(Head { left, top: HEADS_AT, lines: words.head });
        for (tile, lines) in words.tiles {
            layout.placed[tile].lines = lines;
        }
        layout.width = left + tiles_width.max(head_width) + metrics.column_gap;
    }
    layout.width += MARGIN - if layers.is_empty() { 0.0 } else { metrics.column_gap };
    layout
}

/// What a layer says.
struct Words {
    head: Vec<String>,
    tiles: Vec<(usize, Vec<String>)>,
}

impl Words {
    fn tile_width(&self, metrics: &Metrics) -> f64 {
        let widest = self
            .tiles
            .iter()
            .flat_map(|(_tile, lines)| lines.iter().map(|line| text_width(line, metrics.font)))
            .fold(0.0, f64::max);
        widest + metrics.font + 3.0 * PADDING
    }
}

fn words(picture: &Picture, drawn: &Tiles, density: Density, layer: usize) -> Words {
    let tiles: Vec<(usize, &Tile)> =
        drawn.tiles.iter().enumerate().filter(|(_index, tile)| tile.layer == layer).collect();
    let lots: usize = tiles.iter().map(|(_index, tile)| tile.members.len()).sum();
    let grams: i64 = tiles.iter().map(|(_index, tile)| tile.weight_grams).sum();
    let step = drawn.layers.get(layer).copied().unwrap_or_default();
    let codes =
        tiles.iter().flat_map(|(_index, tile)| &tile.members).map(|&lot| picture.nodes[lot].code.as_str());
    let shared = if density == Density::Dense && lots > 1 { shared_beginning(codes) } else { "" };
    let mut head = vec![
        format!("{step} {}", step_name(step)),
        format!("{} · {} kg", plural(lots, "lot"), kilograms(grams)),
    ];
    if !shared.is_empty() {
        head.push(format!("{shared}…"));
    }
    let tiles =
        tiles.into_iter().map(|(index, tile)| (index, lines(picture, tile, density, shared))).collect();
    Words { head, tiles }
}

fn lines(picture: &Picture, tile: &Tile, density: Density, shared: &str) -> Vec<String> {
    let code = tile.members.first().map_or("", |&lot| picture.nodes[lot].code.as_str());
    let label = match tile.members.len() {
        1 => code.strip_prefix(shared).unwrap_or(code).to_owned(),
        count => format!("{count} × {}", tile.lot_type),
    };
    let weight = format!("{} kg", kilograms(tile.weight_grams));
    match (density, &tile.note) {
        (Density::Roomy, Some(note)) => vec![label, format!("{weight} · {}", shortened(note, NOTE_LETTERS))],
        (Density::Roomy, None) => vec![label, weight],
        (Density::Compact, _) => vec![format!("{label}  {weight}")],
        (Density::Dense, _) if tile.members.len() > 1 => vec![format!("{label}  {weight}")],
        (Density::Dense, _) => vec![label],
    }
}

/// What all codes begin with, up to and with a hyphen.
fn shared_beginning<'a>(codes: impl Iterator<Item = &'a str>) -> &'a str {
    codes
        .reduce(|shared, code| {
            let alike =
                shared.chars().zip(code.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8());
            &shared[..alike.sum::<usize>()]
        })
        .and_then(|shared| shared.rfind('-').map(|at| &shared[..=at]))
        .unwrap_or("")
}

/// A text cut to a number of letters, the cut shown.
fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    text.chars().take(letters - 1).chain(std::iter::once('…')).collect()
}

pub(super) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The top of every tile. A layer that fits one column is drawn towards its neighbours; a broken one is a grid.
fn tops(drawn: &Tiles, layers: &[Vec<usize>], metrics: &Metrics, body: f64) -> Vec<f64> {
    let longest = layers.iter().map(|layer| layer.len().min(COLUMN_ROWS)).max().unwrap_or(0) as f64;
    let mut tops = vec![0.0; drawn.tiles.len()];
    for layer in layers {
        let spare = (longest - layer.len().min(COLUMN_ROWS) as f64) / 2.0;
        for (at, &tile) in layer.iter().enumerate() {
            tops[tile] = (spare + (at % COLUMN_ROWS) as f64) * metrics.row;
        }
    }
    let neighbours = Neighbours::of(drawn);
    for forward in [true, false, true, false, true] {
        let turn: Vec<&Vec<usize>> =
            if forward { layers.iter().collect() } else { layers.iter().rev().collect() };
        for layer in turn.into_iter().filter(|layer| layer.len() <= COLUMN_ROWS) {
            let wished: Vec<f64> = layer.iter().map(|&tile| neighbours.mean(tile, forward, &tops)).collect();
            for (&tile, top) in layer.iter().zip(apart(&wished, metrics.row)) {
                tops[tile] = top;
            }
        }
    }
    let least = tops.iter().copied().fold(f64::INFINITY, f64::min);
    tops.into_iter().map(|top| top - least + body).collect()
}

/// The places nearest to the wished ones (least squares) that keep the order and a distance: pooling of neighbours that
/// are too close, in linear time.
fn apart(wished: &[f64], distance: f64) -> Vec<f64> {
    // (sum of wishes, how many) of each pool, wishes taken relative to the tile's least place.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (at, wish) in wished.iter().enumerate() {
        let mut pool = (wish - at as f64 * distance, 1);
        while let Some(&(sum, count)) = pools.last() {
            if sum / count as f64 <= pool.0 / pool.1 as f64 {
                break;
            }
            pool = (pool.0 + sum, pool.1 + count);
            pools.pop();
        }
        pools.push(pool);
    }
    let means = pools.iter().flat_map(|&(sum, count)| std::iter::repeat_n(sum / count as f64, count));
    means.enumerate().map(|(at, mean)| mean + at as f64 * distance).collect()
}
