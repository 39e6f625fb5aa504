//! What the house promises about itself, each promise a test. Offenders are listed by path and line.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod acceptance;
mod documents;
mod files;
mod layers;
mod layout;
mod packages;
mod scripts;
mod shipping;
mod sources;

/// Fails with every offender on a line of its own.
#[track_caller]
fn none(offenders: &[String], rule: &str) {
    assert!(offenders.is_empty(), "{rule}\n  {}\n", offenders.join("\n  "));
}
