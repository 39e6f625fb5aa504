//! What people ask about services, slots and bookings (rules: bookings.md, section 5).

use domain::bookings::{Service, ServiceTerms};

crate::state_rows! {
    /// What can be booked?
    Services answers "services", version 1;
    /// A service, as it is offered.
    pub struct ServiceRow of Service(domain::kernel::Entry<ServiceTerms>) as service_id |service| {
        /// Its name.
        name: String = service.terms.name.clone();
        /// Whether it can be booked.
        is_active: bool = service.is_active;
    }
    index (tenant, name);
    index (tenant, is_active, name);
}
