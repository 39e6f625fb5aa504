//! Services, their slots, and who has booked a seat.

use commands::bookings::{ActivateService, DeactivateService, SaveService, ServiceReply};
use domain::bookings::{PaymentMode, ServiceTerms};
use projections::bookings::{ServiceRow, Services};

use super::kernel::{Amount, Asked, E};

crate::terms!(ServiceTerms {
    name: String,
    duration_min: i32 = 60,
    capacity: i32 = 1,
    price: Amount,
    /// How that is paid: FREE where the price is 0, else one of the others.
    payment_mode: E<PaymentMode>,
});

crate::entity! {
    /// Something that can be booked.
    Service = ServiceFields of ServiceRow in Services, needs BookingsRead, past, version;
    fields |service| {
        ..ServiceTerms = &service.state.terms;
        /// Whether it can be booked.
        is_active: bool = service.is_active;
    }
    lists ServiceLists {
        /// The services, by name.
        services(is_active: bool, "In use, or not.") by name, Ascending;
    }
}

crate::mutations! {
    ServiceMutations answer ServicePayload of ServiceReply with a service: Service {
        /// Offers a service, or changes its terms; bookings keep those of their making. Needs `bookings:manage`.
        save_service("saveService", Asked<Service, SaveService>);
        /// Takes a service out of use: nobody can book it any more. Needs `bookings:manage`.
        deactivate_service("deactivateService", Asked<Service, DeactivateService>);
        /// Takes a service into use again. Needs `bookings:manage`.
        activate_service("activateService", Asked<Service, ActivateService>);
    }
}
