//! What is due is done once, refused once, or parked: late, but not lost.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use commands::{
    engine::{Caller, Command, Envelope, RunLater, Stage, Stop},
    ports::{Fence, Settlement},
    process::{
        CommandRegistry, DEADLINES, DeadlineRunner, ParkedReaction, ProcessOptions, RetryReaction,
        SkipReaction,
    },
};
use domain::identity::Permission;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Plant,
    stores::{Shared, Store, on_every_store},
    tally::{Change, ChangeLater, Stumble, StumbleLater, Tally, TallyCommand},
};
use crate::clock::SetClock;

fn change(id: &str, by: i64) -> Change {
    Change { id: id.to_owned(), by }
}

fn registry() -> CommandRegistry {
    CommandRegistry::default().with::<Change>()
}

fn runner(plant: &Plant, store: &Arc<dyn Store>, registry: CommandRegistry) -> DeadlineRunner {
    DeadlineRunner::new(plant.engine.clone(), Arc::clone(store) as _, registry)
}

fn much_later() -> DateTime<Utc> {
    Utc::now() + TimeDelta::days(1)
}

async fn a_deadline_fires_once_when_it_is_due_and_never_before(shared: Shared) {
    let (store, plant) = shared.process().await;
    let runner = runner(&plant, &store, registry());
    let later = |due_at| ChangeLater { change: change("tally", 10), due_at };
    plant.give(later(Utc::now() + TimeDelta::hours(1))).await.unwrap();
    assert!(!runner.fire_due().await.unwrap());
    assert_eq!(plant.count("tally").await, 1, "an hour is left");
    plant.give(later(Utc::now() - TimeDelta::hours(1))).await.unwrap();
    assert!(runner.fire_due().await.unwrap(), "late, but not lost");
    assert!(!runner.fire_due().await.unwrap());
    assert_eq!(plant.count("tally").await, 12);
}

async fn a_deadline_stored_by_a_commit_wakes_the_runner(shared: Shared) {
    let (store, plant) = shared.process().await;
    let running = tokio::spawn(Arc::new(runner(&plant, &store, registry())).run());
    tokio::task::yield_now().await;
    plant.give(ChangeLater { change: change("tally", 10), due_at: Utc::now() }).await.unwrap();
    while plant.count("tally").await < 11 {
        tokio::task::yield_now().await;
    }
    running.abort();
}

async fn a_deadline_that_the_state_refuses_is_closed(shared: Shared) {
    let (store, plant) = shared.process().await;
    let runner = runner(&plant, &store, registry());
    plant.give(ChangeLater { change: change("tally", -10), due_at: Utc::now() }).await.unwrap();
    assert!(runner.fire_due().await.unwrap());
    assert!(!runner.fire_due().await.unwrap());
    assert_eq!(plant.count("tally").await, 1);
}

async fn a_deadline_whose_id_was_used_for_another_command_is_closed(shared: Shared) {
    let (store, plant) = shared.process().await;
    let later = ChangeLater { change: change("tally", 10), due_at: Utc::now() - TimeDelta::hours(1) };
    plant.give(later).await.unwrap();
    let due = store.due_deadlines(Utc::now(), 10).await.unwrap();
    let system = Caller::system(due[0].tenant);
    let used = Envelope { key_given: true, ..Envelope::new(system, due[0].deadline.deadline_id) };
    plant.engine.execute(used, change("other", 1)).await.unwrap();
    runner(&plant, &store, registry()).fire_due().await.unwrap();
    assert_eq!(store.next_due_at().await.unwrap(), None, "no later try would be answered otherwise");
    assert_eq!(plant.count("tally").await, 1, "only what was asked for at once");
}

/// What this program does not know is for a newer one: it fails for as long as this one runs, and is not parked.
async fn however_many_deadlines_fail_those_behind_them_fire(shared: Shared) {
    let (store, plant) = shared.process().await;
    let options = ProcessOptions { retry_for: Duration::ZERO, ..ProcessOptions::default() };
    let runner =
        DeadlineRunner::with_options(plant.engine.clone(), Arc::clone(&store) as _, registry(), options);
    let past = Utc::now() - TimeDelta::hours(1);
    plant.give(StumbleLater { id: "tally".to_owned(), times: 600, due_at: past }).await.unwrap();
    plant.give(ChangeLater { change: change("tally", 10), due_at: Utc::now() }).await.unwrap();
    while plant.count("tally").await < 12 {
        assert!(runner.fire_due().await.unwrap(), "nothing is due any more, and the last was not reached");
    }
    assert_eq!(store.due_deadlines(much_later(), 1_000).await.unwrap().len(), 600, "none of them is lost");
    assert!(store.next_due_at().await.unwrap().unwrap() > past, "they wait before they are tried again");
    assert_eq!(ParkedReaction::all(&*store).await.unwrap(), []);
}

async fn who_stands_by_takes_the_deadlines_over_and_the_former_holder_settles_nothing(shared: Shared) {
    let ((store, plant), (other_store, other_plant)) = (shared.process().await, shared.process().await);
    let one = runner(&plant, &store, registry());
    let other = runner(&other_plant, &other_store, registry());
    assert!(!one.fire_due().await.unwrap(), "it holds the lease from now on");
    let due_at = Utc::now() - TimeDelta::hours(1);
    plant.give(ChangeLater { change: change("tally", 10), due_at }).await.unwrap();
    assert!(!other.fire_due().await.unwrap(), "what is due is the holder's");
    let held = Fence { lease: DEADLINES.to_owned(), epoch: 1 };
    assert!(store.renew_lease(&held, Duration::ZERO).await.unwrap(), "nothing is heard of it any more");
    assert!(other.fire_due().await.unwrap());
    assert_eq!(plant.count("tally").await, 11);
    plant.give(ChangeLater { change: change("tally", 10), due_at }).await.unwrap();
    let due = store.due_deadlines(Utc::now(), 10).await.unwrap();
    let closing =
        Settlement { closed: vec![(due[0].tenant, due[0].deadline.deadline_id)], postponed: vec![] };
    assert!(!store.settle_deadlines(&held, &closing).await.unwrap());
    assert_eq!(store.due_deadlines(Utc::now(), 10).await.unwrap(), due);
}

/// [`Stumble`] as the next release has it.
#[derive(Clone, Serialize, Deserialize)]
struct Mended {
    id: String,
}

impl RunLater for Mended {}

impl Command for Mended {
    const NAME: &'static str = Stumble::NAME;
    const PERMISSION: Permission = Stumble::PERMISSION;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        stage.decide::<Tally>(&self.id, TallyCommand::Raise(1_000)).map(drop)
    }
}

/// A process that has a deadline with a defect parked, which was asked for by the first event of a tally.
struct Stumbled {
    shared: Shared,
    clock: Arc<SetClock>,
    store: Arc<dyn Store>,
    plant: Plant,
    runner: DeadlineRunner,
}

impl Stumbled {
    async fn over(shared: Shared) -> Self {
        let clock = Arc::new(SetClock::new());
        let (store, plant) = shared.process_at(Arc::clone(&clock) as _).await;
        let runner = runner(&plant, &store, registry().with::<Stumble>());
        let due_at = plant.engine.ports().clock.now();
        plant.give(StumbleLater { id: "tally".to_owned(), times: 1, due_at }).await.unwrap();
        let stumbled = Self { shared, clock, store, plant, runner };
        for pause in [0, 1, 2] {
            assert_eq!(stumbled.parked().await, []);
            stumbled.fires_after(TimeDelta::seconds(pause)).await;
        }
        stumbled
    }

    async fn fires_after(&self, pause: TimeDelta) {
        self.clock.pass(pause);
        while self.runner.fire_due().await.unwrap() {}
    }

    async fn parked(&self) -> Vec<ParkedReaction> {
        ParkedReaction::all(&*self.store).await.unwrap().into_iter().collect::<Result<_, _>>().unwrap()
    }

    async fn command_id(&self) -> Uuid {
        Uuid::try_parse(&self.parked().await[0].stream.id).unwrap()
    }

    /// The runner of the release that mended it, which finds the lease free.
    async fn mended(&self) -> DeadlineRunner {
        self.runner.stop().await;
        let (store, plant) = self.shared.process_at(Arc::clone(&self.clock) as _).await;
        runner(&plant, &store, registry().with::<Mended>())
    }
}

async fn a_deadline_that_failed_too_long_is_parked_and_can_be_retried(shared: Shared) {
    let stumbled = Stumbled::over(shared).await;
    let parked = stumbled.parked().await.remove(0).parked;
    assert_eq!((&*parked.process, &*parked.command, parked.tries), (DEADLINES, "Stumble", 3));
    assert!(!parked.message.contains("defect"), "the log does not tell the program's inside");
    let cause = parked.cause.unwrap();
    assert_eq!((&*cause.category, &*cause.stream_id, cause.version), ("tally", "tally", 1));
    // Mended; but nothing runs by itself.
    let mended = stumbled.mended().await;
    for _hour in 0..3 {
        stumbled.clock.pass(TimeDelta::hours(1));
        while mended.fire_due().await.unwrap() {}
    }
    assert_eq!(stumbled.plant.count("tally").await, 1);
    let retry = RetryReaction { command_id: stumbled.command_id().await };
    stumbled.plant.give(retry).await.unwrap();
    assert_eq!(stumbled.parked().await, []);
    stumbled.clock.pass(TimeDelta::minutes(1));
    while mended.fire_due().await.unwrap() {}
    assert_eq!(stumbled.plant.count("tally").await, 1_001);
    assert_eq!(stumbled.store.next_due_at().await.unwrap(), None);
}

async fn a_retried_deadline_that_fails_again_is_parked_again(shared: Shared) {
    let stumbled = Stumbled::over(shared).await;
    let command_id = stumbled.command_id().await;
    stumbled.plant.give(RetryReaction { command_id }).await.unwrap();
    for pause in [60, 1, 2] {
        assert_eq!(stumbled.parked().await, []);
        stumbled.fires_after(TimeDelta::seconds(pause)).await;
    }
    assert_eq!(stumbled.command_id().await, command_id);
}

async fn a_skipped_deadline_never_runs_and_the_log_says_why(shared: Shared) {
    let stumbled = Stumbled::over(shared).await;
    let reason = "by hand, ticket 4712".to_owned();
    let skip = SkipReaction { command_id: stumbled.command_id().await, reason };
    stumbled.plant.give(skip).await.unwrap();
    assert_eq!(stumbled.parked().await, []);
    let mended = stumbled.mended().await;
    stumbled.clock.pass(TimeDelta::minutes(1));
    while mended.fire_due().await.unwrap() {}
    assert_eq!(stumbled.plant.count("tally").await, 1);
    assert_eq!(stumbled.store.next_due_at().await.unwrap(), None, "it is closed");
    let log = stumbled.store.read_log(0, &Default::default(), 100).await.unwrap().events;
    let skipped = log.last().unwrap();
    assert_eq!((&*skipped.event_type, &*skipped.metadata.actor), ("ReactionSkipped", "tester"));
    assert!(skipped.payload.contains("ticket 4712"));
}

async fn a_tenant_whose_deadlines_are_parked_holds_up_nobody_else(shared: Shared) {
    let stumbled = Stumbled::over(shared).await;
    let healthy = stumbled.plant.as_tenant(2);
    let due_at = healthy.engine.ports().clock.now();
    for plant in [&stumbled.plant, &healthy] {
        plant.give(ChangeLater { change: change("tally", 10), due_at }).await.unwrap();
    }
    stumbled.fires_after(TimeDelta::zero()).await;
    assert_eq!((stumbled.plant.count("tally").await, healthy.count("tally").await), (12, 11));
    assert_eq!(stumbled.parked().await.len(), 1);
}

on_every_store![
    a_deadline_fires_once_when_it_is_due_and_never_before,
    a_deadline_stored_by_a_commit_wakes_the_runner,
    a_deadline_that_the_state_refuses_is_closed,
    a_deadline_whose_id_was_used_for_another_command_is_closed,
    however_many_deadlines_fail_those_behind_them_fire,
    who_stands_by_takes_the_deadlines_over_and_the_former_holder_settles_nothing,
    a_deadline_that_failed_too_long_is_parked_and_can_be_retried,
    a_retried_deadline_that_fails_again_is_parked_again,
    a_skipped_deadline_never_runs_and_the_log_says_why,
    a_tenant_whose_deadlines_are_parked_holds_up_nobody_else,
];
