//! The repository's files: those that git tracks or would track.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Paths from the root, with slashes, that exist.
pub fn all() -> Vec<String> {
    let mut files = listed_by_git().unwrap_or_else(|| {
        let mut files = Vec::new();
        walk(&root(), &mut files);
        files
    });
    files.sort_unstable();
    files.dedup();
    files
}

fn listed_by_git() -> Option<Vec<String>> {
    let listed = Command::new("git")
        .args(["-c", "safe.directory=*", "-c", "core.quotepath=off"])
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    let listed = listed.status.success().then(|| String::from_utf8(listed.stdout).unwrap())?;
    Some(listed.lines().filter(|path| root().join(path).is_file()).map(str::to_owned).collect())
}

/// Outside a clone, everything but what `.gitignore` names.
fn walk(folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "data", "node_modules", ".git"].contains(&name.as_str()) {
            walk(&path, files);
        } else if path.is_file() {
            files.push(path.strip_prefix(root()).unwrap().to_string_lossy().into_owned());
        }
    }
}

/// The Rust sources of the workspace; the peer runner is a house of its own.
pub fn sources() -> Vec<(String, String)> {
    let rust = |path: &String| path.ends_with(".rs") && !path.starts_with("ops/bench/");
    all().into_iter().filter(rust).map(|path| (path.clone(), text(&path))).collect()
}

/// A file's text.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A TOML file.
pub fn toml(path: &str) -> toml::Table {
    text(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}
