//! The program that people carry.

use std::path::Path;
use std::process::Command;

use super::files;

const SOURCE: &str = "fn here() -> std::backtrace::Backtrace {
    std::backtrace::Backtrace::force_capture()
}
fn main() {
    println!(\"{}\", here());
}
";

/// Compiles [`SOURCE`] with what the release profile keeps of debug information.
fn compiled(folder: &Path) -> std::path::PathBuf {
    let source = folder.join("backtrace.rs");
    std::fs::write(&source, SOURCE).unwrap();
    let built = folder.join("backtrace");
    let compiled = Command::new("rustc")
        .args(["--edition", "2024", "-C", "debuginfo=line-tables-only", "-o"])
        .args([&built, &source])
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    built
}

fn backtrace_of(program: &Path) -> String {
    let ran = Command::new(program).output().unwrap();
    assert!(ran.status.success());
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn a_shipped_program_is_small_and_its_backtraces_still_tell_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    let built = compiled(folder.path());
    let shipped = folder.path().join("shipped");
    let ship = ". ops/house/machine.sh && ship_release \"$0\" \"$1\"";
    let laid = Command::new("bash")
        .args(["-c", ship])
        .args([&built, &shipped])
        .current_dir(files::root())
        .output()
        .unwrap();
    assert!(laid.status.success(), "{}", String::from_utf8_lossy(&laid.stderr));

    let (program, apart) = (shipped.join("backtrace"), shipped.join("backtrace.debug"));
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    assert!(size(&program) * 2 < size(&built), "{} of {} bytes are left", size(&program), size(&built));
    assert!(backtrace_of(&program).contains("backtrace.rs:2"), "{}", backtrace_of(&program));

    // The lines come from the file beside it: without it, functions still have their names.
    std::fs::remove_file(apart).unwrap();
    let bare = backtrace_of(&program);
    assert!(bare.contains("backtrace::here") && !bare.contains("backtrace.rs:2"), "{bare}");
}
