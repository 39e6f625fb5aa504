use std::sync::Arc;

use adapters_store::memory::MemoryEventStore;
use commands::engine::{CommandError, EngineConfig};
use futures::future::join_all;

use super::{
    Plant,
    tally::{Change, Move, Open},
};

fn change(id: &str, by: i64) -> Change {
    Change { id: id.to_owned(), by }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_callers_on_one_stream_all_succeed_in_order() {
    let plant = Plant::new();
    let answers = join_all((0..64 * 20).map(|_| plant.give(change("hot", 1)))).await;
    let mut counts: Vec<i64> = answers.into_iter().map(|answer| answer.unwrap().reply).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=64 * 20).collect::<Vec<_>>(), "every decision saw the one before it");
    assert_eq!(plant.count("hot").await, 64 * 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_kilogram_is_taken_once() {
    let plant = Plant::new();
    plant.give(change("stock", 1)).await.unwrap();
    let takes = join_all((0..50).map(|_| plant.give(change("stock", -1)))).await;
    assert_eq!(takes.iter().filter(|take| take.is_ok()).count(), 1);
    let codes = takes.iter().filter_map(|take| take.as_ref().err().map(CommandError::code));
    assert!(codes.into_iter().all(|code| code == "NOT_ENOUGH"));
    assert_eq!(plant.count("stock").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn moves_in_both_directions_neither_lock_each_other_out_nor_lose_anything() {
    let plant = Plant::new();
    plant.give(change("left", 1_000)).await.unwrap();
    plant.give(change("right", 1_000)).await.unwrap();
    let there = || Move { from: "left".to_owned(), to: "right".to_owned(), by: 1 };
    let back = || Move { from: "right".to_owned(), to: "left".to_owned(), by: 1 };
    let moves = (0..400).map(|turn| plant.give(if turn % 2 == 0 { there() } else { back() }));
    for moved in join_all(moves).await {
        moved.unwrap();
    }
    assert_eq!((plant.count("left").await, plant.count("right").await), (1_000, 1_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_over_one_store_stay_correct() {
    let store = Arc::new(MemoryEventStore::new());
    let config = EngineConfig::default();
    let one = Plant::over(Arc::clone(&store) as _, Arc::clone(&store) as _, config);
    let other = one.twin(store);
    one.give(change("stock", 100)).await.unwrap();
    let takes = join_all((0..200).map(|turn| {
        let plant = if turn % 2 == 0 { &one } else { &other };
        async move {
            loop {
                match plant.give(change("stock", -1)).await {
                    Ok(_) => break true,
                    Err(CommandError::Refused(_)) => break false,
                    // Six lost races in a row are an honest answer between processes: the caller tries again.
                    Err(CommandError::VersionConflict { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }))
    .await;
    assert_eq!(takes.into_iter().filter(|taken| *taken).count(), 100, "each kilogram was taken once");
    assert_eq!(one.count("stock").await, 0);
}

#[tokio::test]
async fn a_refusal_is_never_based_on_what_another_process_has_changed_since() {
    let store = Arc::new(MemoryEventStore::new());
    let one = Plant::over(Arc::clone(&store) as _, Arc::clone(&store) as _, EngineConfig::default());
    let other = one.twin(store);
    assert_eq!(one.give(change("stock", -1)).await.unwrap_err().code(), "NOT_ENOUGH", "and now it is cached");
    other.give(change("stock", 5)).await.unwrap();
    assert_eq!(one.give(change("stock", -1)).await.unwrap().reply, 4, "the cached zero would have refused");
}

#[tokio::test]
async fn a_stream_presumed_new_is_looked_up_once_the_commit_was_refused() {
    let plant = Plant::new();
    let open = || Open { id: "claim".to_owned() };
    assert!(plant.give(open()).await.unwrap().reply);
    let store = Arc::new(MemoryEventStore::new());
    let elsewhere = plant.twin(store);
    assert!(!elsewhere.give(open()).await.unwrap().reply, "it was there already");
    assert_eq!(plant.count("claim").await, 1);
}
