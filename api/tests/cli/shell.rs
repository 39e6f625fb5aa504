use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
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

/// The demo plant that others are copies of.
struct Loaded {
    directory: PathBuf,
    worth_trying: Vec<String>,
}

static LOADED: LazyLock<Loaded> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("demo-plant");
    let _there_is_none_yet = std::fs::remove_dir_all(&directory);
    let plant = Shell::new().json(&format!("demo --data {}", directory.display()));
    let lots = plant["worth_trying"].as_array().unwrap();
    let worth_trying = lots.iter().map(|lot| lot["code"].as_str().unwrap().to_owned()).collect();
    Loaded { directory, worth_trying }
});

/// The code of one of the demo plant's lots that are worth trying, in the order that it tells them.
pub fn worth_trying(at: usize) -> &'static str {
    &LOADED.worth_trying[at]
}

impl Shell {
    pub fn new() -> Self {
        Self { directory: TempDir::new().unwrap() }
    }

    /// With the demo plant in ./data: a copy of one that is loaded once, since loading takes longer than most tests.
    pub fn with_demo() -> Self {
        let shell = Self::new();
        let data = shell.path().join("data");
        std::fs::create_dir(&data).unwrap();
        for file in std::fs::read_dir(&LOADED.directory).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), data.join(file.file_name())).unwrap();
        }
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
