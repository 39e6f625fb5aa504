use super::*;
use crate::Refusal as _;

fn refused() -> ReactionRefused {
    ReactionRefused {
        process: "lot_finisher".to_owned(),
        step: "finish".to_owned(),
        command: "FinishLot".to_owned(),
        code: "CHILDREN_OPEN".to_owned(),
        message: "a child is open".to_owned(),
    }
}

fn parked() -> ReactionParked {
    ReactionParked {
        process: "lot_finisher".to_owned(),
        step: "finish".to_owned(),
        command: "FinishLot".to_owned(),
        cause: Some(ReactionCause {
            category: "lot".to_owned(),
            stream_id: "a".to_owned(),
            version: 3,
            event_id: Uuid::nil(),
        }),
        code: "INTERNAL".to_owned(),
        message: "FinishLot failed inside the program".to_owned(),
        tries: 3,
    }
}

fn skip() -> ReactionCommand {
    ReactionCommand::Skip { reason: "refunded by hand".to_owned() }
}

/// The state after commands of which each is accepted.
#[track_caller]
fn after(commands: impl IntoIterator<Item = ReactionCommand>) -> Reaction {
    commands.into_iter().fold(Reaction::initial(), |state, command| {
        let events = state.decide(command).unwrap();
        assert!(!events.is_empty());
        events.iter().fold(state, Reaction::evolve)
    })
}

#[test]
fn a_refused_reaction_is_noted_once_and_never_runs_again() {
    let closed = after([ReactionCommand::Refuse(refused())]);
    assert_eq!(closed.required_open(), Err(ReactionError::Closed));
    assert_eq!(closed.decide(ReactionCommand::Refuse(refused())), Ok(vec![]));
    assert_eq!(closed.decide(ReactionCommand::Park(parked())), Ok(vec![]));
    assert_eq!(closed.decide(ReactionCommand::Retry), Err(ReactionError::NotParked));
    assert_eq!(closed.decide(skip()), Err(ReactionError::NotParked));
}

#[test]
fn a_parked_reaction_waits_until_it_is_retried_or_skipped() {
    let waits = after([ReactionCommand::Park(parked())]);
    assert_eq!(waits.required_open(), Err(ReactionError::Parked));
    assert_eq!(waits.decide(ReactionCommand::Park(parked())), Ok(vec![]));
    assert_eq!(waits.decide(ReactionCommand::Refuse(refused())), Err(ReactionError::Parked));
    let retried = waits.decide(ReactionCommand::Retry).unwrap();
    let ReactionParked { process, step, cause, .. } = parked();
    assert_eq!(retried, [ReactionRetried { process, step, cause }.into()]);
    assert_eq!(after([ReactionCommand::Park(parked()), ReactionCommand::Retry]), Reaction::Open);
    assert_eq!(after([ReactionCommand::Park(parked()), skip()]), Reaction::Closed);
}

#[test]
fn a_refusal_says_where_the_reaction_stands() {
    let told = |refusal: ReactionError| (refusal.code(), refusal.to_string());
    assert_eq!(told(ReactionError::Closed), ("REACTION_CLOSED", "the reaction is closed".to_owned()));
    assert_eq!(told(ReactionError::Parked), ("REACTION_PARKED", "the reaction is parked".to_owned()));
    assert_eq!(
        told(ReactionError::NotParked),
        ("REACTION_NOT_PARKED", "the reaction is not parked".to_owned())
    );
}

#[test]
fn what_is_open_is_neither_retried_nor_skipped() {
    assert_eq!(Reaction::Open.required_open(), Ok(()));
    assert_eq!(Reaction::Open.decide(ReactionCommand::Retry), Err(ReactionError::NotParked));
    assert_eq!(Reaction::Open.decide(skip()), Err(ReactionError::NotParked));
}
