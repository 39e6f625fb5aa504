//! Many commits in one write, judged as if each came alone.

use std::sync::Arc;

use commands::ports::{AppendOutcome, AppendRefusal, EventStore, LogFilter, StreamWrite};

use crate::{
    fixtures::{
        append_one, appended, commit, condition, conflict, lot, positions, refused, repeated, tenant,
        whole_log, whole_stream, write,
    },
    harness::Harness,
};

pub async fn an_empty_batch_has_no_outcomes(harness: &impl Harness) {
    let store = harness.open().await;
    assert_eq!(store.append(&[]).await.unwrap(), []);
}

pub async fn a_refused_commit_harms_no_other_of_its_batch(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let taken = lot(tenant, "taken");
    store.append(&[commit(tenant, vec![write(&taken, 0, 1)])]).await.unwrap();
    let used = commit(tenant, vec![write(&lot(tenant, "used"), 0, 1)]);
    store.append(std::slice::from_ref(&used)).await.unwrap();
    let mut reused = used.clone();
    reused.digest = [9; 32];
    let mut unsorted = commit(tenant, vec![write(&lot(tenant, "x"), 0, 1), write(&lot(tenant, "y"), 0, 1)]);
    unsorted.streams.reverse();
    let batch = [
        commit(tenant, vec![write(&lot(tenant, "a"), 0, 2)]),
        commit(tenant, vec![write(&lot(tenant, "b"), 0, 1), write(&taken, 0, 1)]),
        reused,
        commit(tenant, vec![write(&lot(tenant, "c"), 0, 1)]),
        unsorted,
        commit(tenant, vec![write(&lot(tenant, "huge"), 0, 2_049)]),
        commit(tenant, vec![write(&lot(tenant, "b"), 0, 1)]),
    ];
    let outcomes = store.append(&batch).await.unwrap();
    assert_eq!(appended(&outcomes[0]).position, 4);
    assert_eq!(refused(&outcomes[1]), conflict(&taken, 0, 1));
    assert_eq!(refused(&outcomes[2]), AppendRefusal::CommandReused { command_id: used.command_id });
    assert_eq!(appended(&outcomes[3]).position, 5);
    assert_eq!(refused(&outcomes[4]), AppendRefusal::StreamsNotSorted);
    assert!(matches!(refused(&outcomes[5]), AppendRefusal::TooLarge { what: "events", .. }));
    assert_eq!(appended(&outcomes[6]).position, 6);
    assert_eq!(positions(&whole_log(&store).await), [1, 2, 3, 4, 5, 6]);
}

pub async fn a_commit_may_build_on_an_earlier_one_of_its_batch(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (hot, side) = (lot(tenant, "hot"), lot(tenant, "side"));
    let batch = [
        commit(tenant, vec![write(&hot, 0, 2)]),
        commit(tenant, vec![write(&hot, 2, 1), write(&side, 0, 1)]),
        commit(tenant, vec![condition(&hot, 3)]),
        commit(tenant, vec![condition(&hot, 3), write(&side, 1, 1)]),
        commit(tenant, vec![write(&hot, 3, 1)]),
    ];
    let outcomes = store.append(&batch).await.unwrap();
    let receipts: Vec<_> = outcomes.iter().map(appended).collect();
    assert_eq!(receipts.iter().map(|receipt| receipt.position).collect::<Vec<_>>(), [2, 4, 4, 5, 6]);
    assert_eq!(positions(&whole_stream(&store, &hot).await), [1, 2, 3, 6]);
    assert_eq!(positions(&whole_stream(&store, &side).await), [4, 5]);
}

pub async fn what_builds_on_a_refused_commit_is_refused(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (hot, taken) = (lot(tenant, "hot"), lot(tenant, "taken"));
    store.append(&[commit(tenant, vec![write(&taken, 0, 1)])]).await.unwrap();
    let batch = [
        commit(tenant, vec![write(&hot, 0, 1)]),
        commit(tenant, vec![write(&hot, 1, 1), write(&taken, 0, 1)]),
        commit(tenant, vec![write(&hot, 2, 1)]),
        commit(tenant, vec![write(&hot, 3, 1)]),
        commit(tenant, vec![write(&hot, 1, 1)]),
    ];
    let outcomes = store.append(&batch).await.unwrap();
    assert_eq!(appended(&outcomes[0]).position, 2);
    assert_eq!(refused(&outcomes[1]), conflict(&taken, 0, 1));
    assert_eq!(refused(&outcomes[2]), conflict(&hot, 2, 1));
    assert_eq!(refused(&outcomes[3]), conflict(&hot, 3, 1));
    assert_eq!(appended(&outcomes[4]).position, 3);
    assert_eq!(whole_stream(&store, &hot).await.len(), 2);
}

pub async fn a_repetition_within_a_batch_gets_the_first_answer(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let one = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    let mut nothing = commit(tenant, vec![condition(&lot(tenant, "b"), 0)]);
    nothing.remember = true;
    let batch = [one.clone(), nothing.clone(), one, nothing];
    let outcomes = store.append(&batch).await.unwrap();
    assert_eq!(repeated(&outcomes[2]), appended(&outcomes[0]));
    assert_eq!(repeated(&outcomes[3]), appended(&outcomes[1]));
    assert_eq!(store.head().await.unwrap(), 1);
}

pub async fn a_reused_id_within_a_batch_is_refused(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let one = commit(tenant, vec![write(&lot(tenant, "a"), 0, 1)]);
    let mut other = commit(tenant, vec![write(&lot(tenant, "b"), 0, 1)]);
    other.command_id = one.command_id;
    other.digest = [8; 32];
    let outcomes = store.append(&[one.clone(), other]).await.unwrap();
    appended(&outcomes[0]);
    assert_eq!(refused(&outcomes[1]), AppendRefusal::CommandReused { command_id: one.command_id });
}

pub async fn a_repetition_does_not_disturb_what_follows_it(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let hot = lot(tenant, "hot");
    let first = commit(tenant, vec![write(&hot, 0, 2)]);
    let receipt = appended(&store.append(std::slice::from_ref(&first)).await.unwrap()[0]);
    let batch = [
        commit(tenant, vec![write(&hot, 2, 1)]),
        first,
        commit(tenant, vec![write(&hot, 3, 1)]),
        commit(tenant, vec![write(&lot(tenant, "b"), 0, 1)]),
    ];
    let outcomes = store.append(&batch).await.unwrap();
    assert_eq!(appended(&outcomes[0]).position, 3);
    assert_eq!(repeated(&outcomes[1]), receipt);
    assert_eq!(appended(&outcomes[2]).position, 4);
    assert_eq!(appended(&outcomes[3]).position, 5);
}

pub async fn positions_follow_the_order_of_the_batch(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    // Names in falling order: neither they nor the ids decide, the batch does.
    let batch: Vec<_> = (0..300)
        .rev()
        .map(|number| commit(tenant, vec![write(&lot(tenant, &format!("{number:03}")), 0, 1)]))
        .collect();
    let outcomes = store.append(&batch).await.unwrap();
    for ((commit, outcome), position) in batch.iter().zip(&outcomes).zip(1..) {
        assert_eq!(appended(outcome).position, position);
        let stored = whole_stream(&store, &commit.streams[0].stream).await;
        assert_eq!(positions(&stored), [position]);
    }
}

pub async fn stores_that_write_by_turns_know_where_the_other_left_a_stream(harness: &impl Harness) {
    let (one, other) = (harness.open().await, harness.open().await);
    let tenant = tenant();
    let (stream, absent) = (lot(tenant, "a"), lot(tenant, "b"));
    // Each has looked at both streams before the other writes to them.
    appended(&append_one(&one, &commit(tenant, vec![write(&stream, 0, 1), condition(&absent, 0)])).await);
    appended(&append_one(&other, &commit(tenant, vec![write(&stream, 1, 2), condition(&absent, 0)])).await);
    let late = append_one(&one, &commit(tenant, vec![write(&stream, 1, 1)])).await;
    assert_eq!(refused(&late), conflict(&stream, 1, 3));
    appended(&append_one(&one, &commit(tenant, vec![write(&stream, 3, 1), write(&absent, 0, 1)])).await);
    let late = append_one(&other, &commit(tenant, vec![condition(&absent, 0)])).await;
    assert_eq!(refused(&late), conflict(&absent, 0, 1));
    let last = whole_stream(&one, &stream).await.last().map(|event| event.event_id);
    let mut decided = commit(tenant, vec![write(&stream, 4, 1)]);
    decided.streams[0].expected_event = last;
    assert_eq!(appended(&append_one(&other, &decided).await).position, 6);
}

pub async fn two_stores_never_both_win_a_version(harness: &impl Harness) {
    let tenant = tenant();
    let hot = lot(tenant, "hot");
    let tasks: Vec<_> = [harness.open().await, harness.open().await, harness.open().await]
        .into_iter()
        .map(|store| {
            let hot = hot.clone();
            tokio::spawn(async move {
                let mut wins = Vec::new();
                for version in 0..40 {
                    let cold = lot(tenant, &uuid::Uuid::now_v7().to_string());
                    let batch = [
                        commit(tenant, vec![write(&cold, 0, 1)]),
                        commit(tenant, vec![write(&hot, version, 1)]),
                    ];
                    let outcomes = store.append(&batch).await.unwrap();
                    appended(&outcomes[0]);
                    match &outcomes[1] {
                        AppendOutcome::Appended(_) => wins.push(version),
                        outcome => assert_eq!(
                            refused(outcome),
                            conflict(&hot, version, {
                                let AppendRefusal::VersionConflict { actual, .. } = refused(outcome) else {
                                    panic!("{outcome:?}")
                                };
                                actual
                            })
                        ),
                    }
                }
                wins
            })
        })
        .collect();
    let mut wins = Vec::new();
    for task in tasks {
        wins.extend(task.await.unwrap());
    }
    wins.sort_unstable();
    let stored = whole_stream(&harness.open().await, &hot).await;
    assert_eq!(wins, (0..stored.len() as u64).collect::<Vec<_>>(), "each version was won once");
    let log = whole_log(&harness.open().await).await;
    assert_eq!(log.len(), 120 + stored.len());
}

pub async fn readers_see_positions_without_gaps_while_stores_write(harness: &impl Harness) {
    const WRITERS: usize = 3;
    const BATCHES: usize = 30;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let store = harness.open().await;
        writers.push(tokio::spawn(async move {
            let tenant = tenant();
            for batch in 0..BATCHES {
                let commits: Vec<_> = (0..=(batch + writer) % 5)
                    .map(|number| {
                        let id = format!("{writer}-{batch}-{number}");
                        commit(tenant, vec![write(&lot(tenant, &id), 0, 1 + batch % 3)])
                    })
                    .collect();
                store.append(&commits).await.unwrap().iter().for_each(|outcome| drop(appended(outcome)));
            }
        }));
    }
    let store = harness.open().await;
    let reader = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let (mut last, mut seen) = (0, 0);
            while !writers.iter().all(tokio::task::JoinHandle::is_finished)
                || last < store.head().await.unwrap()
            {
                // A gap answers an error, which fails the test here.
                let page = store.read_log(last, &LogFilter::default(), 7).await.unwrap();
                seen += page.events.len();
                last = page.read_through;
                tokio::task::yield_now().await;
            }
            for writer in writers {
                writer.await.unwrap();
            }
            (last, seen)
        }
    });
    let (last, seen) = reader.await.unwrap();
    assert_eq!(seen as u64, last);
    assert_eq!(last, store.head().await.unwrap());
}

/// Another writer's event stands at the very version that a refused commit would have made: the number fits, the event
/// does not, and what was decided on the refused one must not be stored on top of the other's.
pub async fn what_was_decided_on_an_event_that_never_came_is_refused(harness: &impl Harness) {
    let store = harness.open().await;
    let tenant = tenant();
    let (one, other) = (lot(tenant, "one"), lot(tenant, "other"));
    for stream in [&one, &other] {
        store.append(&[commit(tenant, vec![write(stream, 0, 1)])]).await.unwrap();
    }
    let never_came = commit(tenant, vec![write(&one, 1, 1), write(&other, 0, 1)]);
    let ghost = never_came.streams[0].events[0].event_id;
    let decided_on = |event, count| {
        commit(tenant, vec![StreamWrite { expected_event: Some(event), ..write(&one, 2, count) }])
    };
    let foreign = commit(tenant, vec![write(&one, 1, 1)]);
    let stands = foreign.streams[0].events[0].event_id;
    let batch = [never_came, foreign, decided_on(ghost, 1), decided_on(ghost, 0)];
    let outcomes = store.append(&batch).await.unwrap();
    assert_eq!(refused(&outcomes[0]), conflict(&other, 0, 1));
    appended(&outcomes[1]);
    assert_eq!(refused(&outcomes[2]), conflict(&one, 2, 2), "in the same batch");
    assert_eq!(refused(&outcomes[3]), conflict(&one, 2, 2), "nor does a condition hold");
    let later = store.append(&[decided_on(ghost, 1), decided_on(stands, 1)]).await.unwrap();
    assert_eq!(refused(&later[0]), conflict(&one, 2, 2), "in a later batch");
    appended(&later[1]);
    assert_eq!(whole_stream(&store, &one).await.len(), 3);
}
