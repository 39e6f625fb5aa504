//! Where the text of each recording is written, and what must not be written over.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{STANDARD_INPUT, formats::Format};
use crate::cli::{Failure, Outcome};

/// Endings of files that hold sound. Only these give way to the ending of a text: what follows on the last point of
/// `rec 2026.11.20` belongs to the name.
const SOUND: &[&str] = &[
    "3gp", "aac", "ac3", "aif", "aifc", "aiff", "amr", "ape", "au", "avi", "caf", "dts", "flac", "flv",
    "m2ts", "m4a", "m4b", "m4v", "mka", "mkv", "mov", "mp2", "mp3", "mp4", "mpeg", "mpg", "mts", "oga",
    "ogg", "ogv", "opus", "qta", "rf64", "snd", "spx", "ts", "vob", "w64", "wav", "weba", "webm", "wma",
    "wmv", "wv",
];

/// The file of a recording's text: its name with the format's ending instead of its own.
pub fn target(folder: &Path, file: &Path, format: Format) -> PathBuf {
    let file = if file.as_os_str() == STANDARD_INPUT { Path::new("standard-input") } else { file };
    let ending = file.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let is_sound = ending.is_some_and(|ending| SOUND.contains(&ending.as_str()));
    let name = if is_sound { file.file_stem() } else { file.file_name() };
    let mut name = name.map(OsString::from).unwrap_or_default();
    name.push(".");
    name.push(format.extension());
    folder.join(name)
}

/// Refuses recordings that are named twice, and texts that would replace each other or a recording.
pub fn check(files: &[PathBuf], folder: Option<&Path>, format: Format) -> Outcome {
    let mut sources: HashMap<PathBuf, &Path> = HashMap::new();
    for file in files.iter().filter(|file| file.as_os_str() != STANDARD_INPUT) {
        if let Some(other) = sources.insert(whole(file), file) {
            let (file, other) = (file.display(), other.display());
            return Err(Failure::usage(format!("{other} and {file} are the same recording"))
                .advise("name each recording once"));
        }
    }
    let Some(folder) = folder else { return Ok(()) };
    let mut targets: HashMap<PathBuf, &Path> = HashMap::new();
    for file in files {
        let target = target(folder, file, format);
        if let Some(recording) = sources.get(&whole(&target)) {
            return Err(Failure::usage(format!(
                "the text of {} would be written over the recording {}",
                file.display(),
                recording.display()
            ))
            .advise("choose another folder with --out"));
        }
        if let Some(other) = targets.insert(target.clone(), file) {
            return Err(Failure::usage(format!(
                "{} and {} would both be written to {}",
                other.display(),
                file.display(),
                target.display()
            ))
            .advise("transcribe them one after another, each with an --out of its own"));
        }
    }
    Ok(())
}

/// The file itself, whatever way leads to it; one that is not there is known by its name.
fn whole(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_called_as_its_recording() {
        for (file, expected) in [
            ("calls/talk.wav", "texts/talk.srt"),
            ("talk.M4A", "texts/talk.srt"),
            ("rec 2026.11.20", "texts/rec 2026.11.20.srt"),
            ("rec 2026.11.20.wav", "texts/rec 2026.11.20.srt"),
            ("v1.2", "texts/v1.2.srt"),
            (".wav", "texts/.wav.srt"),
            ("-", "texts/standard-input.srt"),
        ] {
            assert_eq!(target(Path::new("texts"), Path::new(file), Format::Srt), Path::new(expected));
        }
    }
}
