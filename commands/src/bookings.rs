//! The commands around services, slots and bookings (rules: bookings.md).

use domain::bookings::{Service, ServiceCommand};

pub use domain::bookings::SaveService;

use crate::{aggregates, own_stream, replies};

aggregates! {
    Service = 1;
}

replies! {
    /// A service after a command.
    pub struct ServiceReply of Service as service_id {}
}

own_stream! {
    Service, named service_id as "serviceId", answers ServiceReply {
        SaveService, BookingsManage => |save, _stage| ServiceCommand::Save(save.terms);
        /// Takes a service out of use.
        DeactivateService, BookingsManage => |_service, _stage| ServiceCommand::SetActive(false);
        /// Takes a service into use again.
        ActivateService, BookingsManage => |_service, _stage| ServiceCommand::SetActive(true);
    }
}
