//! `cairn model list`: the models that were added, and what is wrong with those that cannot be used.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::home;
use crate::{
    cli::{Outcome, Printer, Table, grouped},
    compose::speech::{Device, ModelFolder, Precision, Variants},
};

/// A model that was added.
#[derive(Serialize)]
struct Known {
    name: String,
    folder: PathBuf,
    #[serde(flatten)]
    state: State,
}

#[derive(Serialize)]
#[serde(untagged)]
enum State {
    Usable {
        /// The variant that is taken on a processor, unless another is asked for.
        precision: String,
        /// All variants that are complete.
        precisions: Vec<String>,
        /// Its graphs with their weights.
        bytes: u64,
        languages: usize,
        word_times: bool,
    },
    Broken {
        problem: String,
    },
}

pub fn run(json: bool) -> Outcome {
    let folder = home()?;
    let mut known: Vec<Known> = Vec::new();
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // A copy that was broken off begins with a point.
        if entry.path().is_dir() && !name.starts_with('.') {
            known.push(Known { name, state: State::of(&entry.path()), folder: entry.path() });
        }
    }
    known.sort_by(|a, b| a.name.cmp(&b.name));
    if json {
        return Printer.json(&known);
    }
    if known.is_empty() {
        return Printer
            .line(format_args!("no models in {}; cairn model add DIR keeps one", folder.display()));
    }
    let mut table = Table::default()
        .column("model")
        .column("precision")
        .numbers("MiB")
        .numbers("languages")
        .column("word times");
    for model in &known {
        if let State::Usable { precision, bytes, languages, word_times, .. } = &model.state {
            table.row([
                model.name.clone(),
                precision.clone(),
                grouped((bytes >> 20).cast_signed()),
                languages.to_string(),
                if *word_times { "yes" } else { "no" }.to_owned(),
            ]);
        }
    }
    if !table.is_empty() {
        Printer.table(&table)?;
    }
    for model in &known {
        if let State::Broken { problem } = &model.state {
            Printer.line(format_args!("{} cannot be used: {problem}", model.name))?;
        }
    }
    Ok(())
}

impl State {
    fn of(folder: &Path) -> Self {
        match ModelFolder::open(folder, &Precision::Auto, Device::Cpu) {
            Ok(model) => Self::Usable {
                bytes: model.weight_bytes(),
                languages: model.tokens.languages.len().max(1),
                word_times: model.align.is_some(),
                precisions: Variants::of(folder).complete,
                precision: model.precision,
            },
            Err(error) => Self::Broken { problem: error.to_string() },
        }
    }
}
