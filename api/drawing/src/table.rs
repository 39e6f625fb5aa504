//! The picture as rows for a terminal: every lot, at most 100 columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::layout::plural;
use super::{Link, Node, Picture, kilograms, step_name};

/// The widest line.
const COLUMNS: usize = 100;
/// A longer code is cut.
const CODE_COLUMNS: usize = 40;

/// Writes a picture as a table, one block a step. The lots that the trace was asked for are marked by `>`.
pub fn table(picture: &Picture) -> String {
    let mut parents: Vec<Vec<Link>> = vec![Vec::new(); picture.nodes.len()];
    for link in picture.known_links() {
        parents[link.child].push(link);
    }
    let mut lots: Vec<usize> = (0..picture.nodes.len()).collect();
    lots.sort_by_key(|&lot| (picture.nodes[lot].step_index, &picture.nodes[lot].code));
    let widest = |width: fn(&Node) -> usize| picture.nodes.iter().map(width).max().unwrap_or(0);
    let code_columns = widest(|node| node.code.width()).min(CODE_COLUMNS);
    let weight_columns = widest(|node| kilograms(node.weight_grams).len());
    let links = plural(picture.known_links().count(), "link");
    let mut text = format!("{}\n{}, {links}\n", cut(&picture.title, COLUMNS), plural(lots.len(), "lot"));
    for step in lots.chunk_by(|&a, &b| picture.nodes[a].step_index == picture.nodes[b].step_index) {
        text.push_str(&heading(picture, step));
        for &lot in step {
            let node = &picture.nodes[lot];
            let mark = if node.is_root { '>' } else { ' ' };
            let code = padded(&cut(&node.code, code_columns), code_columns);
            let status = node.status.as_str();
            let weight = kilograms(node.weight_grams);
            let rest = remark(picture, node, &parents[lot]);
            let row = format!("{mark} {code}  {status:<10}  {weight:>weight_columns$}  {rest}");
            text.push_str(cut(&row, COLUMNS).trim_end());
            text.push('\n');
        }
    }
    text
}

fn heading(picture: &Picture, step: &[usize]) -> String {
    let index = step.first().map_or(0, |&lot| picture.nodes[lot].step_index);
    let grams: i64 = step.iter().map(|&lot| picture.nodes[lot].weight_grams).sum();
    format!("\n{index} {}: {}, {} kg\n", step_name(index), plural(step.len(), "lot"), kilograms(grams))
}

/// What the lot was made of and what else is worth a word.
fn remark(picture: &Picture, node: &Node, parents: &[Link]) -> String {
    let mut parents: Vec<(&str, i64)> =
        parents.iter().map(|link| (picture.nodes[link.parent].code.as_str(), link.used_grams)).collect();
    parents.sort_unstable_by_key(|&(code, grams)| (-grams, code));
    let made_of = match parents.as_slice() {
        [] => None,
        [(code, grams)] => Some(format!("of {code} {}", kilograms(*grams))),
        [(code, grams), rest @ ..] => {
            Some(format!("of {code} {} and {} more", kilograms(*grams), rest.len()))
        }
    };
    [node.note.clone(), made_of].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A text cut to a number of terminal columns, the cut shown.
fn cut(text: &str, columns: usize) -> String {
    let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if text.width() <= columns {
        return text;
    }
    let mut cut = String::new();
    let mut used = 1;
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > columns {
            break;
        }
        cut.push(letter);
    }
    cut.push('…');
    cut
}

/// `format!` counts characters, not the columns they take.
fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}
