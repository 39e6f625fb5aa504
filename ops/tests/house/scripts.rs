//! The commands that everybody runs.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{files, none};

/// Every shell script, with its interpreter.
fn scripts() -> Vec<(String, String)> {
    files::all()
        .into_iter()
        .filter(|path| !path.ends_with(".rs"))
        .filter_map(|path| {
            let text = String::from_utf8(std::fs::read(files::root().join(&path)).ok()?).ok()?;
            let first = text.lines().next().unwrap_or_default();
            let shell = if first.contains("bash") { "bash" } else { "sh" };
            let is_script = path.ends_with(".sh") || (first.starts_with("#!") && first.ends_with("sh"));
            is_script.then(|| (path, shell.to_owned()))
        })
        .collect()
}

#[test]
fn scripts_parse() {
    let mut offenders = Vec::new();
    for (path, shell) in scripts() {
        let checked = Command::new(&shell).arg("-n").arg(files::root().join(&path)).output().unwrap();
        if !checked.status.success() {
            offenders.push(format!("{path}: {}", String::from_utf8_lossy(&checked.stderr).trim()));
        }
    }
    none(&offenders, "the shell refuses:");
}

#[test]
fn commands_can_be_run_and_say_what_they_are_for() {
    let mut offenders = Vec::new();
    for (path, _shell) in scripts() {
        let text = files::text(&path);
        let mode = std::fs::metadata(files::root().join(&path)).unwrap().permissions().mode();
        // What is sourced is no command.
        if text.starts_with("#!") && mode & 0o111 == 0 {
            offenders.push(format!("{path}: not executable"));
        }
        if !text.lines().nth(1).is_some_and(|line| line.starts_with("# ")) {
            offenders.push(format!("{path}: the second line does not say what it is for"));
        }
    }
    none(&offenders, "scripts:");
}

#[test]
fn what_runs_before_a_change_is_taken_is_what_everybody_runs() {
    assert!(files::text(".ci/run").contains("ops/test"));
}
