//! Random batches, given to the reference and to an adapter: the same answers, the same log.

use std::sync::Arc;

use adapters_store::memory::MemoryEventStore;
use chrono::TimeDelta;
use commands::ports::{Commit, Deadline, DeadlineStore, EventStore, LogFilter, SnapshotStore};
use proptest::{
    collection::vec,
    prelude::{Strategy, any},
    strategy::ValueTree,
    test_runner::{Config, TestRng, TestRunner},
};
use uuid::Uuid;

use crate::{
    fixtures::{after_minutes, at, commit, lot, whole_log, write},
    harness::Harness,
};

/// A commit in small numbers, so that conflicts, chains and repetitions are common.
#[derive(Debug, Clone)]
struct Sketch {
    tenant: u8,
    /// Stream, how far the expectation is off the truth (mostly not at all), events.
    streams: Vec<(u8, i8, u8)>,
    /// Which of the earlier commits' ids it takes, if any, and whether its content is another.
    repeats: Option<(u8, bool)>,
    decided_after_ms: i16,
    remember: bool,
    deadline: bool,
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let off = (0..10_u8).prop_map(|dice| match dice {
        0 => -1,
        1 => 1,
        _ => 0,
    });
    let repeats = (0..8_u8, any::<u8>(), any::<bool>())
        .prop_map(|(dice, which, other)| (dice == 0).then_some((which, other)));
    let streams = vec((0..6_u8, off, 0..4_u8), 0..4);
    (0..2_u8, streams, repeats, any::<i16>(), any::<bool>(), any::<bool>()).prop_map(
        |(tenant, streams, repeats, decided_after_ms, remember, deadline)| Sketch {
            tenant,
            streams,
            repeats,
            decided_after_ms,
            remember,
            deadline,
        },
    )
}

/// Draws the commits of a run. The expectations follow what the reference will hold if every commit stands.
struct Draft {
    tenants: [Uuid; 2],
    versions: std::collections::HashMap<(u8, u8), u64>,
    earlier: Vec<Commit>,
}

impl Draft {
    fn commit(&mut self, sketch: &Sketch) -> Commit {
        let tenant = self.tenants[usize::from(sketch.tenant)];
        let mut streams = Vec::new();
        let mut sketched = sketch.streams.clone();
        sketched.sort_unstable();
        sketched.dedup_by_key(|(stream, ..)| *stream);
        for (stream, off, events) in sketched {
            let version = self.versions.entry((sketch.tenant, stream)).or_default();
            let expected = version.saturating_add_signed(i64::from(off));
            *version += if off == 0 { u64::from(events) } else { 0 };
            streams.push(write(&lot(tenant, &stream.to_string()), expected, usize::from(events)));
        }
        let mut drawn = commit(tenant, streams);
        drawn.decided_at = at(i64::from(sketch.decided_after_ms)) + TimeDelta::microseconds(7);
        drawn.remember = sketch.remember;
        if sketch.deadline {
            drawn.deadlines.push(Deadline {
                deadline_id: drawn.command_id,
                due_at: after_minutes(at(0), i64::from(sketch.decided_after_ms)),
                command: "ArchiveRun".to_owned(),
                payload: "{}".to_owned(),
            });
        }
        if let Some((which, other)) = sketch.repeats
            && !self.earlier.is_empty()
        {
            let earlier = &self.earlier[usize::from(which) % self.earlier.len()];
            drawn.command_id = earlier.command_id;
            drawn.digest[0] = u8::from(other);
        }
        self.earlier.push(drawn.clone());
        drawn
    }
}

/// Runs random histories against the harness's store, reopened now and then, and against the reference.
pub async fn random_batches_leave_what_the_reference_leaves<H: Harness>(histories: usize) {
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(Config::default().rng_algorithm),
    );
    let history = vec(vec(sketch(), 1..12), 1..12);
    for number in 0..histories {
        let sketches = history.new_tree(&mut runner).unwrap().current();
        let harness = H::create().await;
        let reference = Arc::new(MemoryEventStore::new());
        let mut store = harness.open().await;
        let mut draft = Draft {
            tenants: [Uuid::now_v7(), Uuid::now_v7()],
            versions: Default::default(),
            earlier: Vec::new(),
        };
        for (turn, sketches) in sketches.iter().enumerate() {
            let batch: Vec<_> = sketches.iter().map(|sketch| draft.commit(sketch)).collect();
            let expected = reference.append(&batch).await.unwrap();
            assert_eq!(store.append(&batch).await.unwrap(), expected, "history {number}, batch {batch:#?}");
            // What the reference refused is not there: the next expectations start from the truth again.
            for ((tenant, stream), version) in &mut draft.versions {
                let stream = lot(draft.tenants[usize::from(*tenant)], &stream.to_string());
                *version = reference.read_stream(&stream, 0, usize::MAX).await.unwrap().len() as u64;
            }
            if turn % 4 == 3 {
                store = harness.open().await;
            }
        }
        compare(&reference, &store, &draft.earlier).await;
    }
}

async fn compare(
    reference: &Arc<MemoryEventStore>,
    store: &Arc<impl EventStore + SnapshotStore + DeadlineStore>,
    commits: &[Commit],
) {
    let (log, expected) = (whole_log(store).await, whole_log(reference).await);
    for (event, expected) in log.iter().zip(&expected) {
        assert_eq!(event, expected);
    }
    assert_eq!(log.len(), expected.len());
    let late = after_minutes(at(0), i64::from(i16::MAX));
    assert_eq!(
        store.due_deadlines(late, 10_000).await.unwrap(),
        reference.due_deadlines(late, 10_000).await.unwrap()
    );
    let lots = LogFilter { categories: vec!["lot".into()], event_types: Vec::new() };
    for after in [0, 1, 5, 1_000] {
        let page = store.read_log(after, &lots, 3).await.unwrap();
        assert_eq!(page, reference.read_log(after, &lots, 3).await.unwrap());
    }
    for commit in commits {
        let answer = store.find_answer(commit.tenant, commit.command_id).await.unwrap();
        assert_eq!(answer, reference.find_answer(commit.tenant, commit.command_id).await.unwrap());
        let at = store.position_at(commit.decided_at).await.unwrap();
        assert_eq!(at, reference.position_at(commit.decided_at).await.unwrap());
        for write in &commit.streams {
            let events = store.read_stream(&write.stream, 1, 3).await.unwrap();
            assert_eq!(events, reference.read_stream(&write.stream, 1, 3).await.unwrap());
        }
    }
}
