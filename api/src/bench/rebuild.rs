//! How fast a read model follows from the log, and in how much memory.

use std::time::Instant;

use clap::Args;
use projections::{ReadModel, lots::LotBoard};
use uuid::Uuid;

use super::{
    Report,
    load::LoadArgs,
    machine, past,
    plant::{EVENTS_A_LIFE, Plant},
    scratch::{self, Scratch},
};
use crate::compose;

/// What `cairn bench rebuild` is asked.
#[derive(Debug, Args)]
pub struct RebuildArgs {
    #[command(flatten)]
    pub load: LoadArgs,
    /// Events of lots in the log
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub events: u64,
}

/// Measures it on the lot board.
pub async fn run(args: &RebuildArgs) -> anyhow::Result<Report> {
    let mut report = Report::begin("rebuild");
    scratch::within(&args.load, &mut report, async |scratch, report| measure(args, scratch, report).await)
        .await?;
    Ok(report)
}

async fn measure(args: &RebuildArgs, scratch: &Scratch, report: &mut Report) -> anyhow::Result<()> {
    let lots = args.events.div_ceil(EVENTS_A_LIFE).max(1);
    report.fact("lots", lots);
    let started = Instant::now();
    past::fill(&*scratch.stores.events, Plant::try_new(Uuid::now_v7())?.lives(lots)).await?;
    let events = scratch.stores.events.head().await?;
    report.fact("filled_in_s", started.elapsed().as_secs());
    let read_side = compose::stand_by(&scratch.stores, &scratch.url).await?;
    machine::forget_peak();
    report.figure("resident_before_mib", machine::resident_mib());
    let started = Instant::now();
    let rebuilt = read_side.rebuild(LotBoard::NAME)?.run(&mut |_| {}).await?;
    let lasted = started.elapsed();
    anyhow::ensure!(rebuilt.position == events, "rebuilt to {}, the log ends at {events}", rebuilt.position);
    report.figure("events_per_s", events as f64 / lasted.as_secs_f64());
    report.figure("folding_events_per_s", events as f64 / rebuilt.folding.as_secs_f64());
    report.figure("events", events as f64);
    report.figure("rows_written", rebuilt.rows_written as f64);
    report.figure("seconds_in_all", lasted.as_secs_f64());
    Ok(())
}
