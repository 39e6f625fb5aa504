//! Callers that come again and again, and what they met.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use clap::Args;

use super::Report;
use crate::compose::StoreUrl;

/// How a benchmark loads a store.
#[derive(Debug, Clone, Args)]
pub struct LoadArgs {
    /// The store: sqlite:PATH, postgres://USER@HOST:PORT/DATABASE or memory:. The benchmark makes a log of its own beside it
    #[arg(long, value_name = "URL", default_value = "sqlite:cairn.db")]
    pub store: StoreUrl,
    /// Callers at once; each waits for its answer before it comes again
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub callers: u32,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// How long to run before measuring
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub warm_up: u64,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// What the callers met while it was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// How long it was measured.
    pub lasted: Duration,
    /// How long each successful call took, in microseconds, sorted.
    pub micros: Vec<u32>,
    /// Calls that failed, in the warm-up too.
    pub failures: u64,
    /// What the first failure said.
    pub first_failure: Option<String>,
}

impl Measured {
    /// Successful calls a second.
    pub fn per_second(&self) -> f64 {
        self.micros.len() as f64 / self.lasted.as_secs_f64()
    }

    /// The time, in milliseconds, within which `per_mille` of a thousand calls were answered; 0 when there was none.
    pub fn percentile_ms(&self, per_mille: usize) -> f64 {
        let rank = (self.micros.len() * per_mille).div_ceil(1_000).max(1);
        self.micros.get(rank - 1).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
    }

    /// Puts rate, percentiles and failures under names that begin with `prefix`.
    pub fn report(&self, report: &mut Report, prefix: &str, unit: &str) {
        report.figure(&format!("{prefix}{unit}_per_s"), self.per_second());
        report.figure(&format!("{prefix}p50_ms"), self.percentile_ms(500));
        report.figure(&format!("{prefix}p99_ms"), self.percentile_ms(990));
        report.figure(&format!("{prefix}max_ms"), self.percentile_ms(1_000));
        report.figure(&format!("{prefix}failures"), self.failures as f64);
        if let Some(failure) = &self.first_failure {
            report.fact(&format!("{prefix}first_failure"), failure.as_str());
        }
    }
}

/// What one caller met.
#[derive(Default)]
struct Met {
    micros: Vec<u32>,
    failures: u64,
    first_failure: Option<String>,
}

/// Lets the callers loose on `call`, which is given the caller's number and its turn, and gathers what they met after the warm-up.
pub async fn drive<F, C, E>(load: &LoadArgs, call: F) -> anyhow::Result<Measured>
where
    F: Fn(u32, u64) -> C + Clone + Send + 'static,
    C: Future<Output = Result<(), E>> + Send + 'static,
    E: std::error::Error + Send + 'static,
{
    let start = Instant::now() + Duration::from_secs(load.warm_up);
    let lasted = Duration::from_secs(load.seconds);
    let callers: Vec<_> = (0..load.callers)
        .map(|caller| {
            let call = call.clone();
            tokio::spawn(keep_calling(caller, start, start + lasted, call))
        })
        .collect();
    let mut all = Met::default();
    for caller in callers {
        let met = caller.await?;
        all.micros.extend(met.micros);
        all.failures += met.failures;
        all.first_failure = all.first_failure.or(met.first_failure);
    }
    all.micros.sort_unstable();
    let Met { micros, failures, first_failure } = all;
    Ok(Measured { lasted, micros, failures, first_failure })
}

/// Counts the calls that end between `start` and `end`.
async fn keep_calling<F, C, E>(caller: u32, start: Instant, end: Instant, call: F) -> Met
where
    F: Fn(u32, u64) -> C,
    C: Future<Output = Result<(), E>>,
    E: std::error::Error,
{
    let mut met = Met::default();
    let mut turn = 0;
    loop {
        let called = Instant::now();
        if called >= end {
            return met;
        }
        let outcome = call(caller, turn).await;
        turn += 1;
        let answered = Instant::now();
        match outcome {
            Ok(()) if (start..end).contains(&answered) => {
                let micros = (answered - called).as_micros();
                met.micros.push(u32::try_from(micros).unwrap_or(u32::MAX));
            }
            Ok(()) => {}
            Err(error) => {
                met.failures += 1;
                met.first_failure.get_or_insert_with(|| with_sources(&error));
                // A store that is gone would otherwise be asked in a tight loop.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(micros: impl IntoIterator<Item = u32>) -> Measured {
        let micros = micros.into_iter().collect();
        Measured { lasted: Duration::from_secs(2), micros, failures: 0, first_failure: None }
    }

    #[test]
    fn a_percentile_is_the_time_within_which_that_share_was_answered() {
        let thousand = measured((1..=1_000).map(|milliseconds| milliseconds * 1_000));
        assert_eq!(thousand.percentile_ms(500), 500.0);
        assert_eq!(thousand.percentile_ms(990), 990.0);
        assert_eq!(thousand.percentile_ms(1_000), 1_000.0);
        assert_eq!(thousand.per_second(), 500.0);
    }

    #[test]
    fn percentiles_of_few_calls_and_of_none_are_defined() {
        assert_eq!(measured([7_000]).percentile_ms(500), 7.0);
        assert_eq!(measured([7_000]).percentile_ms(990), 7.0);
        assert_eq!(measured([]).percentile_ms(990), 0.0);
    }
}
