//! What a stream that everybody wants costs: the same command on one stream, and on a stream for each caller.

use std::sync::Arc;

use commands::{
    engine::{Caller, CommandError, Engine, EngineConfig, Envelope},
    ports::UniformSettings,
};
use uuid::Uuid;

use super::{
    Report,
    gauge::ReadGauge,
    load::{LoadArgs, Measured, drive},
    scratch::{self, Scratch},
};

/// Measures it.
pub async fn run(load: &LoadArgs) -> anyhow::Result<Report> {
    let mut report = Report::begin("hot");
    scratch::within(load, &mut report, async |scratch, report| measure(load, scratch, report).await).await?;
    Ok(report)
}

async fn measure(load: &LoadArgs, scratch: &Scratch, report: &mut Report) -> anyhow::Result<()> {
    let engine = scratch.stores.engine(Arc::new(UniformSettings::default()), EngineConfig::default());
    let each: Vec<String> = (0..load.callers).map(|_| Uuid::now_v7().to_string()).collect();
    let spread = read_gauges(load, &engine, each).await?;
    let hot = read_gauges(load, &engine, vec![Uuid::now_v7().to_string()]).await?;
    engine.shutdown().await;
    hot.report(report, "", "commands");
    spread.report(report, "spread_", "commands");
    report.figure("share_of_spread", hot.per_second() / spread.per_second());
    Ok(())
}

/// Caller `n` reads gauge `n`, or the only one there is.
async fn read_gauges(load: &LoadArgs, engine: &Engine, gauges: Vec<String>) -> anyhow::Result<Measured> {
    let (engine, gauges) = (engine.clone(), Arc::new(gauges));
    let caller = Caller::system(Uuid::now_v7());
    drive(load, move |number, turn| {
        let (engine, gauges, caller) = (engine.clone(), Arc::clone(&gauges), caller.clone());
        async move {
            let id = gauges[number as usize % gauges.len()].clone();
            read(&engine, caller, id, turn).await
        }
    })
    .await
}

/// One command.
pub async fn read(engine: &Engine, caller: Caller, id: String, turn: u64) -> Result<(), CommandError> {
    let temperature_tenths_c = i64::try_from(turn % 1_000).unwrap_or_default();
    let envelope = Envelope::new(caller, Uuid::now_v7());
    engine.execute(envelope, ReadGauge { id, temperature_tenths_c }).await.map(drop)
}
