//! The picture as a self-contained SVG.

use std::fmt::{self, Write};

use super::layout::{Layout, Placed, layout, plural, text_width};
use super::palette::{Look, STATUSES, look};
use super::tiles::{Detail, Strand, Tile, Tiles, tiles};
use super::{Picture, kilograms};

const TITLE_AT: f64 = 34.0;
const COUNTS_AT: f64 = 54.0;
const LEGEND_AT: f64 = 68.0;
const LEGEND_FONT: f64 = 11.0;
const LEFT: f64 = 24.0;

/// Draws a picture. The text names every lot for screen readers; hovering a tile or strand tells all of it.
pub fn svg(picture: &Picture, detail: Detail) -> String {
    let drawn = tiles(picture, detail);
    let layout = layout(picture, &drawn);
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _never_fails = write_svg(&mut text, picture, &drawn, &layout);
    text
}

fn write_svg(out: &mut String, picture: &Picture, drawn: &Tiles, layout: &Layout) -> fmt::Result {
    let counts = counts(picture, drawn);
    let legend = legend(drawn);
    let head_width =
        text_width(&picture.title, 18.0).max(text_width(&counts, 12.0)).max(legend.1) + 2.0 * LEFT;
    let (width, height) = (layout.width.max(head_width), layout.height);
    writeln!(
        out,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img" aria-labelledby="title desc" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" fill="#16181d">"##
    )?;
    writeln!(out, r#"<title id="title">{}</title>"#, escaped(&picture.title))?;
    writeln!(out, r#"<desc id="desc">{}</desc>"#, escaped(&described(picture, drawn, &counts)))?;
    writeln!(out, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>")?;
    line(out, LEFT, TITLE_AT, r#" font-size="18" font-weight="700""#, &picture.title)?;
    line(out, LEFT, COUNTS_AT, r##" font-size="12" fill="#4a505c""##, &counts)?;
    out.push_str(&legend.0);
    for head in &layout.heads {
        for (at, words) in head.lines.iter().enumerate() {
            let style = if at == 0 {
                r#" font-size="12" font-weight="700""#
            } else {
                r##" font-size="12" fill="#4a505c""##
            };
            line(out, head.left, head.top + at as f64 * 16.0, style, words)?;
        }
    }
    write_strands(out, picture, drawn, layout)?;
    for (tile, placed) in drawn.tiles.iter().zip(&layout.placed) {
        write_tile(out, picture, tile, placed, layout)?;
    }
    out.push_str("</svg>\n");
    Ok(())
}

fn counts(picture: &Picture, drawn: &Tiles) -> String {
    let lots = picture.nodes.len();
    let drawn_as = match drawn.tiles.len() {
        tiles if tiles == lots => String::new(),
        tiles => format!(", alike ones joined into {}", plural(tiles, "tile")),
    };
    format!("{}, {}{drawn_as}", plural(lots, "lot"), plural(picture.known_links().count(), "link"))
}

/// The longest description of single lots; past it, the table says the same.
const DESCRIBED_LOTS: usize = 40;

fn described(picture: &Picture, drawn: &Tiles, counts: &str) -> String {
    let mut text = format!("{counts}. Steps from left to right.");
    for status in STATUSES {
        let lots: usize =
            drawn.tiles.iter().filter(|tile| tile.status == status).map(|tile| tile.members.len()).sum();
        if lots > 0 {
            text.push_str(&format!(" {}: {lots}.", status.as_str()));
        }
    }
    if picture.nodes.len() <= DESCRIBED_LOTS {
        for node in &picture.nodes {
            text.push_str(&format!(
                " {} {} {} kg.",
                node.code,
                node.status.as_str(),
                kilograms(node.weight_grams)
            ));
        }
    }
    text
}

/// The legend's text and where it ends. Only what is in the picture is explained. Writing into a String cannot fail.
fn legend(drawn: &Tiles) -> (String, f64) {
    let mut text = String::new();
    let mut left = LEFT;
    for status in STATUSES.into_iter().filter(|status| drawn.tiles.iter().any(|tile| tile.status == *status))
    {
        let look = look(status);
        let (name, top) = (status.as_str(), LEGEND_AT);
        let _never_fails = frame(&mut text, left, top, 18.0, 16.0, look, false)
            .and_then(|()| mark(&mut text, left + 4.0, top + 3.0, 1.0, look))
            .and_then(|()| {
                line(&mut text, left + 24.0, top + 12.0, &format!(r#" font-size="{LEGEND_FONT}""#), name)
            });
        left += 24.0 + text_width(name, LEGEND_FONT) + 18.0;
    }
    (text, left)
}

fn write_strands(out: &mut String, picture: &Picture, drawn: &Tiles, layout: &Layout) -> fmt::Result {
    let metrics = layout.density.metrics();
    let most = drawn.strands.iter().map(|strand| strand.used_grams).max().unwrap_or(1).max(1);
    writeln!(out, r##"<g fill="none" stroke="#5b6472" stroke-opacity="{}">"##, metrics.strand_opacity)?;
    for strand in &drawn.strands {
        // Area speaks for weight less loudly than width would: the root keeps small parts visible.
        let share = (strand.used_grams.max(0) as f64 / most as f64).sqrt();
        let width = (metrics.strand_width * share).max(0.8);
        let (from, to) = (&layout.placed[strand.from], &layout.placed[strand.to]);
        let middle = metrics.tile_height / 2.0;
        let (x1, y1, x2, y2) = (from.left + from.width, from.top + middle, to.left, to.top + middle);
        // A child left of its parent, as imported lots may have it, is reached by a bow.
        let bend = if x2 > x1 { (x2 - x1) / 2.0 } else { 60.0 };
        writeln!(
            out,
            r#"<path d="M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {x2:.1} {y2:.1}" stroke-width="{width:.1}"><title>{}</title></path>"#,
            x1 + bend,
            x2 - bend,
            escaped(&strand_told(picture, drawn, strand))
        )?;
    }
    out.push_str("</g>\n");
    Ok(())
}

fn strand_told(picture: &Picture, drawn: &Tiles, strand: &Strand) -> String {
    let name = |tile: usize| named(picture, &drawn.tiles[tile]);
    format!("{} → {}: {} kg", name(strand.from), name(strand.to), kilograms(strand.used_grams))
}

fn named(picture: &Picture, tile: &Tile) -> String {
    let code = |lot: Option<&usize>| lot.map_or("", |&lot| picture.nodes[lot].code.as_str());
    match tile.members.len() {
        1 => code(tile.members.first()).to_owned(),
        count => format!("{count} lots, {} to {}", code(tile.members.first()), code(tile.members.last())),
    }
}

fn write_tile(
    out: &mut String,
    picture: &Picture,
    tile: &Tile,
    placed: &Placed,
    layout: &Layout,
) -> fmt::Result {
    let metrics = layout.density.metrics();
    let look = look(tile.status);
    let note = tile.note.as_ref().map_or_else(String::new, |note| format!(", {note}"));
    let told = format!(
        "{}: {}, {} kg{note}",
        named(picture, tile),
        tile.status.as_str(),
        kilograms(tile.weight_grams)
    );
    writeln!(out, "<g><title>{}</title>", escaped(&told))?;
    // A second frame behind says "many".
    if tile.members.len() > 1 {
        frame(out, placed.left + 3.0, placed.top + 3.0, placed.width, metrics.tile_height, look, false)?;
    }
    frame(out, placed.left, placed.top, placed.width, metrics.tile_height, look, tile.is_root)?;
    let scale = metrics.font / 12.0;
    let lines = placed.lines.len() as f64;
    let first =
        placed.top + (metrics.tile_height - (lines - 1.0) * (metrics.font + 3.0)) / 2.0 + metrics.font * 0.35;
    mark(out, placed.left + 7.0, first - metrics.font * 0.78, scale, look)?;
    for (at, words) in placed.lines.iter().enumerate() {
        let weight = if at == 0 && tile.is_root { r#" font-weight="700""# } else { "" };
        let style = format!(r#" font-size="{}" fill="{}"{weight}"#, metrics.font, look.ink);
        line(
            out,
            placed.left + 14.0 + metrics.font,
            first + at as f64 * (metrics.font + 3.0),
            &style,
            words,
        )?;
    }
    out.push_str("</g>\n");
    Ok(())
}

fn frame(
    out: &mut String,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    look: Look,
    bold: bool,
) -> fmt::Result {
    let dash = if look.barred { r#" stroke-dasharray="4 2""# } else { "" };
    let stroke = if look.barred { "#ffffff" } else { "#2c313a" };
    let around = if bold { 3.0 } else { 1.0 };
    if look.barred {
        // The broken line is light on a dark tile, so an unbroken one keeps the tile's edge.
        write!(
            out,
            r##"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" rx="4" fill="#2c313a"/>"##,
            left - 1.0,
            top - 1.0,
            width + 2.0,
            height + 2.0
        )?;
    }
    writeln!(
        out,
        r#"<rect x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}" rx="3" fill="{}" stroke="{stroke}" stroke-width="{around}"{dash}/>"#,
        look.hex()
    )
}

fn mark(out: &mut String, left: f64, top: f64, scale: f64, look: Look) -> fmt::Result {
    writeln!(
        out,
        r#"<path transform="translate({left:.1} {top:.1}) scale({scale:.2})" d="{}" fill="{}" fill-rule="evenodd"/>"#,
        look.mark, look.ink
    )
}

fn line(out: &mut String, left: f64, baseline: f64, style: &str, words: &str) -> fmt::Result {
    writeln!(
        out,
        r#"<text x="{left:.1}" y="{baseline:.1}"{style} xml:space="preserve">{}</text>"#,
        escaped(words)
    )
}

/// Text for XML, which has no place for control characters at all.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}
