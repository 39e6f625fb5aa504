use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A directory of its own, and `cairn` run in it.
pub struct Shell {
    directory: TempDir,
}

/// What a run left behind.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Shell {
    pub fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    /// With the demo plant in ./data.
    pub fn with_demo() -> Self {
        let shell = Self::new();
        shell.cairn("demo").succeeds();
        shell
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The command with its words split at spaces; what the machine has set is not seen.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
        command.args(words.split_whitespace()).current_dir(self.directory.path()).env_clear();
        command.stdin(Stdio::null());
        command
    }

    pub fn cairn(&self, words: &str) -> Ran {
        Ran::of(self.command(words).output().unwrap())
    }

    /// What `--json` answers.
    pub fn json(&self, words: &str) -> Value {
        let ran = self.cairn(&format!("{words} --json"));
        let out = ran.succeeds();
        serde_json::from_str(&out).expect("--json answers JSON")
    }
}

impl Ran {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output, which is whole only when the run succeeded.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// Standard error of a run that was refused or failed.
    #[track_caller]
    pub fn fails(self) -> String {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        self.err
    }

    /// Standard error of a command line that is wrong.
    #[track_caller]
    pub fn misuses(self) -> String {
        assert_eq!(self.code, 2, "{}{}", self.out, self.err);
        self.err
    }
}

/// No line is wider than a printed page.
#[track_caller]
pub fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
}
