//! How a reader knows that an answer still holds.

use std::collections::HashSet;

use projections::{
    Mark, Marked, Row, Value,
    ports::{BuildState, Change, Claim, ReadStore, Step, StepOutcome},
};
use uuid::Uuid;

use super::store::{CrateRow, TENANT, a_crate, at_position, build, claimed, filled, query, step};
use crate::harness::Harness;

async fn mark(store: &dyn ReadStore, tenant: Uuid) -> Option<Mark> {
    let marks = store.marks(&[tenant, Uuid::from_u128(99)]).await.unwrap();
    let of_tenant = |marked: &&Marked| marked.model == "crates" && marked.tenant == tenant;
    marks.iter().find(of_tenant).map(|marked| marked.mark)
}

pub async fn what_changes_a_tenants_rows_gives_them_another_mark<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 5)]).await;
    let stranger = Uuid::from_u128(2);
    let (first, strangers) = (mark(&*store, TENANT).await, mark(&*store, stranger).await);
    assert!(first.is_some() && first != strangers);
    let selected = store.select(&query(), None).await.unwrap();
    assert_eq!(Some(selected.mark), first, "a page tells it too");
    assert_eq!(Some(store.count(&query(), 10).await.unwrap().1), first, "and a count");
    // Another tenant's rows and a checkpoint that moves alone change nothing for this one.
    let strangers_crate = CrateRow { tenant: stranger, ..a_crate(2, 5) };
    store.store_step(step(&fence, 10, 11, &[strangers_crate])).await.unwrap();
    store.store_step(Step { changes: Vec::new(), ..step(&fence, 11, 12, &[]) }).await.unwrap();
    assert_eq!(mark(&*store, TENANT).await, first);
    assert_ne!(mark(&*store, stranger).await, strangers);
    // A written row, a deleted one, a step that moves no checkpoint, as a repair is.
    store.store_step(step(&fence, 12, 13, &[a_crate(1, 6)])).await.unwrap();
    let second = mark(&*store, TENANT).await;
    assert_ne!(second, first);
    let mut deletes = Step { moves: Vec::new(), ..step(&fence, 13, 13, &[]) };
    deletes.changes[0].deleted = vec![Value::Uuid(TENANT), Value::Uuid(Uuid::from_u128(1))];
    assert_eq!(store.store_step(deletes).await.unwrap(), StepOutcome::Stored);
    let third = mark(&*store, TENANT).await;
    assert!(![first, second].contains(&third));
    // What is not stored gives no mark.
    claimed(&store, Claim::ByForce).await;
    assert_eq!(store.store_step(step(&fence, 13, 14, &[a_crate(3, 6)])).await.unwrap(), StepOutcome::Fenced);
    assert_eq!(mark(&*store, TENANT).await, third);
}

/// What lies in the database goes back with it: a number that counts the steps would come to the same again, wherever it began.
pub async fn a_database_that_was_put_back_and_went_another_way_has_none_of_its_old_marks<H: Harness>() {
    const TABLES: [&str; 3] = ["read_models", "read_marks", "crates_v1"];
    let all = |sql: &dyn Fn(&str) -> String| TABLES.map(sql).join("; ");
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 0)]).await;
    harness.meddle(&all(&|table| format!("create table kept_{table} as select * from {table}"))).await;
    let mut seen = vec![mark(&*store, TENANT).await.unwrap()];
    for way in 1..3 {
        let back =
            |table: &str| format!("delete from {table}; insert into {table} select * from kept_{table}");
        harness.meddle(&all(&back)).await;
        assert_eq!(mark(&*store, TENANT).await, Some(seen[0]), "it is put back");
        for position in 10..13 {
            store.store_step(step(&fence, position, position + 1, &[a_crate(1, way)])).await.unwrap();
            seen.push(mark(&*store, TENANT).await.unwrap());
        }
    }
    let different: HashSet<_> = seen.iter().collect();
    assert_eq!(different.len(), seen.len(), "{seen:?}");
}

/// A program of the last release runs beside this one until everybody has been replaced.
pub async fn rows_that_a_program_changed_which_knows_no_marks_have_another_mark<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 5)]).await;
    let mut seen = vec![mark(&*store, TENANT).await];
    for to in [11, 12] {
        let step =
            format!("update crates_v1 set weight_grams = {to}; update read_models set position = {to}");
        harness.meddle(&step).await;
        seen.push(mark(&*store, TENANT).await);
        assert_eq!(store.select(&query(), None).await.unwrap().mark, seen.last().unwrap().unwrap());
    }
    let checkpoint = |from, to| Step { changes: Vec::new(), ..step(&fence, from, to, &[]) };
    assert_eq!(store.store_step(checkpoint(12, 13)).await.unwrap(), StepOutcome::Stored);
    seen.push(mark(&*store, TENANT).await);
    let different: HashSet<_> = seen.iter().collect();
    assert_eq!(different.len(), 4, "{seen:?}");
    store.store_step(checkpoint(13, 14)).await.unwrap();
    assert_eq!(mark(&*store, TENANT).await, seen[3], "from here on all is marked");
}

/// A tenant without a row has been told "nothing is there" by the build before.
pub async fn another_build_that_takes_over_gives_every_tenant_another_mark<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[a_crate(1, 5)]).await;
    let tenants = [TENANT, Uuid::from_u128(2)];
    let marks = async || [mark(&*store, tenants[0]).await, mark(&*store, tenants[1]).await];
    let first = marks().await;
    store.create_build(&build(2), BuildState::Building, &[CrateRow::TABLE]).await.unwrap();
    let mut building = step(&fence, 0, 10, &[]);
    building.moves[0].build = build(2);
    building.changes =
        vec![Change { build: build(2), ..step(&fence, 0, 10, &[a_crate(1, 7)]).changes.remove(0) }];
    assert_eq!(store.store_step(building).await.unwrap(), StepOutcome::Stored);
    assert_eq!(marks().await, first, "what is being built answers nobody");
    let outcome = store.take_over(&[fence], &build(2), 10, &at_position("take_over", 10)).await.unwrap();
    assert_eq!(outcome, StepOutcome::Stored);
    let second = marks().await;
    assert!(second.iter().all(Option::is_some) && second[0] != first[0] && second[1] != first[1]);
    let live = store.builds().await.unwrap().into_iter().find(|build| build.state == BuildState::Live);
    assert!(store.discard_build(&live.unwrap(), &at_position("discard", 10)).await.unwrap());
    assert_eq!(marks().await, [None, None], "nothing answers");
}

pub async fn a_step_of_many_tenants_marks_each_of_them<H: Harness>() {
    let harness = &H::create().await;
    let (store, fence) = filled(harness, &[]).await;
    let tenants: Vec<_> = (1..=1_000).map(Uuid::from_u128).collect();
    let crates: Vec<_> = tenants.iter().map(|tenant| CrateRow { tenant: *tenant, ..a_crate(1, 5) }).collect();
    let before = store.marks(&tenants).await.unwrap();
    assert_eq!(store.store_step(step(&fence, 10, 11, &crates)).await.unwrap(), StepOutcome::Stored);
    let after = store.marks(&tenants).await.unwrap();
    assert_eq!((before.len(), after.len()), (1_000, 1_000));
    assert!(after.iter().all(|marked| !before.contains(marked)));
}
