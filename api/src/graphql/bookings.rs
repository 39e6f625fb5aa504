//! Services, their slots, and who has booked a seat.

use commands::bookings::{ActivateService, DeactivateService, SaveService, ServiceReply};
use domain::bookings::{PaymentMode, ServiceTerms};
use projections::bookings::{ServiceRow, Services};

use super::kernel::{Amount, E, GivenAmount, Id, Narrows as _};

crate::entity! {
    /// Something that can be booked.
    Service = ServiceFields of ServiceRow in Services, needs BookingsRead, past, version;
}

crate::fields! {
    ServiceFields |service| {
        /// Its name.
        name: &str = &service.name;
        /// How long it takes, in minutes.
        duration_min: i32 = service.state.terms.duration_min;
        /// How many seats a new slot gets.
        capacity: i32 = service.state.terms.capacity;
        /// What a seat costs.
        price: Amount = Amount(service.state.terms.price);
        /// How that is paid.
        payment_mode: E<PaymentMode> = E(service.state.terms.payment_mode);
        /// Whether it can be booked.
        is_active: bool = service.is_active;
    }
}

crate::inputs! {
    /// Offers a service, or changes its terms.
    SaveServiceInput => SaveService {
        /// The service to change; left out, a new one is offered.
        service_id as "service": Option<Id<Service>>;
        terms as ServiceTerms {
            /// 1 to 200 characters.
            name: String,
            /// How long it takes, in minutes, 5 to 480.
            #[graphql(default = 60)]
            duration_min: i32,
            /// How many seats a new slot gets, 1 to 1,000.
            #[graphql(default = 1)]
            capacity: i32,
            /// What a seat costs; 0 or more.
            price: GivenAmount,
            /// How that is paid: FREE where the price is 0, else one of the others.
            payment_mode: E<PaymentMode>,
        }
    }
}

crate::inputs! {
    /// Takes a service out of use.
    DeactivateServiceInput => DeactivateService of service_id as "service": Service;
    /// Takes a service into use again.
    ActivateServiceInput => ActivateService of service_id as "service": Service;
}

crate::payloads! {
    /// A service after a command.
    ServicePayload of ServiceReply {
        /// The service, as it is after the command.
        service: Service by |reply| Some(reply.service_id);
    }
}

crate::mutations! {
    /// The commands around services.
    ServiceMutations {
        /// Offers a service, or changes its terms; bookings keep those of their making. Needs `bookings:manage`.
        save_service("saveService", SaveServiceInput) -> ServicePayload;
        /// Takes a service out of use: nobody can book it any more. Needs `bookings:manage`.
        deactivate_service("deactivateService", DeactivateServiceInput) -> ServicePayload;
        /// Takes a service into use again. Needs `bookings:manage`.
        activate_service("activateService", ActivateServiceInput) -> ServicePayload;
    }
}

crate::lists! {
    /// The list of services.
    ServiceLists {
        /// The services, by name.
        services(is_active: bool, "In use, or not.") -> Service by name, Ascending:
            |is_active, list| is_active.narrow(list, "is_active");
    }
}
