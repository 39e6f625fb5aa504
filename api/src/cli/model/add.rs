//! `cairn model add`: a copy of a model that works.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{home, open};
use crate::{
    cli::{
        Context, Failure, Outcome, Printer, grouped, note,
        speech::{model_failure, speech_failure},
    },
    compose::speech::{Manifest, ModelFolder, Precision, Variants, run_once},
};

/// Check a model's folder and keep a copy under its name
#[derive(Debug, Args)]
pub struct Add {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Its name from now on [default: its manifest's, or the folder's]
    #[arg(long)]
    name: Option<String>,
    /// Keep only this variant: f32, fp16, int8, ...; may be given several times [default: all]
    #[arg(long = "precision", value_name = "P")]
    precisions: Vec<Precision>,
    /// Where it comes from, for the manifest
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// Under which terms it may be used, for the manifest
    #[arg(long, value_name = "TEXT")]
    licence: Option<String>,
    /// ONNX Runtime's library [default: the one that ops/run fetched]
    #[arg(long, value_name = "FILE")]
    ort_lib: Option<PathBuf>,
}

impl Add {
    pub fn run(self) -> Outcome {
        let models = self.variants()?;
        let name = self.name.clone().unwrap_or_else(|| models[0].name());
        if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
            return Err(Failure::usage(format!("'{name}' is no name for a model"))
                .advise("choose another with --name, without slashes"));
        }
        let target = home()?.join(&name);
        if target.exists() {
            return Err(
                Failure::new(format!("there is a model {name} already")).advise("choose another with --name")
            );
        }
        // No name begins with a point, so that a copy that was broken off is never taken for a model.
        let unfinished = target.with_file_name(format!(".{name}.unfinished"));
        let _left_by_an_earlier_try = std::fs::remove_dir_all(&unfinished);
        let kept = self.keep(&models, &name, &unfinished).and_then(|()| {
            std::fs::rename(&unfinished, &target).or_fail(|| format!("{} cannot be made", target.display()))
        });
        if kept.is_err() {
            let _nothing_was_begun = std::fs::remove_dir_all(&unfinished);
        }
        kept?;
        Printer.line(format_args!("added {name}: cairn transcribe FILE --model {name}"))
    }

    /// The variants to keep: those that were asked for, or all that are complete. At least one.
    fn variants(&self) -> Outcome<Vec<ModelFolder>> {
        let mut wanted = self.precisions.clone();
        if wanted.is_empty() {
            let found = Variants::of(&self.folder);
            wanted = found.complete.into_iter().map(Precision::Named).collect();
            if wanted.is_empty() {
                // Says what is wrong with the folder.
                wanted.push(Precision::Auto);
            } else {
                for (precision, lack) in found.lacking {
                    note(format_args!("left out: {precision} {lack}"));
                }
            }
        }
        let mut models: Vec<ModelFolder> = Vec::with_capacity(wanted.len());
        for precision in &wanted {
            let model = open(&self.folder, precision)?;
            if models.iter().all(|known| known.precision != model.precision) {
                models.push(model);
            }
        }
        Ok(models)
    }

    /// Copies the variants, runs each of the copies once, and writes the manifest.
    fn keep(&self, models: &[ModelFolder], name: &str, to: &Path) -> Outcome {
        for model in models {
            let mib = grouped((model.weight_bytes() >> 20).cast_signed());
            note(format_args!("{}: {mib} MiB of graphs", model.precision));
        }
        let (files, bytes) =
            copy(models, to).or_fail(|| format!("{} cannot be copied", self.folder.display()))?;
        note(format_args!("copied {files} files, {} MiB", grouped((bytes >> 20).cast_signed())));
        let mut copies = Vec::with_capacity(models.len());
        for model in models {
            let copy = open(to, &Precision::Named(model.precision.clone()))?;
            run_once(&copy, self.ort_lib.as_deref()).map_err(|error| {
                let what = format!("its graphs of precision {} cannot be used", copy.precision);
                let others: Vec<String> = models
                    .iter()
                    .filter(|other| other.precision != copy.precision)
                    .map(|other| format!("--precision {}", other.precision))
                    .collect();
                speech_failure(&what, &error)
                    .advise_if(!others.is_empty(), format!("leave it out: {}", others.join(" ")))
            })?;
            note(format_args!("{}: loaded and run once", copy.precision));
            copies.push(copy);
        }
        let mut manifest = Manifest::of(&copies)
            .map_err(|error| model_failure("the copy is not what it should be", error))?;
        name.clone_into(&mut manifest.name);
        manifest.source = self.source.clone().unwrap_or(manifest.source);
        manifest.licence = self.licence.clone().unwrap_or(manifest.licence);
        let text = serde_json::to_vec_pretty(&manifest).or_fail(|| "its manifest cannot be written")?;
        std::fs::write(to.join(Manifest::FILE), text).or_fail(|| "its manifest cannot be written")
    }
}

/// Copies the files that the models use, and the manifest; tells how many, and their bytes.
fn copy(models: &[ModelFolder], to: &Path) -> std::io::Result<(usize, u64)> {
    let mut files: std::collections::BTreeMap<_, _> = models.iter().flat_map(ModelFolder::files).collect();
    let manifest = models.iter().find(|model| model.manifest.is_some());
    files.extend(manifest.map(|model| (Manifest::FILE.to_owned(), model.path.join(Manifest::FILE))));
    let mut bytes = 0;
    for (name, from) in &files {
        let target = to.join(name);
        target.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        bytes += std::fs::copy(from, target)?;
    }
    Ok((files.len(), bytes))
}
