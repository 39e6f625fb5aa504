//! What a benchmark prints.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::machine::Machine;

/// Figures, and the facts without which they mean nothing.
#[derive(Debug)]
pub struct Report {
    benchmark: &'static str,
    machine: Machine,
    figures: Vec<(String, f64)>,
    facts: Vec<(String, Value)>,
}

impl Report {
    /// Begins a report when its benchmark begins, so that the load besides it is seen before it adds its own.
    pub fn begin(benchmark: &'static str) -> Self {
        Self { benchmark, machine: Machine::look(), figures: Vec::new(), facts: Vec::new() }
    }

    /// A number. Its name ends in its unit.
    pub fn figure(&mut self, name: &str, value: f64) {
        self.figures.push((name.to_owned(), value));
    }

    /// A condition that the figures were measured under.
    pub fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.push((name.to_owned(), value.into()));
    }

    /// Prints it, as lines for people or as one JSON object for programs.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn print(&self, as_json: bool) -> anyhow::Result<()> {
        let text = if as_json { format!("{}\n", self.json()) } else { self.text() };
        io::stdout().lock().write_all(text.as_bytes())?;
        Ok(())
    }

    fn json(&self) -> Value {
        let figures = self.figures.iter().map(|(name, value)| (name.clone(), json!(rounded(*value))));
        let mut object: Map<String, Value> = figures.collect();
        object.insert("benchmark".to_owned(), self.benchmark.into());
        object.insert("facts".to_owned(), self.facts.iter().cloned().collect::<Map<_, _>>().into());
        object.insert("machine".to_owned(), self.machine.json());
        object.into()
    }

    fn text(&self) -> String {
        let facts = self.facts.iter().map(|(name, value)| match value {
            Value::String(text) => (name.clone(), text.clone()),
            other => (name.clone(), other.to_string()),
        });
        let facts: Vec<_> = facts.chain([("machine".to_owned(), self.machine.to_string())]).collect();
        let figures: Vec<_> = self.figures.iter().map(|(name, value)| (name, shown(*value))).collect();
        let names =
            facts.iter().map(|(name, _)| name.len()).chain(figures.iter().map(|(name, _)| name.len()));
        let width = names.max().unwrap_or_default();
        let mut text = format!("cairn bench {}\n", self.benchmark);
        for (name, value) in &facts {
            text += &format!("  {name:width$}  {value}\n");
        }
        for (name, value) in &figures {
            text += &format!("{name:w$}  {value:>12}\n", w = width + 2);
        }
        text
    }
}

/// Three digits after the point are more than any clock here is worth.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn shown(value: f64) -> String {
    if value.fract() == 0.0 || value >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_the_same_to_people_and_programs() {
        let mut report = Report::begin("append");
        report.fact("callers", 64);
        report.figure("commits_per_s", 21_345.6);
        report.figure("p99_ms", 4.56789);
        let json = report.json();
        assert_eq!(json["commits_per_s"], 21_345.6);
        assert_eq!(json["p99_ms"], 4.568);
        assert_eq!(json["facts"]["callers"], 64);
        assert!(json["machine"]["cores"].as_u64().is_some_and(|cores| cores > 0));
        let text = report.text();
        assert!(text.contains("commits_per_s") && text.contains("21346") && text.contains("4.568"), "{text}");
    }
}
