use proptest::{collection::vec, prelude::*};

use super::{PaymentMode::*, ServiceCommand::*, *};
use crate::kernel::testing::{changes_once, code_of, event_types, given, is_sound};

fn save(
    name: &str,
    duration_min: i32,
    capacity: i32,
    minor: i64,
    payment_mode: PaymentMode,
) -> ServiceCommand {
    let price = Money::try_new(minor, "EUR".parse().unwrap()).unwrap();
    Save(ServiceTerms { name: name.to_owned(), duration_min, capacity, price, payment_mode })
}

#[test]
fn a_service_is_offered_changed_taken_out_of_use_and_back() {
    let cut = || save(" Cut ", 60, 1, 5_000, Prepaid);
    assert_eq!(event_types(&Service::initial(), cut()), ["ServiceCreated"]);
    assert_eq!(code_of(&Service::initial(), SetActive(false)), "NOT_FOUND");
    let (offered, idle): (Service, Service) = (given([cut()]), given([cut(), SetActive(false)]));
    assert_eq!(offered.0.as_ref().map(|it| (&*it.terms.name, it.is_active)), Some(("Cut", true)));
    assert_eq!(event_types(&idle, SetActive(true)), ["ServiceActivated"]);
    let changed: Service = given([cut(), SetActive(false), save("Cut", 60, 1, 5_000, OnSite)]);
    assert!(!changed.0.unwrap().is_active, "other terms do not take it into use");
}

#[test]
fn terms_lie_within_their_limits_and_the_mode_fits_the_price() {
    let refused = |command| code_of(&Service::initial(), command);
    for (minutes, seats, minor) in [(4, 1, 0), (481, 1, 0), (5, 0, 0), (5, 1_001, 0), (5, 1, -1)] {
        assert_eq!(refused(save("A", minutes, seats, minor, Free)), "VALIDATION_FAILED");
    }
    assert_eq!(refused(save(&"a".repeat(201), 60, 1, 0, Free)), "VALIDATION_FAILED");
    for (minor, mode) in [(1, Free), (0, Prepaid), (0, OnSite)] {
        assert_eq!(refused(save("A", 60, 1, minor, mode)), "PAYMENT_MODE_MISMATCH");
    }
}

proptest! {
    #[test]
    fn what_is_asked_happens_once_and_is_kept(asked in vec((any::<bool>(), 0..3, any::<bool>()), 0..9)) {
        let asked = asked.into_iter().map(|(saves, seats, active)| {
            if saves { save("A", 60, seats, 1, Prepaid) } else { SetActive(active) }
        });
        is_sound::<Service>(&changes_once::<Service>(asked.collect())?)?;
    }
}
