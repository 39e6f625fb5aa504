//! How small a server is and how soon it answers, over a log with a past.

use std::time::{Duration, Instant};

use clap::Args;
use uuid::Uuid;

use super::{
    Report,
    load::LoadArgs,
    past,
    plant::{EVENTS_A_LIFE, Plant},
    scratch::{self, Scratch},
    server::Server,
};

/// A server that was asked nothing for so long is idle.
const IDLE_AFTER: Duration = Duration::from_secs(5);
/// Starts measured, after one that builds the read models.
const STARTS: usize = 5;

/// What `cairn bench start` is asked.
#[derive(Debug, Args)]
pub struct StartArgs {
    #[command(flatten)]
    pub load: LoadArgs,
    /// Events of lots in the log
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub events: u64,
}

/// Measures it.
pub async fn run(args: &StartArgs) -> anyhow::Result<Report> {
    let mut report = Report::begin("start");
    scratch::within(&args.load, &mut report, async |scratch, report| measure(args, scratch, report).await)
        .await?;
    Ok(report)
}

async fn measure(args: &StartArgs, scratch: &Scratch, report: &mut Report) -> anyhow::Result<()> {
    let lots = args.events.div_ceil(EVENTS_A_LIFE);
    let store = &*scratch.stores.events;
    let filling = Instant::now();
    past::fill(store, Plant::try_new(Uuid::now_v7())?.lives(lots)).await?;
    report.fact("events", store.head().await?);
    report.fact("filled_in_s", filling.elapsed().as_secs());
    let data = &scratch.directory;

    let first = Server::start(&scratch.url, data).await?;
    let building = first.ready().await?;
    first.stop().await?;
    let mut starts = Vec::with_capacity(STARTS);
    let mut idle_mib = 0.0;
    for start in 1..=STARTS {
        let server = Server::start(&scratch.url, data).await?;
        starts.push(server.ready().await?);
        if start == STARTS {
            tokio::time::sleep(IDLE_AFTER).await;
            idle_mib = server.resident_mib();
        }
        server.stop().await?;
    }
    starts.sort_unstable();
    report.figure("ready_p50_ms", starts[STARTS / 2].as_secs_f64() * 1_000.0);
    report.figure("ready_max_ms", starts[STARTS - 1].as_secs_f64() * 1_000.0);
    report.figure("first_ready_ms", building.as_secs_f64() * 1_000.0);
    report.figure("idle_resident_mib", idle_mib);
    Ok(())
}
