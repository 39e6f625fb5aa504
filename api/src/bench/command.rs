//! What a command on a stream with a past costs: load, decide, append.

use std::{sync::Arc, time::Instant};

use clap::Args;
use commands::{
    engine::{Caller, EngineConfig},
    ports::{Commit, EventStore, StreamKey, StreamWrite, TenantId, UniformSettings},
};
use domain::Decider;
use uuid::Uuid;

use super::{
    Report,
    gauge::{Gauge, GaugeEvent, GaugeRead, REMARK},
    hot,
    load::{LoadArgs, Measured, drive},
    past,
    scratch::{self, Scratch},
};

/// What `cairn bench command` is asked.
#[derive(Debug, Args)]
pub struct CommandArgs {
    #[command(flatten)]
    pub load: LoadArgs,
    /// Streams that exist before
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub streams: u32,
    /// Events that each of them has
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(0..=2_048))]
    pub events: u32,
}

/// Measures it with states in memory, as the engine keeps them, and without.
pub async fn run(args: &CommandArgs) -> anyhow::Result<Report> {
    let mut report = Report::begin("command");
    scratch::within(&args.load, &mut report, async |scratch, report| measure(args, scratch, report).await)
        .await?;
    Ok(report)
}

async fn measure(args: &CommandArgs, scratch: &Scratch, report: &mut Report) -> anyhow::Result<()> {
    report.fact("streams", args.streams);
    report.fact("events_a_stream", args.events);
    let caller = Caller::system(Uuid::now_v7());
    let started = Instant::now();
    let gauges = prepare(&*scratch.stores.events, caller.tenant, args).await?;
    report.fact("prepared_in_s", started.elapsed().as_secs());
    // Hardly a stream is met twice before its state has left: each command reads its stream from the log.
    let forgetful = EngineConfig { cached_states: 1, ..EngineConfig::default() };
    let cold = give_commands(args, scratch, &caller, &gauges, forgetful).await?;
    let warm = give_commands(args, scratch, &caller, &gauges, EngineConfig::default()).await?;
    cold.report(report, "cold_", "commands");
    warm.report(report, "", "commands");
    Ok(())
}

async fn give_commands(
    args: &CommandArgs,
    scratch: &Scratch,
    caller: &Caller,
    gauges: &Arc<Vec<Arc<str>>>,
    config: EngineConfig,
) -> anyhow::Result<Measured> {
    let engine = scratch.stores.engine(Arc::new(UniformSettings::default()), config);
    let measured = {
        let (engine, caller, gauges) = (engine.clone(), caller.clone(), Arc::clone(gauges));
        drive(&args.load, move |number, turn| {
            let (engine, caller) = (engine.clone(), caller.clone());
            let id = gauges[scattered(number, turn) % gauges.len()].to_string();
            async move { hot::read(&engine, caller, id, turn).await }
        })
        .await?
    };
    engine.shutdown().await;
    Ok(measured)
}

/// A number that looks random and is the same in every run (the finaliser of `SplitMix64`).
fn scattered(number: u32, turn: u64) -> usize {
    let mut mixed = (u64::from(number) << 40 | turn).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) as usize
}

/// Fills the log with the streams' past, and answers their ids.
async fn prepare(
    store: &dyn EventStore,
    tenant: TenantId,
    args: &CommandArgs,
) -> anyhow::Result<Arc<Vec<Arc<str>>>> {
    let events = args.events;
    let gauges: Arc<Vec<Arc<str>>> =
        Arc::new((0..args.streams).map(|_| Arc::from(Uuid::now_v7().to_string())).collect());
    if events > 0 {
        let ids = Arc::clone(&gauges);
        past::fill(store, (0..ids.len()).map(move |index| readings(tenant, &ids[index], events))).await?;
    }
    Ok(gauges)
}

/// A gauge's past in one commit.
fn readings(tenant: TenantId, id: &Arc<str>, events: u32) -> anyhow::Result<Commit> {
    let read = |number| GaugeRead { number, temperature_tenths_c: 215, remark: REMARK.to_owned() };
    let events = (1..=u64::from(events)).map(|number| past::stored(&GaugeEvent::from(read(number))));
    let stream = StreamKey::new(tenant, Gauge::CATEGORY, Arc::clone(id));
    let write = StreamWrite {
        stream,
        expected_version: 0,
        expected_event: None,
        events: events.collect::<anyhow::Result<_>>()?,
    };
    Ok(past::commit(tenant, vec![write]))
}
