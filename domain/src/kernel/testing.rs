//! What tests of rules share: given commands, when a command, then events or a refusal; and the properties that every
//! aggregate must have, so that none is tested for less.
//!
//! States come from commands alone, so that nothing is tested that cannot come to be.

use std::fmt::Debug;

use proptest::{collection::vec, prelude::*, sample::select};
use serde::{Serialize, de::DeserializeOwned};

use super::{Decider, Event, Refusal as _};

/// The state after a command that must succeed.
#[track_caller]
pub(crate) fn apply<D: Decider>(state: D, command: D::Command) -> D {
    let events = state.decide(command).unwrap();
    events.iter().fold(state, D::evolve)
}

/// The state after commands that must all succeed.
#[track_caller]
pub(crate) fn given<D: Decider>(commands: impl IntoIterator<Item = D::Command>) -> D {
    let mut state = D::initial();
    for command in commands {
        state = apply(state, command);
    }
    state
}

/// The code that a command is refused with.
#[track_caller]
pub(crate) fn code_of<D: Decider>(state: &D, command: D::Command) -> &'static str {
    state.decide(command).unwrap_err().code()
}

/// What a command leaves, by the names of the events.
#[track_caller]
pub(crate) fn event_types<D: Decider>(state: &D, command: D::Command) -> Vec<&'static str> {
    state.decide(command).unwrap().iter().map(Event::event_type).collect()
}

/// The command succeeds and leaves nothing.
#[track_caller]
pub(crate) fn assert_unchanged<D: Decider>(state: &D, command: D::Command) {
    assert_eq!(state.decide(command).unwrap(), Vec::new());
}

/// What commands leave, each decided on the state that the ones before it left; refusals leave it as it is.
pub(crate) fn log_of<D: Decider>(commands: impl IntoIterator<Item = D::Command>) -> Vec<D::Event> {
    let (mut state, mut log) = (D::initial(), Vec::new());
    for command in commands {
        let events = state.decide(command).unwrap_or_default();
        state = events.iter().fold(state, D::evolve);
        log.extend(events);
    }
    log
}

/// The state after events.
pub(crate) fn replayed<'e, D: Decider>(events: impl IntoIterator<Item = &'e D::Event>) -> D {
    events.into_iter().fold(D::initial(), D::evolve)
}

/// Gives every command twice: the second time nothing may happen. Answers what happened.
pub(crate) fn changes_once<D>(commands: Vec<D::Command>) -> Result<Vec<D::Event>, TestCaseError>
where
    D: Decider + PartialEq + Debug,
    D::Command: Clone,
{
    let (mut state, mut log) = (D::initial(), Vec::new());
    for command in commands {
        let Ok(events) = state.decide(command.clone()) else { continue };
        state = events.iter().fold(state, D::evolve);
        log.extend(events);
        let again = state.decide(command).map_err(|refusal| TestCaseError::fail(refusal.to_string()))?;
        prop_assert_eq!(again, Vec::new());
    }
    prop_assert_eq!(replayed::<D>(&log), state);
    Ok(log)
}

/// What must hold for every log, also a damaged one: each event reads back as it was written; folding in any order does not
/// panic; a state kept as a snapshot after any of the events goes on as if it had never been away.
pub(crate) fn is_sound<D>(log: &[D::Event]) -> Result<(), TestCaseError>
where
    D: Decider + PartialEq + Debug + Serialize + DeserializeOwned,
{
    for event in log {
        let mut text = Vec::new();
        event.serialize_payload(&mut serde_json::Serializer::new(&mut text)).unwrap();
        let mut reader = serde_json::Deserializer::from_slice(&text);
        let read = D::Event::deserialize_payload(event.event_type(), event.schema_version(), &mut reader);
        prop_assert_eq!(&read.unwrap(), event);
    }
    for first in 0..log.len() {
        let _turned: D = replayed(log[first..].iter().chain(&log[..first]));
    }
    let (_backwards, whole): (D, D) = (replayed(log.iter().rev()), replayed(log));
    for cut in 0..=log.len() {
        let kept: D = replayed(&log[..cut]);
        let restored: D = serde_json::from_str(&serde_json::to_string(&kept).unwrap()).unwrap();
        prop_assert_eq!(&restored, &kept);
        prop_assert_eq!(&log[cut..].iter().fold(restored, D::evolve), &whole);
    }
    Ok(())
}

/// What must hold of any aggregate, whichever of these it is asked in whatever order: [`changes_once`] and [`is_sound`].
#[track_caller]
pub(crate) fn is_sound_in_any_order<D>(commands: Vec<D::Command>)
where
    D: Decider + PartialEq + Debug + Serialize + DeserializeOwned,
    D::Command: Clone + Debug + 'static,
{
    proptest!(|(asked in vec(select(commands), 0..9))| {
        is_sound::<D>(&changes_once::<D>(asked)?)?;
    });
}
