//! The commands around services, slots and bookings (rules: bookings.md).

pub use domain::bookings::{ActivateService, DeactivateService, SaveService};

crate::own_stream! {
    domain::bookings::Service, state version 1, answers ServiceReply as service_id;
    BookingsManage: SaveService, DeactivateService, ActivateService;
}
