//! Whoever was erased is not told of any more, however long a reaction to what he did was tried or waited.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use commands::{
    engine::{Command, FoldFault, Stage, Stop, decode_event},
    ports::RecordedEvent,
    process::{ProcessManager, ProcessOptions, ProcessRunner, Reaction},
    tail::Tail,
};
use domain::identity::Permission;
use serde::{Deserialize, Serialize};

use crate::engine::personal::{GuestEvent, Restaurant};

/// Tells outside whom it greets; the server that it tells is away at first.
#[derive(Clone, Serialize, Deserialize)]
struct Greet {
    name: String,
    #[serde(skip)]
    told: Arc<Mutex<Vec<String>>>,
}

impl Command for Greet {
    const NAME: &'static str = "Greet";
    const PERMISSION: Permission = Permission::BookingsManage;
    type Reply = ();

    fn handle(&self, _stage: &mut Stage<'_>) -> Result<(), Stop> {
        let mut told = self.told.lock().unwrap();
        told.push(self.name.clone());
        let tries = told.len();
        drop(told);
        assert!(tries >= 3, "the server is away");
        Ok(())
    }
}

#[derive(Clone, Default)]
struct Greeter(Arc<Mutex<Vec<String>>>);

impl ProcessManager for Greeter {
    const NAME: &'static str = "greeter";
    const CATEGORIES: &'static [&'static str] = &["table"];

    fn react(&self, event: &RecordedEvent) -> Result<Vec<Reaction>, FoldFault> {
        let GuestEvent::GuestBooked(booked) = decode_event(event)?;
        Ok(vec![Reaction::new("greet", Greet { name: booked.name.shown(), told: Arc::clone(&self.0) })])
    }
}

/// Whom a process manager has told of, of two who have booked, where one was erased after the first try.
async fn told_with_erased(subject: &str) -> Vec<String> {
    let restaurant = Restaurant::open();
    let (greeter, tail) = (Greeter::default(), Tail::of(Arc::clone(&restaurant.sealing) as _));
    let options = ProcessOptions { first_pause: Duration::from_millis(100), ..ProcessOptions::default() };
    let (engine, checkpoints) = (restaurant.plant.engine.clone(), Arc::clone(&restaurant.raw) as _);
    let runner = ProcessRunner::following(tail, engine, checkpoints, greeter.clone(), options);
    runner.catch_up().await.unwrap();
    restaurant.book("u-1", "Ann").await;
    restaurant.book("u-2", "Bob").await;
    let erased = async {
        while greeter.0.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        restaurant.sealing.erase(restaurant.plant.caller.tenant, subject).await.unwrap();
    };
    let (moved, ()) = tokio::join!(runner.catch_up(), erased);
    assert!(moved.unwrap());
    std::mem::take(&mut *greeter.0.lock().unwrap())
}

#[tokio::test]
async fn a_reaction_that_is_tried_again_tells_nothing_of_whom_was_erased_meanwhile() {
    assert_eq!(told_with_erased("u-1").await, ["Ann", "ERASED", "ERASED", "Bob"]);
}

#[tokio::test]
async fn a_reaction_that_waited_for_another_tells_nothing_of_whom_was_erased_meanwhile() {
    assert_eq!(told_with_erased("u-2").await, ["Ann", "Ann", "Ann", "ERASED"]);
}
