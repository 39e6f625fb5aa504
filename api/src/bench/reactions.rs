//! How fast a process manager answers what the log holds: each answer a command of its own, decided and durable.

use std::{sync::Arc, time::Instant};

use clap::Args;
use commands::{
    engine::{EngineConfig, FoldFault, decode_event},
    ports::{Commit, RecordedEvent, StreamKey, StreamWrite, TenantId, UniformSettings},
    process::{ProcessManager, ProcessRunner, Reaction},
};
use domain::Decider;
use uuid::Uuid;

use super::{
    Report,
    gauge::{Gauge, GaugeEvent, GaugeRead, REMARK, ReadGauge},
    load::LoadArgs,
    past,
    scratch::{self, Scratch},
};

/// What `cairn bench reactions` is asked.
#[derive(Debug, Args)]
pub struct ReactionsArgs {
    #[command(flatten)]
    pub load: LoadArgs,
    /// Events that each call for a command
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub events: u32,
    /// Streams over which they lie, one after the other
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub streams: u32,
}

/// Has the gauge beside each one that was read show the same.
struct Mirror;

const MIRROR: &str = "mirror-";

impl ProcessManager for Mirror {
    const NAME: &'static str = "benchmark_mirror";
    const CATEGORIES: &'static [&'static str] = &[Gauge::CATEGORY];

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        if event.stream.id.starts_with(MIRROR) {
            return Ok(Vec::new());
        }
        let GaugeEvent::GaugeRead(read) = decode_event(event)?;
        let id = format!("{MIRROR}{}", event.stream.id);
        let follow = ReadGauge { id, temperature_tenths_c: read.temperature_tenths_c };
        Ok(vec![Reaction::new("mirror", follow)])
    }
}

/// Measures it, from the first event to the last answer.
pub async fn run(args: &ReactionsArgs) -> anyhow::Result<Report> {
    let mut report = Report::begin("reactions");
    scratch::within(&args.load, &mut report, async |scratch, report| measure(args, scratch, report).await)
        .await?;
    Ok(report)
}

async fn measure(args: &ReactionsArgs, scratch: &Scratch, report: &mut Report) -> anyhow::Result<()> {
    report.fact("streams", args.streams);
    let (tenant, streams, events) = (Uuid::now_v7(), args.streams, args.events);
    let commits = (0..events).map(move |number| reading(tenant, number % streams, number / streams));
    past::fill(&*scratch.stores.events, commits).await?;
    let engine = scratch.stores.engine(Arc::new(UniformSettings::default()), EngineConfig::default());
    let runner = ProcessRunner::new(engine.clone(), Arc::clone(&scratch.stores.checkpoints), Mirror);
    let started = Instant::now();
    while runner.catch_up().await? {}
    let lasted = started.elapsed();
    runner.stop().await;
    engine.shutdown().await;
    // A figure for reactions that did not come to be would be worth nothing.
    let (stored, due) = (scratch.stores.events.head().await?, 2 * u64::from(events));
    anyhow::ensure!(stored == due, "the log has {stored} events, not {due}");
    report.figure("reactions_per_s", f64::from(events) / lasted.as_secs_f64());
    report.figure("reactions", f64::from(events));
    report.figure("seconds_in_all", lasted.as_secs_f64());
    Ok(())
}

/// The commit by which a gauge was read.
fn reading(tenant: TenantId, gauge: u32, version: u32) -> anyhow::Result<Commit> {
    let read = GaugeRead {
        number: u64::from(version) + 1,
        temperature_tenths_c: i64::from(version % 1_000),
        remark: REMARK.to_owned(),
    };
    let stream = StreamKey::new(tenant, Gauge::CATEGORY, gauge.to_string());
    let write = StreamWrite {
        stream,
        expected_version: u64::from(version),
        expected_event: None,
        events: vec![past::stored(&GaugeEvent::from(read))?],
    };
    Ok(past::commit(tenant, vec![write]))
}
