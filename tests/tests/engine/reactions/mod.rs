//! A reaction is done once, refused once, or parked: whatever was lost, restored, deployed or run by two programs.

mod erasing;
mod fairness;
mod keeping;
mod parking;

use std::{sync::Arc, time::Duration};

use adapters_store::memory::MemoryEventStore;
use commands::{
    engine::{Caller, Command, Envelope, FoldFault, Stage, Stop, decode_event},
    ports::{Advance, Commit, Fence, Metadata, NewEvent, RecordedEvent, StreamKey, StreamWrite},
    process::{
        ProcessManager, ProcessOptions, ProcessRunner, ProcessStanding, Reaction, RecordRefusedReaction,
    },
    tail::Tail,
};
use domain::{identity::Permission, reactions::ReactionRefused};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Plant,
    stores::{Shared, Store, on_every_store},
    tally::{Change, Tally, TallyCommand, TallyEvent},
};

fn change(id: &str, by: i64) -> Change {
    Change { id: id.to_owned(), by }
}

/// Changes the target for each change of a stream whose name begins with `source`.
#[derive(Clone)]
struct Taker(i64);

impl ProcessManager for Taker {
    const NAME: &'static str = "taker";
    const CATEGORIES: &'static [&'static str] = &["tally"];

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        decode_event::<TallyEvent>(event)?;
        let is_source = event.stream.id.starts_with("source");
        Ok(is_source.then(|| Reaction::new("take", change("target", self.0))).into_iter().collect())
    }
}

/// The same command after a release that gave it one more optional field.
#[derive(Clone, Serialize, Deserialize)]
struct ChangeOfNextRelease {
    id: String,
    by: i64,
    #[serde(default)]
    note: Option<String>,
}

impl Command for ChangeOfNextRelease {
    const NAME: &'static str = "Change";
    const PERMISSION: Permission = Permission::LotCreate;
    type Reply = (i64, String);

    fn handle(&self, stage: &mut Stage<'_>) -> Result<(i64, String), Stop> {
        Ok((stage.decide::<Tally>(&self.id, TallyCommand::Raise(self.by))?.count, "raised".to_owned()))
    }
}

struct TakerOfNextRelease;

impl ProcessManager for TakerOfNextRelease {
    const NAME: &'static str = Taker::NAME;
    const CATEGORIES: &'static [&'static str] = Taker::CATEGORIES;

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        let wanted = ChangeOfNextRelease { id: "target".to_owned(), by: 5, note: None };
        let is_source = event.stream.id.starts_with("source");
        Ok(is_source.then(|| Reaction::new("take", wanted)).into_iter().collect())
    }
}

async fn catch_up(runner: &ProcessRunner) {
    while runner.catch_up().await.unwrap() {}
}

/// With checkpoints of its own: as after a loss, a restore, or on a second node.
async fn deliver_all(plant: &Plant, process: impl ProcessManager) {
    catch_up(&ProcessRunner::new(plant.engine.clone(), Arc::new(MemoryEventStore::new()) as _, process))
        .await;
}

async fn log(plant: &Plant) -> Vec<RecordedEvent> {
    plant.store.read_log(0, &Default::default(), 10_000).await.unwrap().events
}

async fn told(plant: &Plant) -> Vec<String> {
    let told = |event: &RecordedEvent| format!("{} {}", event.stream.id, event.event_type);
    log(plant).await.iter().map(told).collect()
}

fn runner(plant: &Plant, store: &Arc<dyn Store>, process: impl ProcessManager) -> ProcessRunner {
    patient(plant, store, process, Duration::ZERO)
}

/// Pauses for a moment between tries.
fn patient(
    plant: &Plant,
    store: &Arc<dyn Store>,
    process: impl ProcessManager,
    retry_for: Duration,
) -> ProcessRunner {
    let tail = Tail::of(Arc::clone(&plant.store));
    let options = ProcessOptions { retry_for, first_pause: Duration::from_millis(1) };
    ProcessRunner::following(tail, plant.engine.clone(), Arc::clone(store) as _, process, options)
}

async fn a_closed_reaction_does_not_run_again_after_its_checkpoint_was_lost(shared: Shared) {
    let (_store, plant) = shared.process().await;
    plant.give(change("source", 1)).await.unwrap();
    deliver_all(&plant, Taker(-5)).await;
    plant.give(change("target", 10)).await.unwrap();
    let before = told(&plant).await;
    assert_eq!(before[1].split_once(' ').unwrap().1, "ReactionRefused");
    deliver_all(&plant, Taker(-5)).await;
    let (_store, twin) = shared.process().await;
    deliver_all(&twin, Taker(-5)).await;
    assert_eq!(told(&plant).await, before, "what was refused then is not done now");
}

/// Earlier releases noted a refusal under another id than the command's own.
async fn a_reaction_that_an_earlier_release_closed_stays_closed(shared: Shared) {
    let (_store, plant) = shared.process().await;
    plant.give(change("source", 1)).await.unwrap();
    let event_id = log(&plant).await[0].event_id;
    let command_id = Uuid::new_v5(&event_id, b"taker/take");
    let refused = ReactionRefused {
        process: "taker".to_owned(),
        step: "take".to_owned(),
        command: "Change".to_owned(),
        code: "NOT_ENOUGH".to_owned(),
        message: "only 0 are left".to_owned(),
    };
    plant.give(RecordRefusedReaction { command_id, refused }).await.unwrap();
    deliver_all(&plant, Taker(5)).await;
    assert_eq!(plant.count("target").await, 0);
}

async fn a_reaction_redelivered_after_its_command_got_a_field_and_another_answer_is_done(shared: Shared) {
    let (_store, plant) = shared.process().await;
    plant.give(change("source", 1)).await.unwrap();
    deliver_all(&plant, Taker(5)).await;
    let before = told(&plant).await;
    deliver_all(&plant, TakerOfNextRelease).await;
    assert_eq!(told(&plant).await, before);
}

/// What an earlier release left: its digest over the command, its answer in the command's own shape.
async fn a_command_id_that_an_earlier_release_used_is_done(shared: Shared) {
    let (_store, plant) = shared.process().await;
    plant.give(change("source", 1)).await.unwrap();
    let command_id = Uuid::new_v5(&log(&plant).await[0].event_id, b"taker/take");
    let given =
        Envelope { key_given: true, ..Envelope::new(Caller::system(plant.caller.tenant), command_id) };
    plant.engine.execute(given, change("target", 5)).await.unwrap();
    let before = told(&plant).await;
    deliver_all(&plant, TakerOfNextRelease).await;
    assert_eq!(told(&plant).await, before);
}

/// Two programs deliver one event; to one of them the world looks otherwise. Whichever commits first, the other finds it.
async fn the_first_stands(shared: Shared, first: i64) {
    let ((_store, plant), (_others, twin)) = (shared.process().await, shared.process().await);
    plant.give(change("source", 1)).await.unwrap();
    deliver_all(&plant, Taker(first)).await;
    let before = told(&plant).await;
    deliver_all(&twin, Taker(-first)).await;
    assert_eq!(told(&plant).await, before);
    assert_eq!(before.len(), 2, "{before:?}");
}

async fn a_refusal_here_stands_against_a_success_there(shared: Shared) {
    the_first_stands(shared, -5).await;
}

async fn a_success_here_stands_against_a_refusal_there(shared: Shared) {
    the_first_stands(shared, 5).await;
}

#[tokio::test]
async fn races_of_many_programs_leave_one_outcome() {
    for _ in 0..20 {
        let plant = Plant::new();
        plant.give(change("source", 1)).await.unwrap();
        let twins: Vec<_> = (0..6).map(|_| plant.twin(Arc::new(MemoryEventStore::new()))).collect();
        let deliver = |(at, twin): (usize, &Plant)| {
            let (twin, by) = (twin.clone(), if at % 2 == 0 { -5 } else { 5 });
            async move { deliver_all(&twin, Taker(by)).await }
        };
        futures::future::join_all(twins.iter().enumerate().map(deliver)).await;
        assert_eq!(log(&plant).await.len(), 2, "{:?}", told(&plant).await);
    }
}

async fn append_unknown(plant: &Plant, event_type: &'static str, schema_version: u16) {
    append_event(plant, "tally", event_type, schema_version).await;
}

/// An event without a field, as no program of today would write it.
pub(super) async fn append_event(
    plant: &Plant,
    category: &'static str,
    event_type: &'static str,
    schema_version: u16,
) {
    let (tenant, command_id) = (plant.caller.tenant, Uuid::now_v7());
    let event = NewEvent { event_id: Uuid::now_v7(), event_type, schema_version, payload: "{}".into() };
    let commit = Commit {
        tenant,
        command_id,
        digest: [0; 32],
        metadata: Metadata {
            command_id,
            correlation_id: command_id,
            causation_id: None,
            actor: "newer".to_owned(),
            traceparent: None,
        },
        streams: vec![StreamWrite {
            stream: StreamKey::new(tenant, category, Uuid::now_v7().to_string()),
            expected_version: 0,
            expected_event: None,
            events: vec![event],
        }],
        reply: None,
        deadlines: vec![],
        decided_at: chrono::Utc::now(),
        remember: false,
        keep_answer_for: None,
    };
    plant.store.append(&[commit]).await.unwrap();
}

async fn an_old_program_leaves_to_a_newer_one(shared: Shared, event_type: &'static str, schema_version: u16) {
    let ((store, plant), (newer_store, newer_plant)) = (shared.process().await, shared.process().await);
    plant.give(change("source", 1)).await.unwrap();
    append_unknown(&plant, event_type, schema_version).await;
    plant.give(change("source", 1)).await.unwrap();
    let old = runner(&plant, &store, Taker(5));
    catch_up(&old).await;
    assert!(matches!(old.standing(), ProcessStanding::Outdated { position: 2, .. }), "{:?}", old.standing());
    assert!(store.load_checkpoint("taker").await.unwrap() < 2, "the shared checkpoint waits before it");
    catch_up(&old).await;
    assert!(plant.count("target").await <= 5, "nothing behind it was answered");
    // The newer one finds the lease free, and goes past it.
    let newer = runner(&newer_plant, &newer_store, TakerOfNextRelease);
    catch_up(&newer).await;
    assert_eq!(newer.standing(), ProcessStanding::Runs);
    assert_eq!(plant.count("target").await, 10);
    newer.stop().await;
    plant.give(change("source", 1)).await.unwrap();
    catch_up(&old).await;
    assert_eq!(old.standing(), ProcessStanding::Runs, "it lies behind them all");
    assert_eq!(plant.count("target").await, 15);
}

async fn an_event_type_that_an_old_program_does_not_know_is_left_to_a_newer_one(shared: Shared) {
    an_old_program_leaves_to_a_newer_one(shared, "TallyReset", 1).await;
}

async fn a_schema_that_an_old_program_does_not_know_is_left_to_a_newer_one(shared: Shared) {
    an_old_program_leaves_to_a_newer_one(shared, "TallyRaised", 2).await;
}

async fn one_of_two_runners_works_and_the_other_only_looks(shared: Shared) {
    let ((store, plant), (others, other_plant)) = (shared.process().await, shared.process().await);
    let (one, other) = (runner(&plant, &store, Taker(5)), runner(&other_plant, &others, Taker(5)));
    plant.give(change("source", 1)).await.unwrap();
    catch_up(&one).await;
    plant.give(change("source", 1)).await.unwrap();
    assert!(!other.catch_up().await.unwrap());
    assert_eq!((one.standing(), other.standing()), (ProcessStanding::Runs, ProcessStanding::StandsBy));
    assert_eq!(plant.count("target").await, 5, "what came since is the holder's");
    one.stop().await;
    catch_up(&other).await;
    assert_eq!(plant.count("target").await, 10);
    let fence = store.claim_lease("taker", Uuid::now_v7(), Duration::ZERO).await.unwrap();
    assert_eq!(fence, None, "it holds the lease now");
}

async fn who_stands_by_takes_over_and_the_former_holder_moves_no_checkpoint(shared: Shared) {
    let ((store, plant), (others, other_plant)) = (shared.process().await, shared.process().await);
    let (one, other) = (runner(&plant, &store, Taker(5)), runner(&other_plant, &others, Taker(5)));
    catch_up(&one).await;
    let held = Fence { lease: Taker::NAME.to_owned(), epoch: 1 };
    assert!(store.renew_lease(&held, Duration::ZERO).await.unwrap(), "nothing is heard of it any more");
    plant.give(change("source", 1)).await.unwrap();
    catch_up(&other).await;
    assert_eq!(plant.count("target").await, 5);
    let at = store.load_checkpoint("taker").await.unwrap();
    assert_eq!(store.advance_checkpoint(&held, "taker", at, 99).await.unwrap(), Advance::Fenced);
    // It still believes in its lease, until it writes.
    catch_up(&one).await;
    assert_eq!((one.standing(), other.standing()), (ProcessStanding::StandsBy, ProcessStanding::Runs));
    assert_eq!(plant.count("target").await, 5);
    assert_eq!(store.load_checkpoint("taker").await.unwrap(), at);
}

on_every_store![
    a_closed_reaction_does_not_run_again_after_its_checkpoint_was_lost,
    a_reaction_that_an_earlier_release_closed_stays_closed,
    a_reaction_redelivered_after_its_command_got_a_field_and_another_answer_is_done,
    a_command_id_that_an_earlier_release_used_is_done,
    a_refusal_here_stands_against_a_success_there,
    a_success_here_stands_against_a_refusal_there,
    an_event_type_that_an_old_program_does_not_know_is_left_to_a_newer_one,
    a_schema_that_an_old_program_does_not_know_is_left_to_a_newer_one,
    one_of_two_runners_works_and_the_other_only_looks,
    who_stands_by_takes_over_and_the_former_holder_moves_no_checkpoint,
];
