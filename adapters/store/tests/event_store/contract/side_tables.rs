//! Snapshots and deadlines.

use std::sync::Arc;

use commands::ports::{
    CheckpointStore, Deadline, DeadlineStore, DueDeadline, EventStore, PastQuery, Snapshot, SnapshotStore,
    StreamKey,
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

pub async fn a_closed_deadline_is_gone(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let asked = deadline(1);
    let mut one = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    one.deadlines = vec![asked.clone()];
    append_one(&store, &one).await;
    // Another tenant's closing does not reach it.
    store.close_deadline(Uuid::now_v7(), asked.deadline_id).await.unwrap();
    assert_eq!(store.next_due_at().await.unwrap(), Some(asked.due_at));
    for _ in 0..2 {
        store.close_deadline(tenant, asked.deadline_id).await.unwrap();
        assert_eq!(store.next_due_at().await.unwrap(), None);
    }
    // The command's repetition does not open it again.
    repeated(&append_one(&store, &one).await);
    assert_eq!(store.next_due_at().await.unwrap(), None);
}

pub async fn a_postponed_deadline_lets_the_others_go_first(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (failing, other) = (deadline(1), deadline(2));
    let mut one = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    one.deadlines = vec![failing.clone(), other.clone()];
    append_one(&store, &one).await;
    let later = after_minutes(at(0), 10);
    // Another tenant's postponing does not reach it.
    store.postpone_deadline(Uuid::now_v7(), failing.deadline_id, later).await.unwrap();
    assert_eq!(store.next_due_at().await.unwrap(), Some(failing.due_at));
    store.postpone_deadline(tenant, failing.deadline_id, later).await.unwrap();
    let due = harness.open().await.due_deadlines(after_minutes(at(0), 99), 10).await.unwrap();
    let postponed = Deadline { due_at: later, ..failing.clone() };
    assert_eq!(due.into_iter().map(|due| due.deadline).collect::<Vec<_>>(), [other.clone(), postponed]);
    store.close_deadline(tenant, failing.deadline_id).await.unwrap();
    store.postpone_deadline(tenant, failing.deadline_id, later).await.unwrap();
    assert_eq!(store.due_deadlines(later, 10).await.unwrap().len(), 1, "it stays closed");
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
    assert_eq!(store.load_checkpoint("lot_finisher").await.unwrap(), 0);
    assert!(store.advance_checkpoint("lot_finisher", 0, 5).await.unwrap());
    assert!(!store.advance_checkpoint("lot_finisher", 0, 9).await.unwrap(), "somebody else has moved it");
    assert!(store.advance_checkpoint("lot_finisher", 5, 9).await.unwrap());
    let reopened = harness.open().await;
    assert_eq!(reopened.load_checkpoint("lot_finisher").await.unwrap(), 9);
    assert_eq!(reopened.load_checkpoint("another").await.unwrap(), 0);
}
