//! Side by side, in order, parked and killed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use commands::{
    engine::{Command, FoldFault, Stage, Stop, decode_event},
    ports::{Fence, RecordedEvent, StreamKey},
    process::{
        ParkedReaction, ProcessManager, ProcessOptions, ProcessRunner, Reaction, RetryReaction, SkipReaction,
    },
    tail::Tail,
};
use domain::identity::Permission;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{append_event, catch_up, change, deliver_all, log, patient, runner};
use crate::engine::{
    stores::{Shared, Store, on_every_store},
    tally::{Tally, TallyCommand, TallyEvent},
};

/// Fails where it is told to, and counts how often it was tried.
#[derive(Clone, Default)]
struct Trouble {
    fails: Arc<AtomicBool>,
    tries: Arc<AtomicUsize>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Follow {
    id: String,
    by: i64,
    #[serde(skip)]
    trouble: Option<Trouble>,
}

impl Command for Follow {
    const NAME: &'static str = "Follow";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = ();

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(), Stop> {
        if let Some(trouble) = &self.trouble {
            trouble.tries.fetch_add(1, Ordering::SeqCst);
            assert!(!trouble.fails.load(Ordering::SeqCst), "it has a defect");
        }
        stage.decide::<Tally>(&self.id, TallyCommand::Raise(self.by)).map(drop)
    }
}

/// Raises the follower of each source by as much; in trouble where the source is called so.
#[derive(Clone, Default)]
struct Follower(Trouble);

impl ProcessManager for Follower {
    const NAME: &'static str = "follower";
    const CATEGORIES: &'static [&'static str] = &["tally"];

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        let Some(name) = event.stream.id.strip_prefix("source-") else { return Ok(vec![]) };
        let TallyEvent::TallyRaised(raised) = decode_event::<TallyEvent>(event)? else { return Ok(vec![]) };
        let trouble = name.starts_with("bad").then(|| self.0.clone());
        let follow = Follow { id: format!("follower-{name}"), by: raised.by, trouble };
        Ok(vec![Reaction::new("follow", follow)])
    }
}

async fn a_tenant_whose_reactions_fail_holds_up_nobody_else(shared: Shared) {
    let (store, plant) = shared.process().await;
    let healthy = plant.as_tenant(2);
    let process = Follower::default();
    process.0.fails.store(true, Ordering::SeqCst);
    for number in 0..80 {
        plant.give(change(&format!("source-bad-{number}"), 1)).await.unwrap();
    }
    healthy.give(change("source-good", 7)).await.unwrap();
    let tail = Tail::of(Arc::clone(&plant.store));
    let options =
        ProcessOptions { retry_for: Duration::from_secs(600), first_pause: Duration::from_secs(600) };
    let runner =
        ProcessRunner::following(tail, plant.engine.clone(), Arc::clone(&store) as _, process, options);
    let running = tokio::spawn(Arc::new(runner).run());
    let done = async {
        while healthy.count("follower-good").await < 7 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done).await.unwrap();
    assert_eq!(plant.count("follower-bad-0").await, 0);
    assert_eq!(
        store.load_checkpoint("follower").await.unwrap(),
        0,
        "the place is the lowest that is not done"
    );
    running.abort();
}

async fn events_of_one_stream_are_answered_in_their_order(shared: Shared) {
    let (store, plant) = shared.process().await;
    for by in 1..=40 {
        for stream in ["source-a", "source-b", "source-c"] {
            plant.give(change(stream, by)).await.unwrap();
        }
    }
    let runner = runner(&plant, &store, Follower::default());
    catch_up(&runner).await;
    for stream in ["follower-a", "follower-b", "follower-c"] {
        let key = StreamKey::new(plant.caller.tenant, "tally", stream);
        let events = plant.store.read_stream(&key, 0, 100).await.unwrap();
        let raised: Vec<_> = events.iter().map(|event| event.payload.to_string()).collect();
        assert_eq!(raised, (1..=40).map(|by| format!(r#"{{"by":{by}}}"#)).collect::<Vec<_>>());
    }
    assert!(store.load_checkpoint("follower").await.unwrap() >= 120);
}

async fn parked(store: &Arc<dyn Store>) -> Vec<ParkedReaction> {
    ParkedReaction::all(&**store).await.unwrap().into_iter().collect::<Result<_, _>>().unwrap()
}

/// Of the event that it answers.
fn version(parked: &ParkedReaction) -> u64 {
    parked.parked.cause.as_ref().unwrap().version
}

fn id_of(parked: &ParkedReaction) -> Uuid {
    Uuid::try_parse(&parked.stream.id).unwrap()
}

async fn a_reaction_that_failed_too_long_is_parked_and_can_be_retried(shared: Shared) {
    let (store, plant) = shared.process().await;
    let process = Follower::default();
    let trouble = process.0.clone();
    trouble.fails.store(true, Ordering::SeqCst);
    plant.give(change("source-bad", 3)).await.unwrap();
    plant.give(change("source-bad", 4)).await.unwrap();
    plant.give(change("source-good", 5)).await.unwrap();
    let runner = patient(&plant, &store, process.clone(), Duration::from_secs(60));
    catch_up(&runner).await;
    assert_eq!(trouble.tries.load(Ordering::SeqCst), 6, "a defect of the program is tried three times");
    let waiting = parked(&store).await;
    let told: Vec<_> = waiting.iter().map(|one| (version(one), one.parked.tries)).collect();
    assert_eq!(told, [(1, 3), (2, 3)]);
    assert_eq!(waiting[0].parked.process, "follower");
    assert!(!waiting[0].parked.message.contains("defect"), "the log does not tell the program's inside");
    assert_eq!(plant.count("follower-good").await, 5);
    // Mended; but nothing runs by itself, even where the checkpoint is lost.
    trouble.fails.store(false, Ordering::SeqCst);
    deliver_all(&plant, process).await;
    catch_up(&runner).await;
    assert_eq!(plant.count("follower-bad").await, 0);
    plant.give(RetryReaction { command_id: id_of(&waiting[0]) }).await.unwrap();
    catch_up(&runner).await;
    assert_eq!(plant.count("follower-bad").await, 3);
    assert_eq!(parked(&store).await, waiting[1..]);
    let again = plant.give(RetryReaction { command_id: id_of(&waiting[0]) }).await.unwrap_err();
    assert_eq!(again.code(), "REACTION_NOT_PARKED");
}

async fn a_retried_reaction_that_fails_again_is_parked_again(shared: Shared) {
    let (store, plant) = shared.process().await;
    let process = Follower::default();
    process.0.fails.store(true, Ordering::SeqCst);
    plant.give(change("source-bad", 3)).await.unwrap();
    let runner = runner(&plant, &store, process);
    catch_up(&runner).await;
    let command_id = id_of(&parked(&store).await[0]);
    plant.give(RetryReaction { command_id }).await.unwrap();
    assert_eq!(parked(&store).await, []);
    catch_up(&runner).await;
    let waiting = parked(&store).await;
    assert_eq!((waiting.len(), id_of(&waiting[0])), (1, command_id));
}

async fn a_skipped_reaction_never_runs_and_the_log_says_why(shared: Shared) {
    let (store, plant) = shared.process().await;
    let process = Follower::default();
    process.0.fails.store(true, Ordering::SeqCst);
    plant.give(change("source-bad", 3)).await.unwrap();
    let runner = runner(&plant, &store, process.clone());
    catch_up(&runner).await;
    let command_id = id_of(&parked(&store).await[0]);
    plant.give(SkipReaction { command_id, reason: "by hand, ticket 4712".to_owned() }).await.unwrap();
    assert_eq!(parked(&store).await, []);
    process.0.fails.store(false, Ordering::SeqCst);
    deliver_all(&plant, process).await;
    assert_eq!(plant.count("follower-bad").await, 0);
    let skipped = log(&plant).await.pop().unwrap();
    assert_eq!((&*skipped.event_type, &*skipped.metadata.actor), ("ReactionSkipped", "tester"));
    assert!(skipped.payload.contains("ticket 4712"));
}

async fn a_parked_reaction_that_cannot_be_read_hides_none_of_the_others(shared: Shared) {
    let (store, plant) = shared.process().await;
    let process = Follower::default();
    process.0.fails.store(true, Ordering::SeqCst);
    plant.give(change("source-bad-a", 3)).await.unwrap();
    let runner = runner(&plant, &store, process);
    catch_up(&runner).await;
    append_event(&plant, "reaction", "ReactionParked", 1).await;
    let damaged = log(&plant).await.pop().unwrap();
    plant.give(change("source-bad-b", 4)).await.unwrap();
    catch_up(&runner).await;
    let all = ParkedReaction::all(&*store).await.unwrap();
    let readable: Vec<_> = all.iter().flatten().map(|one| one.parked.command.as_str()).collect();
    assert_eq!((all.len(), readable), (3, vec!["Follow", "Follow"]));
    let unreadable = all[1].as_ref().unwrap_err();
    assert_eq!((&unreadable.stream, unreadable.position), (&damaged.stream, damaged.position));
    assert_eq!(unreadable.since, damaged.recorded_at);
    assert!(unreadable.fault.reason.contains("missing field `process`"), "{}", unreadable.fault);
}

/// Runners are ended at random moments, and others take over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runners_that_are_killed_in_the_middle_lose_and_double_nothing() {
    let (store, plant) = Shared::in_memory().process().await;
    for number in 0..300 {
        plant.give(change(&format!("source-{}", number % 16), 1)).await.unwrap();
    }
    for life in 0..40_i64 {
        let runner = Arc::new(patient(&plant, &store, Follower::default(), Duration::from_secs(60)));
        let running = tokio::spawn(Arc::clone(&runner).run());
        tokio::time::sleep(Duration::from_micros(life.unsigned_abs() * 137 % 1_500)).await;
        running.abort();
        let _aborted = running.await;
        if life % 2 == 0 {
            runner.stop().await;
        }
        drop(runner);
        // Nothing is heard of whoever was killed: its lease expires, whichever it was.
        for epoch in 1..=life + 1 {
            let lease = Fence { lease: Follower::NAME.to_owned(), epoch };
            store.renew_lease(&lease, Duration::ZERO).await.unwrap();
        }
    }
    let last = patient(&plant, &store, Follower::default(), Duration::from_secs(60));
    catch_up(&last).await;
    for stream in 0..16 {
        let expected = plant.count(&format!("source-{stream}")).await;
        assert_eq!(plant.count(&format!("follower-{stream}")).await, expected);
    }
    assert_eq!(log(&plant).await.len(), 600);
}

on_every_store![
    a_tenant_whose_reactions_fail_holds_up_nobody_else,
    events_of_one_stream_are_answered_in_their_order,
    a_reaction_that_failed_too_long_is_parked_and_can_be_retried,
    a_retried_reaction_that_fails_again_is_parked_again,
    a_skipped_reaction_never_runs_and_the_log_says_why,
    a_parked_reaction_that_cannot_be_read_hides_none_of_the_others,
];
