//! Deadlines pass from program to program.

use std::{sync::Arc, time::Duration};

use chrono::{TimeDelta, Utc};
use commands::{
    engine::{Command, RunLater, Stage, Stop},
    process::{CommandRegistry, DEADLINES, DeadlineRunner, ParkedReaction},
};
use domain::identity::Permission;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Plant,
    stores::{Shared, Store},
    tally::{Change, ChangeLater, Stumble, StumbleLater, Tally, TallyCommand},
};
use crate::{clock::SetClock, gauge::OneGauge};

fn runner(plant: &Plant, store: &Arc<dyn Store>, registry: CommandRegistry) -> DeadlineRunner {
    DeadlineRunner::new(plant.engine.clone(), Arc::clone(store) as _, registry)
}

fn registry() -> CommandRegistry {
    CommandRegistry::default().with::<Change>()
}

async fn stumbles(plant: &Plant) {
    let due_at = Utc::now() - TimeDelta::hours(1);
    plant.give(StumbleLater { id: "tally".to_owned(), times: 1, due_at }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_program_that_is_too_old_for_a_deadline_makes_way_however_much_else_is_due() {
    let (store, plant) = Shared::in_memory().process().await;
    let old = runner(&plant, &store, registry());
    stumbles(&plant).await;
    for _ in 0..12 {
        let change = Change { id: "busy".to_owned(), by: 1 };
        plant.give(ChangeLater { change, due_at: Utc::now() }).await.unwrap();
        old.fire_due().await.unwrap();
        tokio::time::advance(Duration::from_secs(5)).await;
    }
    assert!(plant.count("busy").await > 12, "it went on for a while with what it knows");
    let free = store.claim_lease(DEADLINES, Uuid::now_v7(), Duration::from_secs(10)).await.unwrap();
    assert!(free.is_some(), "a newer one may take it");
}

#[test]
fn who_has_lost_the_deadlines_tells_no_more_of_those_that_fail() {
    let gauge = OneGauge::of("cairn_deadlines_failing");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&gauge, || {
        runtime.block_on(async {
            let (store, plant) = Shared::in_memory().process().await;
            let one = runner(&plant, &store, registry().with::<Stumble>());
            stumbles(&plant).await;
            one.fire_due().await.unwrap();
            assert_eq!(gauge.value(), 1.0);
            one.stop().await;
            assert_eq!(gauge.value(), 0.0);
        });
    });
}

/// Raises a tally when its time has come.
#[derive(Clone, Serialize, Deserialize)]
struct Remind {
    id: String,
}

/// The same in the next release, with a field that no program before it knows.
#[derive(Clone, Serialize, Deserialize)]
struct RemindOfNextRelease {
    id: Option<String>,
    by: Option<i64>,
}

impl RunLater for Remind {}

impl RunLater for RemindOfNextRelease {
    const VERSION: u32 = 2;
}

impl Command for Remind {
    const NAME: &'static str = "Remind";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.decide::<Tally>(&self.id, TallyCommand::Raise(1)).map(drop)
    }
}

impl Command for RemindOfNextRelease {
    const NAME: &'static str = Remind::NAME;
    const PERMISSION: Permission = Remind::PERMISSION;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        let id = self.id.as_deref().unwrap_or("nobody");
        stage.decide::<Tally>(id, TallyCommand::Raise(self.by.unwrap_or(1_000))).map(drop)
    }
}

/// Has something run at once.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "C: RunLater")]
struct Now<C>(C);

impl<C: RunLater> Command for Now<C> {
    const NAME: &'static str = "Now";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.decide::<Tally>("asked", TallyCommand::Raise(1))?;
        stage.schedule(stage.now(), &self.0)
    }
}

/// A process over a store, and what it may fire: by a clock that is the test's, each time after a minute.
struct Program {
    clock: Arc<SetClock>,
    plant: Plant,
    runner: DeadlineRunner,
}

impl Program {
    async fn over(shared: &Shared, registry: CommandRegistry) -> Self {
        let clock = Arc::new(SetClock::new());
        let (store, plant) = shared.process_at(Arc::clone(&clock) as _).await;
        let runner = runner(&plant, &store, registry);
        Self { clock, plant, runner }
    }

    async fn fires(&self, times: usize) {
        for _ in 0..times {
            while self.runner.fire_due().await.unwrap() {}
            self.clock.pass(TimeDelta::minutes(1));
        }
    }
}

#[tokio::test]
async fn a_program_parks_nothing_that_a_newer_one_has_asked_for_in_a_version_of_its_own() {
    let shared = Shared::in_memory();
    let old = Program::over(&shared, registry().with::<Remind>()).await;
    let new = Program::over(&shared, registry().with::<RemindOfNextRelease>()).await;
    let remind = RemindOfNextRelease { id: None, by: None };
    new.plant.give(Now(remind)).await.unwrap();
    old.fires(30).await;
    assert_eq!(ParkedReaction::all(&*shared.open().await).await.unwrap(), []);
    old.runner.stop().await;
    new.clock.pass(TimeDelta::hours(1));
    new.fires(1).await;
    assert_eq!(new.plant.count("nobody").await, 1_000);
}

#[tokio::test]
async fn a_program_runs_what_an_older_one_has_asked_for_and_parks_what_it_should_be_able_to_read() {
    let shared = Shared::in_memory();
    let old = Program::over(&shared, registry().with::<Remind>()).await;
    let new = Program::over(&shared, registry().with::<RemindOfNextRelease>()).await;
    old.plant.give(Now(Remind { id: "tally".to_owned() })).await.unwrap();
    new.fires(1).await;
    assert_eq!(new.plant.count("tally").await, 1_000);
    new.runner.stop().await;
    /// Nobody has written this.
    #[derive(Clone, Serialize, Deserialize)]
    struct Damaged;
    impl RunLater for Damaged {}
    impl Command for Damaged {
        const NAME: &'static str = Remind::NAME;
        const PERMISSION: Permission = Remind::PERMISSION;
        type Reply = ();

        fn handle(&self, _stage: &mut Stage<'_>) -> Result<(), Stop> {
            Ok(())
        }
    }
    old.plant.give(Now(Damaged)).await.unwrap();
    old.fires(3).await;
    let parked = ParkedReaction::all(&*shared.open().await).await.unwrap();
    assert_eq!(parked.len(), 1);
}
