//! What the port itself promises, without a runner.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use commands::ports::{Position, StreamKey};
use projections::{
    Direction, Filter, Query, Row, Value,
    ports::{
        AuditEntry, Build, BuildId, BuildState, Change, Claim, Fence, Move, ParkedEvent, ReadStore,
        ReadStoreError, Step, StepOutcome,
    },
    row,
};
use uuid::Uuid;

use crate::harness::Harness;

row! {
    /// A crate.
    pub struct CrateRow in "crates" {
        key {
            /// Whose crate it is.
            tenant: Uuid,
            /// The crate.
            crate_id: Uuid,
        }
        /// What is written on it.
        label: String,
        /// Its weight.
        weight_grams: i64,
        /// Whether it is sealed.
        is_sealed: bool,
        /// What there is to say about it.
        note: Option<String>,
        /// When it was packed.
        packed_at: DateTime<Utc>,
    }
    index (tenant, weight_grams, packed_at);
}

pub(super) const TENANT: Uuid = Uuid::from_u128(1);
const LEASE: &str = "projector";
const LONG: Duration = Duration::from_secs(60);

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_000_000 + second, 123_000_000).unwrap()
}

pub fn build(revision: u32) -> BuildId {
    BuildId { model: "crates".to_owned(), version: 1, revision }
}

pub fn a_crate(number: u128, weight_grams: i64) -> CrateRow {
    CrateRow {
        tenant: TENANT,
        crate_id: Uuid::from_u128(number),
        label: format!("Crate_{number} 100%"),
        weight_grams,
        is_sealed: number.is_multiple_of(2),
        note: (number > 2).then(|| "heavy".to_owned()),
        packed_at: at(number as i64),
    }
}

fn change(revision: u32, rows: &[CrateRow]) -> Change {
    let mut written = Vec::new();
    rows.iter().for_each(|row| row.write(&mut written));
    Change { build: build(revision), table: CrateRow::TABLE, written, deleted: Vec::new() }
}

pub fn step(fence: &Fence, from: Position, to: Position, rows: &[CrateRow]) -> Step {
    Step {
        fences: vec![fence.clone()],
        renew_for: LONG,
        moves: vec![Move { build: build(1), from, to, anchor: Some(Uuid::from_u128(to.into())) }],
        changes: vec![change(1, rows)],
        ..Step::default()
    }
}

pub(super) fn query() -> Query {
    Query {
        model: "crates",
        version: 1,
        tenant: TENANT,
        table: CrateRow::TABLE,
        filter: Filter::All(vec![Filter::Is("tenant", Value::Uuid(TENANT))]),
        order_by: Vec::new(),
        direction: Direction::Ascending,
        after: None,
        limit: 50,
    }
}

async fn rows(store: &Arc<dyn ReadStore>, query: &Query, build: Option<&BuildId>) -> Vec<CrateRow> {
    rows_of(store.select(query, build).await.unwrap().values)
}

pub(super) fn rows_of<R: Row>(values: Vec<Value>) -> Vec<R> {
    let mut values = values.into_iter();
    let mut rows = Vec::new();
    while values.len() > 0 {
        rows.push(R::read(&mut values).unwrap());
    }
    rows
}

pub(super) async fn claimed(store: &Arc<dyn ReadStore>, claim: Claim) -> Fence {
    store.claim(LEASE, Uuid::now_v7(), LONG, claim).await.unwrap().unwrap()
}

/// A store with a live build that holds these crates at position 10.
pub async fn filled(harness: &impl Harness, crates: &[CrateRow]) -> (Arc<dyn ReadStore>, Fence) {
    let store = harness.open().await;
    store.create_build(&build(1), BuildState::Live, &[CrateRow::TABLE]).await.unwrap();
    store.index_build(&build(1), &[CrateRow::TABLE]).await.unwrap();
    let fence = claimed(&store, Claim::WhenFree).await;
    assert_eq!(store.store_step(step(&fence, 0, 10, crates)).await.unwrap(), StepOutcome::Stored);
    (store, fence)
}

pub async fn a_lease_has_one_holder_and_each_change_of_hands_raises_its_epoch<H: Harness>() {
    let harness = &H::create().await;
    let store = harness.open().await;
    let first = claimed(&store, Claim::WhenFree).await;
    assert_eq!(store.claim(LEASE, Uuid::now_v7(), LONG, Claim::WhenFree).await.unwrap(), None);
    assert!(store.renew(&first, LONG).await.unwrap());
    let second = claimed(&store, Claim::ByForce).await;
    assert!(second.epoch > first.epoch);
    assert!(!store.renew(&first, LONG).await.unwrap(), "it was taken");
    store.release(&first).await.unwrap();
    assert_eq!(store.claim(LEASE, Uuid::now_v7(), LONG, Claim::WhenFree).await.unwrap(), None);
    store.release(&second).await.unwrap();
    assert!(claimed(&store, Claim::WhenFree).await.epoch > second.epoch);
    let short = store.claim("other", Uuid::now_v7(), Duration::ZERO, Claim::WhenFree).await.unwrap().unwrap();
    let after = store.claim("other", Uuid::now_v7(), LONG, Claim::WhenFree).await.unwrap().unwrap();
    assert!(after.epoch > short.epoch, "an expired lease is free");
}

pub async fn a_step_is_stored_whole<H: Harness>() {
    let harness = &H::create().await;
    let crates = [a_crate(1, 100), a_crate(2, 200), a_crate(3, 300)];
    let (store, _fence) = filled(harness, &crates).await;
    let selection = store.select(&query(), None).await.unwrap();
    assert_eq!(selection.position, 10);
    assert_eq!(rows(&store, &query(), None).await, crates);
    let mut keys = Vec::new();
    for number in [3, 9, 1] {
        CrateRow::write_key(&(TENANT, Uuid::from_u128(number)), &mut keys);
    }
    let loaded = store.load_rows(&build(1), CrateRow::TABLE, keys).await.unwrap();
    assert_eq!(loaded.len(), 2 * CrateRow::TABLE.columns.len(), "two of the three exist");
    let builds = store.builds().await.unwrap();
    assert_eq!((builds.len(), builds[0].position, builds[0].state), (1, 10, BuildState::Live));
    assert_eq!(builds[0].tables, ["crates"]);
}

pub async fn a_fenced_writer_stores_nothing<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 100)]).await;
    claimed(&store, Claim::ByForce).await;
    let late = step(&fence, 10, 20, &[a_crate(1, 999)]);
    assert_eq!(store.store_step(late).await.unwrap(), StepOutcome::Fenced);
    assert_eq!(rows(&store, &query(), None).await[0].weight_grams, 100);
    assert_eq!(store.builds().await.unwrap()[0].position, 10);
}

pub async fn a_step_from_the_wrong_checkpoint_stores_nothing<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 100)]).await;
    let again = step(&fence, 0, 20, &[a_crate(1, 999)]);
    assert_eq!(store.store_step(again).await.unwrap(), StepOutcome::Moved);
    assert_eq!(rows(&store, &query(), None).await[0].weight_grams, 100);
}

pub async fn rows_are_written_in_place_and_deleted_by_key<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 100), a_crate(2, 200), a_crate(3, 300)]).await;
    let mut next = step(&fence, 10, 11, &[a_crate(1, 111), a_crate(4, 400)]);
    CrateRow::write_key(&(TENANT, Uuid::from_u128(2)), &mut next.changes[0].deleted);
    assert_eq!(store.store_step(next).await.unwrap(), StepOutcome::Stored);
    assert_eq!(rows(&store, &query(), None).await, [a_crate(1, 111), a_crate(3, 300), a_crate(4, 400)]);
}

pub async fn pages_follow_each_other_without_a_gap<H: Harness>() {
    let harness = &H::create().await;
    let crates: Vec<_> = (1..=10).map(|number| a_crate(number, number as i64 / 3)).collect();
    let (store, _fence) = filled(harness, &crates).await;
    for direction in [Direction::Ascending, Direction::Descending] {
        let all = query().order_by(&["weight_grams"], direction).limit(3);
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = rows(&store, &all.clone().after(after), None).await;
            let Some(last) = page.last() else { break };
            after = Some(all.cursor(last));
            seen.extend(page.iter().map(|row| row.crate_id.as_u128()));
        }
        if direction == Direction::Descending {
            seen.reverse();
        }
        assert_eq!(seen, (1..=10).collect::<Vec<_>>());
    }
}

pub async fn a_count_stops_at_its_cap<H: Harness>() {
    let harness = &H::create().await;
    let crates: Vec<_> = (1..=10).map(|number| a_crate(number, 1)).collect();
    let (store, _fence) = filled(harness, &crates).await;
    assert_eq!(store.count(&query(), 100).await.unwrap().0, 10);
    assert_eq!(store.count(&query(), 4).await.unwrap().0, 4);
}

pub(super) fn at_position(action: &str, position: Position) -> AuditEntry {
    AuditEntry {
        at: at(position as i64),
        actor: "tester".to_owned(),
        action: action.to_owned(),
        build: build(2),
        position,
        reason: "a test".to_owned(),
    }
}

pub async fn a_build_takes_over_at_its_position<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 100)]).await;
    store.create_build(&build(2), BuildState::Building, &[CrateRow::TABLE]).await.unwrap();
    let fences = std::slice::from_ref(&fence);
    let early = store.take_over(fences, &build(2), 10, &at_position("take_over", 10)).await.unwrap();
    assert_eq!(early, StepOutcome::Moved, "it stands at 0");
    let mut catch_up = step(&fence, 0, 10, &[]);
    catch_up.moves[0].build = build(2);
    catch_up.changes = vec![change(2, &[a_crate(1, 777)])];
    assert_eq!(store.store_step(catch_up).await.unwrap(), StepOutcome::Stored);
    assert_eq!(rows(&store, &query(), None).await[0].weight_grams, 100, "the old build is still read");
    assert_eq!(rows(&store, &query(), Some(&build(2))).await[0].weight_grams, 777);
    let taken = store.take_over(fences, &build(2), 10, &at_position("take_over", 10)).await.unwrap();
    assert_eq!(taken, StepOutcome::Stored);
    assert_eq!(rows(&store, &query(), None).await[0].weight_grams, 777);
    let states: Vec<_> = store.builds().await.unwrap().into_iter().map(|build| build.state).collect();
    assert_eq!(states, [BuildState::Retired, BuildState::Live]);
    let other = store.select(&Query { version: 9, ..query() }, None).await;
    assert!(matches!(other, Err(ReadStoreError::NotBuilt { version: 9, .. })));
}

pub async fn a_build_that_was_discarded_does_not_take_over<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 100)]).await;
    store.create_build(&build(2), BuildState::Building, &[CrateRow::TABLE]).await.unwrap();
    let mut catch_up = step(&fence, 0, 10, &[]);
    catch_up.moves[0].build = build(2);
    catch_up.changes = vec![change(2, &[a_crate(1, 777)])];
    assert_eq!(store.store_step(catch_up).await.unwrap(), StepOutcome::Stored);
    let begun = store.builds().await.unwrap().into_iter().find(|begun| begun.id == build(2)).unwrap();
    assert!(store.discard_build(&begun, &at_position("discard", 10)).await.unwrap());
    let fences = std::slice::from_ref(&fence);
    let taken = store.take_over(fences, &build(2), 10, &at_position("take_over", 10)).await.unwrap();
    assert_eq!(taken, StepOutcome::Moved);
    assert_eq!(rows(&store, &query(), None).await[0].weight_grams, 100, "the old build is still read");
}

pub async fn a_build_is_discarded_only_where_it_was_seen<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 100)]).await;
    let seen = store.builds().await.unwrap().remove(0);
    assert_eq!((seen.position, seen.anchor), (10, Some(Uuid::from_u128(10))));
    let audit = AuditEntry {
        at: at(0),
        actor: "system".to_owned(),
        action: "discard".to_owned(),
        build: build(1),
        position: 10,
        reason: "another log".to_owned(),
    };
    let before = [Build { position: 9, ..seen.clone() }, Build { anchor: None, ..seen.clone() }];
    for elsewhere in before {
        assert!(!store.discard_build(&elsewhere, &audit).await.unwrap());
    }
    assert_eq!(rows(&store, &query(), None).await.len(), 1);
    assert!(store.discard_build(&seen, &audit).await.unwrap());
    assert!(!store.discard_build(&seen, &audit).await.unwrap(), "once");
    let gone = store.select(&query(), None).await.unwrap_err();
    assert!(matches!(gone, ReadStoreError::NotBuilt { .. }));
    let late = step(&fence, 10, 20, &[a_crate(2, 200)]);
    assert_eq!(store.store_step(late).await.unwrap(), StepOutcome::Moved);
    assert_eq!(store.audit(10).await.unwrap(), [audit]);
}

pub async fn two_builds_are_compared_row_by_row<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 100), a_crate(2, 200)]).await;
    store.create_build(&build(2), BuildState::Building, &[CrateRow::TABLE]).await.unwrap();
    let mut other = step(&fence, 0, 10, &[]);
    other.moves[0].build = build(2);
    other.changes = vec![change(2, &[a_crate(1, 100), a_crate(2, 222), a_crate(3, 300)])];
    store.store_step(other).await.unwrap();
    let compared = store.compare(&build(1), &build(2), CrateRow::TABLE).await.unwrap().unwrap();
    assert_eq!((compared.left_only, compared.right_only, compared.samples.len()), (1, 2, 3));
    let same = store.compare(&build(1), &build(1), CrateRow::TABLE).await.unwrap().unwrap();
    assert!(same.is_empty());
}

fn parked(position: Position, error: Option<&str>) -> ParkedEvent {
    ParkedEvent {
        build: build(1),
        position,
        stream: StreamKey::new(TENANT, "crate", "7"),
        version: position,
        event_id: Uuid::from_u128(position.into()),
        event_type: "CratePacked".to_owned(),
        error: error.map(ToOwned::to_owned),
        attempts: 1,
        parked_at: at(0),
    }
}

pub async fn what_is_parked_stays_until_it_is_taken_out<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[]).await;
    let events = [parked(11, Some("it is odd")), parked(12, None)];
    let park = Step { park: events.to_vec(), ..step(&fence, 10, 12, &[]) };
    store.store_step(park).await.unwrap();
    assert_eq!(store.parked().await.unwrap(), events);
    let retried = ParkedEvent { attempts: 2, error: Some("still odd".to_owned()), ..parked(11, None) };
    let retry = Step {
        park: vec![retried.clone()],
        unpark: vec![(build(1), 12)],
        audit: vec![at_position("retry", 11)],
        ..step(&fence, 12, 12, &[])
    };
    store.store_step(retry).await.unwrap();
    assert_eq!(store.parked().await.unwrap(), [retried]);
}

pub async fn the_record_is_read_newest_first<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[]).await;
    let entries = [at_position("retry", 1), at_position("skip", 2)];
    store.store_step(Step { audit: entries.to_vec(), ..step(&fence, 10, 10, &[]) }).await.unwrap();
    assert_eq!(store.audit(10).await.unwrap(), [entries[1].clone(), entries[0].clone()]);
    assert_eq!(store.audit(1).await.unwrap(), [entries[1].clone()]);
}

pub async fn a_dropped_build_leaves_nothing<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 100)]).await;
    store
        .store_step(Step { park: vec![parked(11, Some("odd"))], ..step(&fence, 10, 11, &[]) })
        .await
        .unwrap();
    store.drop_build(&build(1)).await.unwrap();
    store.drop_build(&build(1)).await.unwrap();
    assert!(store.builds().await.unwrap().is_empty() && store.parked().await.unwrap().is_empty());
    store.create_build(&build(1), BuildState::Live, &[CrateRow::TABLE]).await.unwrap();
    assert!(rows(&store, &query(), None).await.is_empty(), "the table is a new one");
}

pub async fn everything_is_there_after_reopening<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 100)]).await;
    let again = harness.open().await;
    assert_eq!(rows(&again, &query(), None).await, [a_crate(1, 100)]);
    assert!(again.renew(&fence, LONG).await.unwrap());
    drop(store);
}
