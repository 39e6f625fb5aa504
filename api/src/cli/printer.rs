//! The only place that writes to standard output.

use std::{
    fmt::Display,
    io::{self, Write},
};

use serde::Serialize;

use super::failure::{Failure, Outcome};

/// Tables stay within this many columns, so that they fit a terminal beside something else, and a printed page.
pub const WIDTH: usize = 100;

/// Writes answers to standard output. When nobody reads them any more, the subcommand ends quietly.
#[derive(Debug, Default)]
pub struct Printer;

impl Printer {
    /// One line.
    pub fn line(&self, line: impl Display) -> Outcome {
        self.write(|out| writeln!(out, "{line}"))
    }

    /// A text as it is: a picture, a schema.
    pub fn text(&self, text: &str) -> Outcome {
        self.write(|out| out.write_all(text.as_bytes()))
    }

    /// A value for a program: indented JSON and a line end.
    pub fn json(&self, value: &impl Serialize) -> Outcome {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new("the answer cannot be written as JSON").because(&error))?;
        self.line(text)
    }

    /// A table, its columns as wide as they need to be and the whole at most [`WIDTH`] columns.
    pub fn table(&self, table: &Table) -> Outcome {
        self.write(|out| table.lines().iter().try_for_each(|line| writeln!(out, "{line}")))
    }

    fn write(&self, print: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>) -> Outcome {
        let mut out = io::stdout().lock();
        print(&mut out).and_then(|()| out.flush()).map_err(|fault| Failure::output(&fault))
    }
}

/// Writes a line for people to standard error. Nobody is left to tell if even that fails.
pub fn note(line: impl Display) {
    let _nobody_left_to_tell = writeln!(io::stderr().lock(), "{line}");
}

/// Rows of text under headings.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Column {
    heading: &'static str,
    is_number: bool,
}

const GAP: usize = 2;
/// No column is squeezed below this, whatever else there is.
const NARROWEST: usize = 6;

impl Table {
    /// A column of text.
    #[must_use]
    pub fn column(mut self, heading: &'static str) -> Self {
        self.columns.push(Column { heading, is_number: false });
        self
    }

    /// A column of numbers, aligned right.
    #[must_use]
    pub fn numbers(mut self, heading: &'static str) -> Self {
        self.columns.push(Column { heading, is_number: true });
        self
    }

    /// One row, a cell for each column.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Headings and rows as lines of at most [`WIDTH`] columns.
    pub fn lines(&self) -> Vec<String> {
        let widths = self.widths();
        let headings: Vec<String> = self.columns.iter().map(|column| column.heading.to_owned()).collect();
        std::iter::once(&headings).chain(&self.rows).map(|cells| self.line(cells, &widths)).collect()
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|index| {
                let cells =
                    self.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
                cells.chain([self.columns[index].heading.chars().count()]).max().unwrap_or(0)
            })
            .collect();
        let gaps = GAP * widths.len().saturating_sub(1);
        // What is too wide is taken from the widest column, a character at a time.
        while widths.iter().sum::<usize>() + gaps > WIDTH {
            match widths.iter_mut().max() {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                Some(_) | None => break,
            }
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, width), column) in cells.iter().zip(widths).zip(&self.columns) {
            let cell = shortened(cell, *width);
            if column.is_number {
                line.push_str(&format!("{cell:>width$}"));
            } else {
                line.push_str(&format!("{cell:<width$}"));
            }
            line.push_str(&" ".repeat(GAP));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_its_width_and_shortens_its_widest_column() {
        let mut table = Table::default().column("lot").numbers("kg").column("notes");
        table.row(["RAW-20260302-DUNA-0001".into(), "350".into(), "word ".repeat(40)]);
        table.row(["DEB".into(), "1 050".into(), "árvíztűrő".into()]);
        let lines = table.lines();
        assert_eq!(lines[0], "lot                        kg  notes");
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:?}");
        assert!(lines[1].ends_with('…'));
        assert_eq!(lines[2], "DEB                     1 050  árvíztűrő");
    }
}
