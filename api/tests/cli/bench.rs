use std::{path::PathBuf, process::Stdio, time::Duration};

use crate::shell::{Ran, Shell};

/// What a benchmark has made for itself, once there is something in it.
fn own_logs(shell: &Shell) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(shell.path()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().contains("cairn_bench_")).collect()
}

#[test]
fn an_interrupted_benchmark_leaves_nothing_behind() {
    let shell = Shell::new();
    let mut bench = shell.command("bench append --store sqlite:./plant.db --callers 4 --seconds 600");
    let bench = bench.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !own_logs(&shell).iter().any(|folder| folder.join("bench.db").exists()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::process::Command::new("kill").args(["-INT", &bench.id().to_string()]).status().unwrap();
    let error = Ran::of(bench.wait_with_output().unwrap()).fails();
    assert!(error.contains("interrupted"), "{error}");
    assert_eq!(own_logs(&shell), Vec::<PathBuf>::new());
}
