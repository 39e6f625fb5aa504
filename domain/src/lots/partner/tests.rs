use super::*;

fn save(name: &str, address: Option<&str>, roles: &[PartnerRole]) -> SavePartner {
    SavePartner {
        name: name.to_owned(),
        address: address.map(str::to_owned),
        roles: roles.iter().copied().collect(),
    }
}

#[track_caller]
fn code_of(command: SavePartner) -> &'static str {
    Partner::initial().decide(command).unwrap_err().code()
}

#[test]
fn a_partner_is_saved_trimmed_and_saving_it_again_changes_nothing() {
    let command = save(" Tisza Farm ", Some("Szolnok, Fő tér 1"), &[PartnerRole::Supplier]);
    let events = Partner::initial().decide(command.clone()).unwrap();
    let partner = Partner::initial().evolve(&events[0]);
    assert_eq!(partner.existing().unwrap().name, "Tisza Farm");
    assert_eq!(partner.decide(command), Ok(vec![]));
}

#[test]
fn a_partner_without_name_or_role_is_incomplete() {
    assert_eq!(code_of(save("  ", None, &[PartnerRole::Customer])), "PARTNER_INCOMPLETE");
    assert_eq!(code_of(save("Tisza Farm", None, &[])), "PARTNER_INCOMPLETE");
}

#[test]
fn texts_beyond_their_limits_are_invalid() {
    let long = "a".repeat(201);
    assert_eq!(code_of(save(&long, None, &[PartnerRole::Customer])), "VALIDATION_FAILED");
    let long = "a".repeat(501);
    assert_eq!(code_of(save("A", Some(&long), &[PartnerRole::Customer])), "VALIDATION_FAILED");
}

#[test]
fn an_address_may_come_later() {
    assert!(Partner::initial().decide(save("A", Some(" "), &[PartnerRole::Customer])).is_ok());
}
