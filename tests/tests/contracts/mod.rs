//! What outlives a process stands in `schema/`; the program must still mean the same by it.
//!
//! `CAIRN_REGENERATE=1 cargo test -p tests contracts` writes the files anew; `git diff` then shows what changed. Samples
//! of events are only ever added.

mod events;
mod graphql;
mod samples;

use std::{fs, path::PathBuf};

fn schema_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schema")
}

/// Compares a generated contract with the file that stands in the repository.
fn assert_stands(path: PathBuf, generated: &str) {
    if std::env::var_os("CAIRN_REGENERATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, generated).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let name = path.strip_prefix(schema_folder()).unwrap().display();
    assert!(
        stored == generated,
        "schema/{name} is not what the program means; if the change is intended: CAIRN_REGENERATE=1 cargo test -p tests contracts"
    );
}
