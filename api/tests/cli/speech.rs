//! The fixture model and its recordings, for `cairn` at a shell.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::shell::{Ran, Shell};

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").canonicalize().unwrap()
}

pub fn recording(name: &str) -> PathBuf {
    fixtures().join("speech").join(name)
}

pub fn tiny() -> PathBuf {
    fixtures().join("whisper-tiny")
}

/// `cairn` with the runtime and the voice detector of this machine, and a cache of its own.
pub fn speech(shell: &Shell, words: &str) -> Command {
    let mut command = shell.command(words);
    command
        .env("XDG_CACHE_HOME", shell.path().join("cache"))
        .env("CAIRN_MODELS", shell.path().join("models"));
    for name in ["ORT_DYLIB_PATH", "CAIRN_VAD_MODEL", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // The set-up's place, which the cache of its own hides.
    let fetched = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    if let Some(fetched) = fetched.map(|cache| cache.join("cairn/speech")) {
        for (name, place) in [
            ("ORT_DYLIB_PATH", "onnxruntime/libonnxruntime.so.1.31.1"),
            ("CAIRN_VAD_MODEL", "silero-vad/silero_vad_16k_sequence.onnx"),
        ] {
            if std::env::var_os(name).is_none() {
                command.env(name, fetched.join(place));
            }
        }
    }
    command
}

pub fn ran(command: &mut Command) -> Ran {
    Ran::of(command.output().unwrap())
}

/// Words without marks and times, in lower case.
pub fn plain(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !word.starts_with('['));
    let words = words.map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A copy of the fixture model in the shell's folder, without its manifest; graphs lie in `onnx`, once for each suffix.
pub fn published(shell: &Shell, name: &str, suffixes: &[&str]) -> PathBuf {
    let folder = shell.path().join(name);
    fs::create_dir_all(folder.join("onnx")).unwrap();
    for file in fs::read_dir(tiny()).unwrap() {
        let from = file.unwrap().path();
        let file = from.file_name().unwrap().to_str().unwrap();
        match file.strip_suffix(".onnx") {
            Some(graph) => {
                for suffix in suffixes {
                    fs::copy(&from, folder.join(format!("onnx/{graph}{suffix}.onnx"))).unwrap();
                }
            }
            None if file == "manifest.json" => {}
            None => {
                fs::copy(&from, folder.join(file)).unwrap();
            }
        }
    }
    folder
}
