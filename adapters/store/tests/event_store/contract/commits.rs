//! One commit: all of it or nothing.

use chrono::TimeDelta;
use commands::ports::{AppendRefusal, EventStore, StreamKey, StreamVersion};
use uuid::Uuid;

use crate::{
    fixtures::{
        append_one, appended, at, commit, condition, conflict, event, lot, positions, refused, tenant,
        whole_log, whole_stream, write,
    },
    harness::Harness,
};

pub async fn a_first_commit_starts_the_log_at_position_one(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let stream = lot(tenant, "a");
    let receipt = appended(&append_one(&store, &commit(tenant, vec![write(&stream, 0, 1)])).await);
    assert_eq!((receipt.position, receipt.event_count), (1, 1));
    assert_eq!(receipt.versions, [StreamVersion { stream, version: 1 }]);
    assert_eq!(receipt.reply.as_deref(), Some(r#"{"reply":"första"}"#));
    assert_eq!(store.head().await.unwrap(), 1);
}

pub async fn a_commit_writes_all_its_streams(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (raw, made, claim) =
        (lot(tenant, "raw"), lot(tenant, "made"), StreamKey::new(tenant, "key_claim", "code:a"));
    append_one(&store, &commit(tenant, vec![write(&raw, 0, 2)])).await;
    let all = commit(tenant, vec![write(&raw, 2, 1), write(&made, 0, 3), write(&claim, 0, 1)]);
    let receipt = appended(&append_one(&store, &all).await);
    assert_eq!((receipt.position, receipt.event_count), (7, 5));
    let versions: Vec<_> =
        receipt.versions.iter().map(|written| (&written.stream, written.version)).collect();
    assert_eq!(versions, [(&claim, 1), (&made, 3), (&raw, 3)]);
    assert_eq!(positions(&whole_stream(&store, &claim).await), [3]);
    assert_eq!(positions(&whole_stream(&store, &made).await), [4, 5, 6]);
    assert_eq!(positions(&whole_stream(&store, &raw).await), [1, 2, 7]);
}

pub async fn a_conflict_in_one_stream_refuses_the_whole_commit(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (stale, fresh) = (lot(tenant, "stale"), lot(tenant, "fresh"));
    append_one(&store, &commit(tenant, vec![write(&stale, 0, 2)])).await;
    let outcome = append_one(&store, &commit(tenant, vec![write(&fresh, 0, 1), write(&stale, 1, 1)])).await;
    assert_eq!(refused(&outcome), conflict(&stale, 1, 2));
    assert_eq!(whole_stream(&store, &fresh).await, []);
    assert_eq!(store.head().await.unwrap(), 2);
}

pub async fn a_version_that_is_too_high_is_a_conflict_too(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let stream = lot(tenant, "a");
    append_one(&store, &commit(tenant, vec![write(&stream, 0, 1)])).await;
    let outcome = append_one(&store, &commit(tenant, vec![write(&stream, 5, 1)])).await;
    assert_eq!(refused(&outcome), conflict(&stream, 5, 1));
    let outcome = append_one(&store, &commit(tenant, vec![write(&lot(tenant, "none"), 1, 1)])).await;
    assert_eq!(refused(&outcome), conflict(&lot(tenant, "none"), 1, 0));
}

pub async fn a_condition_is_checked_and_leaves_nothing(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (policy, target) = (lot(tenant, "policy"), lot(tenant, "target"));
    append_one(&store, &commit(tenant, vec![write(&policy, 0, 1)])).await;
    let both = commit(tenant, vec![condition(&policy, 1), write(&target, 0, 1)]);
    let receipt = appended(&append_one(&store, &both).await);
    assert_eq!(receipt.versions, [StreamVersion { stream: target.clone(), version: 1 }]);
    assert_eq!(whole_stream(&store, &policy).await.len(), 1);
    // The condition did not move the stream: its next event is still expected at version 1.
    appended(&append_one(&store, &commit(tenant, vec![write(&policy, 1, 1)])).await);
}

pub async fn a_broken_condition_refuses_the_events_beside_it(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (policy, target) = (lot(tenant, "policy"), lot(tenant, "target"));
    append_one(&store, &commit(tenant, vec![write(&policy, 0, 2)])).await;
    let outcome =
        append_one(&store, &commit(tenant, vec![condition(&policy, 1), write(&target, 0, 1)])).await;
    assert_eq!(refused(&outcome), conflict(&policy, 1, 2));
    let outcome =
        append_one(&store, &commit(tenant, vec![condition(&lot(tenant, "absent"), 3), write(&target, 0, 1)]))
            .await;
    assert_eq!(refused(&outcome), conflict(&lot(tenant, "absent"), 3, 0));
    assert_eq!(whole_stream(&store, &target).await, []);
}

pub async fn a_commit_of_conditions_only_answers_with_the_head(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let stream = lot(tenant, "a");
    append_one(&store, &commit(tenant, vec![write(&stream, 0, 4)])).await;
    let receipt = appended(&append_one(&store, &commit(tenant, vec![condition(&stream, 4)])).await);
    assert_eq!((receipt.position, receipt.event_count, receipt.versions.len()), (4, 0, 0));
    let outcome = append_one(&store, &commit(tenant, vec![condition(&stream, 3)])).await;
    assert_eq!(refused(&outcome), conflict(&stream, 3, 4));
    let receipt = appended(&append_one(&store, &commit(tenant, vec![])).await);
    assert_eq!((receipt.position, receipt.event_count), (4, 0));
}

pub async fn the_largest_commit_is_stored_and_one_more_is_refused(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let streams =
        |count: usize| (0..count).map(|number| lot(tenant, &format!("{number:04}"))).collect::<Vec<_>>();
    let largest = commit(tenant, streams(512).iter().map(|stream| write(stream, 0, 4)).collect());
    assert_eq!(appended(&append_one(&store, &largest).await).position, 2_048);
    let wide = commit(tenant, streams(513).iter().map(|stream| condition(stream, 0)).collect());
    let too_large = |what, count, limit| AppendRefusal::TooLarge { what, count, limit };
    assert_eq!(refused(&append_one(&store, &wide).await), too_large("streams", 513, 512));
    let long = commit(tenant, vec![write(&lot(tenant, "long"), 0, 2_049)]);
    assert_eq!(refused(&append_one(&store, &long).await), too_large("events", 2_049, 2_048));
    let limit = 4 * 1024 * 1024;
    let with_payload = |bytes: usize| {
        let mut heavy = commit(tenant, vec![write(&lot(tenant, "heavy"), 0, 0)]);
        heavy.streams[0].events.push(event("LotWeighed", &"x".repeat(bytes)));
        heavy
    };
    let outcome = append_one(&store, &with_payload(limit + 1)).await;
    assert_eq!(refused(&outcome), too_large("payload bytes", limit + 1, limit));
    appended(&append_one(&store, &with_payload(limit)).await);
    assert_eq!(store.head().await.unwrap(), 2_049);
}

pub async fn streams_must_be_sorted_and_named_once(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (first, second) = (lot(tenant, "a"), lot(tenant, "b"));
    let mut unsorted = commit(tenant, vec![write(&first, 0, 1), write(&second, 0, 1)]);
    unsorted.streams.reverse();
    assert_eq!(refused(&append_one(&store, &unsorted).await), AppendRefusal::StreamsNotSorted);
    let doubled = commit(tenant, vec![write(&first, 0, 1), write(&first, 1, 1)]);
    assert_eq!(refused(&append_one(&store, &doubled).await), AppendRefusal::StreamsNotSorted);
    assert_eq!(store.head().await.unwrap(), 0);
}

pub async fn a_stored_event_reads_as_it_was_written(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let stream = StreamKey::new(tenant, "key_claim", "lot_code:MJÖLK/7 \u{1F95B} 'quoted'");
    let mut written = commit(tenant, vec![write(&stream, 0, 0)]);
    written.streams[0].events =
        vec![event("KeyClaimed", r#"{"text":"a\u0000b, \"c\", ö, 🥛","n":9007199254740993}"#)];
    written.streams[0].events[0].schema_version = 300;
    written.metadata.causation_id = Some(Uuid::now_v7());
    written.metadata.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
    written.decided_at = at(123) + TimeDelta::microseconds(456);
    append_one(&store, &written).await;
    let events = whole_stream(&store, &stream).await;
    assert_eq!(events, whole_log(&store).await);
    let [stored] = &events[..] else { panic!("one event, not {events:?}") };
    assert_eq!((stored.position, stored.version, &stored.stream), (1, 1, &stream));
    assert_eq!(stored.event_id, written.streams[0].events[0].event_id);
    assert_eq!((&*stored.event_type, stored.schema_version), ("KeyClaimed", 300));
    assert_eq!(stored.payload, written.streams[0].events[0].payload);
    assert_eq!(stored.metadata, written.metadata);
    assert_eq!(stored.recorded_at, at(123), "to the millisecond");
}

pub async fn recorded_at_never_runs_backwards(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let decided = |id: &str, milliseconds| {
        let mut one = commit(tenant, vec![write(&lot(tenant, id), 0, 1)]);
        one.decided_at = at(milliseconds);
        one
    };
    store.append(&[decided("a", 50), decided("b", 20), decided("c", 60)]).await.unwrap();
    store.append(&[decided("d", 10), decided("e", 70)]).await.unwrap();
    let recorded: Vec<_> = whole_log(&store).await.iter().map(|event| event.recorded_at).collect();
    assert_eq!(recorded, [at(50), at(50), at(60), at(60), at(70)]);
}

pub async fn other_tenants_streams_lie_apart(harness: &impl Harness) {
    let store = harness.open().await;
    let (one, other) = (tenant(), tenant());
    append_one(&store, &commit(one, vec![write(&lot(one, "same"), 0, 3)])).await;
    appended(&append_one(&store, &commit(other, vec![write(&lot(other, "same"), 0, 1)])).await);
    assert_eq!(positions(&whole_stream(&store, &lot(one, "same")).await), [1, 2, 3]);
    assert_eq!(positions(&whole_stream(&store, &lot(other, "same")).await), [4]);
    let order = StreamKey::new(one, "order", "same");
    assert_eq!(whole_stream(&store, &order).await, []);
}

pub async fn a_claim_of_the_platform_tenant_joins_a_commit(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let slug = StreamKey::new(Uuid::nil(), "key_claim", "tenant_slug:acme");
    let own = StreamKey::new(tenant, "tenant", "t");
    let founding = commit(tenant, vec![write(&slug, 0, 1), write(&own, 0, 1)]);
    let receipt = appended(&append_one(&store, &founding).await);
    assert_eq!(receipt.versions.len(), 2);
    let second = commit(tenant, vec![write(&slug, 0, 1), write(&lot(tenant, "x"), 0, 1)]);
    assert_eq!(refused(&append_one(&store, &second).await), conflict(&slug, 0, 1));
    let repeated = crate::fixtures::repeated(&append_one(&store, &founding).await);
    assert_eq!(repeated, receipt);
}
