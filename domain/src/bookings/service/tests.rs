use super::{PaymentMode::*, ServiceCommand::*, *};
use crate::kernel::testing::{code_of, event_types, given, is_sound_in_any_order};

fn terms(price: &str, payment_mode: PaymentMode) -> ServiceTerms {
    let (name, price) = (" Cut ".to_owned(), price.parse().unwrap());
    ServiceTerms { name, duration_min: 60, capacity: 1, price, payment_mode }
}

#[test]
fn a_service_is_offered_changed_taken_out_of_use_and_back() {
    let cut = || SaveService(terms("50.00 EUR", Prepaid));
    assert_eq!(event_types(&Service::initial(), cut()), ["ServiceCreated"]);
    assert_eq!(code_of(&Service::initial(), DeactivateService), "NOT_FOUND");
    let (offered, idle): (Service, Service) = (given([cut()]), given([cut(), DeactivateService]));
    assert_eq!(offered.0.as_ref().map(|it| (&*it.terms.name, it.is_active)), Some(("Cut", true)));
    assert_eq!(event_types(&idle, ActivateService), ["ServiceActivated"]);
    let changed: Service = given([cut(), DeactivateService, SaveService(terms("50.00 EUR", OnSite))]);
    assert!(!changed.0.unwrap().is_active, "other terms do not take it into use");
}

#[test]
fn terms_lie_within_their_limits_and_the_mode_fits_the_price() {
    let refused = |terms| code_of(&Service::initial(), SaveService(terms));
    let free = || terms("0.00 EUR", Free);
    for (duration_min, capacity) in [(4, 1), (481, 1), (5, 0), (5, 1_001)] {
        assert_eq!(refused(ServiceTerms { duration_min, capacity, ..free() }), "VALIDATION_FAILED");
    }
    assert_eq!(refused(ServiceTerms { name: "a".repeat(201), ..free() }), "VALIDATION_FAILED");
    assert_eq!(refused(terms("-0.01 EUR", Free)), "VALIDATION_FAILED");
    for (price, mode) in [("0.01 EUR", Free), ("0.00 EUR", Prepaid), ("0.00 EUR", OnSite)] {
        assert_eq!(refused(terms(price, mode)), "PAYMENT_MODE_MISMATCH");
    }
}

#[test]
fn what_is_asked_happens_once_and_is_kept() {
    let (paid, free) = (SaveService(terms("50.00 EUR", Prepaid)), SaveService(terms("0.00 EUR", Free)));
    is_sound_in_any_order::<Service>(vec![paid, free, DeactivateService, ActivateService]);
}
