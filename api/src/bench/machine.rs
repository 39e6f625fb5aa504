//! The machine that a figure was measured on.

use std::{fmt, fs, thread};

use serde_json::{Value, json};

/// What decides how fast a benchmark can be, as far as the operating system tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    cores: usize,
    processor: String,
    memory_mib: u64,
    /// What was running already when the benchmark began, over the last minute: above 0, it shared the machine.
    load_before: f64,
    optimised: bool,
}

impl Machine {
    /// Looks around.
    pub fn look() -> Self {
        Self {
            cores: thread::available_parallelism().map_or(1, usize::from),
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned()),
            memory_mib: kibibytes("/proc/meminfo", "MemTotal") / 1_024,
            load_before: load_average(),
            optimised: !cfg!(debug_assertions),
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "cores": self.cores,
            "processor": self.processor,
            "memory_mib": self.memory_mib,
            "load_before": self.load_before,
            "build": self.build(),
        })
    }

    fn build(&self) -> &'static str {
        if self.optimised { "release" } else { "debug: not to be compared with anything" }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, processor, memory_mib, load_before, optimised: _ } = self;
        let build = self.build();
        write!(
            formatter,
            "{cores} cores ({processor}), {memory_mib} MiB, load before {load_before}, build {build}"
        )
    }
}

/// This process's memory at this moment, in MiB. 0 where the system does not tell.
pub fn resident_mib() -> f64 {
    kibibytes("/proc/self/status", "VmRSS") as f64 / 1_024.0
}

/// Lets [`peak_resident_mib`] begin anew, where the system can.
pub fn forget_peak() {
    let _unsupported = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process has had, in MiB. 0 where the system does not tell.
pub fn peak_resident_mib() -> f64 {
    kibibytes("/proc/self/status", "VmHWM") as f64 / 1_024.0
}

fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

/// The value of the first line `name : value`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn kibibytes(path: &str, name: &str) -> u64 {
    let number = |value: String| value.split_whitespace().next()?.parse().ok();
    field(path, name).and_then(number).unwrap_or_default()
}
