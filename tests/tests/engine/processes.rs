//! Two processes over one database, each with an engine, a cache and a store of its own: they stay correct.

use std::collections::BTreeMap;

use commands::{
    engine::{Command, CommandError, Envelope, fold},
    lots::{CreateLot, SavePartner},
    ports::StreamKey,
};
use domain::{Decider, lots::PartnerRole};
use futures::future::join_all;
use uuid::Uuid;

use super::{
    Plant,
    stores::{Shared, on_both_databases},
    tally::{Change, Move, Tally},
};

/// Two processes, and what they share.
struct Pair {
    one: Plant,
    other: Plant,
    _shared: Shared,
}

impl Pair {
    async fn over(shared: Shared) -> Self {
        let ((_, one), (_, other)) = (shared.process().await, shared.process().await);
        Self { one, other, _shared: shared }
    }

    fn by_turns(&self, turn: usize) -> &Plant {
        if turn.is_multiple_of(2) { &self.one } else { &self.other }
    }
}

fn change(id: &str, by: i64) -> Change {
    Change { id: id.to_owned(), by }
}

/// Six lost races in a row are an honest answer between processes: the caller comes again.
async fn give_until_answered<C: Command + Clone>(
    plant: &Plant,
    command: C,
) -> Result<C::Reply, CommandError> {
    loop {
        match plant.give(command.clone()).await {
            Err(CommandError::VersionConflict { .. }) => {}
            answer => return answer.map(|done| done.reply),
        }
    }
}

async fn each_kilogram_is_taken_once(shared: Shared) {
    let pair = Pair::over(shared).await;
    pair.one.give(change("stock", 60)).await.unwrap();
    let takes = (0..120).map(|turn| give_until_answered(pair.by_turns(turn), change("stock", -1)));
    let answers = join_all(takes).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 60);
    let refusals = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refusals.into_iter().all(|refusal| refusal.code() == "NOT_ENOUGH"));
    assert_eq!((pair.one.count("stock").await, pair.other.count("stock").await), (0, 0));
}

async fn every_change_of_a_shared_stream_counts(shared: Shared) {
    let pair = Pair::over(shared).await;
    let changes = (0..100).map(|turn| give_until_answered(pair.by_turns(turn), change("hot", 1)));
    let mut counts: Vec<i64> = join_all(changes).await.into_iter().map(Result::unwrap).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=100).collect::<Vec<_>>(), "every decision saw the one before it");
}

/// Case 1 of lots.md, over what a plant really runs on.
async fn a_days_series_has_neither_gap_nor_double(shared: Shared) {
    let pair = Pair::over(shared).await;
    let supplier = SavePartner {
        partner_id: None,
        name: "Tisza Farm".to_owned(),
        address: None,
        roles: [PartnerRole::Supplier].into(),
    };
    let supplier_id = Some(pair.one.give(supplier).await.unwrap().reply.partner_id);
    let create = CreateLot { supplier_id, weight_grams: 0, run_id: None, code: None };
    let creations = (0..50).map(|turn| give_until_answered(pair.by_turns(turn), create.clone()));
    // By day: the clock is the machine's, and midnight may pass.
    let mut series = BTreeMap::<String, Vec<usize>>::new();
    for created in join_all(creations).await {
        let code = created.unwrap().lot_code.to_string();
        let (day, number) = code.rsplit_once('-').unwrap();
        series.entry(day.to_owned()).or_default().push(number.parse().unwrap());
    }
    for mut numbers in series.into_values() {
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>());
    }
}

/// Changes that are not alike: were one decided on a state that never came to be, its answer would be off.
async fn no_decision_rests_on_a_state_that_never_was(shared: Shared) {
    let pair = Pair::over(shared).await;
    // Whether the two meet within one decision is chance: one round alone would often see nothing.
    for round in 0..10 {
        decisions_rest_on_what_was(&pair, &format!("hot-{round}")).await;
    }
}

async fn decisions_rest_on_what_was(pair: &Pair, stream: &str) {
    let give = |turn: usize| {
        let (plant, by) = (pair.by_turns(turn), if turn.is_multiple_of(2) { 1 } else { 1_000 });
        async move {
            loop {
                match plant.give(change(stream, by)).await {
                    Err(CommandError::VersionConflict { .. }) => {}
                    answer => break answer.unwrap(),
                }
            }
        }
    };
    let mut answers = join_all((0..300).map(give)).await;
    answers.sort_by_key(|done| done.position);
    let key = StreamKey::new(pair.one.caller.tenant, Tally::CATEGORY, stream);
    let events = pair.one.store.read_stream(&key, 0, 1_000).await.unwrap();
    assert_eq!(events.len(), 300);
    for (index, done) in answers.iter().enumerate() {
        let stood = fold::<Tally>(&events[..=index]).unwrap().count;
        assert_eq!(done.reply, stood, "the answer at position {} is what the log says", done.position);
    }
}

async fn moves_between_streams_lose_nothing(shared: Shared) {
    let pair = Pair::over(shared).await;
    pair.one.give(change("left", 500)).await.unwrap();
    pair.other.give(change("right", 500)).await.unwrap();
    let moves = (0..80).map(|turn| {
        let plant = pair.by_turns(turn);
        let there = turn % 4 < 2;
        async move {
            let (from, to) = if there { ("left", "right") } else { ("right", "left") };
            loop {
                match plant.give(Move { from: from.to_owned(), to: to.to_owned(), by: 1 }).await {
                    Ok(_) => return,
                    Err(CommandError::VersionConflict { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }
    });
    join_all(moves).await;
    assert_eq!((pair.one.count("left").await, pair.other.count("right").await), (500, 500));
}

async fn a_key_given_to_both_at_once_is_done_once(shared: Shared) {
    let pair = Pair::over(shared).await;
    for _ in 0..20 {
        let key = Uuid::now_v7();
        let give = |plant: &Plant| {
            let envelope = Envelope { command_id: key, key_given: true, ..plant.envelope() };
            let engine = plant.engine.clone();
            async move {
                loop {
                    match engine.execute(envelope.clone(), change("keyed", 1)).await {
                        Ok(done) => return done,
                        Err(error) if ["VERSION_CONFLICT", "REQUEST_IN_FLIGHT"].contains(&error.code()) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        };
        let (first, second) = futures::join!(give(&pair.one), give(&pair.other));
        assert_eq!((first.reply, first.position), (second.reply, second.position), "both got one answer");
        assert_ne!(first.repeated, second.repeated);
    }
    assert_eq!(pair.one.count("keyed").await, 20);
}

async fn a_refusal_is_never_based_on_what_the_other_has_changed_since(shared: Shared) {
    let pair = Pair::over(shared).await;
    let refusal = pair.one.give(change("stock", -1)).await.unwrap_err();
    assert_eq!(refusal.code(), "NOT_ENOUGH", "and now it is cached");
    pair.other.give(change("stock", 5)).await.unwrap();
    assert_eq!(pair.one.give(change("stock", -1)).await.unwrap().reply, 4);
}

on_both_databases![
    each_kilogram_is_taken_once,
    every_change_of_a_shared_stream_counts,
    a_days_series_has_neither_gap_nor_double,
    no_decision_rests_on_a_state_that_never_was,
    moves_between_streams_lose_nothing,
    a_key_given_to_both_at_once_is_done_once,
    a_refusal_is_never_based_on_what_the_other_has_changed_since,
];
