use super::*;
use crate::kernel::testing::{assert_unchanged, code_of, given};

fn save(name: &str, address: Option<&str>, roles: &[PartnerRole]) -> SavePartner {
    SavePartner {
        partner_id: None,
        name: name.to_owned(),
        address: address.map(str::to_owned),
        roles: roles.iter().copied().collect(),
    }
}

#[test]
fn a_partner_is_saved_trimmed_and_saving_it_again_changes_nothing() {
    let command = save(" Tisza Farm ", Some("Szolnok, Fő tér 1"), &[PartnerRole::Supplier]);
    let partner: Partner = given([command.clone()]);
    assert_eq!(partner.existing().unwrap().name, "Tisza Farm");
    assert_unchanged(&partner, command);
}

#[test]
fn a_partner_without_name_or_role_is_incomplete() {
    assert_eq!(
        code_of(&Partner::initial(), save("  ", None, &[PartnerRole::Customer])),
        "PARTNER_INCOMPLETE"
    );
    assert_eq!(code_of(&Partner::initial(), save("Tisza Farm", None, &[])), "PARTNER_INCOMPLETE");
}

#[test]
fn texts_beyond_their_limits_are_invalid() {
    let long = "a".repeat(201);
    assert_eq!(
        code_of(&Partner::initial(), save(&long, None, &[PartnerRole::Customer])),
        "VALIDATION_FAILED"
    );
    let long = "a".repeat(501);
    assert_eq!(
        code_of(&Partner::initial(), save("A", Some(&long), &[PartnerRole::Customer])),
        "VALIDATION_FAILED"
    );
}

#[test]
fn an_address_may_come_later() {
    assert!(Partner::initial().decide(save("A", Some(" "), &[PartnerRole::Customer])).is_ok());
}
