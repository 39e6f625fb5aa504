//! Snapshots, deadlines, leases and checkpoints.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use commands::ports::{
    Advance, CheckpointStore, Commit, Deadline, DeadlineStore, DueDeadline, EventStore, Fence, LeaseStore,
    PastQuery, Settlement, Snapshot, SnapshotStore, StreamKey,
};
use uuid::Uuid;

use crate::{
    fixtures::{
        after_minutes, append_one, appended, at, commit, condition, lot, refused, repeated, tenant, write,
    },
    harness::Harness,
};

fn snapshot(version: u64, shape: &str) -> Snapshot {
    Snapshot { version, shape: shape.to_owned(), state: format!(r#"{{"version":{version}}}"#) }
}

async fn load_snapshot(store: &Arc<impl EventStore>, stream: &StreamKey, shape: &str) -> Option<Snapshot> {
    let query = PastQuery { stream: stream.clone(), after_version: 0, shape: Some(shape.to_owned()) };
    store.load_pasts(&[query], 1).await.unwrap().remove(0).snapshot
}

pub async fn a_snapshot_is_replaced_by_a_newer_one_only(harness: &impl Harness) {
    let store = harness.open().await;
    let stream = lot(tenant(), "a");
    assert_eq!(load_snapshot(&store, &stream, "v1").await, None);
    for (saved, expected) in [(100, 100), (200, 200), (150, 200), (200, 200)] {
        store.save_snapshot(&stream, &snapshot(saved, "v1")).await.unwrap();
        assert_eq!(load_snapshot(&store, &stream, "v1").await, Some(snapshot(expected, "v1")));
    }
    assert_eq!(load_snapshot(&store, &lot(tenant(), "a"), "v1").await, None);
    assert_eq!(load_snapshot(&harness.open().await, &stream, "v1").await, Some(snapshot(200, "v1")));
}

pub async fn a_snapshot_of_another_shape_is_not_seen(harness: &impl Harness) {
    let store = harness.open().await;
    let stream = lot(tenant(), "a");
    store.save_snapshot(&stream, &snapshot(200, "v1")).await.unwrap();
    assert_eq!(load_snapshot(&store, &stream, "v2").await, None);
    store.save_snapshot(&stream, &snapshot(100, "v2")).await.unwrap();
    assert_eq!(load_snapshot(&store, &stream, "v2").await, Some(snapshot(100, "v2")));
}

pub async fn snapshots_of_many_streams_are_saved_at_once(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let streams: Vec<_> = (0..70).map(|number| lot(tenant, &format!("lot-{number}"))).collect();
    store.save_snapshot(&streams[3], &snapshot(9, "v1")).await.unwrap();
    let snapshots: Vec<_> = streams.iter().map(|stream| (stream.clone(), snapshot(7, "v1"))).collect();
    store.save_snapshots(&snapshots).await.unwrap();
    for (number, stream) in streams.iter().enumerate() {
        let stands = if number == 3 { 9 } else { 7 };
        assert_eq!(load_snapshot(&store, stream, "v1").await, Some(snapshot(stands, "v1")), "{stream}");
    }
    store.save_snapshots(&[]).await.unwrap();
}

fn deadline(minutes: i64) -> Deadline {
    Deadline {
        deadline_id: Uuid::now_v7(),
        due_at: after_minutes(at(0), minutes),
        command: "ArchiveRun".to_owned(),
        payload: format!(r#"{{"minutes":{minutes}}}"#),
    }
}

pub async fn deadlines_come_due_in_order(harness: &impl Harness) {
    let store = harness.open().await;
    assert_eq!(store.next_due_at().await.unwrap(), None);
    let (one, other) = (tenant(), tenant());
    let (late, early, middle) = (deadline(30), deadline(10), deadline(20));
    let mut first = commit(one, vec![write(&lot(one, "a"), 0, 2)]);
    first.deadlines = vec![late.clone(), early.clone()];
    append_one(&store, &first).await;
    let mut second = commit(other, vec![write(&lot(other, "a"), 0, 1)]);
    second.deadlines = vec![middle.clone()];
    append_one(&store, &second).await;
    let due =
        |tenant, asked_at, deadline: &Deadline| DueDeadline { tenant, asked_at, deadline: deadline.clone() };
    let all = [due(one, 2, &early), due(other, 3, &middle), due(one, 2, &late)];
    assert_eq!(store.next_due_at().await.unwrap(), Some(early.due_at));
    assert_eq!(store.due_deadlines(after_minutes(at(0), 9), 10).await.unwrap(), []);
    assert_eq!(store.due_deadlines(after_minutes(at(0), 20), 10).await.unwrap(), all[..2]);
    assert_eq!(store.due_deadlines(after_minutes(at(0), 99), 10).await.unwrap(), all);
    assert_eq!(harness.open().await.due_deadlines(after_minutes(at(0), 99), 1).await.unwrap(), all[..1]);
}

const HOLD_FOR: Duration = Duration::from_secs(60);

async fn claimed(store: &impl LeaseStore) -> Fence {
    store.claim_lease("deadlines", Uuid::now_v7(), HOLD_FOR).await.unwrap().unwrap()
}

fn closing(tenant: Uuid, deadline: &Deadline) -> Settlement {
    Settlement { closed: vec![(tenant, deadline.deadline_id)], postponed: vec![] }
}

fn postponing(tenant: Uuid, deadline: &Deadline, due_at: DateTime<Utc>) -> Settlement {
    Settlement { closed: vec![], postponed: vec![(tenant, deadline.deadline_id, due_at)] }
}

pub async fn a_closed_deadline_is_gone(harness: &impl Harness) {
    let store = harness.open().await;
    let (tenant, fence) = (tenant(), claimed(&*store).await);
    let asked = deadline(1);
    let mut one = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    one.deadlines = vec![asked.clone()];
    append_one(&store, &one).await;
    // Another tenant's closing does not reach it.
    assert!(store.settle_deadlines(&fence, &closing(Uuid::now_v7(), &asked)).await.unwrap());
    assert_eq!(store.next_due_at().await.unwrap(), Some(asked.due_at));
    for _ in 0..2 {
        assert!(store.settle_deadlines(&fence, &closing(tenant, &asked)).await.unwrap());
        assert_eq!(store.next_due_at().await.unwrap(), None);
    }
    // The command's repetition does not open it again.
    repeated(&append_one(&store, &one).await);
    assert_eq!(store.next_due_at().await.unwrap(), None);
}

pub async fn a_postponed_deadline_lets_the_others_go_first(harness: &impl Harness) {
    let store = harness.open().await;
    let (tenant, fence) = (tenant(), claimed(&*store).await);
    let (failing, other) = (deadline(1), deadline(2));
    let mut one = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    one.deadlines = vec![failing.clone(), other.clone()];
    append_one(&store, &one).await;
    let later = after_minutes(at(0), 10);
    // Another tenant's postponing does not reach it.
    store.settle_deadlines(&fence, &postponing(Uuid::now_v7(), &failing, later)).await.unwrap();
    assert_eq!(store.next_due_at().await.unwrap(), Some(failing.due_at));
    store.settle_deadlines(&fence, &postponing(tenant, &failing, later)).await.unwrap();
    let due = harness.open().await.due_deadlines(after_minutes(at(0), 99), 10).await.unwrap();
    let postponed = Deadline { due_at: later, ..failing.clone() };
    assert_eq!(due.into_iter().map(|due| due.deadline).collect::<Vec<_>>(), [other.clone(), postponed]);
    store.settle_deadlines(&fence, &closing(tenant, &failing)).await.unwrap();
    store.settle_deadlines(&fence, &postponing(tenant, &failing, later)).await.unwrap();
    assert_eq!(store.due_deadlines(later, 10).await.unwrap().len(), 1, "it stays closed");
}

pub async fn deadlines_are_settled_by_the_holder_of_the_lease_alone(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let asked = deadline(1);
    let mut one = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    one.deadlines = vec![asked.clone()];
    append_one(&store, &one).await;
    let former = store.claim_lease("deadlines", Uuid::now_v7(), Duration::ZERO).await.unwrap().unwrap();
    let holder = claimed(&*harness.open().await).await;
    let later = after_minutes(at(0), 10);
    assert!(!store.settle_deadlines(&former, &closing(tenant, &asked)).await.unwrap());
    assert!(!store.settle_deadlines(&former, &postponing(tenant, &asked, later)).await.unwrap());
    assert_eq!(store.next_due_at().await.unwrap(), Some(asked.due_at), "it is as it was");
    assert!(store.settle_deadlines(&holder, &closing(tenant, &asked)).await.unwrap());
    assert_eq!(store.next_due_at().await.unwrap(), None);
}

pub async fn a_lease_has_one_holder_until_it_expires_or_is_given_back(harness: &impl Harness) {
    let (store, other) = (harness.open().await, harness.open().await);
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let first = store.claim_lease("shadow", one, HOLD_FOR).await.unwrap().unwrap();
    assert_eq!(other.claim_lease("shadow", two, HOLD_FOR).await.unwrap(), None);
    assert!(other.claim_lease("another", two, HOLD_FOR).await.unwrap().is_some(), "each lease stands alone");
    let again = store.claim_lease("shadow", one, HOLD_FOR).await.unwrap().unwrap();
    assert!(again.epoch > first.epoch);
    assert!(!store.renew_lease(&first, HOLD_FOR).await.unwrap(), "its own former self is fenced too");
    assert!(store.renew_lease(&again, Duration::ZERO).await.unwrap());
    let second = other.claim_lease("shadow", two, HOLD_FOR).await.unwrap().unwrap();
    assert!(second.epoch > again.epoch, "it had expired");
    assert!(!store.renew_lease(&again, HOLD_FOR).await.unwrap());
    store.release_lease(&again).await.unwrap();
    assert!(other.renew_lease(&second, HOLD_FOR).await.unwrap(), "a former holder gives nothing back");
    other.release_lease(&second).await.unwrap();
    assert!(!other.renew_lease(&second, HOLD_FOR).await.unwrap());
    let third = store.claim_lease("shadow", one, HOLD_FOR).await.unwrap().unwrap();
    assert!(third.epoch > second.epoch, "an epoch is never given twice");
}

pub async fn a_refused_commit_leaves_no_deadline(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let mut stale = commit(tenant, vec![write(&lot(tenant, "a"), 4, 1)]);
    stale.deadlines = vec![deadline(1)];
    let fine = commit(tenant, vec![write(&lot(tenant, "b"), 0, 1)]);
    let outcomes = store.append(&[stale, fine]).await.unwrap();
    refused(&outcomes[0]);
    appended(&outcomes[1]);
    assert_eq!(store.next_due_at().await.unwrap(), None);
}

pub async fn a_deadline_asked_for_twice_is_stored_once(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let asked = deadline(5);
    let mut first = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    first.deadlines = vec![asked.clone()];
    let mut second = commit(tenant, vec![condition(&lot(tenant, "a"), 1)]);
    second.deadlines = vec![Deadline { due_at: after_minutes(at(0), 50), ..asked.clone() }];
    let outcomes = store.append(&[first, second]).await.unwrap();
    assert_eq!(outcomes.len(), 2);
    let due = store.due_deadlines(after_minutes(at(0), 99), 10).await.unwrap();
    assert_eq!(due, [DueDeadline { tenant, asked_at: 1, deadline: asked }]);
}

pub async fn a_checkpoint_moves_only_from_where_it_stands(harness: &impl Harness) {
    let store = harness.open().await;
    let name = "lot_finisher";
    let fence = store.claim_lease(name, Uuid::now_v7(), HOLD_FOR).await.unwrap().unwrap();
    assert_eq!(store.load_checkpoint(name).await.unwrap(), 0);
    let advance = async |from, to| store.advance_checkpoint(&fence, name, from, to).await.unwrap();
    assert_eq!(advance(0, 5).await, Advance::Moved);
    assert_eq!(advance(0, 9).await, Advance::Elsewhere, "it was moved before");
    assert_eq!(advance(5, 9).await, Advance::Moved);
    let reopened = harness.open().await;
    assert_eq!(reopened.load_checkpoint(name).await.unwrap(), 9);
    assert_eq!(reopened.load_checkpoint("another").await.unwrap(), 0);
}

pub async fn a_former_holders_checkpoint_is_refused(harness: &impl Harness) {
    let store = harness.open().await;
    let name = "lot_finisher";
    let former = store.claim_lease(name, Uuid::now_v7(), Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(store.advance_checkpoint(&former, name, 0, 5).await.unwrap(), Advance::Moved);
    let other = harness.open().await;
    let holder = other.claim_lease(name, Uuid::now_v7(), HOLD_FOR).await.unwrap().unwrap();
    assert_eq!(store.advance_checkpoint(&former, name, 5, 9).await.unwrap(), Advance::Fenced);
    assert_eq!(other.load_checkpoint(name).await.unwrap(), 5);
    assert_eq!(other.advance_checkpoint(&holder, name, 5, 7).await.unwrap(), Advance::Moved);
}

/// An event on a reaction's stream.
fn noted(tenant: Uuid, id: &str, version: u64, event_type: &'static str) -> Commit {
    let stream = StreamKey::new(tenant, "reaction", id);
    let mut noting = write(&stream, version, 1);
    noting.events[0].event_type = event_type;
    commit(tenant, vec![noting])
}

pub async fn what_is_parked_is_told_until_something_else_became_of_it(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    assert_eq!(store.parked_reactions().await.unwrap(), []);
    append_one(&store, &commit(tenant, vec![write(&lot(tenant, "a"), 0, 2)])).await;
    for id in ["a", "b", "c"] {
        append_one(&store, &noted(tenant, id, 0, "ReactionParked")).await;
    }
    append_one(&store, &noted(tenant, "a", 1, "ReactionSkipped")).await;
    append_one(&store, &noted(tenant, "c", 1, "ReactionRetried")).await;
    append_one(&store, &noted(tenant, "c", 2, "ReactionParked")).await;
    let parked = harness.open().await.parked_reactions().await.unwrap();
    let told: Vec<_> = parked.iter().map(|event| (&*event.stream.id, event.version)).collect();
    assert_eq!(told, [("b", 1), ("c", 3)]);
}
