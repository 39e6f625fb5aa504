//! A command id is answered once, and then always alike.

use std::time::Duration;

use chrono::TimeDelta;
use commands::ports::{AppendRefusal, Commit, EventStore, StreamKey};

use crate::{
    fixtures::{append_one, appended, commit, condition, conflict, lot, refused, repeated, tenant, write},
    harness::Harness,
};

pub async fn a_repeated_command_gets_the_first_answer(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let stream = lot(tenant, "a");
    let first = commit(tenant, vec![write(&stream, 0, 2)]);
    let receipt = appended(&append_one(&store, &first).await);
    append_one(&store, &commit(tenant, vec![write(&stream, 2, 1)])).await;
    let mut again = first.clone();
    // Decided again on a later state, with another reply: the first answer stands.
    again.streams = vec![write(&stream, 3, 1)];
    again.reply = Some("null".into());
    assert_eq!(repeated(&append_one(&store, &again).await), receipt);
    assert_eq!(store.head().await.unwrap(), 3);
    assert_eq!(store.find_answer(tenant, first.command_id).await.unwrap(), Some((first.digest, receipt)));
}

pub async fn a_repetition_is_answered_after_reopening(harness: &impl Harness) {
    let tenant = tenant();
    let first = commit(tenant, vec![write(&lot(tenant, "a"), 0, 2)]);
    let receipt = {
        let store = harness.open().await;
        appended(&append_one(&store, &first).await)
    };
    let reopened = harness.open().await;
    assert_eq!(repeated(&append_one(&reopened, &first).await), receipt);
    assert_eq!(reopened.find_answer(tenant, first.command_id).await.unwrap(), Some((first.digest, receipt)));
}

pub async fn a_repetition_is_answered_by_another_store(harness: &impl Harness) {
    let (one, other) = (harness.open().await, harness.open().await);
    let tenant = tenant();
    let first = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    let receipt = appended(&append_one(&one, &first).await);
    assert_eq!(repeated(&append_one(&other, &first).await), receipt);
    assert_eq!(other.head().await.unwrap(), 1);
}

pub async fn a_command_id_with_other_content_is_refused(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let first = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    append_one(&store, &first).await;
    let mut other = commit(tenant, vec![write(&lot(tenant, "b"), 0, 1)]);
    other.command_id = first.command_id;
    other.digest = [8; 32];
    let reused = AppendRefusal::CommandReused { command_id: first.command_id };
    assert_eq!(refused(&append_one(&store, &other).await), reused);
    assert_eq!(store.head().await.unwrap(), 1);
}

pub async fn a_command_id_belongs_to_its_tenant(harness: &impl Harness) {
    let store = harness.open().await;
    let (one, other) = (tenant(), tenant());
    let first = commit(one, vec![write(&lot(one, "a"), 0, 1)]);
    append_one(&store, &first).await;
    let mut same_id = commit(other, vec![write(&lot(other, "a"), 0, 1)]);
    same_id.command_id = first.command_id;
    same_id.digest = [8; 32];
    assert_eq!(store.find_answer(other, first.command_id).await.unwrap(), None);
    assert_eq!(appended(&append_one(&store, &same_id).await).position, 2);
}

pub async fn a_refused_command_may_come_again(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let stream = lot(tenant, "a");
    append_one(&store, &commit(tenant, vec![write(&stream, 0, 1)])).await;
    let mut stale = commit(tenant, vec![write(&stream, 0, 1)]);
    assert_eq!(refused(&append_one(&store, &stale).await), conflict(&stream, 0, 1));
    assert_eq!(store.find_answer(tenant, stale.command_id).await.unwrap(), None);
    stale.streams = vec![write(&stream, 1, 1)];
    assert_eq!(appended(&append_one(&store, &stale).await).position, 2);
}

pub async fn an_answer_without_events_is_kept_when_asked(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let stream = lot(tenant, "a");
    append_one(&store, &commit(tenant, vec![write(&stream, 0, 1)])).await;
    let mut nothing = commit(tenant, vec![condition(&stream, 1)]);
    nothing.remember = true;
    let receipt = appended(&append_one(&store, &nothing).await);
    assert_eq!((receipt.position, receipt.event_count), (1, 0));
    append_one(&store, &commit(tenant, vec![write(&stream, 1, 1)])).await;
    assert_eq!(repeated(&append_one(&store, &nothing).await), receipt);
    let mut other = nothing.clone();
    other.digest = [8; 32];
    let reused = AppendRefusal::CommandReused { command_id: nothing.command_id };
    assert_eq!(refused(&append_one(&store, &other).await), reused);
}

pub async fn an_answer_without_events_is_not_kept_otherwise(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let stream = lot(tenant, "a");
    append_one(&store, &commit(tenant, vec![write(&stream, 0, 1)])).await;
    let nothing = commit(tenant, vec![condition(&stream, 1)]);
    appended(&append_one(&store, &nothing).await);
    assert_eq!(store.find_answer(tenant, nothing.command_id).await.unwrap(), None);
    append_one(&store, &commit(tenant, vec![write(&stream, 1, 1)])).await;
    assert_eq!(refused(&append_one(&store, &nothing).await), conflict(&stream, 1, 2));
}

pub async fn the_first_answer_names_every_stream_in_order(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let streams: Vec<_> = ["a", "b", "c", "d"].map(|id| lot(tenant, id)).into();
    append_one(&store, &commit(tenant, vec![write(&streams[0], 0, 5), write(&streams[2], 0, 1)])).await;
    let mut silent = commit(
        tenant,
        vec![
            write(&streams[0], 5, 2),
            condition(&streams[1], 0),
            write(&streams[2], 1, 1),
            write(&streams[3], 0, 3),
        ],
    );
    silent.reply = None;
    let receipt = appended(&append_one(&store, &silent).await);
    let versions: Vec<_> = receipt.versions.iter().map(|written| written.version).collect();
    assert_eq!((receipt.position, receipt.event_count, versions), (12, 6, vec![7, 2, 3]));
    assert_eq!(receipt.reply, None);
    assert_eq!(repeated(&append_one(&harness.open().await, &silent).await), receipt);
}

/// A commit whose answer is kept for a day, as one for a client's key.
fn for_a_day(stream: &StreamKey, expected_version: u64) -> Commit {
    let day = Some(Duration::from_secs(24 * 60 * 60));
    Commit { keep_answer_for: day, ..commit(stream.tenant, vec![write(stream, expected_version, 1)]) }
}

/// Nothing prunes here: the answer's age alone decides.
pub async fn an_answer_is_kept_for_its_time_and_then_its_key_is_free(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let stream = lot(tenant, "a");
    let first = for_a_day(&stream, 0);
    let receipt = appended(&append_one(&store, &first).await);
    harness.let_answers_age(TimeDelta::minutes(23 * 60 + 59)).await;
    assert_eq!(repeated(&append_one(&store, &first).await), receipt, "after 23 h 59 min");
    harness.let_answers_age(TimeDelta::minutes(2)).await;
    assert_eq!(store.find_answer(tenant, first.command_id).await.unwrap(), None, "after 24 h 01 min");
    // Of two in one batch, the second finds the first one's answer.
    let again = Commit { digest: [8; 32], command_id: first.command_id, ..for_a_day(&stream, 1) };
    let outcomes = store.append(&[again.clone(), again.clone()]).await.unwrap();
    let second = appended(&outcomes[0]);
    assert_eq!(
        (second.position, repeated(&outcomes[1])),
        (2, second.clone()),
        "its content may be another now"
    );
    harness.let_answers_age(TimeDelta::minutes(23 * 60 + 59)).await;
    assert_eq!(repeated(&append_one(&harness.open().await, &again).await), second, "it has a day of its own");
    let reused = AppendRefusal::CommandReused { command_id: first.command_id };
    assert_eq!(refused(&append_one(&store, &first).await), reused);
}

pub async fn an_answer_without_an_end_is_kept_for_ever(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let derived = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    let receipt = appended(&append_one(&store, &derived).await);
    harness.let_answers_age(TimeDelta::days(365)).await;
    assert_eq!(store.prune_answers(10).await.unwrap(), 0);
    assert_eq!(repeated(&append_one(&store, &derived).await), receipt);
}

pub async fn what_is_over_is_forgotten_in_small_steps_and_nothing_else(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let derived = commit(tenant, vec![write(&lot(tenant, "derived"), 0, 1)]);
    let old = ["a", "b", "c", "d", "e"].map(|id| for_a_day(&lot(tenant, id), 0));
    append_one(&store, &derived).await;
    for one in &old {
        append_one(&store, one).await;
    }
    harness.let_answers_age(TimeDelta::hours(25)).await;
    let young = for_a_day(&lot(tenant, "young"), 0);
    append_one(&store, &young).await;
    let steps = [store.prune_answers(3).await, store.prune_answers(3).await, store.prune_answers(3).await];
    assert_eq!(steps.map(Result::unwrap), [3, 2, 0]);
    for kept in [&derived, &young] {
        repeated(&append_one(&store, kept).await);
    }
    assert_eq!(store.find_answer(tenant, old[0].command_id).await.unwrap(), None);
    assert_eq!(store.head().await.unwrap(), 7, "no event is touched");
}
