//! What stands where.

use std::collections::BTreeSet;

use super::{files, none};

const TOP: [&str; 12] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "adapters",
    "api",
    "commands",
    "domain",
    "ops",
    "projections",
    "schema",
    "tests",
];

/// The largest file that is not written by hand or a fixture.
const LARGEST_BYTES: u64 = 256 * 1024;

#[test]
fn the_top_level_is_what_the_design_names() {
    let seen: BTreeSet<String> = files::all()
        .iter()
        .filter_map(|path| path.split('/').next())
        .filter(|name| !name.starts_with('.'))
        .map(str::to_owned)
        .collect();
    assert_eq!(seen, TOP.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn modules_are_named_after_what_they_are_about() {
    const EMPTY_NAMES: [&str; 9] =
        ["utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "shared"];
    let offenders: Vec<String> = files::all()
        .into_iter()
        .filter(|path| path.split('/').any(|part| EMPTY_NAMES.contains(&part.trim_end_matches(".rs"))))
        .collect();
    none(&offenders, "these names say nothing about what is inside:");
}

#[test]
fn fixtures_and_large_files_stand_where_they_belong() {
    let offenders: Vec<String> = files::all()
        .into_iter()
        .filter(|path| !path.contains("/fixtures/") && !path.ends_with("Cargo.lock"))
        .filter_map(|path| {
            let bytes = std::fs::read(files::root().join(&path)).unwrap();
            let large = bytes.len() as u64 > LARGEST_BYTES;
            let binary = bytes.contains(&0);
            (large || binary)
                .then(|| format!("{path}: {} bytes{}", bytes.len(), if binary { ", not text" } else { "" }))
        })
        .collect();
    none(&offenders, "only a folder named fixtures holds binary files or files over 256 KiB:");
}
