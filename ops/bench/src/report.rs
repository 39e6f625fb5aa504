//! What a measurement says, for people and for programs.

use std::time::Duration;

use serde::Serialize;

use crate::Load;

/// One entry for each answered call.
#[derive(Default)]
pub struct Latencies {
    micros: Vec<u32>,
    pub conflicts: u64,
}

impl Latencies {
    pub fn add(&mut self, took: Duration) {
        self.micros.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    pub fn join(&mut self, other: Self) {
        self.micros.extend(other.micros);
        self.conflicts += other.conflicts;
    }
}

#[derive(Serialize)]
pub struct Report {
    what: &'static str,
    peer: &'static str,
    callers: usize,
    connections: u32,
    seconds: f64,
    answered: usize,
    commits_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    conflicts: u64,
}

impl Report {
    pub fn new(
        what: &'static str,
        peer: &'static str,
        load: Load,
        took: Duration,
        mut all: Latencies,
    ) -> Self {
        all.micros.sort_unstable();
        let at = |share: f64| {
            let index = (all.micros.len() as f64 * share) as usize;
            f64::from(all.micros.get(index.min(all.micros.len().saturating_sub(1))).copied().unwrap_or(0))
                / 1000.0
        };
        let seconds = took.as_secs_f64();
        Self {
            what,
            peer,
            callers: load.callers,
            connections: 0,
            seconds,
            answered: all.micros.len(),
            commits_per_s: (all.micros.len() as f64 / seconds).round(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            conflicts: all.conflicts,
        }
    }

    pub fn with_connections(self, connections: u32) -> Self {
        Self { connections, ..self }
    }

    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn table(&self) -> String {
        format!(
            "{:<9} {:<24} {:>7} callers {:>4} connections {:>9.0} /s   p50 {:>8.2} ms   p99 {:>8.2} ms",
            self.what,
            self.peer,
            self.callers,
            self.connections,
            self.commits_per_s,
            self.p50_ms,
            self.p99_ms
        )
    }
}
