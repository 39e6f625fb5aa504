//! The picture for Graphviz.

use std::fmt::{self, Write};

use super::palette::look;
use super::tiles::{Detail, Tiles, tiles};
use super::{Picture, kilograms, step_name};

/// Writes a picture in the DOT language: one rank a step, from left to right.
pub fn dot(picture: &Picture, detail: Detail) -> String {
    let drawn = tiles(picture, detail);
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _never_fails = write_dot(&mut text, picture, &drawn);
    text
}

fn write_dot(out: &mut String, picture: &Picture, drawn: &Tiles) -> fmt::Result {
    writeln!(out, "digraph genealogy {{")?;
    writeln!(out, "  graph [rankdir=LR, label={}, labelloc=t, fontname=monospace];", quoted(&picture.title))?;
    writeln!(out, "  node [shape=box, style=filled, fontname=monospace, fontsize=10];")?;
    writeln!(out, "  edge [color=\"#5b6472\", fontname=monospace, fontsize=9];")?;
    for (layer, &step) in drawn.layers.iter().enumerate() {
        writeln!(out, "  {{ rank=same; // {step} {}", step_name(step))?;
        for (index, tile) in drawn.tiles.iter().enumerate().filter(|(_index, tile)| tile.layer == layer) {
            let code = tile.members.first().map_or("", |&lot| picture.nodes[lot].code.as_str());
            let label = match tile.members.len() {
                1 => code.to_owned(),
                count => format!("{count} × {}, from {code}", tile.lot_type),
            };
            let note = tile.note.as_ref().map_or_else(String::new, |note| format!("\n{note}"));
            let label =
                format!("{label}\n{} {} kg{note}", tile.status.as_str(), kilograms(tile.weight_grams));
            let look = look(tile.status);
            let style = if look.barred { ", style=\"filled,dashed\"" } else { "" };
            let root = if tile.is_root { ", penwidth=3" } else { "" };
            writeln!(
                out,
                "    t{index} [label={}, fillcolor=\"{}\", fontcolor=\"{}\"{style}{root}];",
                quoted(&label),
                look.hex(),
                look.ink
            )?;
        }
        writeln!(out, "  }}")?;
    }
    for strand in &drawn.strands {
        let label = quoted(&kilograms(strand.used_grams));
        writeln!(out, "  t{} -> t{} [label={label}];", strand.from, strand.to)?;
    }
    writeln!(out, "}}")
}

/// A string of the DOT language. Only the quote, the backslash and the line break mean anything there.
fn quoted(text: &str) -> String {
    let mut safe = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => safe.push_str("\\\""),
            '\\' => safe.push_str("\\\\"),
            '\n' => safe.push_str("\\n"),
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe.push('"');
    safe
}
