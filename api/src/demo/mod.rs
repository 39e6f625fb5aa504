//! A demo plant: three days of a plant that makes frozen chicken kebab rods, through the real commands.
//!
//! Every command's id comes from its place in the script, so a second run changes nothing and an interrupted one goes
//! on where it stopped. Reading order: `people.rs`, `making.rs`, `shipping.rs`, `incidents.rs`; `floor.rs` turns their
//! sentences into commands.

mod clock;
mod floor;
mod incidents;
mod making;
mod people;
mod shipping;

use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::{Europe::Budapest, Tz};
use commands::{
    engine::{CommandError, Engine, EngineConfig},
    lots::{LotFinisher, LotReply},
    ports::{CheckpointStore, StoreError, TenantSettings, UniformSettings},
    process::ProcessRunner,
};
use domain::lots::{LotCode, lot::Dispatcher};
use serde::Serialize;
use uuid::{Uuid, uuid};

use self::clock::DemoClock;
use self::{floor::Floor, incidents::LAST_DAY};
use crate::compose::Stores;

/// The demo plant's tenant, by its name.
pub const SLUG: &str = "demo";
/// The demo plant's tenant: the id that follows from its name, see [`crate::config::tenant_id`].
pub const TENANT: Uuid = uuid!("ef4a6f81-8e6e-5c9b-b156-d9365f61532a");

const ZONE: Tz = Budapest;
const FIRST_LOT: &str = "day-1/RAW/1";
/// How many commands the script gives; a test counts them.
pub const COMMANDS: u64 = 1_859;

/// The demo plant's settings: site DUNA, Hungarian time, an address for its dispatch records.
pub fn settings() -> TenantSettings {
    let (name, address) = ("Duna Kebab Kft.".to_owned(), "1095 Budapest, Soroksári út 58".to_owned());
    TenantSettings {
        time_zone: ZONE,
        site: Arc::from("DUNA"),
        dispatcher: Some(Dispatcher { name, address }),
    }
}

/// Told what is being done now, when that changes, and how many commands have been answered.
pub type Watcher<'a> = dyn Fn(Option<&str>, u64) + Send + Sync + 'a;

/// Why the demo plant could not be loaded to its end. Running it again goes on where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A command of the script did not succeed.
    #[error("the demo plant's {command} at {place} did not succeed")]
    Command {
        /// The command.
        command: &'static str,
        /// Its place in the script.
        place: String,
        /// What it was answered.
        source: CommandError,
    },
    /// The log does not answer.
    #[error("the demo plant cannot be read")]
    Store(#[from] StoreError),
}

/// The demo plant, once it is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoPlant {
    /// Its tenant.
    pub tenant: Uuid,
    /// Its first day of production.
    pub first_day: NaiveDate,
    /// How many lots there are.
    pub lots: u64,
    /// How many commands the script gave.
    pub commands: u64,
    /// How many of those an earlier run had given already.
    pub commands_known: u64,
    /// Codes worth trying, each with what there is to see.
    pub worth_trying: Vec<WorthTrying>,
}

/// A lot worth looking at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorthTrying {
    /// Its code.
    pub code: LotCode,
    /// What there is to see.
    pub what: &'static str,
}

/// Loads the demo plant into a log, its last day being the day of `now`.
///
/// # Errors
/// When a command is refused or the log fails; what was loaded until then stays.
pub async fn load(
    stores: &Stores,
    now: DateTime<Utc>,
    watcher: &Watcher<'_>,
) -> Result<DemoPlant, DemoError> {
    let clock = Arc::new(DemoClock::at(DateTime::UNIX_EPOCH));
    let settings = Arc::new(UniformSettings::new(settings()));
    let engine = stores.engine_at(Arc::clone(&clock) as _, settings, EngineConfig::default());
    let loaded = run_script(&engine, clock, Arc::clone(&stores.checkpoints), now, watcher).await;
    engine.shutdown().await;
    loaded
}

async fn run_script(
    engine: &Engine,
    clock: Arc<DemoClock>,
    checkpoints: Arc<dyn CheckpointStore>,
    now: DateTime<Utc>,
    watcher: &Watcher<'_>,
) -> Result<DemoPlant, DemoError> {
    let first_day = match first_day_of_earlier_run(engine).await? {
        Some(day) => day,
        None => now.with_timezone(&ZONE).date_naive() - Days::new(u64::from(LAST_DAY) + 1),
    };
    let floor = Floor::new(engine, Arc::clone(&clock), watcher);
    let mut plant = Plant { floor, clock, watcher, first_day };
    let finisher = ProcessRunner::new(engine.clone(), checkpoints, LotFinisher);
    let lived = plant.live(&finisher).await;
    // A server that is started next finds it free.
    finisher.stop().await;
    lived?;
    let counts = plant.floor.counts();
    Ok(DemoPlant {
        tenant: TENANT,
        first_day,
        lots: counts.lots,
        commands: counts.commands,
        commands_known: counts.repeated,
        worth_trying: worth_trying(&plant.floor),
    })
}

/// An interrupted run must go on with its own days, whatever the day is now: its first lot's code tells.
async fn first_day_of_earlier_run(engine: &Engine) -> Result<Option<NaiveDate>, StoreError> {
    let answer = engine.ports().store.find_answer(TENANT, floor::command_id(FIRST_LOT)).await?;
    let reply = answer.and_then(|(_digest, receipt)| receipt.reply);
    let first: Option<LotReply> = reply.and_then(|reply| serde_json::from_str(&reply).ok());
    let day = |lot: LotReply| {
        let day = lot.lot_code.as_str().split('-').nth(1)?.to_owned();
        NaiveDate::parse_from_str(&day, "%Y%m%d").ok()
    };
    Ok(first.and_then(day))
}

/// Lots worth looking at, by their place in the script.
const WORTH_TRYING: [(&str, &str); 6] = [
    (FIRST_LOT, "a delivery: what was made of it, where it is, and who received it"),
    ("day-1/PAL/3", "a pallet that went to two customers; backward to its suppliers"),
    ("day-2/MIX/1", "a mix: both directions"),
    (incidents::WARM_DELIVERY, "arrived too warm, held by the reading itself, sent back"),
    (incidents::WARM_ROD_REFROZEN, "not cold enough at first, frozen again, released, shipped"),
    (incidents::WARM_ROD_LEFT_OPEN, "not cold enough: on hold, its deviation still open"),
];

fn worth_trying(floor: &Floor<'_>) -> Vec<WorthTrying> {
    let lot = |(place, what): (&str, &'static str)| Some(WorthTrying { code: floor.code_of(place)?, what });
    WORTH_TRYING.into_iter().filter_map(lot).collect()
}

struct Plant<'a> {
    floor: Floor<'a>,
    clock: Arc<DemoClock>,
    watcher: &'a Watcher<'a>,
    first_day: NaiveDate,
}

impl Plant<'_> {
    /// The whole script. Each morning packs and ships what the day before has made.
    async fn live(&mut self, finisher: &ProcessRunner) -> Result<(), DemoError> {
        self.reach(0, 16, 0);
        self.floor.save_partners().await?;
        let mut frozen = Vec::new();
        for day in 1..=LAST_DAY {
            let raw = self.receive(day).await?;
            if day > 1 {
                self.pack_and_ship(day - 1, std::mem::take(&mut frozen)).await?;
            }
            frozen = self.make(day, raw).await?;
            self.finish_lots(finisher, day).await?;
        }
        self.begin_next_day().await?;
        self.pack_and_ship(LAST_DAY, frozen).await?;
        self.finish_lots(finisher, LAST_DAY + 1).await
    }

    async fn finish_lots(&self, finisher: &ProcessRunner, day: u32) -> Result<(), DemoError> {
        self.phase(day, "finishing lots");
        while finisher.catch_up().await? {}
        Ok(())
    }

    /// Waits for an hour and minute of a day of the script, unless it is later already.
    fn reach(&self, day: u32, hour: u32, minute: u32) {
        let date = self.first_day + Days::new(u64::from(day)) - Days::new(1);
        self.clock.reach(date, hour, minute, ZONE);
    }

    fn phase(&self, day: u32, what: &str) {
        let phase = format!("demo plant, day {day} of {}: {what}", LAST_DAY + 1);
        (self.watcher)(Some(&phase), self.floor.counts().commands);
    }
}

#[cfg(test)]
mod tests;
