//! A small aggregate of the benchmarks' own: a gauge that is read again and again.

use commands::engine::{Aggregate, Command, Stage, Stop};
use domain::{Decider, events, identity::Permission, refusals};
use serde::{Deserialize, Serialize};

/// Makes the event's payload about 250 bytes of JSON.
pub const REMARK: &str = "The reading was taken by hand at the second gauge behind the boiler, because the first \
                          one is being calibrated; see the maintenance order for when it will be back in use.";

/// Somebody read the gauge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GaugeRead {
    /// The count of readings, this one included.
    pub number: u64,
    /// What it showed.
    pub temperature_tenths_c: i64,
    /// In words.
    pub remark: String,
}

events! {
    /// What happens to a gauge.
    pub enum GaugeEvent {
        GaugeRead = 1;
    }
}

/// What the readings come to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gauge {
    readings: u64,
    sum_tenths_c: i64,
    highest_tenths_c: Option<i64>,
}

refusals! {
    /// The gauge shows what it cannot.
    pub struct OffTheScale { shown: i64 } = "OFF_THE_SCALE",
        "the gauge goes from -500 to 5,000 tenths of a degree, it cannot show {shown}";
}

impl Decider for Gauge {
    const CATEGORY: &'static str = "benchmark_gauge";
    type Command = i64;
    type Event = GaugeEvent;
    type Error = OffTheScale;

    fn decide(&self, shown: i64) -> Result<Vec<GaugeEvent>, OffTheScale> {
        if !(-500..=5_000).contains(&shown) {
            return Err(OffTheScale { shown });
        }
        let number = self.readings + 1;
        let read = GaugeRead { number, temperature_tenths_c: shown, remark: REMARK.to_owned() };
        Ok(vec![read.into()])
    }

    fn evolve(self, event: &GaugeEvent) -> Self {
        match event {
            GaugeEvent::GaugeRead(read) => Self {
                readings: read.number,
                sum_tenths_c: self.sum_tenths_c + read.temperature_tenths_c,
                highest_tenths_c: self.highest_tenths_c.max(Some(read.temperature_tenths_c)),
            },
        }
    }
}

impl Aggregate for Gauge {
    const STATE_VERSION: u32 = 1;
}

/// Reads one gauge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadGauge {
    /// Which one.
    pub id: String,
    /// What it shows.
    pub temperature_tenths_c: i64,
}

impl Command for ReadGauge {
    const NAME: &'static str = "ReadGauge";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = u64;

    fn subject(&self) -> Option<(&'static str, String)> {
        Some((Gauge::CATEGORY, self.id.clone()))
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<u64, Stop> {
        Ok(stage.decide::<Gauge>(&self.id, self.temperature_tenths_c)?.readings)
    }
}
