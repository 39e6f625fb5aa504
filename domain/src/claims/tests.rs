use super::*;
use crate::{
    Refusal as _,
    kernel::{Detail, RefusalKind},
};

fn held(owner: &str) -> KeyClaim {
    KeyClaim::Held { owner: owner.to_owned() }
}

fn claim(owner: &str) -> KeyClaimCommand {
    KeyClaimCommand::Claim { owner: owner.to_owned(), code_when_taken: "CODE_TAKEN" }
}

fn release(owner: &str) -> KeyClaimCommand {
    KeyClaimCommand::Release { owner: owner.to_owned() }
}

#[test]
fn a_free_key_is_claimed_and_a_second_owner_gets_the_code_of_the_context() {
    let events = KeyClaim::Free.decide(claim("lot-1")).unwrap();
    let claimed = KeyClaim::Free.evolve(&events[0]);
    assert_eq!(claimed, held("lot-1"));
    let taken = claimed.decide(claim("lot-2")).unwrap_err();
    assert_eq!((taken.code(), taken.kind(), taken.field()), ("CODE_TAKEN", RefusalKind::State, None));
    assert_eq!(taken.to_string(), "the key is taken by lot-1");
    assert_eq!(taken.details(), [("owner", Detail::Text("lot-1".to_owned()))]);
}

#[test]
fn the_same_owner_claiming_again_changes_nothing() {
    assert_eq!(held("lot-1").decide(claim("lot-1")), Ok(vec![]));
}

#[test]
fn releasing_frees_the_key_and_only_its_owner_can_do_it() {
    assert_eq!(held("lot-1").decide(release("lot-2")), Ok(vec![]));
    assert_eq!(KeyClaim::Free.decide(release("lot-1")), Ok(vec![]));
    let events = held("lot-1").decide(release("lot-1")).unwrap();
    assert_eq!(held("lot-1").evolve(&events[0]), KeyClaim::Free);
}

#[test]
fn a_key_is_compared_trimmed_composed_and_in_lower_case() {
    assert_eq!(claim_id("lot_code", " RAW-20260302-DUNA-0001"), "lot_code:raw-20260302-duna-0001");
    assert_eq!(claim_id("slug", "A\u{301}"), claim_id("slug", "á"));
}
