//! The fixture model and its recordings, for `cairn` at a shell.

use std::{fs, path::PathBuf};

use crate::shell::Shell;
pub use crate::transcribe::{ran, speech};

pub fn recording(name: &str) -> PathBuf {
    crate::transcribe::recording(name).into()
}

pub fn tiny() -> PathBuf {
    crate::transcribe::fixtures().join("whisper-tiny")
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
